"""Operations that occur in derivatives alone: diagonal matrices, Kronecker products, vec, sums."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from sympy import KroneckerProduct, S, expand

from bptt_sym.algebra import boxes
from bptt_sym.algebra.expressions import (
    Compound,
    DiagMatrix,
    Expr,
    Identity,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Shape,
    ZeroMatrix,
    hadamard,
    number_of_entries,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operation import Apply, Operation, Pairs, ShapeError, Show, is_vector
from bptt_sym.algebra.over_time import TimeProduct, TimeSum
from bptt_sym.algebra.spread_over import SpreadOver, sum_over


class RowByRow(MatrixExpr):
    """The entries of a matrix as one row, row after row: vec in row-major order."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (S.One, number_of_entries(self.args[0])))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        columns = self.operand.cols
        return self.operand[j // columns, j % columns]


class InRows(Compound):
    """The matrix of a row of entries, row after row: the inverse of vec."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (self.args[1], self.args[2]))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[0, i * self.cols + j]


class Commutation(Compound):
    """The matrix K with vec(X^T) = vec(X) K for a matrix X of ``args`` rows and columns.

    Source: Magnus and Neudecker, Matrix Differential Calculus, 3.7.
    """

    @property
    def shape(self) -> Shape:
        entries = self.args[0] * self.args[1]
        return entries, entries

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        rows, columns = self.args
        row, column = i // columns, i % columns
        return Identity(rows * columns)[column * rows + row, j]


class Selection(Compound):
    """The columns start, ..., stop - 1 of the identity of a size: a slice as a matrix.

    ``args`` are the size, start and stop.
    """

    @property
    def shape(self) -> Shape:
        size, start, stop = self.args
        return size, stop - start

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return Identity(self.rows)[i, j + self.args[1]]


def kronecker(left: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
    """The Kronecker product, where neither side is the 1 x 1 identity; ones at its end are one."""
    if isinstance(left, Identity) and left.rows == 1:
        return right
    if isinstance(right, Identity) and right.rows == 1:
        return left
    if isinstance(right, OneMatrix) and isinstance(left, OneMatrix):
        return OneMatrix(left.rows * right.rows, left.cols * right.cols)
    if isinstance(right, OneMatrix) and isinstance(left, KroneckerProduct):
        *others, last = left.args
        if isinstance(last, OneMatrix):
            return KroneckerProduct(*others, kronecker(last, right))
    return KroneckerProduct(left, right)


def transposed_product(expression: MatrixExpr) -> MatrixExpr:
    """The transpose, that of a product written as one: a column times a row stays one."""
    coefficient, rest = split_coefficient(expression)
    factors = rest.args if isinstance(rest, MatMul) else (rest,)
    return scale(coefficient, product(*map(transpose, reversed(factors))))


def from_row(row: MatrixExpr, shape: Shape) -> MatrixExpr:
    """A row of entries in another shape, row after row: the inverse of vec."""
    number, rest = split_coefficient(row)
    if shape[0] == 1:
        return row
    if isinstance(rest, RowByRow) and rest.operand.shape == shape:
        return scale(number, rest.operand)
    if isinstance(row, ZeroMatrix):
        return ZeroMatrix(*shape)
    return transposed_product(row) if shape[1] == 1 else InRows(row, *shape)


def as_row(matrix: MatrixExpr) -> MatrixExpr:
    """The entries of a matrix as one row, row after row: vec."""
    if matrix.rows == 1:
        return matrix
    return transposed_product(matrix) if matrix.cols == 1 else RowByRow(matrix)


class Diagonal(Operation):
    """The diagonal matrix of a vector: the Jacobian of an elementwise function."""

    node = DiagMatrix
    syntax = "diag"

    def build(self, vector: MatrixExpr) -> MatrixExpr:
        if not is_vector(vector.shape):
            raise ShapeError("diag is of a vector")
        return self.rebuild(vector, [vector])

    def rebuild(self, node: MatrixExpr, arguments: Sequence[Any]) -> MatrixExpr:
        number, rest = split_coefficient(arguments[0])
        if rest.shape == (1, 1):
            return arguments[0]
        if isinstance(rest, ZeroMatrix):
            return ZeroMatrix(rest.rows * rest.cols, rest.rows * rest.cols)
        if isinstance(rest, OneMatrix):
            return scale(number, Identity(rest.rows * rest.cols))
        return scale(number, DiagMatrix(rest))

    def transposed(self, node: DiagMatrix, arguments: Sequence[Any]) -> MatrixExpr:
        return self.rebuild(node, arguments)

    def vjp(self, node: DiagMatrix, cotangent: MatrixExpr) -> Pairs:
        vector = node.args[0]
        return [(vector, _entries_on_diagonal(cotangent, vector.shape))]

    def jacobian(self, node: DiagMatrix, position: int, reached: MatrixExpr) -> MatrixExpr:
        identity = Identity(node.rows)
        return product(
            reached,
            KroneckerProduct(OneMatrix(1, node.rows), identity),
            DiagMatrix(RowByRow(identity)),
        )

    def box(self, node: DiagMatrix, show: Show) -> boxes.Box:
        return boxes.Call("diag", show(node.args[0], boxes.SUM))

    def value(self, node: DiagMatrix, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.diag(operands[0].ravel())


def _entries_on_diagonal(matrix: MatrixExpr, shape: Shape) -> MatrixExpr:
    """The diagonal of a square matrix as a vector; that of a column times a row entry by entry."""
    number, rest = split_coefficient(matrix)
    factors = rest.args if isinstance(rest, MatMul) else (rest,)
    for place, factor in enumerate(factors[:-1], start=1):
        if factor.cols == 1:
            column, row = product(*factors[:place]), product(*factors[place:])
            if shape[0] == 1:
                return scale(number, hadamard(transpose(column), row))
            return scale(number, hadamard(column, transpose(row)))
    return sum_over(hadamard(Identity(matrix.rows), matrix), S.One, S.One, *shape)


class Kronecker(Operation):
    """The Kronecker product, in the Jacobian with respect to a matrix."""

    node = KroneckerProduct

    def box(self, node: KroneckerProduct, show: Show) -> boxes.Box:
        return boxes.Factors(tuple(show(arg, boxes.POWER) for arg in node.args), "kronecker")

    def value(self, node: KroneckerProduct, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.kron(*operands)


def _spread_row(spread: SpreadOver) -> MatrixExpr:
    """vec of what is spread: vec of it times ones, those before and after all it has outside."""
    each = [Identity(m) if few == m else OneMatrix(1, m) for few, m in spread.axes if m != 1]
    before: list[MatrixExpr] = []
    after: list[MatrixExpr] = []
    while isinstance(each[0], OneMatrix):
        before.append(each.pop(0))
    while isinstance(each[-1], OneMatrix):
        after.insert(0, each.pop())
    row = as_row(spread.operand)
    if any(isinstance(size, OneMatrix) for size in each):
        row = product(row, reduce(kronecker, each))
    return reduce(kronecker, (*before, row, *after))


class Vectorisation(Operation):
    """The entries of a matrix as one row, in the Jacobian with respect to a matrix."""

    node = RowByRow

    def transposed(self, node: RowByRow, arguments: Sequence[Any]) -> MatrixExpr:
        return transpose(as_row(transpose(arguments[0])))

    def vjp(self, node: RowByRow, cotangent: MatrixExpr) -> Pairs:
        return [(node.operand, from_row(cotangent, node.operand.shape))]

    def jacobian(self, node: RowByRow, position: int, reached: MatrixExpr) -> MatrixExpr:
        return reached

    def box(self, node: RowByRow, show: Show) -> boxes.Box:
        number, rest = split_coefficient(node.operand)
        if isinstance(rest, SpreadOver):
            # Within vec nothing would show over what it is spread.
            return show(scale(number, _spread_row(rest)), boxes.SUM)
        return boxes.Call("vec", show(node.operand, boxes.SUM))

    def value(self, node: RowByRow, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0].reshape(1, -1)


class InRowsOperation(Operation):
    """A row of entries as a matrix."""

    node = InRows
    syntax = "reshape"

    def build(self, operand: MatrixExpr, *sizes: Expr) -> MatrixExpr:
        """The entries row by row in other sizes: one of a row, two of a matrix."""
        rows, columns = (S.One, *sizes)[-2:]
        wanted, entries = expand(rows * columns), expand(operand.rows * operand.cols)
        if wanted != entries:
            raise ShapeError(f"it has {entries} entries, not {wanted}")
        return from_row(as_row(operand), (rows, columns))

    def transposed(self, node: InRows, arguments: Sequence[Any]) -> MatrixExpr:
        row, rows, columns = arguments
        return transpose(from_row(transpose(row), (rows, columns)))

    def vjp(self, node: InRows, cotangent: MatrixExpr) -> Pairs:
        return [(node.operand, as_row(cotangent))]

    def jacobian(self, node: InRows, position: int, reached: MatrixExpr) -> MatrixExpr:
        return reached

    def rebuild(self, node: InRows, arguments: Sequence[Any]) -> MatrixExpr:
        row, rows, columns = arguments
        return from_row(row, (rows, columns))

    def box(self, node: InRows, show: Show) -> boxes.Box:
        return boxes.Call("matrix", show(node.operand, boxes.SUM))

    def value(self, node: InRows, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        entries, rows, columns = operands
        return entries.reshape(int(rows), int(columns))


class CommutationMatrix(Operation):
    """The matrix that turns vec of a matrix into vec of its transpose."""

    node = Commutation

    def box(self, node: Commutation, show: Show) -> boxes.Box:
        rows, columns = (show(argument, boxes.SUM) for argument in node.args)
        return boxes.Application("K", (rows, columns))

    def value(self, node: Commutation, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        rows, columns = map(int, operands)
        identity = np.eye(rows * columns, dtype=int)
        return identity.reshape(-1, rows, columns).transpose(0, 2, 1).reshape(rows * columns, -1)


class SelectionMatrix(Operation):
    """Columns of the identity: a slice of a vector as a matrix."""

    node = Selection

    def box(self, node: Selection, show: Show) -> boxes.Box:
        size, start, stop = (show(argument, boxes.SUM) for argument in node.args)
        return boxes.Part(boxes.Constant("identity", size), start, stop, columns=True)

    def value(self, node: Selection, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        size, start, stop = map(int, operands)
        return np.eye(size, dtype=int)[:, start:stop]


class SumOverTime(Operation):
    """A sum over time steps."""

    node = TimeSum

    def box(self, node: TimeSum, show: Show) -> boxes.Box:
        body, *limits = node.args
        index, lower, upper = (show(limit, boxes.SUM) for limit in limits)
        return boxes.Big("sum", show(body, boxes.PRODUCT), index, lower, upper)


class ProductOverTime(Operation):
    """A product of Jacobians over time steps."""

    node = TimeProduct

    def box(self, node: TimeProduct, show: Show) -> boxes.Box:
        body, *limits = node.args
        index, lower, upper = (show(limit, boxes.SUM) for limit in limits)
        return boxes.Big("product", show(body, boxes.PRODUCT), index, lower, upper)
