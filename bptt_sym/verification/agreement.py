"""The public functions of a module against each other: each does what the others say it does.

Complex step proves ``value_and_grad`` by ``loss``. All else that a module offers must give
the same: steps one by one what ``forward`` gives at once, a workspace or less memory the same
gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from inspect import signature
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.verification.points import Point, arrays_of, masks, one_hot, over_time, taken
from bptt_sym.verification.report import Check

TOLERANCE = 1e-9
"""Sums in another order differ by rounding, which steps may amplify; a fault is far larger."""

LEAST = 1e-3
"""What is smaller than this share of the largest block may be zero but for rounding."""

Arrays = Mapping[str, Any]
Pair = tuple[Arrays, Arrays]
"""What a function gave, and what it should have given, by names."""


def check_functions(module: ModuleType, point: Point, tolerance: float) -> Iterator[Check]:
    """A check of each function that the module has, and of each option of ``value_and_grad``."""
    calls = _Calls(module, point)
    for name, method, pairs in calls.all():
        check = Check(name, method, (), np.inf, max(tolerance, TOLERANCE))
        try:
            found = [_difference(*pair) for pair in pairs()]
        except Exception as fault:
            message = " ".join(f"{type(fault).__name__}: {fault}".split())
            yield replace(check, problem=message)
            continue
        # Not a number is worst.
        error = float(np.max([error for error, _ in found]))
        yield replace(check, error=error, shape=(sum(count for _, count in found),))


class _Calls:
    """The functions of a module at one point."""

    def __init__(self, module: ModuleType, point: Point) -> None:
        self.module, self.point = module, point
        self.parameters = module.Parameters(**point.parameters)

    def all(self) -> Iterator[tuple[str, str, Callable[[], Iterable[Pair]]]]:
        """What is checked, by which method, and the pairs that must be equal."""
        options = signature(self.module.value_and_grad).parameters
        if hasattr(self.module, "init_parameters"):
            yield "init_parameters", "shapes", self.drawn
        if hasattr(self.module, "loss_of"):
            yield "loss_of", "of forward, against loss", self.of_forward
        if hasattr(self.module, "step"):
            yield "step", "from initial_state, against forward", self.steps
        if hasattr(self.module, "backward"):
            yield "backward", "of forward, against value_and_grad", self.backward
        if "workspace" in options:
            yield "workspace", "twice, against none", self.with_workspace
        if "window" in options:
            yield "window", "of all steps, against none", self.with_window
        if "checkpoint" in options:
            yield "checkpoint", "against none", self.with_checkpoints
        if masks(self.module) and hasattr(self.module, "mask_of"):
            yield "mask", "NaN in the padding, against none", self.with_padding

    def drawn(self) -> Iterator[Pair]:
        drawn = self.module.init_parameters(np.random.default_rng(0), self.dimensions)
        yield _shapes(drawn._asdict()), _shapes(self.point.parameters)

    def of_forward(self) -> Iterator[Pair]:
        values = self.call("forward")
        arguments = taken(self.module.loss_of, self.point)
        # It is for arrays that have been checked: a mask has all its axes then.
        arrays = self.module.checked(self.parameters, taken(self.module.loss, self.point))[1]
        checked = {name: arrays.get(name, array) for name, array in arguments.items()}
        loss = self.module.loss_of(self.parameters, values, **checked)
        yield {"loss": loss}, {"loss": self.call("loss")}

    def steps(self) -> Iterator[Pair]:
        """T steps, one by one: the values of each, and the state that it hands on."""
        yield from self.stepped(None)
        sequences = self.point.sizes["B"]
        yield from self.stepped(self.module.StepWorkspace(sequences, self.dimensions))

    def stepped(self, work: Any) -> Iterator[Pair]:
        expected = arrays_of(self.call("forward"))
        state = self.call("initial_state")
        sequences = over_time(self.module, self.point)
        for t in range(self.point.sizes["T"]):
            at_t = {name: array[t] for name, array in sequences.items()}
            now = replace(self.point, arguments=self.point.arguments | at_t)
            given = taken(self.module.step, now)
            state, values = self.module.step(self.parameters, state, **given, workspace=work)
            handed_on = sequences | one_hot(self.module, self.point) | expected
            known = {name: handed_on[name][t] for name in state._fields}
            latest = _latest(state._asdict(), known)
            expected_now = {name: array[t] for name, array in expected.items()}
            for pair in ((latest, known), (arrays_of(values), expected_now)):
                yield self.without_padding(pair[0], t), self.without_padding(pair[1], t)
        final = _latest(self.result().final._asdict(), known)
        yield self.without_padding(latest, t), self.without_padding(final, t)

    def backward(self) -> Iterator[Pair]:
        """From one forward pass twice, and from others in one workspace, the second one first."""
        whole = self.gradients()
        del whole["loss"]
        values = self.call("forward")
        before = {name: np.array(array) for name, array in arrays_of(values).items()}
        for _ in range(2):
            yield self.backward_of(values), whole
        yield arrays_of(values), before
        if hasattr(self.module, "Workspace"):
            work = self.workspace()
            passes = [self.call("forward", workspace=work) for _ in range(2)]
            for values in passes[::-1]:
                yield self.backward_of(values), whole

    def backward_of(self, values: Any) -> dict[str, Any]:
        """The gradients from the error signals that the arguments of the point are."""
        given, module = self.point.arguments, self.module
        outputs = {name: given[signal] for name, signal in module.OUTPUTS.items()}
        final: dict[str, Any] = {}
        for signal, (name, place) in module.FINAL.items():
            if place is None:
                final[name] = given[signal]
            else:
                final.setdefault(name, {})[place] = given[signal]
        for name, rows in final.items():
            if isinstance(rows, dict):
                final[name] = np.stack([rows[place] for place in sorted(rows)])
        found = module.backward(self.parameters, values, outputs, final)
        parts = (found.parameters, found.initial, found.inputs)
        return {name: array for part in parts for name, array in part._asdict().items()}

    def with_workspace(self) -> Iterator[Pair]:
        work = self.workspace()
        for _ in range(2):
            yield self.gradients(workspace=work), self.gradients()

    def with_window(self) -> Iterator[Pair]:
        """A window of all steps drops nothing; the loss is the same whatever the window."""
        whole, steps = self.gradients(), self.point.sizes["T"]
        for exact in (False, True):
            yield self.gradients(window=steps, exact=exact), whole
            yield self.gradients(window=steps + 1, exact=exact), whole
            shorter = self.gradients(window=2, exact=exact)
            yield {"loss": shorter["loss"]}, {"loss": whole["loss"]}
            yield _shapes(shorter), _shapes(whole)

    def with_checkpoints(self) -> Iterator[Pair]:
        for every in (1, 2, "sqrt"):
            yield self.gradients(checkpoint=every), self.gradients()

    def with_padding(self) -> Iterator[Pair]:
        (mask,) = (self.point.arguments[name] for name in masks(self.module))
        lengths = np.sum(mask != 0, axis=0).reshape(-1)
        flat = np.reshape(mask, mask.shape[:2])
        yield {"mask": self.module.mask_of(lengths, len(mask))}, {"mask": flat}
        padded = {
            name: _with_padding(array, mask)
            for name, array in over_time(self.module, self.point).items()
            if array is not mask
        }
        other = replace(self.point, arguments=self.point.arguments | padded)
        yield _Calls(self.module, other).gradients(), self.gradients()

    def without_padding(self, values: Arrays, t: int) -> dict[str, Any]:
        """What sequences that have not ended have at a step; behind an end values are free."""
        for name in masks(self.module):
            lasts = self.point.arguments[name][t].reshape(-1) != 0
            values = {name: array[lasts] for name, array in values.items()}
        return dict(values)

    # Calls.

    @property
    def dimensions(self) -> Any:
        names = self.module.Dimensions._fields
        return self.module.Dimensions(*(self.point.sizes.get(name, 1) for name in names))

    def workspace(self) -> Any:
        """A new one, of the sizes of the point."""
        sizes = self.point.sizes
        return self.module.Workspace(sizes["T"], sizes["B"], self.dimensions)

    def call(self, name: str, **options: Any) -> Any:
        function = getattr(self.module, name)
        return function(self.parameters, **taken(function, self.point), **options)

    def result(self, **options: Any) -> Any:
        return self.module.value_and_grad(self.parameters, **self.point.arguments, **options)

    def gradients(self, **options: Any) -> dict[str, Any]:
        """The loss and every gradient, by names."""
        found = self.result(**options, inputs=True)
        gradients = found.gradients._asdict() | found.initial._asdict() | found.inputs._asdict()
        return {"loss": found.value} | gradients


def _latest(state: Arrays, known: Arrays) -> dict[str, Any]:
    """Of a state that goes several steps back the latest one."""
    return {
        name: array[-1] if np.ndim(array) > np.ndim(known[name]) else array
        for name, array in state.items()
    }


def _shapes(arrays: Arrays) -> dict[str, Any]:
    """Arrays that tell the shapes alone."""
    return {name: np.zeros(np.shape(array)) for name, array in arrays.items()}


def _with_padding(array: Any, mask: Any) -> Any:
    """The array with what is no value where the mask is 0: NaN, or a label that there is not."""
    padded = np.array(array)
    where = (mask != 0).reshape(mask.shape[:2])
    padded[~where] = np.nan if padded.dtype.kind == "f" else -1
    return padded


def _difference(found: Arrays, expected: Arrays) -> tuple[float, int]:
    """The largest error, relative to the block that it is in, and the number of all entries."""
    if found.keys() != expected.keys():
        raise ValueError(f"it gave {', '.join(found)}, not {', '.join(expected)}")
    sizes = {name: np.max(np.abs(array), initial=0) for name, array in expected.items()}
    least = LEAST * max(sizes.values(), default=0) or 1
    errors = [0.0]
    for name, array in expected.items():
        if np.shape(found[name]) != np.shape(array):
            raise ValueError(f"{name} has the shape {np.shape(found[name])}, not {np.shape(array)}")
        error = np.max(np.abs(np.subtract(found[name], array)), initial=0)
        errors.append(float(error / max(sizes[name], least)))
    return float(np.max(errors)), sum(np.size(array) for array in expected.values())
