"""Spreading over heads, rows and columns, and the sum over them: each is the other's adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from bptt_sym.algebra import boxes
from bptt_sym.algebra.derivatives import kronecker
from bptt_sym.algebra.expressions import Identity, MatrixExpr, OneMatrix, product, transpose
from bptt_sym.algebra.operation import Apply, Operation, Pairs, Show
from bptt_sym.algebra.spread_over import SpreadOver, SumOver, spread_over, sum_over


class SpreadingOver(Operation):
    """What all heads, rows or columns share, spread over them."""

    node = SpreadOver

    def rebuild(self, node: SpreadOver, arguments: Sequence[Any]) -> MatrixExpr:
        return spread_over(*arguments)

    def transposed(self, node: SpreadOver, arguments: Sequence[Any]) -> MatrixExpr:
        operand, *sizes = arguments
        return transpose(spread_over(transpose(operand), *sizes))

    def vjp(self, node: SpreadOver, cotangent: MatrixExpr) -> Pairs:
        kept = [few for few, _ in node.axes]
        return [(node.operand, sum_over(cotangent, node.args[2], *kept))]

    def jacobian(self, node: SpreadOver, position: int, reached: MatrixExpr) -> MatrixExpr:
        each = [Identity(m) if few == m else OneMatrix(1, m) for few, m in node.axes]
        return product(reached, reduce(kronecker, each))

    def box(self, node: SpreadOver, show: Show) -> boxes.Box:
        return show(node.operand, boxes.SUM)

    def value(self, node: SpreadOver, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, own, *sizes = operands
        heads, rows, columns = map(int, sizes)
        each = matrix.reshape(int(own), -1, matrix.shape[1])
        return np.broadcast_to(each, (heads, rows, columns)).reshape(heads * rows, columns)


class SummingOver(Operation):
    """The sum over heads, over their rows or over their columns: what spreading hands back."""

    node = SumOver

    def rebuild(self, node: SumOver, arguments: Sequence[Any]) -> MatrixExpr:
        return sum_over(*arguments)

    def transposed(self, node: SumOver, arguments: Sequence[Any]) -> MatrixExpr:
        operand, *sizes = arguments
        return transpose(sum_over(transpose(operand), *sizes))

    def vjp(self, node: SumOver, cotangent: MatrixExpr) -> Pairs:
        whole = [many for _, many in node.axes]
        return [(node.operand, spread_over(cotangent, node.args[2], *whole))]

    def jacobian(self, node: SumOver, position: int, reached: MatrixExpr) -> MatrixExpr:
        each = [Identity(m) if few == m else OneMatrix(m, 1) for few, m in node.axes]
        return product(reached, reduce(kronecker, each))

    def box(self, node: SumOver, show: Show) -> boxes.Box:
        summed = [few != many for few, many in node.axes]
        over = "".join(name for name, gone in zip("hrc", summed, strict=True) if gone)
        return boxes.Call(f"sum_{over}", show(node.operand, boxes.SUM))

    def value(self, node: SumOver, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, heads, *kept = operands
        each = matrix.reshape(int(heads), -1, matrix.shape[1])
        for axis, (few, many) in enumerate(node.axes):
            each = each if few == many else each.sum(axis=axis, keepdims=True)
        return each.reshape(int(kept[0]) * int(kept[1]), int(kept[2]))
