"""Symbols with their numbers as lines of equations, several on one where they are narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.expressions import Expr, MatrixExpr
from bptt_sym.documents.document import DisplayedFormula, Equations
from bptt_sym.documents.example import Value
from bptt_sym.documents.number_widths import digits_width
from bptt_sym.documents.telling import Telling
from bptt_sym.render.formulas import stated
from bptt_sym.render.number_formulas import matrix
from bptt_sym.render.tex_width import width
from bptt_sym.render.typeset import typeset

EQUALS = 1.33
"""The width of an equals sign between two symbols."""


def number_rows(
    telling: Telling, entries: Sequence[tuple[Sequence[MatrixExpr], Value]], loss: Expr | None
) -> Iterator[Equations]:
    """What symbols are, those that have the same value as one equation.

    The matrices of a line are of one height. ``loss`` is what adjoints are of.
    """
    formulas = []
    for symbols, value in entries:
        left = " = ".join(telling.math(symbol, loss) for symbol in symbols)
        right = matrix(value.digits)
        before_sign = _left_width(telling, symbols, loss)
        formula = DisplayedFormula(
            (stated(left, right),),
            flat=f"{left} = {right}",
            width=before_sign + EQUALS + digits_width(value.digits),
            left=before_sign,
            rows=len(value.digits),
        )
        formulas.append(formula)
    if formulas:
        yield Equations(tuple(formulas), packs=True)


def _left_width(telling: Telling, symbols: Sequence[MatrixExpr], loss: Expr | None) -> float:
    boxes = [typeset(symbol, telling.model.notation, loss=loss) for symbol in symbols]
    return sum(map(width, boxes)) + EQUALS * (len(boxes) - 1)
