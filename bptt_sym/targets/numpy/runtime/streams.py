"""Single time steps, for streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bptt_sym.targets.numpy.runtime.onward import check_state
from bptt_sym.targets.numpy.runtime.shapes import checked

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import (
        INITIAL,
        SHAPES,
        Dimensions,
        Forward,
        Parameters,
        State,
        StepWorkspace,
        advance,
    )

# From here on as it stands in an emitted module.


def marks_of(*given: Iterable[object]) -> list[tuple[object, object]]:
    """Return the shapes and types of arrays, by which a call is known to be like another one."""
    arrays = [a for part in given for a in (part.values() if isinstance(part, dict) else part)]
    return [(getattr(a, "shape", a), getattr(a, "dtype", None)) for a in arrays]


def stepped(
    params: Parameters | Mapping[str, npt.ArrayLike],
    state: State,
    arguments: Mapping[str, npt.ArrayLike],
    workspace: StepWorkspace | None,
) -> tuple[State, Forward]:
    """Run one time step, in a workspace where one is given."""
    marks = marks_of(params, state, arguments)
    if workspace is not None and marks == workspace.marks and isinstance(params, Parameters):
        with workspace:  # the same as last time, and right
            return advance(params, state, arguments, workspace)  # type: ignore[arg-type]
    over_time = {
        name: np.asarray(array)[None] if SHAPES.get(name, ())[:1] == ("T",) else array
        for name, array in arguments.items()
    }
    last = state._asdict()
    before = {name: last[field] for name, field in INITIAL.items()}
    params, arrays, sizes, dtype = checked(params, {**over_time, **before})
    check_state(state, sizes)
    names: tuple[str, ...] = Dimensions._fields
    dimensions = Dimensions._make([sizes.get(name, 0) for name in names])
    work = workspace or StepWorkspace(sizes["B"], dimensions, dtype)
    if work.dtype != dtype or any(work.sizes[name] != size for name, size in sizes.items()):
        raise ValueError(f"the workspace is for {work.sizes} and {work.dtype}, not {dtype}")
    arrays = {name: arrays.get(name, np.asarray(array)) for name, array in arguments.items()}
    one = {
        name: array[0] if SHAPES.get(name, ())[:1] == ("T",) else array
        for name, array in arrays.items()
    }
    work.marks = marks if marks == marks_of(params, state, one) else None
    with work:
        return advance(params, state, one, work)
