"""What is spread over heads, rows and columns, as NumPy broadcasts it, and sums over them.

A matrix without heads has one.
"""

from __future__ import annotations

from typing import Any

from bptt_sym.algebra.expressions import (
    Compound,
    Expr,
    MatrixExpr,
    OneMatrix,
    S,
    ZeroMatrix,
    scale,
    split_coefficient,
)


class SpreadOver(Compound):
    """What has one head, row or column in the place of several, spread over them.

    ``args`` are the matrix, the number of its own heads, and the heads, rows and columns that it is
    spread over: of each it has as many, or one.
    """

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (self.args[2] * self.args[3], self.args[4]))

    @property
    def axes(self) -> list[tuple[Expr, Expr]]:
        """Its own heads, rows and columns, each with what they are spread over."""
        operand, own, *sizes = self.args
        return list(zip((own, operand.rows / own, operand.cols), sizes, strict=True))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        operand, own, _, rows, _ = self.args
        own_rows = operand.rows / own
        head, row = (i // rows if own != 1 else 0), (i % rows if own_rows != 1 else 0)
        return operand[head * own_rows + row, j if operand.cols != 1 else 0]


class SumOver(Compound):
    """The sum over heads, over their rows or over their columns.

    ``args`` are the matrix, the number of its heads, and the heads, rows and columns of the result:
    of each it has as many, or one, over which it is summed.
    """

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (self.args[2] * self.args[3], self.args[4]))

    @property
    def axes(self) -> list[tuple[Expr, Expr]]:
        """The heads, rows and columns of the result, each with those of the operand."""
        operand, heads, *kept = self.args
        return list(zip(kept, (heads, operand.rows / heads, operand.cols), strict=True))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        (heads, all_heads), (rows, all_rows), (columns, all_columns) = self.axes
        entries = (
            self.operand[a * all_rows + b, c]
            for a in ([i // rows] if heads == all_heads else range(all_heads))
            for b in ([i % rows] if rows == all_rows else range(all_rows))
            for c in ([j] if columns == all_columns else range(all_columns))
        )
        return sum(entries, start=S.Zero)


def spread_over(operand: MatrixExpr, own: Expr, *sizes: Expr) -> MatrixExpr:
    """A matrix of its ``own`` heads spread over heads, rows and columns, its number in front."""
    number, rest = split_coefficient(operand)
    spread = SpreadOver(rest, own, *sizes)
    if all(few == many for few, many in spread.axes):
        return operand
    if isinstance(rest, ZeroMatrix | OneMatrix):
        return scale(number, rest.func(*spread.shape))
    return scale(number, spread)


def sum_over(operand: MatrixExpr, heads: Expr, *kept: Expr) -> MatrixExpr:
    """The sum over heads, rows or columns of which one is kept, its number in front."""
    number, rest = split_coefficient(operand)
    total = SumOver(rest, heads, *kept)
    if all(few == many for few, many in total.axes):
        return operand
    return ZeroMatrix(*total.shape) if isinstance(rest, ZeroMatrix) else scale(number, total)
