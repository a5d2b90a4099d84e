"""Symbols with their numbers as lines of equations, several on one where they are narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.expressions import Expr, MatrixExpr
from bptt_sym.documents.document import DisplayedFormula, Equations
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.example import Value
from bptt_sym.documents.worked.number_widths import digits_width, in_lines
from bptt_sym.render.formulas import stated
from bptt_sym.render.latex import TEXT_WIDTH
from bptt_sym.render.number_formulas import broken, matrix
from bptt_sym.render.tex_width import COMMA, width
from bptt_sym.render.typeset import typeset

EQUALS = 1.33
"""The width of an equals sign between two symbols."""


def number_rows(
    telling: Telling, entries: Sequence[tuple[Sequence[MatrixExpr], Value]], loss: Expr | None
) -> Iterator[Equations]:
    """What symbols are, those that have the same value as one equation.

    Vectors do not stand beside matrices. ``loss`` is what adjoints are of.
    """
    formulas = []
    lefts = [_left_width(telling, symbols, loss) for symbols, _ in entries]
    room = TEXT_WIDTH - max(lefts, default=0) - EQUALS - COMMA
    for (symbols, value), before_sign in zip(entries, lefts, strict=True):
        left = " = ".join(telling.math(symbol, loss) for symbol in symbols)
        first, *more = broken(in_lines(value.digits, room))
        formula = DisplayedFormula(
            (stated(left, first), *more),
            flat=f"{left} = {matrix(value.digits)}",
            width=before_sign + EQUALS + digits_width(value.digits),
            left=before_sign,
            # Matrices stand beside each other whatever their height, and vectors beside vectors.
            rows=min(len(value.digits), 2),
        )
        formulas.append(formula)
    if formulas:
        yield Equations(tuple(formulas), packs=True)


def _left_width(telling: Telling, symbols: Sequence[MatrixExpr], loss: Expr | None) -> float:
    boxes = [typeset(symbol, telling.model.notation, loss=loss) for symbol in symbols]
    return sum(map(width, boxes)) + EQUALS * (len(boxes) - 1)
