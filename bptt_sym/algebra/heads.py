"""Matrices with heads: as many matrices of one shape, one above the other, each taken by itself.

A quantity of H heads, each r x c, is a matrix of H r rows and c columns. Row by row its entries
are those of an array of H x r x c, so sums, products entry by entry and reshapes are the ordinary
ones; a product and a transpose head by head have a node of their own.

Source: the heads of A. Vaswani et al., Attention is all you need, 2017, 3.2.2; products of stacks
of matrices as in NumPy's ``matmul``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import KroneckerProduct

from bptt_sym.algebra import boxes
from bptt_sym.algebra.derivatives import Commutation, kronecker
from bptt_sym.algebra.expressions import (
    Compound,
    Expr,
    Identity,
    MatrixExpr,
    S,
    Shape,
    ZeroMatrix,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operation import Apply, Operation, Pairs, Show
from bptt_sym.algebra.spread_over import SpreadOver, SumOver, spread_over


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


def head_product(left: MatrixExpr, right: MatrixExpr, heads: Expr) -> MatrixExpr:
    """The product head by head, its numbers in front."""
    (first, a), (second, b) = split_coefficient(left), split_coefficient(right)
    if isinstance(a, ZeroMatrix) or isinstance(b, ZeroMatrix):
        return ZeroMatrix(left.rows, right.cols)
    return scale(first * second, HeadProduct(a, b, heads))


def head_transpose(operand: MatrixExpr, heads: Expr) -> MatrixExpr:
    """The transpose of each head, its number in front; that of one number in each is the same."""
    if operand.shape == (heads, S.One):
        return operand
    number, rest = split_coefficient(operand)
    if isinstance(rest, HeadTranspose) and rest.heads == heads:
        return scale(number, rest.operand)
    if _is_shared(rest):
        turned = transpose(rest.operand)
        return scale(number, spread_over(turned, S.One, heads, *turned.shape))
    turned = HeadTranspose(rest, heads)
    return ZeroMatrix(*turned.shape) if isinstance(rest, ZeroMatrix) else scale(number, turned)


def _is_shared(matrix: MatrixExpr) -> bool:
    """Whether it is a matrix that all heads have."""
    return isinstance(matrix, SpreadOver) and (
        matrix.args[3:] == matrix.operand.shape and matrix.args[1] == 1
    )


def as_one_product(expression: MatrixExpr) -> MatrixExpr:
    """The same as a product of two matrices of the rows of all heads, where it is one.

    A product with a matrix that all heads have is one, and the sum over the heads of a transpose
    times a matrix.
    """
    match expression:
        case HeadProduct(left=left, right=right) if _is_shared(right):
            return product(left, right.operand)
        case SumOver(operand=HeadProduct(left=HeadTranspose() as left) as each):
            if expression.shape == (each.rows / each.heads, each.cols):
                return product(transpose(left.operand), each.right)
    return expression


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
        sides = (boxes.as_factor(show(side, boxes.PRODUCT)) for side in node.args[:2])
        return boxes.Factors(boxes.enclosed([f for side in sides for f in boxes.factors_of(side)]))

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


class BlockDiagonalMatrix(Operation):
    """Heads along a diagonal: a product head by head as a matrix.

    What all heads share stands there as often as there are heads: a Kronecker product.
    """

    node = BlockDiagonal

    def box(self, node: BlockDiagonal, show: Show) -> boxes.Box:
        operand, heads, times = node.args
        if _is_shared(operand):
            return show(kronecker(Identity(heads * times), operand.operand), boxes.SUM)
        return boxes.Call("blockdiag", show(kronecker(Identity(times), operand), boxes.SUM))

    def value(self, node: BlockDiagonal, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        matrix, heads, times = operands
        each = matrix.reshape(int(heads), -1, matrix.shape[1]).repeat(int(times), axis=0)
        count, rows, columns = each.shape
        result = np.zeros((count, rows, count, columns), each.dtype)
        result[np.arange(count), :, np.arange(count), :] = each
        return result.reshape(count * rows, count * columns)
