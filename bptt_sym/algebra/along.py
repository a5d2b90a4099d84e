"""Along an axis of a matrix: sums, what is spread again, functions of each row or column.

An axis is NumPy's of an array of two dimensions: along axis 0 lie the entries of a column, along
axis 1 those of a row. What is summed along an axis keeps it with one entry: of an m x n matrix,
1 x n along axis 0 and m x 1 along axis 1. A vector has entries along one axis alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

from sympy import Expr, Integer, S

from bptt_sym.algebra import boxes
from bptt_sym.algebra.arithmetic import sum_of_entries
from bptt_sym.algebra.entries import broadcast, quotient, size
from bptt_sym.algebra.expressions import Compound, MatrixExpr, Shape
from bptt_sym.algebra.operation import Apply, Operation, ShapeError, Show, is_vector
from bptt_sym.algebra.spread_over import sum_over


class AlongAxis(Compound):
    """A function of all entries along an axis, in the shape of its operand; ``args`` are both.

    The axis of a vector need not be told.
    """

    def __new__(cls, operand: MatrixExpr, axis: Expr | int | None = None, *more: Any) -> Self:
        axis = long_axis(operand) if axis is None else axis
        return super().__new__(cls, operand, Integer(axis), *more)

    operand = property(lambda self: self.args[0])
    axis = property(lambda self: int(self.args[1]))
    shape = property(lambda self: self.args[0].shape)

    def _entries(self, i: Expr, j: Expr) -> list[Expr]:
        """The entries of the operand in the column or row of an entry."""
        operand = self.operand
        if self.axis == 0:
            return [operand[k, j] for k in range(int(operand.rows))]
        return [operand[i, k] for k in range(int(operand.cols))]


class AxisReduction(AlongAxis):
    """A number that all entries along an axis have."""

    @property
    def shape(self) -> Shape:
        rows, columns = self.operand.shape
        return (S.One, columns) if self.axis == 0 else (rows, S.One)


def long_axis(vector: MatrixExpr) -> int:
    """The axis along which a vector has its entries."""
    return 1 if vector.rows == 1 else 0


def chosen_axis(word: str, operand: MatrixExpr, axis: int | None) -> int:
    """The axis of an operation, told or that of a vector.

    Raises ShapeError where it is missing, or where there is one entry along it.
    """
    if axis is None:
        if not is_vector(operand.shape):
            raise ShapeError(
                f"{word} is of a vector, or along an axis of a matrix, as in {word}(A, axis=1)"
            )
        return long_axis(operand)
    if operand.shape[axis] == 1 and operand.shape != (1, 1):
        raise ShapeError(
            f"along axis {axis} there is one entry; the axis of a vector may be left out"
        )
    return axis


class AxisOperation(Operation):
    """A function of all entries along an axis, called by its name in the language."""

    shown: ClassVar[str] = ""
    """Its name in print, where that is another."""
    primes: ClassVar[int] = 0

    def build(self, operand: MatrixExpr, axis: int | None = None) -> MatrixExpr:
        return self.node(operand, chosen_axis(self.syntax, operand, axis))

    def transposed(self, node: Any, arguments: Sequence[Any]) -> MatrixExpr:
        operand, axis = arguments
        return self.rebuild(node, (operand, 1 - axis))

    def box(self, node: Any, show: Show) -> boxes.Box:
        axis = None if is_vector(node.operand.shape) else node.axis
        operand = show(node.operand, boxes.SUM)
        return boxes.Call(self.shown or self.syntax, operand, self.primes, axis)

    def value(self, node: Any, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        operand, axis = operands
        return self.along(np, operand, int(axis), apply)

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        """The value for a NumPy matrix."""
        raise NotImplementedError(self.syntax)


def sum_along(operand: MatrixExpr, axis: int) -> MatrixExpr:
    """The sums of the entries along an axis."""
    if is_vector(operand.shape):
        return operand if operand.shape[axis] == 1 else sum_of_entries(operand)
    kept = (S.One, operand.cols) if axis == 0 else (operand.rows, S.One)
    return sum_over(operand, S.One, S.One, *kept)


def total(operand: MatrixExpr, axis: int | None = None) -> MatrixExpr:
    """The sum of all entries, or of those along an axis."""
    if axis is None:
        return sum_of_entries(operand)
    return sum_along(operand, chosen_axis("sum", operand, axis))


def mean(operand: MatrixExpr, axis: int | None = None) -> MatrixExpr:
    """The mean of all entries, or of those along an axis."""
    rows, columns = operand.shape
    if axis is None:
        return quotient(sum_of_entries(operand), size(rows * columns))
    return mean_along(operand, chosen_axis("mean", operand, axis))


def mean_along(operand: MatrixExpr, axis: int) -> MatrixExpr:
    """The means of the entries along an axis."""
    sums = sum_along(operand, axis)
    return quotient(sums, broadcast(size(operand.shape[axis]), sums.shape))
