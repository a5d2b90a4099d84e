"""The equations for a range of steps: for those in general, and one by one for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bptt_sym.algebra.expressions import LAST_STEP, TIME, Expr, Integer
from bptt_sym.derivation.derivation import DerivedEquation, Span
from bptt_sym.derivation.reach import Case
from bptt_sym.derivation.step import Edge

EquationAt = Callable[[Expr, Sequence[Edge], Span | None], DerivedEquation]
"""The equation at a step, by what reads there, and the steps that it holds for, where several."""


def case_equations(equation: EquationAt, case: Case, *, rising: bool) -> Iterator[DerivedEquation]:
    """The equations for a range of steps, the last step first."""
    nearest, farthest = case.lags
    first = LAST_STEP - nearest
    if nearest == farthest:
        yield equation(first, case.readers, None)
        return
    if farthest is not None:
        yield equation(TIME, case.readers, Span(TIME, first, LAST_STEP - farthest, rising))
        return
    # What reads a later step is not there for the first steps.
    ahead = case.ahead
    yield equation(TIME, case.readers, Span(TIME, first, Integer(1 + ahead), rising))
    for time in range(ahead, 0, -1):
        readers = [edge for edge in case.readers if edge.lag + time >= 1]
        yield equation(Integer(time), readers, None)
