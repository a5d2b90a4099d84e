"""The numeric proof: a module's gradients against derivatives of its own loss.

Three methods, of which the first is the measure:

- Complex step, for every entry of every parameter and initial state.
- Central differences, in real arithmetic, the second witness: that the module computes its loss
  for complex numbers as it does for real ones cannot be told by complex step. (NumPy gives silently
  wrong values for some functions of complex numbers, np.abs among them.) Where a kink of the loss
  lies too near, an entry is left out, and counted; a block of which more than half is left
  out, over all points, fails.
- The tangent-adjoint dot product, for all blocks at once: the derivative of the loss along a random
  direction, by complex step, is the dot product of that direction with the gradient.

And every other function of the module is run against these, see functions.py.

What a model declares to be otherwise than the loss has it - a constant, by stop_gradient, or a
derivative of the user's - a module tells complex numbers alone, and lists under DECLARED. Central
differences see nothing of it: they are no witness then, and not applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.errors import InputError
from bptt_sym.verification.agreement import check_functions
from bptt_sym.verification.evidence import Evidence, gather, quiet
from bptt_sym.verification.points import differentiated
from bptt_sym.verification.report import (
    ALL,
    COMPLEX,
    DIFFERENCE_TOLERANCE,
    DIFFERENCES,
    TANGENT,
    Check,
    Report,
)

TOLERANCE = 1e-12
"""The largest error of a block by complex step, relative to the block's largest entry."""

MOST_LEFT_OUT = 0.5
"""The largest share of a block's entries that a method may leave out."""

ROUNDINGS = 64
"""How many times farther than a derivative moves with the point's last digits may it be off."""

ROUNDED = 1e-7
"""What moves no farther than this with the last digits, relative to all, is rounding."""

IMPRECISE = 1e-3
"""What is known to fewer digits than this, relative to its own size, is not known."""


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
    return judge(module, gather(module, steps=steps, seed=seed), tolerance)


def judge(
    module: ModuleType, evidence: tuple[Evidence, ...], tolerance: float = TOLERANCE
) -> Report:
    """Checks the value and every gradient of a module against evidence on its loss."""
    found: dict[tuple[str, str], Check] = {}
    with quiet():
        for one in evidence:
            for check in _checks(module, one, tolerance):
                key = check.name, check.method
                found[key] = _together(found[key], check) if key in found else check
    checks = tuple(_with_verdict(check) for check in found.values())
    return Report(checks, tuple(one.point.sizes for one in evidence))


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


def _checks(module: ModuleType, evidence: Evidence, tolerance: float) -> Iterator[Check]:
    point = evidence.point
    if point.problem:
        yield Check("value", "loss", (), np.inf, tolerance, point.problem)
        return
    try:
        parameters = module.Parameters(**point.parameters)
        result = module.value_and_grad(parameters, **point.arguments, inputs=True)
        value, expected = result.value, evidence.value
        parts = (result.gradients, result.initial, result.inputs)
        given = {name: array for part in parts for name, array in part._asdict().items()}
        gradients = {name: np.asarray(given[name]) for name in differentiated(module)}
    except Exception as error:
        yield Check("value_and_grad", "runs", (), np.inf, tolerance, _message(error))
        return
    yield Check("value", "loss", (), _relative(value, expected), tolerance)
    declared = ", ".join(getattr(module, "DECLARED", ()))
    for name, gradient in gradients.items():
        yield _by_complex_step(evidence, name, gradient, tolerance)
        yield _by_differences(evidence, name, gradient, tolerance, declared)
    yield _by_direction(evidence, gradients, tolerance)
    yield from check_functions(module, point, tolerance)


def _by_complex_step(evidence: Evidence, name: str, gradient: Any, tolerance: float) -> Check:
    shape = evidence.point.all[name].shape
    problem = _problem(gradient, shape)
    check = Check(name, COMPLEX, shape, np.inf, tolerance, problem, entries=gradient.size)
    if check.problem:
        return check
    expected = evidence.by_complex_step[name]
    if isinstance(expected, Exception):
        return replace(check, problem=_message(expected))
    check = replace(check, error=_relative(gradient, expected))
    if check.holds or not np.isfinite(gradient).all() or not np.isfinite(expected).all():
        return check
    tied = evidence.at_ties(name)
    if tied.any():
        error = _relative(gradient[~tied], expected[~tied])
        return replace(check, error=error, left_out=int(np.sum(tied)))
    # Either there is a fault, or the derivative itself is not defined by the digits of the point:
    # it is zero but for rounding, or close to a pole.
    noise = ROUNDINGS * evidence.conditioning(name)
    if not 0 < noise <= ROUNDED * evidence.scale:
        return check
    size = float(np.max(np.abs(expected), initial=0.0))
    if noise <= IMPRECISE * size:
        return replace(check, tolerance=max(check.tolerance, noise / size))
    error = float(np.max(np.abs(gradient - expected), initial=0.0)) / evidence.scale
    return replace(check, error=error)


def _by_differences(
    evidence: Evidence, name: str, gradient: Any, tolerance: float, declared: str
) -> Check:
    shape = evidence.point.all[name].shape
    check = Check(name, DIFFERENCES, shape, np.inf, max(tolerance, DIFFERENCE_TOLERANCE))
    if declared:
        return replace(check, error=np.nan, not_applied=declared)
    if problem := _problem(gradient, shape):
        return replace(check, problem=problem)
    expected = evidence.by_differences(name)
    if isinstance(expected, Exception):
        return replace(check, problem=_message(expected))
    conclusive = expected.conclusive
    check = replace(check, left_out=int(np.sum(~conclusive)), entries=gradient.size)
    if not conclusive.any():
        return replace(check, error=0.0)
    errors = np.abs(gradient - expected.values)[conclusive]
    size = np.max(np.abs(expected.values[conclusive])) or np.max(errors) or 1.0
    errors = errors / size
    bounds = np.maximum(check.tolerance, expected.noise[conclusive] / size)
    # Not a number is worst.
    worst = int(np.argmax(np.nan_to_num(errors / bounds, nan=np.inf)))
    check = replace(check, error=float(errors[worst]), tolerance=float(bounds[worst]))
    if check.holds and check.tolerance > IMPRECISE:
        return replace(check, not_applied="less than the loss is rounded")
    return check


def _by_direction(evidence: Evidence, gradients: dict[str, Any], tolerance: float) -> Check:
    """All blocks along one random direction, relative to the sum of the sizes of the products."""
    check = Check(ALL, TANGENT, (), np.inf, tolerance)
    for name, gradient in gradients.items():
        if problem := _problem(gradient, evidence.point.all[name].shape):
            return replace(check, problem=f"{name}: {problem}")
    products = [np.ravel(gradients[name] * part) for name, part in evidence.direction.items()]
    terms = np.concatenate(products) if products else np.zeros(0)
    check = replace(check, shape=terms.shape)
    expected = evidence.along_direction
    if isinstance(expected, Exception):
        return replace(check, problem=_message(expected))
    size = float(np.sum(np.abs(terms))) or 1.0
    error = abs(np.sum(terms) - expected) / size
    check = replace(check, error=float(np.nan_to_num(error, nan=np.inf, posinf=np.inf)))
    if not check.holds and evidence.is_tied:
        return replace(check, not_applied="two sides of a choice are equal")
    return check


def _problem(gradient: Any, shape: tuple[int, ...]) -> str:
    return "" if gradient.shape == shape else f"the gradient has the shape {gradient.shape}"


def _relative(got: Any, expected: Any) -> float:
    """The largest error, relative to the largest entry expected."""
    size = np.max(np.abs(expected), initial=0.0)
    error = np.max(np.abs(np.asarray(got) - expected), initial=0.0)
    return float(error / size) if size else float(error)


def _message(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
