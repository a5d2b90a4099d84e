"""The plain Python that stands in emitted modules: it is there as it is, and it runs by itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from support.cells import path_of
from support.running import arguments, difference, draw, parameters, sizes_of, workspace_for

import bptt_sym as b
from bptt_sym.choices import LOSSES
from bptt_sym.targets.numpy.runtime_text import PARTS, runtime_names, runtime_text

STEPS = 7


@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("style", ["fast", "readable"])
@pytest.mark.parametrize(
    "name", ["elman", "lstm", "elman-character", "bidirectional", "lstm-layer"]
)
def test_a_part_stands_in_a_module_as_it_is_or_not_at_all(
    name: str, style: Any, masked: bool
) -> None:
    model = b.load_model(name)
    source = b.generate(model, style=style, masked=masked)
    labels = any(entry.labels for entry in model.declarations)
    onward = style == "fast" and name != "bidirectional"
    expected = {
        "shapes": True,
        "labels": labels,
        "masks": masked,
        "workspaces": style == "fast",
        "onward": onward,
        "streams": onward,
        "layer": name == "lstm-layer",
        "passes": name == "lstm-layer" and style == "fast",
        "gradient_check": True,
    }
    assert {part: f"\n{runtime_text(part)}\n" in source for part in PARTS} == expected
    assert {part: _first_line(part) in source for part in PARTS} == expected


def _first_line(part: str) -> str:
    return runtime_text(part).partition("\n")[0]


def at_home(module: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The parts as the plain modules that they are, with what an emitted module has of its own."""
    parts = [import_module(f"bptt_sym.targets.numpy.runtime.{part}") for part in PARTS]
    passes = runtime_names(("passes",))
    for part in parts:
        for name, value in vars(module).items():
            if not hasattr(part, name) and name not in runtime_names() - passes:
                monkeypatch.setattr(part, name, value, raising=False)
    return parts


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_the_parts_run_by_themselves(name: str, loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a module computes is what the files beside the emitter compute for it."""
    model = b.load_model(name)
    module = b.compile(model, loss=loss)
    parts = dict(zip(PARTS, at_home(module, monkeypatch), strict=True))
    onward, check = parts["onward"], parts["gradient_check"]
    sizes = sizes_of(model, STEPS, 2)
    arrays = draw(module, sizes)
    params, given = parameters(module, arrays), arguments(module, arrays)
    work = workspace_for(module, sizes)
    for options in (
        {},
        {"workspace": work},
        {"window": 3},
        {"window": 3, "workspace": work},
        {"window": 3, "exact": True},
        {"window": STEPS},
        {"checkpoint": 2},
        {"checkpoint": "sqrt"},
    ):
        chosen = {"window": None, "exact": False, "checkpoint": None, "workspace": None}
        found = onward.gradients_in_parts(
            params, given, **(chosen | options), start=None, inputs=True
        )
        expected = module.value_and_grad(params, **given, **options, inputs=True)
        assert found.value == expected.value
        for one, other in zip(found[1:], expected[1:], strict=True):
            assert difference(one._asdict(), other._asdict()) == 0
    state = module.State(*(arrays[name] for name in module.INITIAL))
    following, values = parts["streams"].stepped(params, state, {"x": arrays["x"][0]}, None)
    expected, others = module.step(params, state, arrays["x"][0])
    assert difference(following._asdict(), expected._asdict()) == 0
    assert difference(values._asdict(), others._asdict()) == 0
    assert check.gradient_errors() == module.gradient_errors()
    assert check.main() == 0


def test_a_module_checks_parameters_that_are_numbers() -> None:
    """A positive one is drawn as a power of e, which NumPy makes a number and no array."""
    module = b.compile(b.load_model(str(path_of("garch"))), style="readable")
    errors = module.gradient_errors()
    assert set(module.Parameters._fields) <= set(errors)
    assert max(errors.values()) < 1e-10
