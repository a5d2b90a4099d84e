"""Windows of sequences of different lengths: each has those that it has by itself."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from support import cells
from support.running import Arrays, difference, draw, gradients, sizes_of, workspace_for

import bptt_sym as b
from bptt_sym.model.read import parse_model

ENDING = """
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
W = ["n", "n"]
V = ["n", "n"]
[states]
s = ["n"]
[equations]
s = "tanh(x[t] + s[t-1] @ W)"
y = "s[t] @ V"
[loss]
E = "sum((d[t] - y[t]) ** 2)"
E_last = "{}"
"""
MODELS = {
    "E_last of states": ENDING.format("sum(y[t] ** 2) + sum(V ** 2)"),
    "E_last of an input": ENDING.format("sum((x[t] - y[t]) ** 2)"),
    "E_last of the state before": ENDING.format("sum(y[t] * s[t-1]) + sum(V)"),
    "E_last alone": ENDING.format("sum(y[t] ** 2)").replace('E = "', 'a = "')
    .replace('a = "sum((d[t] - y[t]) ** 2)"\n', "").replace('[targets]\nd = ["n"]\n', ""),
    "lstm": "", "lag-two": "", "elman-character": "", "rwkv": "", "lstm-layer": "",
}  # fmt: skip
STEPS, LENGTHS = 7, [7, 3, 1, 5, 2, 6]
OPTIONS = [{"window": window, "exact": exact} for window in (1, 2, 3, 6) for exact in (False, True)]


def model_of(name: str) -> b.Model:
    if MODELS[name]:
        return parse_model(MODELS[name], "cell")
    return cells.model_of(name)


@cache
def modules(name: str, loss: Any) -> tuple[Any, Any, Arrays]:
    """The module with a mask, that without, and arrays of a batch."""
    model = model_of(name)
    module, alone = b.compile(model, masked=True, loss=loss), b.compile(model, loss=loss)
    arrays = draw(module, sizes_of(model, STEPS, len(LENGTHS)))
    arrays["mask"] = module.mask_of(LENGTHS, STEPS).reshape(arrays["mask"].shape)
    return module, alone, arrays


def of_one(module: Any, alone: Any, arrays: Arrays, k: int) -> Arrays:
    """The arrays of one sequence, as long as it is; a target may be of its last step alone."""
    found = {}
    for name, sizes in module.SHAPES.items():
        array = arrays[name]
        if "B" in sizes:
            array = np.take(array, [k], sizes.index("B"))
        if sizes[:1] == ("T",):
            array = array[: LENGTHS[k]]
        if name in alone.SHAPES:
            only_last = len(alone.SHAPES[name]) < len(sizes)
            found[name] = array[-1] if only_last else array
    return found


def summed(module: Any, singles: list[Arrays]) -> Arrays:
    """The gradients of a batch from those of its sequences, zeros behind the ends."""
    total: Arrays = {}
    for name in singles[0]:
        sizes = module.SHAPES.get(name, ())
        arrays = [single[name] for single in singles]
        if sizes[:1] == ("T",):
            behind = [(STEPS - len(array), *array.shape[1:]) for array in arrays]
            arrays = [
                np.concatenate([array, np.zeros(shape)])
                for array, shape in zip(arrays, behind, strict=True)
            ]
        total[name] = np.concatenate(arrays, sizes.index("B")) if "B" in sizes else sum(arrays)
    return total


@pytest.mark.one_in(2)
@pytest.mark.parametrize("loss", ["sum", "last"])
@pytest.mark.parametrize("name", MODELS)
def test_a_window_is_that_of_each_sequence_by_itself(name: str, loss: Any) -> None:
    module, alone, arrays = modules(name, loss)
    singles = [of_one(module, alone, arrays, k) for k in range(len(LENGTHS))]
    sizes = sizes_of(model_of(name), STEPS, len(LENGTHS))
    for options in OPTIONS:
        expected = summed(module, [gradients(alone, own, **options) for own in singles])
        found = gradients(module, arrays, **options)
        assert difference(found, expected) <= 1e-11, options
        work = workspace_for(module, sizes)
        for _ in range(2):
            assert_alike(gradients(module, arrays, workspace=work, **options), found)


def assert_alike(found: Arrays, expected: Arrays) -> None:
    assert difference(found, expected) <= 1e-13


@pytest.mark.parametrize("loss", ["sum", "mean"])
def test_a_sequence_without_steps_owes_to_its_first_state(loss: Any) -> None:
    module, _, arrays = modules("E_last of states", loss)
    mask = module.mask_of([0, 3, 1, 5, 2, 4], STEPS).reshape(arrays["mask"].shape)
    whole = gradients(module, arrays | {"mask": mask})
    for options in OPTIONS:
        found = gradients(module, arrays | {"mask": mask}, **options)
        assert difference({"s0": found["s0"][:1]}, {"s0": whole["s0"][:1]}) <= 1e-12
        assert found["loss"] == pytest.approx(whole["loss"], rel=1e-12)


def test_a_window_as_long_as_each_sequence_drops_nothing() -> None:
    """Behind an end there are more steps than in the window, and none of them counts."""
    module, _, arrays = modules("E_last of an input", "sum")
    mask = module.mask_of([3, 3, 1, 2, 2, 3], STEPS).reshape(arrays["mask"].shape)
    whole = gradients(module, arrays | {"mask": mask})
    for exact in (False, True):
        found = gradients(module, arrays | {"mask": mask}, window=3, exact=exact)
        assert difference(found, whole) <= 1e-12
