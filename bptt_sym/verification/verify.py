"""The numeric proof: a module's gradients against derivatives of its own loss.

Complex step: dE/dw = Im E(w + ih) / h, without cancellation, exact to rounding for the analytic
functions that a module may use (Squire and Trapp, SIAM Review 40, 1998). Central differences of
fourth order are the second witness, in real arithmetic:
dE/dw = (8 E(w + h) - 8 E(w - h) - E(w + 2h) + E(w - 2h)) / 12h + O(h^4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.errors import InputError
from bptt_sym.verification.points import Point, draw_points

COMPLEX_STEP = 1e-30
TOLERANCE = 1e-12
"""The largest error of a block by complex step, relative to the block's largest entry."""

DIFFERENCE_STEP = 2.0**-10
DIFFERENCE_TOLERANCE = 1e-6

ROUNDING = 64 * np.finfo(float).eps
"""The rounding error of a loss, relative to it: all that a difference sees of a small block."""

POINTS = 3


@dataclass(frozen=True)
class Check:
    """The largest relative error of one block by one method, over all points.

    ``shape`` is the block's at the point where the error is largest in proportion to what is
    tolerated there; ``problem`` says why there is no error to give.
    """

    name: str
    method: str
    shape: tuple[int, ...]
    error: float
    tolerance: float
    problem: str = ""

    @property
    def holds(self) -> bool:
        # A NaN is no agreement.
        return not self.problem and self.error <= self.tolerance


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
    worst: dict[tuple[str, str], Check] = {}
    for point in points:
        for check in _checks(module, point, tolerance):
            key = check.name, check.method
            if key not in worst or _severity(check) >= _severity(worst[key]):
                worst[key] = check
    return Report(tuple(worst.values()), tuple(point.sizes for point in points))


def check_tolerance(tolerance: float) -> None:
    """Raises InputError unless the tolerance is a positive number below 1."""
    if not 0 < tolerance < 1:
        raise InputError(f"the tolerance must be between 0 and 1, not {tolerance}")


def _severity(check: Check) -> float:
    """The error in proportion to what is tolerated; a problem or a NaN is worst."""
    ratio = check.error / check.tolerance
    return ratio if ratio < np.inf else np.inf


def _checks(module: ModuleType, point: Point, tolerance: float) -> Iterator[Check]:
    def loss(arrays: dict[str, Any]) -> Any:
        parameters = module.Parameters(**{name: arrays[name] for name in point.parameters})
        arguments = {name: arrays[name] for name in point.arguments}
        return module.loss(parameters, **arguments)

    try:
        parameters = module.Parameters(**point.parameters)
        value, by_parameters, by_states = module.value_and_grad(parameters, **point.arguments)
        expected = loss(point.all)
        gradients = by_parameters._asdict() | by_states._asdict()
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        yield Check("value_and_grad", "runs", (), np.inf, tolerance, message)
        return
    yield Check("value", "loss", (), _relative(value, expected), tolerance)
    # A difference of losses has their rounding in it; the complex step has none.
    methods: tuple[tuple[str, Callable[..., Any], float, float], ...] = (
        ("complex step", _complex_step, tolerance, 0.0),
        (
            "central differences",
            _central_difference,
            max(tolerance, DIFFERENCE_TOLERANCE),
            ROUNDING / DIFFERENCE_STEP,
        ),
    )
    for name, gradient in gradients.items():
        shape = point.all[name].shape
        for method, differentiate, bound, rounding in methods:
            if np.shape(gradient) != shape:
                problem = f"the gradient has the shape {np.shape(gradient)}"
                yield Check(name, method, shape, np.inf, bound, problem)
                continue
            expected = differentiate(loss, point.all, name)
            size = np.max(np.abs(expected), initial=0.0)
            noise = rounding * abs(float(value)) / size if size else 0.0
            yield Check(name, method, shape, _relative(gradient, expected), max(bound, noise))


def _complex_step(loss: Callable[..., Any], arrays: dict[str, Any], name: str) -> Any:
    def derivative(index: tuple[int, ...]) -> float:
        moved = arrays[name].astype(complex)
        moved[index] += 1j * COMPLEX_STEP
        return float(np.imag(loss(arrays | {name: moved})) / COMPLEX_STEP)

    return _entries(arrays[name], derivative)


def _central_difference(loss: Callable[..., Any], arrays: dict[str, Any], name: str) -> Any:
    def moved(index: tuple[int, ...], steps: int) -> float:
        shifted = arrays[name].copy()
        shifted[index] += steps * DIFFERENCE_STEP
        return float(loss(arrays | {name: shifted}))

    def derivative(index: tuple[int, ...]) -> float:
        near = moved(index, 1) - moved(index, -1)
        far = moved(index, 2) - moved(index, -2)
        return (8 * near - far) / (12 * DIFFERENCE_STEP)

    return _entries(arrays[name], derivative)


def _entries(array: Any, derivative: Callable[[tuple[int, ...]], float]) -> Any:
    result = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        result[index] = derivative(index)
    return result


def _relative(got: Any, expected: Any) -> float:
    """The largest error, relative to the largest entry expected."""
    size = np.max(np.abs(expected), initial=0.0)
    error = np.max(np.abs(np.asarray(got) - expected), initial=0.0)
    return float(error / size) if size else float(error)
