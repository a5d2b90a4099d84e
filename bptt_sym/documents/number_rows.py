"""Symbols with their numbers as lines of equations, several on one where they are narrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.expressions import Expr, MatrixExpr
from bptt_sym.documents.document import DisplayedFormula, Equations
from bptt_sym.documents.example import Value
from bptt_sym.documents.number_widths import BESIDE, digits_width
from bptt_sym.documents.telling import Telling
from bptt_sym.render.formulas import side_by_side
from bptt_sym.render.latex import TEXT_WIDTH
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
    lines: list[list[tuple[str, Value]]] = []
    room = 0.0
    lefts = [_left_width(telling, symbols, loss) for symbols, _ in entries]
    for (symbols, value), left in zip(entries, lefts, strict=True):
        taken = left + BESIDE + digits_width(value.digits)
        if not lines or taken > room or len(value.digits) != len(lines[-1][0][1].digits):
            lines.append([])
            # The signs of equality that come first stand below each other.
            room = TEXT_WIDTH - (max(lefts) - left)
        lines[-1].append((" = ".join(telling.math(symbol, loss) for symbol in symbols), value))
        room -= taken
    if lines:
        sides = [[(left, matrix(value.digits)) for left, value in line] for line in lines]
        rows = [Equations((DisplayedFormula((side_by_side(*line),)),)) for line in sides]
        listed = [*(row.ended(",") for row in rows[:-1]), rows[-1]]
        yield Equations(tuple(formula for row in listed for formula in row.formulas))


def _left_width(telling: Telling, symbols: Sequence[MatrixExpr], loss: Expr | None) -> float:
    boxes = [typeset(symbol, telling.model.notation, loss=loss) for symbol in symbols]
    return sum(map(width, boxes)) + EQUALS * (len(boxes) - 1)
