"""What a layer is given in the place of a loss: the error signals of its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bptt_sym.targets.numpy.runtime.shapes import checked, size_of

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import (
        FINAL,
        OUTPUTS,
        SHAPES,
        Outputs,
        Parameters,
        State,
    )

# From here on as it stands in an emitted module.


def with_signals(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    d_outputs: Outputs | Mapping[str, npt.ArrayLike],
    d_final: State | Mapping[str, npt.ArrayLike] | None,
) -> dict[str, npt.ArrayLike]:
    """Return the arguments of a forward pass and the error signals, zeros for final ones not given.

    Raise TypeError or ValueError for what are no such.
    """
    of_outputs = named_arrays("d_outputs", d_outputs, Outputs._fields)
    if len(of_outputs) < len(OUTPUTS):
        raise ValueError(f"d_outputs must have {', '.join(OUTPUTS)}")
    of_final = {} if d_final is None else named_arrays("d_final", d_final, State._fields)
    found = {**arguments, **{OUTPUTS[name]: array for name, array in of_outputs.items()}}
    sizes = checked(params, found)[2]
    for signal, (name, place) in FINAL.items():
        if name not in of_final:
            found[signal] = np.zeros([size_of(size, sizes) for size in SHAPES[signal]])
        else:
            found[signal] = of_final[name] if place is None else of_final[name][place]
    return found


def named_arrays(what: str, arrays: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return arrays by their names; raise TypeError or ValueError for others than these."""
    if isinstance(arrays, (Outputs, State)):
        arrays = arrays._asdict()
    if not isinstance(arrays, Mapping):
        raise TypeError(f"{what} must be a tuple of this module or a mapping, not {arrays!r}")
    if not all(name in names for name in arrays):
        raise ValueError(f"{what} has {', '.join(names)}, not {', '.join(arrays)}")
    return {name: np.asarray(array) for name, array in arrays.items() if array is not None}
