"""Matrices with heads: as many matrices of one shape, one above the other, each taken by itself.

A quantity of H heads, each r x c, is a matrix of H r rows and c columns. Row by row its entries
are those of an array of H x r x c, so sums, products entry by entry and reshapes are the ordinary
ones; a product and a transpose head by head have a node of their own.

Source: the heads of A. Vaswani et al., Attention is all you need, 2017, 3.2.2; products of stacks
of matrices as in NumPy's ``matmul``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from sympy import KroneckerProduct

from bptt_sym.algebra import boxes
from bptt_sym.algebra.derivatives import Commutation, kronecker
from bptt_sym.algebra.expressions import (
    Compound,
    Expr,
    Identity,
    MatrixExpr,
    OneMatrix,
    S,
    Shape,
    ZeroMatrix,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operation import Apply, Operation, Pairs, Show


class HeadProduct(Compound):
    """The product head by head: of H heads r x c and H heads c x d, H heads r x d.

    ``args`` are the two matrices and H.
    """

    left = property(lambda self: self.args[0])
    right = property(lambda self: self.args[1])
    heads = property(lambda self: self.args[2])

    @property
    def shape(self) -> Shape:
        return self.left.rows, self.right.cols

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        rows, inner = self.left.rows / self.heads, self.left.cols
        head = i // rows
        terms = [self.left[i, k] * self.right[head * inner + k, j] for k in range(inner)]
        return sum(terms, start=S.Zero)


class HeadTranspose(Compound):
    """The transpose of each head: of H heads r x c, H heads c x r; ``args`` are these and H."""

    operand = property(lambda self: self.args[0])
    heads = property(lambda self: self.args[1])

    @property
    def shape(self) -> Shape:
        return self.heads * self.operand.cols, self.operand.rows / self.heads

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        rows, columns = self.operand.rows / self.heads, self.operand.cols
        return self.operand[(i // columns) * rows + j, i % columns]


class BlockDiagonal(Compound):
    """The heads of a matrix along a diagonal, each ``args[2]`` times; else zeros.

    ``args`` are the matrix, of H heads r x c, H, and how often each of them stands there. With k
    times it is a matrix of H k r rows and H k columns.
    """

    operand = property(lambda self: self.args[0])

    @property
    def shape(self) -> Shape:
        operand, heads, times = self.args
        return times * operand.rows, heads * times * operand.cols

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        operand, heads, times = self.args
        rows, columns = operand.rows / heads, operand.cols
        if i // rows != j // columns:
            return S.Zero
        return operand[(i // rows // times) * rows + i % rows, j % columns]


class HeadSpread(Compound):
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


class HeadSum(Compound):
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


def head_spread(operand: MatrixExpr, own: Expr, *sizes: Expr) -> MatrixExpr:
    """A matrix of its ``own`` heads spread over heads, rows and columns, its number in front."""
    number, rest = split_coefficient(operand)
    spread = HeadSpread(rest, own, *sizes)
    if all(few == many for few, many in spread.axes):
        return operand
    if isinstance(rest, ZeroMatrix | OneMatrix):
        return scale(number, rest.func(*spread.shape))
    return scale(number, spread)


def head_sum(operand: MatrixExpr, heads: Expr, *kept: Expr) -> MatrixExpr:
    """The sum over heads, rows or columns of which one is kept, its number in front."""
    number, rest = split_coefficient(operand)
    total = HeadSum(rest, heads, *kept)
    if all(few == many for few, many in total.axes):
        return operand
    return ZeroMatrix(*total.shape) if isinstance(rest, ZeroMatrix) else scale(number, total)


def head_product(left: MatrixExpr, right: MatrixExpr, heads: Expr) -> MatrixExpr:
    """The product head by head, its numbers in front."""
    (first, a), (second, b) = split_coefficient(left), split_coefficient(right)
    if isinstance(a, ZeroMatrix) or isinstance(b, ZeroMatrix):
        return ZeroMatrix(left.rows, right.cols)
    return scale(first * second, HeadProduct(a, b, heads))


def head_transpose(operand: MatrixExpr, heads: Expr) -> MatrixExpr:
    """The transpose of each head, its number in front."""
    number, rest = split_coefficient(operand)
    if isinstance(rest, HeadTranspose) and rest.heads == heads:
        return scale(number, rest.operand)
    turned = HeadTranspose(rest, heads)
    return ZeroMatrix(*turned.shape) if isinstance(rest, ZeroMatrix) else scale(number, turned)


class HeadProductOperation(Operation):
    """The product head by head: that of a block diagonal matrix and a matrix."""

    node = HeadProduct

    def rebuild(self, node: HeadProduct, arguments: Sequence[Any]) -> MatrixExpr:
        return head_product(*arguments)

    def transposed(self, node: HeadProduct, arguments: Sequence[Any]) -> MatrixExpr:
        left, right, heads = arguments
        return transpose(head_product(transpose(left), transpose(right), heads))

    def vjp(self, node: HeadProduct, cotangent: MatrixExpr) -> Pairs:
        left, right, heads = node.args
        return [
            (left, head_product(cotangent, head_transpose(right, heads), heads)),
            (right, head_product(head_transpose(left, heads), cotangent, heads)),
        ]

    def jacobian(self, node: HeadProduct, position: int, reached: MatrixExpr) -> MatrixExpr:
        left, right, heads = node.args
        if position == 0:
            return product(reached, BlockDiagonal(right, heads, left.rows / heads))
        spread = BlockDiagonal(head_transpose(left, heads), heads, S.One)
        return product(reached, kronecker(spread, Identity(right.cols)))

    def box(self, node: HeadProduct, show: Show) -> boxes.Box:
        return boxes.Factors(tuple(show(side, boxes.PRODUCT) for side in node.args[:2]))

    def value(self, node: HeadProduct, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        left, right, heads = operands
        count = int(heads)
        sides = (matrix.reshape(count, -1, matrix.shape[1]) for matrix in (left, right))
        return np.matmul(*sides).reshape(left.shape[0], right.shape[1])


class HeadTransposition(Operation):
    """The transpose of each head."""

    node = HeadTranspose

    def rebuild(self, node: HeadTranspose, arguments: Sequence[Any]) -> MatrixExpr:
        return head_transpose(*arguments)

    def transposed(self, node: HeadTranspose, arguments: Sequence[Any]) -> MatrixExpr:
        operand, heads = arguments
        return transpose(head_transpose(transpose(operand), heads))

    def vjp(self, node: HeadTranspose, cotangent: MatrixExpr) -> Pairs:
        number, rest = split_coefficient(cotangent)
        if not isinstance(rest, HeadProduct):
            return [(node.operand, head_transpose(cotangent, node.heads))]
        left, right = (head_transpose(side, node.heads) for side in rest.args[:2])
        return [(node.operand, scale(number, head_product(right, left, node.heads)))]

    def jacobian(self, node: HeadTranspose, position: int, reached: MatrixExpr) -> MatrixExpr:
        rows, columns = node.operand.rows / node.heads, node.operand.cols
        if rows == 1 or columns == 1:
            return reached  # each head has the same entries in the same order
        return product(reached, KroneckerProduct(Identity(node.heads), Commutation(rows, columns)))

    def box(self, node: HeadTranspose, show: Show) -> boxes.Box:
        return boxes.Superscript(show(node.operand, boxes.ATOM), None)

    def value(self, node: HeadTranspose, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, heads = operands
        stacked = matrix.reshape(int(heads), -1, matrix.shape[1])
        return stacked.swapaxes(1, 2).reshape(int(heads) * matrix.shape[1], -1)


class HeadSpreading(Operation):
    """What all heads, rows or columns share, spread over them."""

    node = HeadSpread

    def rebuild(self, node: HeadSpread, arguments: Sequence[Any]) -> MatrixExpr:
        return head_spread(*arguments)

    def transposed(self, node: HeadSpread, arguments: Sequence[Any]) -> MatrixExpr:
        operand, *sizes = arguments
        return transpose(head_spread(transpose(operand), *sizes))

    def vjp(self, node: HeadSpread, cotangent: MatrixExpr) -> Pairs:
        kept = [few for few, _ in node.axes]
        return [(node.operand, head_sum(cotangent, node.args[2], *kept))]

    def jacobian(self, node: HeadSpread, position: int, reached: MatrixExpr) -> MatrixExpr:
        each = [Identity(m) if few == m else OneMatrix(1, m) for few, m in node.axes]
        return product(reached, reduce(kronecker, each))

    def box(self, node: HeadSpread, show: Show) -> boxes.Box:
        return show(node.operand, boxes.ATOM)

    def value(self, node: HeadSpread, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, own, *sizes = operands
        heads, rows, columns = map(int, sizes)
        each = matrix.reshape(int(own), -1, matrix.shape[1])
        return np.broadcast_to(each, (heads, rows, columns)).reshape(heads * rows, columns)


class HeadSummation(Operation):
    """The sum over heads, over their rows or over their columns: what spreading hands back."""

    node = HeadSum

    def rebuild(self, node: HeadSum, arguments: Sequence[Any]) -> MatrixExpr:
        return head_sum(*arguments)

    def transposed(self, node: HeadSum, arguments: Sequence[Any]) -> MatrixExpr:
        operand, *sizes = arguments
        return transpose(head_sum(transpose(operand), *sizes))

    def vjp(self, node: HeadSum, cotangent: MatrixExpr) -> Pairs:
        whole = [many for _, many in node.axes]
        return [(node.operand, head_spread(cotangent, node.args[2], *whole))]

    def jacobian(self, node: HeadSum, position: int, reached: MatrixExpr) -> MatrixExpr:
        each = [Identity(m) if few == m else OneMatrix(m, 1) for few, m in node.axes]
        return product(reached, reduce(kronecker, each))

    def box(self, node: HeadSum, show: Show) -> boxes.Box:
        summed = [few != many for few, many in node.axes]
        over = "".join(name for name, gone in zip("hrc", summed, strict=True) if gone)
        return boxes.Call(f"sum_{over}", show(node.operand, boxes.SUM))

    def value(self, node: HeadSum, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, heads, *kept = operands
        each = matrix.reshape(int(heads), -1, matrix.shape[1])
        for axis, (few, many) in enumerate(node.axes):
            each = each if few == many else each.sum(axis=axis, keepdims=True)
        return each.reshape(int(kept[0]) * int(kept[1]), int(kept[2]))


class BlockDiagonalMatrix(Operation):
    """Heads along a diagonal: a product head by head as a matrix."""

    node = BlockDiagonal

    def box(self, node: BlockDiagonal, show: Show) -> boxes.Box:
        operand, _, times = node.args
        shown = show(operand, boxes.SUM)
        if times == 1:
            return boxes.Call("blockdiag", shown)
        inner = boxes.Factors(
            (boxes.Constant("identity", show(times, boxes.SUM)), shown), "kronecker"
        )
        return boxes.Call("blockdiag", inner)

    def value(self, node: BlockDiagonal, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, heads, times = operands
        each = matrix.reshape(int(heads), -1, matrix.shape[1]).repeat(int(times), axis=0)
        count, rows, columns = each.shape
        result = np.zeros((count, rows, count, columns), each.dtype)
        result[np.arange(count), :, np.arange(count), :] = each
        return result.reshape(count * rows, count * columns)
