"""Truncated backpropagation keeps just the contributions that it says; checkpoints keep all."""

from __future__ import annotations

import inspect
import tracemalloc
from functools import cache
from typing import Any

import numpy as np
import pytest
from support.cell_values import CellValues, EveryTotal
from support.cells import model_of
from support.running import (
    Arrays,
    difference,
    draw,
    forward,
    gradients,
    parameters,
    sizes_of,
    workspace_for,
)

import bptt_sym as b
from bptt_sym.algebra.expressions import Parameter, product
from bptt_sym.choices import LOSSES

STEPS = 7
WINDOWS = (1, 2, 3, 5, STEPS, STEPS + 4)
ROUNDING = 1e-11

DERIVED = ["elman", "lstm", "gru", "stacked", "lag-two", "learned-start", "rwkv"]
"""One state, several, layers, a lag of two steps, a learned first state, an input of before."""

ONWARD = [name for name in b.model_names() if name != "bidirectional"]


@cache
def compiled(name: str, loss: str) -> Any:
    return b.compile(model_of(name), loss=loss)


def at_last_step(module: Any, arrays: Arrays) -> Arrays:
    """The arrays for the loss of the last step, which has targets for this step alone."""
    return {
        name: array[-1] if np.ndim(array) > len(module.SHAPES[name]) else array
        for name, array in arrays.items()
    }


# What is kept: for the loss of step t, the contribution of step i.


def in_one_chunk(t: int, i: int, window: int) -> bool:
    return (t - 1) // window == (max(i, 1) - 1) // window


def in_the_last_steps(t: int, i: int, window: int) -> bool:
    # What is before the first step belongs to it.
    return t - window < max(i, 1) <= t


class Contributions:
    """By the derivation: what the loss of each step t owes to each step i."""

    def __init__(self, name: str) -> None:
        self.model = model_of(name)
        sizes = {entry.name: 2 + k for k, entry in enumerate(self.model.dimensions)}
        self.values = CellValues(self.model, STEPS, "sum", sizes)
        self.module = self.values.module
        self.parts: dict[tuple[int, int], list[tuple[str, Any]]] = {}
        for t in range(1, STEPS + 1):
            self.add_parameters(t)
            self.add_initial_states(t)

    def add(self, t: int, i: int, name: str, value: Any) -> None:
        self.parts.setdefault((t, i), []).append((name, value))

    def add_parameters(self, t: int) -> None:
        """Chains from the loss of step t, each to the copy of a parameter that step i has."""
        chains = b.derive(self.model, steps=t, loss="last")
        totals = EveryTotal(
            b.derive(self.model, steps=t, level="jacobian", loss="last"), self.values.value
        )
        for section in chains.sections:
            if section.topic == "gradient":
                for chain in section.equations[-2].factors:
                    row = product(*(factor.jacobian for factor in chain))
                    name, i = section.parameter.name, int(chain[-1].of.time)
                    self.add(t, i, name, self.values.value(row, totals))

    def add_initial_states(self, t: int) -> None:
        derivation = b.derive(self.model, steps=t, level="adjoint", loss="last")
        found = self.values.adjoints(derivation, general=False)
        for leaf, value in found.items():
            if not isinstance(leaf, Parameter):
                self.add(t, 0, f"{leaf.name} {leaf.time}", value)

    def kept(self, keeps: Any, window: int, losses: range) -> Arrays:
        """The gradients with the contributions that are kept, of the losses of some steps."""
        shapes = {name: np.shape(self.values.arrays[name]) for name in self.names}
        found = {name: np.zeros(shape) for name, shape in shapes.items()}
        for (t, i), parts in self.parts.items():
            if t in losses and keeps(t, i, window):
                for name, value in parts:
                    self.place(found, name, value)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.module.Parameters._fields, *self.module.InitialState._fields)

    def place(self, found: Arrays, name: str, value: Any) -> None:
        leaf, _, time = name.partition(" ")
        if not time:
            found[name] += np.reshape(value, found[name].shape)
            return
        field = f"{leaf}_0" if "_" in leaf else f"{leaf}0"
        if field in found:
            depth = self.model.depth(leaf)
            where = found[field][int(time) - 1 + depth] if depth > 1 else found[field]
            where += np.reshape(value, where.shape)


@cache
def contributions(name: str) -> Contributions:
    return Contributions(name)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("exact", [False, True], ids=["chunks", "exact"])
@pytest.mark.parametrize("name", DERIVED)
def test_a_window_keeps_the_contributions_of_its_steps(name: str, exact: bool) -> None:
    derived = contributions(name)
    keeps = in_the_last_steps if exact else in_one_chunk
    for loss in LOSSES:
        module = compiled(name, loss)
        arrays = at_last_step(module, derived.values.arrays)
        losses = range(STEPS, STEPS + 1) if loss == "last" else range(1, STEPS + 1)
        share = STEPS if loss == "mean" else 1
        for window in WINDOWS:
            expected = derived.kept(keeps, window, losses)
            found = gradients(module, arrays, window=window, exact=exact)
            value = found.pop("loss")
            assert value == pytest.approx(gradients(module, arrays)["loss"], rel=1e-12)
            scaled = {key: found[key] * share for key in expected}
            assert difference(scaled, expected) <= 1e-9, (loss, window)


@pytest.mark.parametrize("exact", [False, True], ids=["chunks", "exact"])
@pytest.mark.parametrize("name", ["elman", "lag-two", "rwkv"])
def test_a_window_keeps_what_losses_owe_to_the_inputs_of_its_steps(name: str, exact: bool) -> None:
    module, last = compiled(name, "sum"), compiled(name, "last")
    arrays = draw(module, sizes_of(model_of(name), STEPS, 2))
    over_time = {key for key, sizes in module.SHAPES.items() if sizes[:1] == ("T",)}
    for window in WINDOWS[:-2]:
        expected = np.zeros_like(arrays["x"])
        for t in range(1, STEPS + 1):
            begin = max(0, t - window) if exact else (t - 1) // window * window
            until = {k: array[:t] if k in over_time else array for k, array in arrays.items()}
            owed = gradients(last, at_last_step(last, until))["x"]
            expected[begin:t] += owed[begin:]
        found = gradients(module, arrays, window=window, exact=exact)["x"]
        assert difference({"x": found}, {"x": expected}) <= 1e-9, window


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("exact", [False, True], ids=["chunks", "exact"])
@pytest.mark.parametrize("name", ["lstm", "elman-character", "lag-two", "linear-attention"])
def test_truncated_gradients_of_a_batch_are_the_sum_of_its_sequences(
    name: str, exact: bool, loss: str
) -> None:
    module = compiled(name, loss)
    arrays = draw(module, sizes_of(model_of(name), STEPS, 3))
    whole = gradients(module, arrays, window=2, exact=exact)
    axes = {key: shape.index("B") for key, shape in module.SHAPES.items() if "B" in shape}
    singles = []
    for k in range(3):
        own = {
            key: np.take(array, [k], axes[key]) if key in axes else array
            for key, array in arrays.items()
        }
        singles.append(gradients(module, own, window=2, exact=exact))
    total = {
        key: np.concatenate([single[key] for single in singles], axes[key])
        if key in axes
        else sum(single[key] for single in singles)
        for key in whole
    }
    assert difference(whole, total) <= ROUNDING


@pytest.mark.one_in(3)
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", [*ONWARD, "lag-two", "learned-start", "rwkv"])
def test_checkpoints_change_no_gradient(name: str, loss: Any, masked: bool) -> None:
    model = model_of(name)
    module = b.compile(model, loss=loss, masked=masked)
    arrays = draw(module, sizes_of(model, STEPS, 2))
    expected = gradients(module, arrays)
    for every in (1, 2, 3, STEPS, STEPS + 1, "sqrt", np.int64(4)):
        assert difference(gradients(module, arrays, checkpoint=every), expected) <= ROUNDING
    for exact in (False, True):
        # Nothing is dropped by a window that holds all steps.
        found = gradients(module, arrays, window=STEPS, exact=exact)
        assert difference(found, expected) <= ROUNDING


@pytest.mark.one_in(2)
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["elman", "lstm", "elman-character", "lag-two", "rwkv"])
def test_a_window_works_in_a_workspace(name: str, loss: Any, masked: bool) -> None:
    """The same numbers, call after call, and nothing is left to allocate over time."""
    model = model_of(name)
    module = b.compile(model, loss=loss, masked=masked)
    sizes = sizes_of(model, STEPS, 2)
    workspace = workspace_for(module, sizes)
    for exact in (False, True):
        for window, seed in ((3, 0), (2, 1), (3, 2), (STEPS, 3)):
            arrays = draw(module, sizes, seed)
            options = {"window": window, "exact": exact}
            expected = gradients(module, arrays, **options)
            found = gradients(module, arrays, workspace=workspace, **options)
            assert difference(found, expected) == 0
            assert not any(
                np.shares_memory(array, own)
                for array in found.values()
                for work in (workspace, *workspace.parts.values())
                for own in vars(work).values()
                if isinstance(own, np.ndarray)
            )


def test_a_window_in_a_workspace_is_one_call_at_a_time() -> None:
    module = compiled("elman", "sum")
    sizes = sizes_of(model_of("elman"), STEPS, 2)
    arrays, workspace = draw(module, sizes), workspace_for(module, sizes)
    with workspace, pytest.raises(RuntimeError, match="another call is at work"):
        gradients(module, arrays, window=2, workspace=workspace)
    with pytest.raises(ValueError, match=r"^the workspace is for "):
        gradients(module, draw(module, sizes | {"B": 3}), window=2, workspace=workspace)
    assert gradients(module, arrays, window=2, workspace=workspace)


def test_gradients_of_a_window_do_not_share_memory() -> None:
    module = compiled("elman", "sum")
    arrays = draw(module, sizes_of(model_of("elman"), STEPS, 2))
    for options in ({"window": 3}, {"window": 3, "exact": True}, {"checkpoint": 3}):
        found = list(gradients(module, arrays, **options).values())
        for k, one in enumerate(found):
            others = [*found[:k], *arrays.values()]
            assert not any(np.shares_memory(one, other) for other in others)


# The arguments.


def test_the_docstring_says_what_is_dropped() -> None:
    text = " ".join(compiled("lstm", "sum").value_and_grad.__doc__.split())
    assert "what a loss owes to a step of an earlier chunk is dropped" in text
    assert "what the loss of each step t owes to the steps before t - K + 1" in text
    assert "the same gradients in less memory" in text


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "x", np.float64(2)])
@pytest.mark.parametrize("name", ["window", "checkpoint"])
def test_a_window_that_is_no_whole_number_is_refused(name: str, wrong: Any) -> None:
    module = compiled("elman", "sum")
    arrays = draw(module, sizes_of(model_of("elman")))
    for exact in {False, name == "window"}:
        with pytest.raises(ValueError, match=f"^{name} must be a whole number from 1") as error:
            gradients(module, arrays, **{name: wrong}, exact=exact)
        assert "\n" not in str(error.value)


def test_what_does_not_go_together_is_refused() -> None:
    module = compiled("elman", "sum")
    sizes = sizes_of(model_of("elman"))
    arrays = draw(module, sizes)
    workspace = workspace_for(module, sizes)
    for options in ({"window": 2, "checkpoint": 2}, {"checkpoint": 2, "workspace": workspace}):
        with pytest.raises(ValueError, match="do not go together"):
            gradients(module, arrays, **options)
    with pytest.raises(ValueError, match=r"^exact is for a window"):
        gradients(module, arrays, exact=True)


@pytest.mark.parametrize("name", ["bidirectional", "bidirectional-stacked"])
def test_what_runs_in_reverse_has_no_window(name: str) -> None:
    module = compiled(name, "sum")
    taken = inspect.signature(module.value_and_grad).parameters
    assert not {"window", "exact", "checkpoint"} & set(taken)
    assert not hasattr(module, "step")


# Steps one by one.


@pytest.mark.parametrize("name", [*ONWARD, "lag-two", "learned-start", "rwkv", "rwkv-channel"])
def test_steps_one_by_one_are_the_forward_pass(name: str) -> None:
    module = compiled(name, "sum")
    arrays = draw(module, sizes_of(model_of(name), STEPS, 2))
    params, expected = parameters(module, arrays), forward(module, arrays)
    taken = inspect.signature(module.initial_state).parameters
    state = module.initial_state(params, 2, **{k: a for k, a in arrays.items() if k in taken})
    taken = inspect.signature(module.step).parameters
    for t in range(STEPS):
        given = {
            key: array[t] if "T" in module.SHAPES[key] else array
            for key, array in arrays.items()
            if key in taken
        }
        kept = [np.copy(field) for field in state]
        following, values = module.step(params, state, **given)
        assert all(map(np.array_equal, state, kept))
        state = following
        row = {key: array[t] for key, array in expected.items()}
        # What a layer goes back from is no array.
        found = {key: value for key, value in values._asdict().items() if key in row}
        assert difference(found, row) <= ROUNDING


# Memory.


@pytest.mark.exhaustive
def test_checkpoints_take_memory_of_the_root_of_the_steps() -> None:
    """At once, a hundred thousand steps of 64 units take a gigabyte."""
    module = compiled("elman", "sum")
    steps, sizes = 100_000, {"B": 1, "m": 2, "n": 64, "k": 2}
    rng = np.random.default_rng(0)
    dimensions = module.Dimensions(*(sizes[name] for name in module.Dimensions._fields))
    params = module.init_parameters(rng, dimensions)
    given = draw(module, sizes | {"T": steps})
    arrays = given | params._asdict()
    tracemalloc.start()
    try:
        found = gradients(module, arrays, checkpoint="sqrt")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most <= 10e6
    assert difference(found, gradients(module, arrays)) <= 1e-9
