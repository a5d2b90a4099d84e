"""What a loss is found to have as derivatives at a point, each found when it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.verification.points import Point, differentiated, draw_points, loss_at
from bptt_sym.verification.witnesses import (
    COMPLEX_STEP,
    Differences,
    central_differences,
    complex_step,
    conditioning_of,
    directional,
    moved_along,
    rounding_of,
)

POINTS = 3

TIED = 1e-12
"""By how much, relative to the largest, derivatives on two sides of a point may differ."""


class Evidence:
    """The derivatives of a module's loss at one point; an exception that it raises in their place.

    Nothing in it depends on the module's own gradients.
    """

    def __init__(self, module: ModuleType, point: Point, seed: int) -> None:
        self.point = point
        self.loss = loss_at(module, point)
        self.names = differentiated(module)
        self._seed = seed
        self._differences: dict[str, Differences | Exception] = {}
        self._conditioning: dict[str, float] = {}

    @cached_property
    def value(self) -> float:
        return float(self.loss(self.point.all))

    @cached_property
    def by_complex_step(self) -> dict[str, Any]:
        found = {}
        for name in self.names:
            try:
                found[name] = complex_step(self.loss, self.point.all, name)
            except Exception as error:
                found[name] = error
        return found

    def at_ties(self, name: str) -> Any:
        """The entries whose derivative is another one on their other side."""
        one = self.by_complex_step[name]
        other = complex_step(self.loss, self.point.all, name, -COMPLEX_STEP)
        return np.abs(one - other) > TIED * np.max(np.abs(one), initial=0.0)

    @property
    def is_tied(self) -> bool:
        """Whether a choice along the direction is another one than at the point, or backward."""
        ahead, back = (
            self.loss(moved_along(self.point.all, self.direction, step))
            for step in (COMPLEX_STEP, -COMPLEX_STEP)
        )
        turns = abs(np.imag(ahead) + np.imag(back)) > TIED * abs(np.imag(ahead))
        jumps = abs(np.real(ahead) - self.value) > TIED * abs(self.value)
        return bool(turns or jumps)

    @cached_property
    def scale(self) -> float:
        """The largest derivative of all, or the loss."""
        arrays = [d for d in self.by_complex_step.values() if not isinstance(d, Exception)]
        largest = [float(np.max(np.abs(array), initial=0.0)) for array in arrays]
        return max([abs(self.value), *filter(np.isfinite, largest)])

    def by_differences(self, name: str) -> Differences | Exception:
        if name not in self._differences:
            try:
                found: Differences | Exception = central_differences(
                    self.loss, self.point.all, name, self._rounding
                )
            except Exception as error:
                found = error
            self._differences[name] = found
        return self._differences[name]

    @cached_property
    def _rounding(self) -> float:
        return rounding_of(self.loss, self.point.all, self.names)

    def conditioning(self, name: str) -> float:
        """How far the gradient of a block moves if the last digits of the point do."""
        if name not in self._conditioning:
            found = conditioning_of(self.loss, self.point.all, name, self.names)
            self._conditioning[name] = found
        return self._conditioning[name]

    @cached_property
    def direction(self) -> dict[str, Any]:
        """A random direction in all blocks."""
        rng = np.random.default_rng(self._seed)
        return {name: rng.standard_normal(self.point.all[name].shape) for name in self.names}

    @cached_property
    def along_direction(self) -> float | Exception:
        try:
            return directional(self.loss, self.point.all, self.direction)
        except Exception as error:
            return error


def gather(module: ModuleType, *, steps: int | None = None, seed: int = 0) -> tuple[Evidence, ...]:
    """The evidence on the loss of a module at several random points.

    ``steps`` fixes the number of time steps. Raises InputError if the module is not one of ours.
    """
    with quiet():
        points = draw_points(module, POINTS, seed, steps)
    return tuple(Evidence(module, point, seed + number) for number, point in enumerate(points))


@contextmanager
def quiet() -> Iterator[None]:
    """What a module makes of a point is in the report, not on the screen."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        # An imaginary part thrown away is a derivative lost.
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        yield
