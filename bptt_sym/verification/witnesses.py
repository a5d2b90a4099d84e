"""Derivatives of a loss by numbers alone: complex step, and central differences.

Complex step: dE/dw = Im E(w + ih) / h, without cancellation, exact to rounding for the analytic
functions that a module may use, and for piecewise analytic ones whose branches are chosen by the
real part (Squire and Trapp, SIAM Review 40, 1998). With h = 1e-30 it meets a kink only where the
point lies on it.

Central differences of fourth order, in real arithmetic:
D(h) = (8 E(w + h) - 8 E(w - h) - E(w + 2h) + E(w - 2h)) / 12h = dE/dw + O(h^4).

A difference is wrong if a kink or a jump of E lies between its points, so it must be known where
one does. Let S(h) = (E(w + h) - 2 E(w) + E(w - h)) / h, which is O(h) where E is smooth. Then
D(h) - D(2h) and S(h) - S(2h) / 2 vanish with h like h^4 and h^3. A kink, a slope that changes by c
at w + ah, adds to these two, and makes in D(h) an error of

    0 <= a <= 1:  -7a c / 24           c (1/2 - 3a/4)   error c (1/2 - 7a/12)
    1 <= a <= 2:  c (3a/8 - 2/3)       c (a - 2) / 4    error c (a - 2) / 12

so the sum of their sizes is nowhere less than the error, a kink at w itself included. A jump adds
amounts of the order of 1/h.

An entry is conclusive if that sum is small against the block's largest conclusive entry; if it is
not, the entry is tried again with smaller steps, and left out if it is inconclusive at each. Which
entries are left out follows from the loss alone: no fault of a gradient can hide in them by its own
doing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = Mapping[str, Any]
LossFunction = Callable[[Arrays], Any]

COMPLEX_STEP = 1e-30

DIFFERENCE_STEPS = (2.0**-12, 2.0**-15, 2.0**-18, 2.0**-21)
"""Tried in turn, until an entry is conclusive."""

DISAGREEMENT = 1e-7
"""What a conclusive entry may vary with the step, relative to the largest entry of its block."""

ROUNDINGS = 32
"""How many rounding errors of a loss a difference may have in it, beside the step's division."""

_EPSILON = float(np.finfo(float).eps)
_TRIALS = 24


@dataclass(frozen=True)
class Differences:
    """Central differences by the entries of one block.

    ``noise`` is what rounding may add to each entry; where ``conclusive`` is False, ``values`` are
    none.
    """

    values: Any
    noise: Any
    conclusive: Any


def complex_step(loss: LossFunction, arrays: Arrays, name: str, step: float = COMPLEX_STEP) -> Any:
    """The derivative with respect to every entry of a block.

    NumPy orders complex numbers of one real part by their imaginary parts: where two sides of a
    choice are equal, a step of the other sign takes the other branch.
    """
    block = arrays[name].astype(complex)
    result = np.empty(block.shape)
    for index in np.ndindex(block.shape):
        moved = block.copy()
        moved[index] += 1j * step
        result[index] = np.imag(loss({**arrays, name: moved})) / step
    return result


def directional(loss: LossFunction, arrays: Arrays, direction: Arrays) -> float:
    """The derivative along a direction in several blocks at once, by complex step."""
    return float(np.imag(loss(moved_along(arrays, direction))) / COMPLEX_STEP)


def moved_along(arrays: Arrays, direction: Arrays, step: float = COMPLEX_STEP) -> Arrays:
    """The point after one complex step along a direction."""
    return {**arrays, **{name: arrays[name] + 1j * step * v for name, v in direction.items()}}


def rounding_of(loss: LossFunction, arrays: Arrays, names: Sequence[str], seed: int = 0) -> float:
    """The rounding error of a loss, measured: how far it moves if the last digits of blocks do.

    The size of the loss does not tell it, for large terms may cancel. The lower quartile of many
    trials is not moved by a jump at the very point.
    """
    value = float(loss(arrays))
    trials = [abs(float(loss(moved)) - value) for moved in _nudged(arrays, names, seed, _TRIALS)]
    return float(max(4 * _EPSILON * abs(value), np.quantile(trials, 0.25)))


def conditioning_of(
    loss: LossFunction, arrays: Arrays, name: str, names: Sequence[str], seed: int = 0
) -> float:
    """How far the gradient of a block moves, at most, if the last digits of blocks do."""
    expected = complex_step(loss, arrays, name)
    moved = [complex_step(loss, other, name) for other in _nudged(arrays, names, seed, 3)]
    return max(float(np.max(np.abs(other - expected), initial=0.0)) for other in moved)


def sensitivity(loss: LossFunction, arrays: Arrays, names: Sequence[str], seed: int = 0) -> float:
    """How far derivatives along random directions move, relative to the largest of them."""
    rng = np.random.default_rng(seed)
    sizes, moves = [], []
    for moved in _nudged(arrays, names, seed, 3):
        direction = {name: rng.standard_normal(arrays[name].shape) for name in names}
        derivative = directional(loss, arrays, direction)
        sizes.append(abs(derivative))
        moves.append(abs(directional(loss, moved, direction) - derivative))
    return max(moves) / max(sizes) if max(sizes) else 0.0


def _nudged(arrays: Arrays, names: Sequence[str], seed: int, count: int) -> Iterator[Arrays]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        signs = {name: rng.choice([-1, 1], size=arrays[name].shape) for name in names}
        nudged = {n: np.asarray(arrays[n] * (1 + _EPSILON * sign)) for n, sign in signs.items()}
        yield {**arrays, **nudged}


def central_differences(
    loss: LossFunction, arrays: Arrays, name: str, rounding: float
) -> Differences:
    """The derivative with respect to each entry of a block; ``rounding`` is that of the loss."""
    block = arrays[name]
    at_rest = float(loss(arrays))
    values = np.full(block.shape, np.nan)
    # How much the entry varies with the step, beyond rounding.
    varies = np.full(block.shape, np.inf)
    noise = np.zeros(block.shape)
    conclusive = np.zeros(block.shape, bool)
    for step in DIFFERENCE_STEPS:
        for index in _indices(~conclusive):
            around = [_moved(loss, arrays, name, index, n * step) for n in (-4, -2, -1, 1, 2, 4)]
            values[index], varies[index] = _estimate(around, at_rest, step)
            noise[index] = ROUNDINGS * rounding / step
        conclusive = _conclusive(values, varies, noise)
        if conclusive.all():
            break
    return Differences(np.where(conclusive, values, np.nan), noise, conclusive)


def _indices(where: Any) -> Iterator[tuple[int, ...]]:
    return (tuple(index) for index in np.argwhere(where))


def _moved(
    loss: LossFunction, arrays: Arrays, name: str, index: tuple[int, ...], by: float
) -> float:
    shifted = arrays[name].copy()
    shifted[index] += by
    return float(loss({**arrays, name: shifted}))


def _estimate(around: list[float], at_rest: float, step: float) -> tuple[float, float]:
    """D(h), and |D(h) - D(2h)| + |S(h) - S(2h) / 2|."""
    far_below, below, near_below, near_above, above, far_above = around
    fine = (8 * (near_above - near_below) - (above - below)) / (12 * step)
    coarse = (8 * (above - below) - (far_above - far_below)) / (24 * step)
    bend = (near_above - 2 * at_rest + near_below) / step
    coarse_bend = (above - 2 * at_rest + below) / (2 * step)
    return fine, abs(fine - coarse) + abs(bend - coarse_bend / 2)


def _conclusive(values: Any, varies: Any, noise: Any) -> Any:
    """Which entries vary little against the largest of their own number.

    A jump makes an entry huge, and it varies by as much; with it gone the measure is the next.
    """
    conclusive = np.isfinite(values) & np.isfinite(varies)
    while True:
        largest = np.max(np.abs(values[conclusive]), initial=0.0)
        still = conclusive & (varies <= DISAGREEMENT * largest + noise)
        if (still == conclusive).all():
            return still
        conclusive = still
