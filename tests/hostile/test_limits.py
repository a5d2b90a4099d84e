"""Each limit: what is just within it is taken, and one more is refused by its rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from support.small_model import SMALL as BASE

import bptt_sym as b
from bptt_sym import limits
from bptt_sym.api import verify_file
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model
from bptt_sym.model.source import parse_source, read_source
from bptt_sym.verification.points import draw_points
from bptt_sym.verification.work import check_work


def equation(text: str) -> str:
    return BASE.replace("tanh(x[t] + s[t-1] @ W)", text)


def equations(lines: list[str]) -> str:
    return BASE.replace("[equations]\n", "\n".join(["[equations]", *lines, ""]))


def size(text: str) -> str:
    return BASE.replace('W = ["n", "n"]', f'W = ["n", "n"]\nP = ["{text}"]')


def lagged(steps: int) -> str:
    """States that are read from so many earlier steps together, one of them s."""
    lags = [*[100] * ((steps - 1) // 100), (steps - 1) % 100]
    names = {f"b{k}": lag for k, lag in enumerate(lags) if lag}
    declared = "".join(f'{name} = ["n"]\n' for name in names)
    written = [f'{name} = "{name}[t-{lag}]"' for name, lag in names.items()]
    return equations(written).replace("[states]\n", f"[states]\n{declared}")


def many_terms(count: int) -> str:
    names = [f"q{k}" for k in range(count)]
    declared = "".join(f'{name} = "more"\n' for name in names)
    return size("+".join(names)).replace("[dimensions]\n", f"[dimensions]\n{declared}")


def layers(repeat: int, names: int = 2) -> str:
    """Layers with so many names and equations each."""
    parameters = "".join(f"p{k} = []\n" for k in range(names - 2))
    return f"""
[dimensions]
n = "units"
[parameters]
w = []
[layers]
repeat = {repeat}
[layers.parameters]
{parameters}
[layers.states]
s = ["n"]
[layers.equations]
s = "w * s[t-1]"
[loss]
E = "sum(s[t])"
"""


def shared_out(count: int) -> tuple[int, int]:
    """A number of layers, and of names of each, that make a number of names."""
    repeat = next(k for k in range(3, 50) if count % k == 0)
    return repeat, count // repeat


AT: dict[str, Callable[[int], object]] = {
    "KEY_PARTS": lambda n: parse_source(".".join("a" * n) + " = 1", "m"),
    "NESTING": lambda n: parse_source("a = " + "[" * n + "]" * n, "m"),
    "ENTRIES": lambda n: parse_source("a = [" + "1, " * (n - 2) + "]", "m"),
    "EQUATIONS": lambda n: parse_model(equations([f'a{k} = "2 * s[t-1]"' for k in range(n - 1)])),
    "LAYERS": lambda n: parse_model(layers(n)),
    "LAYERED": lambda n: parse_model(layers(*shared_out(n))),
    "EQUATION_LENGTH": lambda n: parse_model(equation("s[t-1]".ljust(n))),
    "EQUATION_DEPTH": lambda n: parse_model(equation("-" * (n - 4) + "s[t-1]")),
    "ARGUMENTS": lambda n: parse_model(equation(f"concat({', '.join(['s[t-1]'] * n)})[0:n]")),
    "LAG": lambda n: parse_model(equation(f"s[t-{n}]")),
    "REACH": lambda n: parse_model(lagged(n)),
    "SIZE_TERMS": lambda n: parse_model(many_terms(n)),
    "SIZE_FACTORS": lambda n: parse_model(size("*".join("n" * n))),
    "SIZE": lambda n: parse_model(size(str(n))),
    "DERIVATION_STEPS": lambda n: b.derive(b.load_model("elman"), steps=n, paths=True),
}
"""What needs exactly so much, for the limits that a text counts."""


@pytest.mark.parametrize("name", AT)
def test_a_text_is_taken_up_to_the_limit(name: str) -> None:
    limit = limits.LIMITS[name]
    AT[name](limit.most)
    with pytest.raises(InputError) as refusal:
        AT[name](limit.most + 1)
    rule = {"LAG": "up to [t-100]", "DERIVATION_STEPS": "from 1 to 10000"}.get(name, str(limit))
    assert rule in str(refusal.value)


def of_bytes(count: int, folder: Path) -> Path:
    path = folder / "file"
    path.write_bytes(b"#" * count)
    return path


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    most = limits.FILE_BYTES.most
    assert read_source(of_bytes(most, tmp_path)).tables == {}
    with pytest.raises(InputError, match="has at most 200000 bytes"):
        read_source(of_bytes(most + 1, tmp_path))
    with pytest.raises(InputError, match="has at most 2000000 bytes"):
        verify_file(of_bytes(limits.MODULE_BYTES.most + 1, tmp_path))
    with pytest.raises(InputError, match="it does not begin as a module"):
        verify_file(of_bytes(limits.MODULE_BYTES.most, tmp_path))


def weights_from_a_file() -> object:
    with TemporaryDirectory() as folder:
        path = Path(folder, "weights.npz")
        np.savez(path, W_y=np.ones((2, 3)))
        return b.measure(ELMAN, "W_y", steps=2, weights=path)


ELMAN, LSTM = b.load_model("elman"), b.load_model("lstm")
COUNTED: dict[str, Callable[[], object]] = {
    "OPERATIONS": lambda: parse_model(BASE),
    "DERIVATIVES": lambda: parse_model(BASE),
    "ALL_DERIVATIVES": lambda: parse_model(BASE),
    "UNFOLDING": lambda: b.derive(LSTM, "W_ii", steps=4),
    "DERIVATION": lambda: b.derive(LSTM, "W_ii", steps=4, level="jacobian"),
    "JSON_FACTORS": lambda: b.derive(LSTM, "W_ii", steps=4).json(),
    "DRAWN_NUMBERS": lambda: draw_points(b.compile(LSTM), 1, 0, None),
    "CHECKING": lambda: check_work(LSTM, 5),
    "DRAWN": lambda: b.figure(LSTM, 2),
    "DRAWN_OPERATIONS": lambda: b.figure(LSTM, cell=True),
    "DRAWN_IN_NOTES": lambda: b.notes(b.load_model("linear"), 2),
    "EXAMPLE_STEPS": lambda: b.notes(ELMAN, 2, wrt="W_y", values={"x": np.ones((3, 2))}),
    "SHOWN_SYMBOLS": lambda: b.derive(ELMAN, steps=2).measure(),
    "SHOWN_ENTRIES": lambda: b.derive(ELMAN, steps=2).measure(),
    "MEASURED": lambda: b.measure(ELMAN, "W_s", steps=3),
    "MEASURED_PAIRS": lambda: b.measure(ELMAN, "W_s", steps=3, loss="sum"),
    "MEASURED_STATES": lambda: b.measure(ELMAN, "W_s", steps=3),
    "MEASURED_BYTES": weights_from_a_file,
}
"""What is counted on the way, and is the same whatever the limit."""


@pytest.mark.parametrize("name", COUNTED)
def test_work_is_done_up_to_the_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit at what it counts it is done; at one less it is refused, before."""
    limit = limits.LIMITS[name]
    counts: list[int] = []
    check = limits.Limit.check

    def noted(self: limits.Limit, count: int, place: limits.Where = None) -> None:
        if self is limit:
            counts.append(count)
        check(self, count, place)

    monkeypatch.setattr(limits.Limit, "check", noted)
    COUNTED[name]()
    largest = max(counts)
    assert 0 < largest <= limit.most / 2
    stated = limit.most
    try:
        object.__setattr__(limit, "most", largest)
        COUNTED[name]()
        object.__setattr__(limit, "most", largest - 1)
        with pytest.raises(InputError) as refusal:
            COUNTED[name]()
        assert str(limit) in str(refusal.value)
    finally:
        object.__setattr__(limit, "most", stated)


def test_an_example_is_shown_up_to_the_limit() -> None:
    """Of arrays with more entries the notes have no numbers, and say nothing of any."""

    def notes(rows: int) -> str:
        return b.notes(parse_model(BASE.replace('"n"', str(rows))), 2).markdown("page")

    most = limits.EXAMPLE_ENTRIES.most
    assert "matrix}" in notes(int(most**0.5))
    assert "matrix}" not in notes(int(most**0.5) + 1)


def test_notes_of_more_steps_are_refused() -> None:
    with pytest.raises(InputError, match="steps of notes must be a whole number from 1 to 1000"):
        b.notes(ELMAN, limits.NOTES_STEPS.most + 1)


def test_every_limit_is_tested() -> None:
    others = {"FILE_BYTES", "MODULE_BYTES", "EXAMPLE_ENTRIES", "NOTES_STEPS"}
    assert {*AT, *COUNTED} | others == set(limits.LIMITS)


def test_the_models_that_ship_are_far_from_the_limits() -> None:
    """A model of the field has room: the rules refuse what nobody writes."""
    counts: dict[str, int] = {}
    check = limits.Limit.check
    patch = pytest.MonkeyPatch()

    def noted(self: limits.Limit, count: int, place: limits.Where = None) -> None:
        counts[self.rule] = max(counts.get(self.rule, 0), count)
        check(self, count, place)

    patch.setattr(limits.Limit, "check", noted)
    try:
        for name in b.model_names():
            check_work(b.load_model(name), None)
    finally:
        patch.undo()
    structure = {"KEY_PARTS", "NESTING", "SIZE_TERMS", "SIZE_FACTORS"}
    for name, limit in limits.LIMITS.items():
        if limit.rule in counts:
            share = 1 if name in structure else 1 / 3
            assert counts[limit.rule] <= share * limit.most, name
