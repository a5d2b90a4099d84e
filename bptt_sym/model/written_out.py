"""Whether the derivatives of a model's equations are of a size that can be shown and compiled."""

from __future__ import annotations

from collections.abc import Callable

from bptt_sym.algebra.extent import Extent
from bptt_sym.errors import Place
from bptt_sym.limits import ALL_DERIVATIVES, DERIVATIVES, REACH
from bptt_sym.model.model import Equation, Formula, Model

MOST_UNNAMED = 200
"""The derivatives of an equation have at most so many symbols without names for what is within."""


def check_extent(model: Model, place: Callable[[str], Place | None] = lambda name: None) -> None:
    """Raises InputError, at the ``place`` of a name, where the derivatives of its equation, its
    initial value or its formula are too large, or those of all equations together, or where too
    many earlier time steps are read.
    """
    extent = Extent()
    total = 0
    for equation in model.written_equations:
        for part in (*equation.preactivations, equation):
            symbols = extent.derivatives(part.expression)
            DERIVATIVES.check(symbols, place(equation.name))
            total += symbols
    for entry in model.declarations:
        if entry.initial is not None:
            DERIVATIVES.check(extent.derivatives(entry.initial), place(entry.name))
    for name, function in model.functions.items():
        if isinstance(function, Formula):
            DERIVATIVES.check(extent.derivatives(function.value), place(name))
    ALL_DERIVATIVES.check(total)
    REACH.check(sum(model.depth(entry.name) for entry in model.handed_on))


def is_named_within(model: Model) -> bool:
    """Whether derivatives have to name what the equations name within, as the arguments of
    functions: without these names some would be too large, for they grow as a power of two with
    the functions within functions.
    """
    extent = Extent()

    def symbols(equation: Equation) -> int:
        inner = {part.variable: part.expression for part in equation.preactivations}
        return extent.derivatives(equation.expression, inner)

    return any(symbols(equation) > MOST_UNNAMED for equation in model.all_equations)
