"""The numeric proof: a module's gradients against derivatives of its own loss.

Three methods, of which the first is the measure:

- Complex step, for every entry of every parameter and initial state.
- Central differences, in real arithmetic, the second witness: that the module computes its loss
  for complex numbers as it does for real ones cannot be told by complex step. (NumPy gives silently
  wrong values for some functions of complex numbers, np.abs among them.) Where a kink of the loss
  lies too near, an entry is left out, and counted; a block of which more than a quarter is left
  out, over all points, fails.
- The tangent-adjoint dot product, for all blocks at once: the derivative of the loss along a random
  direction, by complex step, is the dot product of that direction with the gradient.

What a model declares to be otherwise than the loss has it - a constant, by stop_gradient, or a
derivative of the user's - a module tells complex numbers alone, and lists under DECLARED. Central
differences see nothing of it: they are no witness then, and not applied.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.errors import InputError
from bptt_sym.verification.points import Point, differentiated, draw_points
from bptt_sym.verification.witnesses import (
    LossFunction,
    central_differences,
    complex_step,
    conditioning_of,
    directional,
    rounding_of,
)

TOLERANCE = 1e-12
"""The largest error of a block by complex step, relative to the block's largest entry."""

DIFFERENCE_TOLERANCE = 1e-6

MOST_LEFT_OUT = 0.25
"""The largest share of a block's entries that central differences may leave out."""

ROUNDINGS = 64
"""How many times farther than a derivative moves with the point's last digits may it be off."""

ROUNDED = 1e-9
"""What moves no farther than this with the last digits, relative to all, is rounding."""

IMPRECISE = 1e-3
"""What is known to fewer digits than this, relative to its own size, is not known."""

POINTS = 3

COMPLEX, DIFFERENCES, TANGENT = "complex step", "central differences", "tangent-adjoint"

ALL = "all"
"""The name of the check of all blocks at once."""


@dataclass(frozen=True)
class Check:
    """The largest relative error of one block by one method, over all points.

    ``shape`` is the block's at the point where the error is largest in proportion to what is
    tolerated there; ``problem`` says why there is no error to give, and ``not_applied`` why the
    method is none for this module. ``left_out`` of ``entries`` are inconclusive, at all points.
    """

    name: str
    method: str
    shape: tuple[int, ...]
    error: float
    tolerance: float
    problem: str = ""
    not_applied: str = ""
    left_out: int = 0
    entries: int = 0

    @property
    def holds(self) -> bool:
        # A NaN is no agreement.
        return bool(self.not_applied) or (not self.problem and self.error <= self.tolerance)


@dataclass(frozen=True)
class Report:
    """What a verification found, with the sizes of the points that it used."""

    checks: tuple[Check, ...]
    points: tuple[dict[str, int], ...]

    @property
    def holds(self) -> bool:
        return bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.holds)

    @property
    def failing(self) -> tuple[str, ...]:
        """The names of what fails; the check of all blocks at once counts if no block does."""
        blocks = [check.name for check in self.failures if check.method != TANGENT]
        return tuple(dict.fromkeys(blocks or [check.name for check in self.failures]))

    @property
    def disagreeing(self) -> tuple[str, ...]:
        """The blocks where the complex step contradicts central differences that bear it out."""
        of = {(check.name, check.method): check for check in self.checks}
        return tuple(
            check.name
            for check in self.failures
            if check.method == COMPLEX
            and not check.error <= DIFFERENCE_TOLERANCE
            and (other := of.get((check.name, DIFFERENCES)))
            and other.holds
            and not other.not_applied
        )


def verify_module(
    module: ModuleType,
    *,
    steps: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Report:
    """Checks the value and every gradient of a generated module at several random points.

    ``tolerance`` bounds the error by complex step; central differences have at least 1e-6. Raises
    InputError if the module is not one of ours.
    """
    points = draw_points(module, POINTS, seed, steps)
    found: dict[tuple[str, str], Check] = {}
    # What a module makes of a point is in the report, not on the screen.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        # An imaginary part thrown away is a derivative lost.
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for number, point in enumerate(points):
            for check in _checks(module, point, tolerance, seed=seed + number):
                key = check.name, check.method
                found[key] = _together(found[key], check) if key in found else check
    checks = tuple(_with_verdict(check) for check in found.values())
    return Report(checks, tuple(point.sizes for point in points))


def check_tolerance(tolerance: float) -> None:
    """Raises InputError unless the tolerance is a positive number below 1."""
    if not 0 < tolerance < 1:
        raise InputError(f"the tolerance must be between 0 and 1, not {tolerance}")


def _together(one: Check, other: Check) -> Check:
    """The worse of two points' checks, with the entries of both."""
    worse = other if _severity(other) >= _severity(one) else one
    return replace(
        worse, left_out=one.left_out + other.left_out, entries=one.entries + other.entries
    )


def _severity(check: Check) -> float:
    """The error in proportion to what is tolerated; a problem or a NaN is worst, nothing least."""
    if check.not_applied:
        return -np.inf
    ratio = check.error / check.tolerance
    return ratio if ratio < np.inf else np.inf


def _with_verdict(check: Check) -> Check:
    if check.problem or check.left_out <= MOST_LEFT_OUT * check.entries:
        return check
    problem = f"inconclusive: {check.left_out} of {check.entries} entries are at kinks"
    return replace(check, problem=problem)


def _checks(module: ModuleType, point: Point, tolerance: float, seed: int) -> Iterator[Check]:
    def loss(arrays: Any) -> Any:
        parameters = module.Parameters(**{name: arrays[name] for name in point.parameters})
        arguments = {name: arrays[name] for name in point.arguments}
        return module.loss(parameters, **arguments)

    if point.problem:
        yield Check("value", "loss", (), np.inf, tolerance, point.problem)
        return
    try:
        parameters = module.Parameters(**point.parameters)
        value, by_parameters, by_states = module.value_and_grad(parameters, **point.arguments)
        expected = loss(point.all)
        given = by_parameters._asdict() | by_states._asdict()
        gradients = {name: np.asarray(given[name]) for name in differentiated(module)}
    except Exception as error:
        yield Check("value_and_grad", "runs", (), np.inf, tolerance, _message(error))
        return
    yield Check("value", "loss", (), _relative(value, expected), tolerance)
    declared = ", ".join(getattr(module, "DECLARED", ()))
    blocks = _Blocks(loss, point, tuple(gradients), tolerance)
    for name, gradient in gradients.items():
        yield _by_complex_step(blocks, name, gradient)
        yield _by_differences(blocks, name, gradient, declared)
    yield _by_direction(blocks, gradients, seed)


@dataclass(frozen=True)
class _Blocks:
    """The blocks of a point by which a loss is differentiated."""

    loss: LossFunction
    point: Point
    names: tuple[str, ...]
    tolerance: float

    @cached_property
    def derivatives(self) -> dict[str, Any]:
        """By complex step, or the exception that the loss raises."""

        def derivative(name: str) -> Any:
            try:
                return complex_step(self.loss, self.point.all, name)
            except Exception as error:
                return error

        return {name: derivative(name) for name in self.names}

    @cached_property
    def scale(self) -> float:
        """The largest derivative of all, or the loss."""
        arrays = [d for d in self.derivatives.values() if not isinstance(d, Exception)]
        largest = [float(np.max(np.abs(array), initial=0.0)) for array in arrays]
        return max([abs(float(self.loss(self.point.all))), *filter(np.isfinite, largest)])

    @cached_property
    def rounding(self) -> float:
        return rounding_of(self.loss, self.point.all, self.names)

    def conditioning(self, name: str) -> float:
        return conditioning_of(self.loss, self.point.all, name, self.names)

    def check(self, name: str, method: str, gradient: Any) -> Check:
        """The check of a block that is to be filled; a gradient of a wrong shape is a problem."""
        shape = self.point.all[name].shape
        bound = max(self.tolerance, DIFFERENCE_TOLERANCE if method == DIFFERENCES else 0)
        return Check(name, method, shape, np.inf, bound, _problem(gradient, shape))


def _by_complex_step(blocks: _Blocks, name: str, gradient: Any) -> Check:
    check = blocks.check(name, COMPLEX, gradient)
    if check.problem:
        return check
    expected = blocks.derivatives[name]
    if isinstance(expected, Exception):
        return replace(check, problem=_message(expected))
    check = replace(check, error=_relative(gradient, expected))
    if check.holds or not np.isfinite(gradient).all() or not np.isfinite(expected).all():
        return check
    # Either there is a fault, or the derivative itself is not defined by the digits of the point:
    # it is zero but for rounding, or close to a pole.
    noise = ROUNDINGS * blocks.conditioning(name)
    if not 0 < noise <= ROUNDED * blocks.scale:
        return check
    size = float(np.max(np.abs(expected), initial=0.0))
    if noise <= IMPRECISE * size:
        return replace(check, tolerance=max(check.tolerance, noise / size))
    error = float(np.max(np.abs(gradient - expected), initial=0.0)) / blocks.scale
    return replace(check, error=error)


def _by_differences(blocks: _Blocks, name: str, gradient: Any, declared: str) -> Check:
    check = blocks.check(name, DIFFERENCES, gradient)
    if declared:
        return replace(check, error=np.nan, problem="", not_applied=declared)
    if check.problem:
        return check
    try:
        expected = central_differences(blocks.loss, blocks.point.all, name, blocks.rounding)
    except Exception as error:
        return replace(check, problem=_message(error))
    left_out = int(np.sum(~expected.conclusive))
    check = replace(check, left_out=left_out, entries=gradient.size)
    if left_out == gradient.size:
        return replace(check, error=0.0)
    errors = np.abs(gradient - expected.values)[expected.conclusive]
    size = np.max(np.abs(expected.values[expected.conclusive])) or np.max(errors) or 1.0
    errors = errors / size
    bounds = np.maximum(check.tolerance, expected.noise[expected.conclusive] / size)
    # Not a number is worst.
    worst = int(np.argmax(np.nan_to_num(errors / bounds, nan=np.inf)))
    check = replace(check, error=float(errors[worst]), tolerance=float(bounds[worst]))
    if check.holds and check.tolerance > IMPRECISE:
        return replace(check, not_applied="less than the loss is rounded")
    return check


def _by_direction(blocks: _Blocks, gradients: dict[str, Any], seed: int) -> Check:
    """All blocks along one random direction, relative to the sum of the sizes of the products."""
    check = Check(ALL, TANGENT, (), np.inf, blocks.tolerance)
    for name, gradient in gradients.items():
        if problem := blocks.check(name, TANGENT, gradient).problem:
            return replace(check, problem=f"{name}: {problem}")
    rng = np.random.default_rng(seed)
    direction = {name: rng.standard_normal(array.shape) for name, array in gradients.items()}
    products = [np.ravel(gradients[name] * part) for name, part in direction.items()]
    terms = np.concatenate(products) if products else np.zeros(0)
    check = replace(check, shape=terms.shape)
    try:
        expected = directional(blocks.loss, blocks.point.all, direction)
    except Exception as error:
        return replace(check, problem=_message(error))
    size = float(np.sum(np.abs(terms))) or 1.0
    return replace(check, error=float(abs(np.sum(terms) - expected) / size))


def _problem(gradient: Any, shape: tuple[int, ...]) -> str:
    return "" if gradient.shape == shape else f"the gradient has the shape {gradient.shape}"


def _relative(got: Any, expected: Any) -> float:
    """The largest error, relative to the largest entry expected."""
    size = np.max(np.abs(expected), initial=0.0)
    error = np.max(np.abs(np.asarray(got) - expected), initial=0.0)
    return float(error / size) if size else float(error)


def _message(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
