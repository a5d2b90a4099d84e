"""Numbers of the user's own for a worked example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bptt_sym.algebra.expressions import Expr
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.limits import EXAMPLE_ENTRIES, EXAMPLE_STEPS
from bptt_sym.measuring.array_files import arrays_from
from bptt_sym.measuring.asked import ArraysOrFile
from bptt_sym.measuring.network_at import interface_of, matrices_of, wanted_of
from bptt_sym.measuring.running import plain_name
from bptt_sym.measuring.values import values_for
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.model import Model
from bptt_sym.model.starts import starts_at
from bptt_sym.quoting import shortened


@dataclass(frozen=True)
class OwnNumbers:
    """What was given: the number of time steps, all sizes, and matrices by their symbols.

    Where it ``is_all``, nothing is left to be drawn.
    """

    steps: int
    sizes: Mapping[str, int]
    given: Mapping[Expr, Any]
    is_all: bool


def own_numbers(model: Model, source: ArraysOrFile, steps: int) -> OwnNumbers | None:
    """The numbers of a mapping or a file by their names, those of generated modules.

    They are parameters, initial values, inputs and targets of one sequence, of as many time steps
    as these have, or of ``steps`` where none is among them. None where nothing is given. Raises
    InputError for an unknown name, for what has another shape or type, and for too many numbers.
    """
    arrays = arrays_from(source)
    if not arrays:
        return None
    interface = interface_of(model, {})
    wanted = wanted_of(interface)
    for name in arrays:
        if name not in wanted.axes:
            raise InputError(
                f"the values hold '{shortened(name)}', which the model does not take"
                f"{closest(name, wanted.axes)}; it takes {listed(wanted.axes)}"
            )
    weights = {name: array for name, array in arrays.items() if name in wanted.weights}
    data = {name: array for name, array in arrays.items() if name not in wanted.weights}
    lengths = {
        len(array)
        for name, array in data.items()
        if wanted.axes.get(name, ())[:1] == ("T",) and np.ndim(array)
    }
    if len(lengths) > 1:
        raise InputError(
            "the numbers are of one sequence, but have "
            f"{' and '.join(map(str, sorted(lengths)))} time steps"
        )
    steps = next(iter(lengths), steps)
    EXAMPLE_STEPS.check(steps)
    found = values_for(wanted, steps, 0, {}, weights, data)
    sizes = {plain_name(name): found.sizes[name] for name in wanted.dimensions}
    EXAMPLE_ENTRIES.check(most_entries(model, sizes))
    begun = {
        symbol: plain_name(interface.initial_argument(model.declaration(symbol.name)).name)
        for symbol, initial in starts_at(model, steps)
        if initial is None
    }
    given = {
        symbol: matrix
        for symbol, matrix in matrices_of(model, interface, found.arrays, steps, sizes)
        if begun.get(symbol, symbol.name) in found.given
    }
    return OwnNumbers(steps, sizes, given, len(found.given) == len(wanted.axes))
