"""What a call is given: whether its shapes fit, and in which type it computes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import KINDS, SHAPES, Array, Parameters

# From here on as it stands in an emitted module.


def check_shapes(**arrays: npt.ArrayLike) -> dict[str, int]:
    """Return the size of each dimension; raise ValueError where two shapes disagree."""
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        if np.asarray(array).dtype.kind not in "biufc":
            raise ValueError(f"{name} has the type {np.asarray(array).dtype}, not a number's")
        for size, number in zip(SHAPES[name], np.shape(array), strict=False):
            if size.isidentifier():
                sizes.setdefault(size, number)
    for name, array in arrays.items():
        got, wanted = np.shape(array), SHAPES[name]
        if got != tuple(size_of(size, sizes) for size in wanted):
            known = ", ".join(f"{size}={size_of(size, sizes)}" for size in wanted)
            raise ValueError(f"{name} has the shape {got}, not ({known})")
    return sizes


def size_of(size: str, sizes: Mapping[str, int]) -> int:
    """Return the number that a size stands for: a name, a whole number, or 4*n or m + n."""
    total = 0
    for term in size.split(" + "):
        factors = (int(f) if f.isdigit() else sizes.get(f, -1) for f in term.split("*"))
        total += math.prod(factors)
    return total


def checked(
    params: Parameters | Mapping[str, npt.ArrayLike], arguments: Mapping[str, npt.ArrayLike]
) -> tuple[Parameters, dict[str, Array], dict[str, int], np.dtype[Any]]:
    """Return parameters and arguments as arrays of one type, their sizes, and this type.

    It is the parameters' type, complex where an argument is; labels keep their own. Beside the
    arrays, the arguments hold T and B where no array tells them.
    """
    counts: dict[str, int] = {}
    if "T" in arguments or "B" in arguments:
        counts = {name: whole_number(name, arguments[name]) for name in "TB" if name in arguments}
        arguments = {name: array for name, array in arguments.items() if name not in counts}
    if not isinstance(params, tuple) and isinstance(params, Mapping):
        params = Parameters(**{name: np.asarray(array) for name, array in params.items()})
    params = Parameters._make(map(np.asarray, params))
    arrays: list[Array] = [*params, *map(np.asarray, arguments.values())]
    sizes, dtype, others = sizes_and_type(
        (*Parameters._fields, *arguments),
        tuple([array.shape for array in arrays]),
        tuple([array.dtype for array in arrays]),
    )
    count = len(arrays) - len(arguments)
    if others:
        for place, shape in others:
            arrays[place] = arrays[place].astype(dtype, copy=False).reshape(shape)
        params = Parameters._make(arrays[:count])
    named = dict(zip(arguments, arrays[count:], strict=True))
    return params, named, {**sizes, **counts} if counts else sizes, dtype


def whole_number(name: str, size: object) -> int:
    """Return a size as an int; raise ValueError unless it is a whole number from 0."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise ValueError(f"{name} must be a whole number from 0, not {size!r}")
    return int(size)


@functools.lru_cache(maxsize=64)
def sizes_and_type(
    names: tuple[str, ...], shapes: tuple[tuple[int, ...], ...], types: tuple[np.dtype[Any], ...]
) -> tuple[dict[str, int], np.dtype[Any], list[tuple[int, tuple[int, ...]]]]:
    """Return sizes, the type to compute in, and the places and shapes of what has another one.

    Raise ValueError where something does not fit.
    """
    kinds = [KINDS.get(name, "") for name in names]
    is_flat = [kinds[k] == "mask" and len(shape) == 2 for k, shape in enumerate(shapes)]
    shapes = tuple((*s, 1) if flat else s for s, flat in zip(shapes, is_flat, strict=True))
    dummies = map(np.broadcast_to, [np.empty((), type_) for type_ in types], shapes)
    sizes = check_shapes(**dict(zip(names, dummies, strict=True)))
    numbers = [k for k, kind in enumerate(kinds) if not kind.startswith("labels")]
    leading = [types[k] for k in range(len(Parameters._fields))] or [types[k] for k in numbers]
    dtype = np.result_type(*leading) if leading else np.dtype(float)
    if dtype.kind not in "fc":
        dtype = np.dtype(float)
    if any(types[k].kind == "c" for k in numbers):
        dtype = np.result_type(dtype, np.complex64)
    return sizes, dtype, [(k, shapes[k]) for k in numbers if is_flat[k] or types[k] != dtype]
