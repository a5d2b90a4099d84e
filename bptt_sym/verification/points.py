"""Random points at which the typical faults of backpropagation through time show.

At one time step, with sizes of one, equal sizes, a zero initial state or small weights, a missing
transpose, a dropped step or a lost factor can leave a gradient right.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.errors import InputError

FEWEST_STEPS = 5
_LARGEST_EXTRA = 3
_LARGEST = 50.0
_MOST_HALVINGS = 8


@dataclass(frozen=True)
class Point:
    """Parameters and arguments of a generated module, for one choice of sizes."""

    sizes: dict[str, int]
    parameters: dict[str, Any]
    arguments: dict[str, Any]

    @property
    def all(self) -> dict[str, Any]:
        return self.parameters | self.arguments


def draw_points(module: ModuleType, count: int, seed: int, steps: int | None) -> list[Point]:
    """Points for a module, each with other sizes, all sizes of one point different and above 1.

    ``steps`` fixes T; without it T is at least 5. Parameters have a scale of 1 / sqrt(rows), so
    that activations stay off their saturation; initial states and targets are standard normal.
    Raises InputError if the module is not one of ours.
    """
    shapes = getattr(module, "SHAPES", None)
    needed = ("Parameters", "InitialState", "forward", "loss", "value_and_grad")
    missing = [name for name in needed if not hasattr(module, name)]
    if not isinstance(shapes, dict) or missing:
        names = ", ".join((*missing, *(() if isinstance(shapes, dict) else ("SHAPES",))))
        raise InputError(f"not a module that bptt-sym generated: it has no {names}")
    rng = np.random.default_rng(seed)
    return [_moderate(module, _draw(module, rng, steps)) for _ in range(count)]


def _moderate(module: ModuleType, point: Point) -> Point:
    """The point, halved until the forward pass is moderate: exp and its like soon overflow."""
    names = inspect.signature(module.forward).parameters
    for _ in range(_MOST_HALVINGS):
        arguments = {name: array for name, array in point.arguments.items() if name in names}
        with np.errstate(all="ignore"):
            try:
                values = module.forward(module.Parameters(**point.parameters), **arguments)
                moderate = all(np.all(np.abs(array) < _LARGEST) for array in values)
            except Exception:
                # A module that cannot run is reported when it is checked.
                return point
        if moderate:
            return point
        point = Point(
            point.sizes,
            {name: array / 2 for name, array in point.parameters.items()},
            {name: array / 2 for name, array in point.arguments.items()},
        )
    return point


def _draw(module: ModuleType, rng: np.random.Generator, steps: int | None) -> Point:
    names = list(dict.fromkeys(size for shape in module.SHAPES.values() for size in shape))
    others = [name for name in names if name != "T"]
    numbers = rng.permutation(np.arange(2, 2 + len(others) + _LARGEST_EXTRA))
    taken = dict(zip(others, map(int, numbers), strict=False))
    free = [n for n in range(FEWEST_STEPS, 99) if n not in taken.values()]
    sizes = {"T": steps or free[int(rng.integers(3))]} | taken
    arrays = {}
    for name, shape in module.SHAPES.items():
        values = rng.standard_normal([sizes[size] for size in shape])
        is_matrix = name in module.Parameters._fields and len(shape) == 2
        arrays[name] = values / np.sqrt(sizes[shape[0]]) if is_matrix else values
    parameters = {name: arrays.pop(name) for name in module.Parameters._fields}
    return Point(sizes, parameters, arrays)
