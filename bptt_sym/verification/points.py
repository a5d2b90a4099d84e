"""Random points at which the typical faults of backpropagation through time show.

At one time step, with sizes of one, equal sizes, a zero initial state, small weights or sequences
of one length, a missing transpose, a dropped step or a lost factor can leave a gradient right.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.errors import InputError
from bptt_sym.limits import DRAWN_NUMBERS
from bptt_sym.verification.sizes import names_in, number
from bptt_sym.verification.witnesses import Arrays, LossFunction, sensitivity

FEWEST_STEPS = 5
_MOST_EXTRA_STEPS = 2
_LARGEST_EXTRA = 2
_LARGEST = 50.0
_MOST_HALVINGS = 8
_MOST_DRAWS = 24
_SMALLER = 0.84
"""What a draw that is not finite makes the next ones smaller by."""

_MOST_CONDITIONED = 8
_MOST_SENSITIVE = 1e-13
"""How far a derivative may move, relative to itself, with the last digits of a good point."""

_MOST_ENTRIES = 100
"""Sizes are chosen such that about so many entries are checked at most: each costs some losses."""
_MOST_CHOICES = 50

_LABELS = "labels of "

COUNTS = ("T", "B")
"""The sizes that a function of a module takes where none of its arrays tells them."""


@dataclass(frozen=True)
class Point:
    """Parameters and arguments of a generated module, for one choice of sizes.

    The arrays are read-only: a module that writes into what it is given is not right.
    Where a module asks for the number of time steps or sequences, it is among the ``arguments``.
    ``problem`` says why nothing can be checked there.
    """

    sizes: dict[str, int]
    parameters: dict[str, Any]
    arguments: dict[str, Any]
    problem: str = ""

    def __post_init__(self) -> None:
        for array in self.all.values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @property
    def all(self) -> dict[str, Any]:
        return self.parameters | self.arguments


def draw_points(module: ModuleType, count: int, seed: int, steps: int | None) -> list[Point]:
    """Points for a module, each with other sizes, all sizes of one point different and above 1.

    ``steps`` fixes T; without it T is at least 5. Matrices that are the same at every step have a
    scale of 1 / sqrt(rows), so that activations stay off their saturation; all else is standard
    normal, but for what the module's KINDS says: "labels of k" are whole numbers below k,
    "positive" numbers are the exponentials of normal ones, and a "mask" is 1 for the first steps
    of each sequence and 0 for the others, with sequences of different lengths. Raises InputError
    if the module is not one of ours.
    """
    shapes = getattr(module, "SHAPES", None)
    needed = ("Parameters", "InitialState", "Inputs", "forward", "loss", "value_and_grad")
    missing = [name for name in needed if not callable(getattr(module, name, None))]
    if not isinstance(shapes, dict) or missing:
        names = ", ".join((*missing, *(() if isinstance(shapes, dict) else ("SHAPES",))))
        raise InputError(f"not a module that bptt-sym generated: it has no {names}")
    _check_names(module)
    rng = np.random.default_rng(seed)
    return [_sound(module, rng, steps) for _ in range(count)]


def differentiated(module: ModuleType) -> tuple[str, ...]:
    """What a module gives gradients with respect to: parameters, initial states and inputs."""
    tuples = (module.Parameters, module.InitialState, module.Inputs)
    return tuple(dict.fromkeys(name for fields in tuples for name in fields._fields))


def _check_names(module: ModuleType) -> None:
    kinds = _kinds(module)
    for name in (*differentiated(module), *kinds):
        if name not in module.SHAPES:
            raise InputError(f"not a module that bptt-sym generated: SHAPES lacks '{name}'")
    for name, kind in kinds.items():
        if kind not in {"positive", "mask"} and not str(kind).startswith(_LABELS):
            raise InputError(
                f"not a module that bptt-sym generated: KINDS says '{kind}' of '{name}'"
            )


def _kinds(module: ModuleType) -> dict[str, str]:
    return getattr(module, "KINDS", {})


def _sound(module: ModuleType, rng: np.random.Generator, steps: int | None) -> Point:
    """A point that is moderate and well-conditioned; else moderate, finite, or with a problem.

    Where the derivatives move with the last digits of the point, rounding hides a fault.
    """
    finite: list[tuple[float, int, Point]] = []
    moderate: list[Point] = []
    scale = 1.0
    for _ in range(_MOST_DRAWS):
        point = _draw(module, rng, steps, scale)
        for _ in range(_MOST_HALVINGS):
            largest = _largest(module, point)
            # A module that cannot run is reported when it is checked.
            if largest is None:
                return point
            if largest < _LARGEST:
                if len(moderate) == _MOST_CONDITIONED or _is_conditioned(module, point):
                    return point
                moderate.append(point)
                break
            if largest < np.inf:
                finite.append((largest, len(finite), point))
            point = _halved(module, point)
        else:
            if finite and not moderate:
                return min(finite)[2]
            scale *= _SMALLER
    if moderate:
        return moderate[0]
    message = f"not finite at any of {_MOST_DRAWS} points, whatever their scale"
    return replace(point, problem=message)


def _is_conditioned(module: ModuleType, point: Point) -> bool:
    try:
        moves = sensitivity(loss_at(module, point), point.all, differentiated(module))
    except Exception:
        # A loss that takes no complex numbers is reported when it is checked.
        return True
    return not moves > _MOST_SENSITIVE


def loss_at(module: ModuleType, point: Point) -> LossFunction:
    """The loss of a module, of the parameters and arguments of a point in one mapping."""

    def loss(arrays: Arrays) -> Any:
        parameters = module.Parameters(**{name: arrays[name] for name in point.parameters})
        return module.loss(parameters, **{name: arrays[name] for name in point.arguments})

    return loss


def _largest(module: ModuleType, point: Point) -> float | None:
    """The largest value of the forward pass, infinite where one is not finite, or the loss.

    None where the module cannot run.
    """
    arguments = taken(module.forward, point)
    parameters = module.Parameters(**point.parameters)
    with np.errstate(all="ignore"):
        try:
            values = module.forward(parameters, **arguments)
            found = [
                float(np.max(np.abs(a), initial=0.0)) for a in values if isinstance(a, np.ndarray)
            ]
            total = float(module.loss(parameters, **point.arguments))
        except Exception:
            return None
    return max(found, default=0.0) if all(map(math.isfinite, (*found, total))) else np.inf


def arrays_of(values: Any) -> dict[str, Any]:
    """The arrays of a tuple by their names, without what else it holds."""
    return {name: a for name, a in values._asdict().items() if isinstance(a, np.ndarray)}


def taken(function: Callable[..., Any], point: Point) -> dict[str, Any]:
    """Those of the arguments and sizes of a point that a function of the module takes."""
    names = inspect.signature(function).parameters
    known = point.sizes | point.arguments
    return {name: array for name, array in known.items() if name in names}


def over_time(module: ModuleType, point: Point) -> dict[str, Any]:
    """The arguments of a point that have an axis of time steps."""
    shapes = module.SHAPES
    return {n: a for n, a in point.arguments.items() if shapes.get(n, ())[:1] == ("T",)}


def one_hot(module: ModuleType, point: Point) -> dict[str, Any]:
    """The labels over time of a point, as the vectors that they stand for."""
    kinds = _kinds(module)
    return {
        name: np.eye(number(kinds[name].removeprefix(_LABELS), point.sizes))[array]
        for name, array in over_time(module, point).items()
        if kinds.get(name, "").startswith(_LABELS)
    }


def masks(module: ModuleType) -> list[str]:
    """The arguments of a module that are masks."""
    return [name for name, kind in _kinds(module).items() if kind == "mask"]


def _halved(module: ModuleType, point: Point) -> Point:
    kinds = _kinds(module)

    def halve(arrays: dict[str, Any]) -> dict[str, Any]:
        return {
            name: array if _is_fixed(array, kinds.get(name, "")) else np.asarray(array / 2)
            for name, array in arrays.items()
        }

    return replace(point, parameters=halve(point.parameters), arguments=halve(point.arguments))


def _is_fixed(array: Any, kind: str) -> bool:
    """Whether an array has no scale: whole numbers, and masks."""
    return kind == "mask" or np.asarray(array).dtype.kind in "iu"


def _draw(module: ModuleType, rng: np.random.Generator, steps: int | None, scale: float) -> Point:
    sizes = _draw_sizes(module, rng, steps)
    shapes = {
        name: tuple(number(size, sizes) for size in sizes_of)
        for name, sizes_of in module.SHAPES.items()
    }
    DRAWN_NUMBERS.check(sum(map(math.prod, shapes.values())))
    kinds = _kinds(module)
    arrays = {}
    for name, shape in shapes.items():
        kind = kinds.get(name, "")
        if kind == "mask":
            arrays[name] = _draw_mask(rng, shape)
        else:
            arrays[name] = drawn_array(rng, module.SHAPES[name], kind, sizes, scale)
    parameters = {name: arrays.pop(name) for name in module.Parameters._fields}
    asked = inspect.signature(module.value_and_grad).parameters
    arrays |= {size: sizes[size] for size in COUNTS if size in asked}
    return Point(sizes, parameters, arrays)


def drawn_array(
    rng: np.random.Generator,
    axes: tuple[str, ...],
    kind: str,
    sizes: Mapping[str, int],
    scale: float = 1,
) -> Any:
    """Random numbers for an array of a module that is no mask: a matrix divided by sqrt(rows)."""
    shape = tuple(number(axis, sizes) for axis in axes)
    if kind.startswith(_LABELS):
        return rng.integers(number(kind.removeprefix(_LABELS), sizes), size=shape)
    values = np.asarray(rng.standard_normal(shape)) * scale
    if kind == "positive":
        values = np.exp(values / 2) * scale
    # A batch or time axis makes it a value of the steps and not a matrix that multiplies.
    is_matrix = len(shape) == 2 and not {"T", "B"} & set(axes)
    return np.asarray(values / np.sqrt(shape[0]) if is_matrix else values)


def _draw_mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Ones, then zeros along the first axis; one sequence is shorter, another of full length."""
    steps, sequences = shape[0], math.prod(shape[1:])
    lengths = rng.integers(1, steps + 1, size=sequences)
    if sequences > 1 and steps > 1:
        longest, shorter = rng.permutation(sequences)[:2]
        lengths[longest] = steps
        lengths[shorter] = rng.integers(1, steps)
    return (np.arange(steps)[:, np.newaxis] < lengths).astype(float).reshape(shape)


def _draw_sizes(module: ModuleType, rng: np.random.Generator, steps: int | None) -> dict[str, int]:
    """A number for each name: all sizes differ, and not too many entries are to be checked."""
    found = [size for shape in module.SHAPES.values() for size in shape]
    found += [kind.removeprefix(_LABELS) for kind in _kinds(module).values() if _LABELS in kind]
    names = list(dict.fromkeys([*(name for size in found for name in names_in(size)), "B"]))
    wanted = {*names, *(size for size in found if names_in(size))}
    others = [name for name in names if name != "T"]
    choices: list[tuple[int, int, int, dict[str, int]]] = []
    for _ in range(_MOST_CHOICES):
        length = steps or FEWEST_STEPS + int(rng.integers(_MOST_EXTRA_STEPS + 1))
        free = [n for n in range(2, 3 + len(others) + _LARGEST_EXTRA) if n != length]
        sizes = {"T": length} | dict(zip(others, map(int, rng.permutation(free)), strict=False))
        values = [number(size, sizes) for size in wanted]
        entries = sum(
            math.prod(number(size, sizes) for size in module.SHAPES[name])
            for name in differentiated(module)
        )
        clashes = len(values) - len(set(values))
        choices.append((clashes, max(entries, _MOST_ENTRIES), len(choices), sizes))
        if clashes == 0 and entries <= _MOST_ENTRIES:
            break
    return min(choices)[3]
