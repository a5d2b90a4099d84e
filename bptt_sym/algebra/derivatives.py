"""Operations that occur in derivatives alone: diagonal matrices, Kronecker products, vec, sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bptt_sym.algebra import layout as box
from bptt_sym.algebra.expressions import (
    Compound,
    DiagMatrix,
    Expr,
    Identity,
    KroneckerProduct,
    MatrixExpr,
    RowByRow,
    Shape,
    TimeProduct,
    TimeSum,
    transposed_product,
)
from bptt_sym.algebra.operation import Apply, Operation, Show


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


def from_row(row: MatrixExpr, shape: Shape) -> MatrixExpr:
    """A row of entries in another shape, row after row: the inverse of vec."""
    if shape[0] == 1:
        return row
    return transposed_product(row) if shape[1] == 1 else InRows(row, *shape)


def as_row(matrix: MatrixExpr) -> MatrixExpr:
    """The entries of a matrix as one row, row after row: vec."""
    if matrix.rows == 1:
        return matrix
    return transposed_product(matrix) if matrix.cols == 1 else RowByRow(matrix)


class Diagonal(Operation):
    """The diagonal matrix of a vector: the Jacobian of an elementwise function."""

    node = DiagMatrix

    def layout(self, node: DiagMatrix, show: Show) -> box.Layout:
        return box.Call("diag", show(node.args[0], box.SUM))

    def value(self, node: DiagMatrix, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.diag(operands[0].ravel())


class Kronecker(Operation):
    """The Kronecker product, in the Jacobian by a matrix."""

    node = KroneckerProduct

    def layout(self, node: KroneckerProduct, show: Show) -> box.Layout:
        return box.Factors(tuple(show(arg, box.POWER) for arg in node.args), "kronecker")

    def value(self, node: KroneckerProduct, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.kron(*operands)


class Vectorisation(Operation):
    """The entries of a matrix as one row, in the Jacobian by a matrix."""

    node = RowByRow

    def jacobian(self, node: RowByRow, position: int, reached: MatrixExpr) -> MatrixExpr:
        return reached

    def layout(self, node: RowByRow, show: Show) -> box.Layout:
        return box.Call("vec", show(node.operand, box.SUM))

    def value(self, node: RowByRow, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0].reshape(1, -1)


class InRowsOperation(Operation):
    """A row of entries as a matrix."""

    node = InRows

    def layout(self, node: InRows, show: Show) -> box.Layout:
        return box.Call("matrix", show(node.operand, box.SUM))

    def value(self, node: InRows, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        entries, rows, columns = operands
        return entries.reshape(int(rows), int(columns))


class CommutationMatrix(Operation):
    """The matrix that turns vec of a matrix into vec of its transpose."""

    node = Commutation

    def layout(self, node: Commutation, show: Show) -> box.Layout:
        rows, columns = (show(argument, box.SUM) for argument in node.args)
        return box.Application("K", (rows, columns))

    def value(self, node: Commutation, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        rows, columns = map(int, operands)
        identity = np.eye(rows * columns, dtype=int)
        return identity.reshape(-1, rows, columns).transpose(0, 2, 1).reshape(rows * columns, -1)


class SelectionMatrix(Operation):
    """Columns of the identity: a slice of a vector as a matrix."""

    node = Selection

    def layout(self, node: Selection, show: Show) -> box.Layout:
        size, start, stop = (show(argument, box.SUM) for argument in node.args)
        return box.Part(box.Constant("identity", size), start, stop, columns=True)

    def value(self, node: Selection, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        size, start, stop = map(int, operands)
        return np.eye(size, dtype=int)[:, start:stop]


class SumOverTime(Operation):
    """A sum over time steps."""

    node = TimeSum

    def layout(self, node: TimeSum, show: Show) -> box.Layout:
        body, *limits = node.args
        index, lower, upper = (show(limit, box.SUM) for limit in limits)
        return box.Big("sum", show(body, box.PRODUCT), index, lower, upper)


class ProductOverTime(Operation):
    """A product of Jacobians over time steps."""

    node = TimeProduct

    def layout(self, node: TimeProduct, show: Show) -> box.Layout:
        body, *limits = node.args
        index, lower, upper = (show(limit, box.SUM) for limit in limits)
        return box.Big("product", show(body, box.PRODUCT), index, lower, upper)
