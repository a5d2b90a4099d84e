"""The numbers at which a model is measured: given by their names, and drawn where they are not."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from bptt_sym.derivation.derive import check_number
from bptt_sym.errors import InputError, listed
from bptt_sym.limits import MEASURED, SIZE
from bptt_sym.measuring.running import plain_name
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.model import Model
from bptt_sym.quoting import shortened
from bptt_sym.verification.points import drawn_array
from bptt_sym.verification.sizes import number

Axes = tuple[str, ...]

_LABELS = "labels of "


@dataclass(frozen=True)
class Wanted:
    """What a model takes: the axes of each array as a generated module has them, the kinds of
    those that are not any numbers, and which of them are ``weights`` and not data. The
    ``dimensions`` have the names that sizes of axes have.
    """

    axes: Mapping[str, Axes]
    kinds: Mapping[str, str]
    weights: frozenset[str]
    dimensions: tuple[str, ...]
    model: Model


@dataclass(frozen=True)
class Values:
    """Arrays by their names, of one sequence, the sizes of their axes, and those not drawn.

    ``largest`` is the number of entries of the largest array of a step.
    """

    arrays: dict[str, Any]
    sizes: dict[str, int]
    given: tuple[str, ...]
    largest: int


def values_for(
    wanted: Wanted,
    steps: int,
    seed: int,
    sizes: Mapping[str, int],
    weights: Mapping[str, Any],
    data: Mapping[str, Any],
) -> Values:
    """Numbers for all that is ``wanted``: those given, and what is not given drawn.

    Matrices that are the same at every step are drawn with a scale of 1 / sqrt(rows), and all else
    standard normal, as for verification; every name has numbers of its own for one ``seed``. Raises
    InputError for an unknown name, and for what has another shape or type.
    """
    known = {"T": steps, "B": 1} | _chosen(wanted, sizes)
    told: dict[str, Any] = {}
    for role, arrays in (("weights", weights), ("data", data)):
        names = [n for n in wanted.axes if (n in wanted.weights) == (role == "weights")]
        for name, array in arrays.items():
            if name not in names:
                raise InputError(
                    f"the {role} hold '{shortened(name)}', which is none; they are {listed(names)}"
                )
            told[name] = array
    # What a sum of sizes is made of is told by others, if at all: those come first.
    simple = sorted(told, key=lambda name: any(map(_is_sum, wanted.axes[name])))
    given = {name: _fitted(wanted, name, told[name], known) for name in simple}
    _fill(wanted, known)
    entries = {name: math.prod(_shape(axes, known)) for name, axes in wanted.axes.items()}
    largest = most_entries(wanted.model, {plain_name(n): known[n] for n in wanted.dimensions})
    MEASURED.check(largest * steps)
    # Each step has a copy of all that is not there for each step by itself.
    MEASURED.check(
        sum(n if wanted.axes[e][:1] == ("T",) else n * steps for e, n in entries.items())
    )
    for name, array in given.items():
        _check_labels(wanted, name, array, known)
    drawn = {n: _drawn(wanted, n, known, seed) for n in wanted.axes if n not in given}
    found = {name: given[name] if name in given else drawn[name] for name in wanted.axes}
    return Values(found, known, tuple(name for name in wanted.axes if name in given), largest)


def _is_sum(axis: str) -> bool:
    """Whether an axis is neither a dimension nor a number."""
    return not (axis.isidentifier() or axis.isdecimal())


def _chosen(wanted: Wanted, sizes: Mapping[str, int]) -> dict[str, int]:
    names = {plain_name(name): name for name in wanted.dimensions}
    for name, size in sizes.items():
        if name not in names:
            told = listed(names) if names else "none"
            raise InputError(
                f"the sizes name '{shortened(name)}', which is no dimension; those are {told}"
            )
        check_number(f"size {name}", size, 1, SIZE.most)
    return {names[name]: size for name, size in sizes.items()}


def _fill(wanted: Wanted, known: dict[str, int]) -> None:
    """Small sizes for the names that have none: all different, and above 1."""
    for name in wanted.dimensions:
        taken = {known.get(other) for other in wanted.dimensions}
        known.setdefault(name, next(size for size in count(2) if size not in taken))


def _shape(axes: Axes, known: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(number(axis, known) for axis in axes)


def _fitted(wanted: Wanted, name: str, value: Any, known: dict[str, int]) -> Any:
    """An array in the shape that the model takes; it tells the sizes of names that have none.

    An axis for one sequence may lack, and more time steps than are asked for are left out.
    """
    axes, array = wanted.axes[name], np.asarray(value)
    labels = wanted.kinds.get(name, "").startswith(_LABELS)
    if array.dtype.kind not in ("iu" if labels else "biuf"):
        told = "whole numbers" if labels else "real numbers"
        raise InputError(f"'{name}' has the type {array.dtype}; it takes {told}")
    if not np.all(np.isfinite(array)):
        raise InputError(f"'{name}' holds what is not finite")
    for likely in (axes, *_shorter(axes)):
        if array.ndim == len(likely):
            break
    else:
        raise _misfit(name, array, axes, known)
    if likely[:1] == ("T",) and array.shape[0] > known["T"]:
        array = array[: known["T"]]
    for axis, size in zip(likely, array.shape, strict=True):
        if axis.isidentifier():
            known.setdefault(axis, int(size))
    try:
        fits = _shape(likely, known) == array.shape
    except InputError:
        # A sum of sizes that nothing has told so far.
        _fill(wanted, known)
        fits = _shape(likely, known) == array.shape
    if not fits:
        raise _misfit(name, array, likely, known)
    kept = array if labels else array.astype(float)
    return kept.reshape(_shape(axes, known))


def _shorter(axes: Axes) -> list[Axes]:
    alone = tuple(axis for axis in axes if axis != "B")
    end = len(axes) - next((k for k, axis in enumerate(reversed(axes)) if axis != "1"), len(axes))
    return [alone, tuple(axis for axis in axes[:end] if axis != "B")]


def _misfit(name: str, array: Any, axes: Axes, known: Mapping[str, int]) -> InputError:
    told = ", ".join(f"{axis}={known[axis]}" if axis in known else axis for axis in axes)
    return InputError(f"'{name}' has the shape {array.shape}, not ({told})")


def _check_labels(wanted: Wanted, name: str, array: Any, known: Mapping[str, int]) -> None:
    kind = wanted.kinds.get(name, "")
    if kind.startswith(_LABELS):
        classes = number(kind.removeprefix(_LABELS), known)
        if np.any(array < 0) or np.any(array >= classes):
            raise InputError(f"'{name}' holds labels from 0 to {classes - 1}, and another number")


def _drawn(wanted: Wanted, name: str, known: Mapping[str, int], seed: int) -> Any:
    # What else is drawn, or given, changes nothing.
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    axes, kind = wanted.axes[name], wanted.kinds.get(name, "")
    if kind == "mask":
        return np.ones(_shape(axes, known))
    return drawn_array(rng, axes, kind, known)


def halved(values: Values, wanted: Wanted) -> Values:
    """The values with what was drawn of half the size, where that means something."""
    fixed = {n for n, kind in wanted.kinds.items() if kind == "mask" or kind.startswith(_LABELS)}
    keep = fixed | set(values.given)
    arrays = {n: a if n in keep else np.asarray(a / 2) for n, a in values.arrays.items()}
    return replace(values, arrays=arrays)
