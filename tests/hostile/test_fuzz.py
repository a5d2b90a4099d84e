"""Random texts of models, equations, notations and modules: each is taken, or refused in one line.

``BPTT_SYM_FUZZ`` says how many there are in all, 2,000 without it.
"""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cells import text_of
from support.small_model import SMALL as BASE

import bptt_sym as b
from bptt_sym.errors import InputError
from bptt_sym.model.key_places import key_spots
from bptt_sym.model.notations import in_notation, notation_names
from bptt_sym.model.read import parse_model
from bptt_sym.targets.numpy.accepted import check_emitted
from hostile.modules import forged
from hostile.table import KINDS, OBEYED

DEFAULT = 2_000
FUZZED = int(os.environ.get("BPTT_SYM_FUZZ", DEFAULT))

CELLS = list(map(text_of, b.model_names()))
NOTATIONS = [
    (files("bptt_sym.model") / "notations" / f"{name}.toml").read_text(encoding="utf-8")
    for name in notation_names()
]
SNIPPETS = [
    *(
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        '"""',
        "'''",
        "=",
        ".",
        ",",
        "#",
        "\\",
        "\n",
        "\r\n",
        "\0",
        " ",
    ),
    *(
        "[t]",
        "[t-1]",
        "[t+1]",
        "[0:n]",
        "@",
        "**",
        "*",
        "/",
        "-",
        "(",
        ")",
        ".T",
        "sum(",
        "concat(",
    ),
    *(
        "where(",
        "eye(",
        "softmax(",
        "layer_norm(",
        "9" * 40,
        "1e400",
        "nan",
        "inf",
        "1e-31",
        "true",
    ),
    *(
        "\u202e",
        "\x1b[31m",
        "\ud7ff",
        "é",
        "\u0430",
        "{{ 1 }}",
        "{% raw %}",
        "\\input{x}",
        "$",
        "%",
    ),
    *("__class__", "lambda: 1", "import os", "None", "a.b.c.d.e", "[latex]", "[loss]", "[states]"),
    *("initial = ", "reverse = true", "labels = true", "shape = ", "W_s", "s", "x", "n", "N", "t"),
]
FILES = [
    case.content for kinds in (KINDS, OBEYED) for cases in kinds.values() for case in cases
    if isinstance(case.content, str) and len(case.content) < 4000
]  # fmt: skip

fuzzed = lambda share: settings(  # noqa: E731 - a decorator
    max_examples=max(1, round(FUZZED * share)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> str:
    """A text with some of its parts left out, doubled, moved or replaced."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 30)))
        part = text[begin:end]
        new = draw(
            st.sampled_from([*SNIPPETS, "", part * 2, part[::-1]])
            | st.text(max_size=5)
            | st.sampled_from(texts).map(lambda other, k=begin: other[k : k + 40])
        )
        text = text[:begin] + new + text[end:]
    return text


def refusal(error: InputError) -> str:
    """The message of a refusal, which is one printable line."""
    line = str(error)
    assert line.isprintable() and len(line) <= 300, line
    return line


def assert_taken_or_refused(text: str) -> None:
    try:
        model = parse_model(text, "fuzzed")
        b.derive(model, steps=2, level="adjoint").text()
        b.generate(model)
    except InputError as error:
        refusal(error)


@fuzzed(0.4)
@given(mutated(CELLS + FILES))
def test_a_model_is_taken_or_refused(text: str) -> None:
    assert_taken_or_refused(text)


@fuzzed(0.25)
@given(st.lists(st.sampled_from([*SNIPPETS, "s[t-1]", "x[t]", "tanh(", ")", "+"]), max_size=12))
def test_an_equation_is_taken_or_refused(parts: list[str]) -> None:
    text = "".join(parts).translate({ord(c): None for c in "'\0\x1b\r"})
    assert_taken_or_refused(BASE.replace('"tanh(x[t] + s[t-1] @ W)"', f"'''\n{text}'''"))


@fuzzed(0.2)
@given(text=mutated(NOTATIONS))
def test_a_notation_is_taken_or_refused(text: str, tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    try:
        b.derive(in_notation(ELMAN, path), steps=2).latex()
    except InputError as error:
        refusal(error)


@fuzzed(0.05)
@given(mutated([forged(str), forged(lambda code: code + "x = np.zeros(1)\n")]))
def test_a_module_that_was_changed_is_refused(text: str) -> None:
    try:
        check_emitted(text, "m.py")
    except InputError as error:
        refusal(error)
    else:
        # A change of the docstring changes no code.
        assert text.partition('"""\n\nfrom __future__')[2] in (
            source.partition('"""\n\nfrom __future__')[2]
            for source in (forged(str), forged(lambda code: code + "x = np.zeros(1)\n"))
        )


@fuzzed(0.1)
@given(mutated([*CELLS, *NOTATIONS, *FILES]))
def test_every_key_of_a_toml_text_has_its_place(text: str) -> None:
    """Whatever ``tomllib`` reads, the pass before it has read, too."""
    text = text.replace("\r\n", "\n")
    try:
        tables = tomllib.loads(text)
        spots = key_spots(text, "m")
    except (ValueError, RecursionError):
        return

    def paths(table: dict, above: tuple = ()):
        for key, value in table.items():
            yield (*above, key)
            if isinstance(value, dict):
                yield from paths(value, (*above, key))

    for path in paths(tables):
        spot = spots[path]
        if spot.value is not None:
            assert text[: spot.value].rstrip().endswith("=")


ELMAN = b.load_model("elman")
