"""Inverses, linear systems and determinants of square matrices.

Source of the derivatives: Giles, An extended collection of matrix derivative results for forward
and reverse mode algorithmic differentiation (2008), sections 2.2.1 to 2.2.4 and 2.3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, S, log

from bptt_sym.algebra import boxes
from bptt_sym.algebra.derivatives import kronecker
from bptt_sym.algebra.entries import broadcast, quotient
from bptt_sym.algebra.expressions import (
    Compound,
    Identity,
    MatrixExpr,
    OneMatrix,
    Transpose,
    ZeroMatrix,
    hadamard,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operation import Apply, Operation, Pairs, ShapeError, Show


class InverseMatrix(Compound):
    """The inverse of a square matrix."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand.as_explicit().inv()[i, j]


class Solution(Compound):
    """The X with A X = B, for a square matrix A; ``args`` are A and B."""

    matrix = property(lambda self: self.args[0])
    right = property(lambda self: self.args[1])
    shape = property(lambda self: self.args[1].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return (self.matrix.as_explicit().inv() * self.right.as_explicit())[i, j]


class _OfMatrix(Compound):
    """A number that a square matrix has."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (S.One, S.One))


class DeterminantOf(_OfMatrix):
    """The determinant."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand.as_explicit().det()


class LogDeterminant(_OfMatrix):
    """The logarithm of the absolute value of the determinant."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return log(abs(self.operand.as_explicit().det()))


def inverse(matrix: MatrixExpr) -> MatrixExpr:
    """The inverse; that of a transpose is the transpose of the inverse, numbers stand in front."""
    coefficient, rest = split_coefficient(matrix)
    if matrix.shape == (1, 1):
        return quotient(OneMatrix(1, 1), matrix)
    if isinstance(rest, Identity):
        return scale(1 / coefficient, rest)
    if isinstance(rest, InverseMatrix):
        return scale(1 / coefficient, rest.operand)
    if isinstance(rest, Transpose):
        return scale(1 / coefficient, transpose(inverse(rest.arg)))
    return scale(1 / coefficient, InverseMatrix(rest))


def solution(matrix: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
    """The X with matrix X = right; numbers stand in front."""
    under, divisor = split_coefficient(matrix)
    over, rest = split_coefficient(right)
    if isinstance(rest, ZeroMatrix) or isinstance(divisor, Identity):
        return scale(over / under, rest)
    if matrix.shape == (1, 1):
        return quotient(right, broadcast(matrix, right.shape))
    if isinstance(rest, Identity):
        return scale(over, inverse(matrix))
    return scale(over / under, Solution(divisor, rest))


def _check_square(word: str, matrix: MatrixExpr) -> None:
    if matrix.rows != matrix.cols:
        raise ShapeError(f"{word} is of a square matrix")


class Inversion(Operation):
    """inv(A): from the cotangent C of A^-1, A receives -A^-T C A^-T."""

    node = InverseMatrix
    syntax = "inv"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        _check_square(self.syntax, operand)
        return inverse(operand)

    def rebuild(self, node: InverseMatrix, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return inverse(*arguments)

    def vjp(self, node: InverseMatrix, cotangent: MatrixExpr) -> Pairs:
        turned = transpose(node)
        return [(node.operand, scale(-1, product(turned, cotangent, turned)))]

    def box(self, node: InverseMatrix, show: Show) -> boxes.Box:
        return _inverse_box(node.operand, show)

    def value(self, node: InverseMatrix, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.linalg.inv(operands[0])


class Solving(Operation):
    """solve(A, B): from the cotangent C of X, B receives D = A^-T C and A receives -D X^T."""

    node = Solution
    syntax = "solve"

    def build(self, matrix: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
        if matrix.rows != matrix.cols:
            raise ShapeError("the first must be a square matrix")
        if matrix.rows != right.rows:
            raise ShapeError(
                "the matrix and what stands on the right must have as many rows; "
                "for a row v write solve(A, v.T).T, or for v times the inverse, solve(A.T, v.T).T"
            )
        return solution(matrix, right)

    def rebuild(self, node: Solution, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return solution(*arguments)

    def transposed(self, node: Solution, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        matrix, right = arguments
        return product(right, inverse(matrix))

    def vjp(self, node: Solution, cotangent: MatrixExpr) -> Pairs:
        pulled = solution(transpose(node.matrix), cotangent)
        return [
            (node.right, pulled),
            (node.matrix, scale(-1, product(pulled, transpose(node)))),
        ]

    def jacobian(self, node: Solution, position: int, reached: MatrixExpr) -> MatrixExpr:
        left = transpose(inverse(node.matrix))
        return product(reached, kronecker(left, Identity(node.cols)))

    def box(self, node: Solution, show: Show) -> boxes.Box:
        right = show(node.right, boxes.PRODUCT)
        elementwise = isinstance(right, boxes.Factors) and right.kind != "matrix"
        return boxes.Factors(
            (_inverse_box(node.matrix, show), boxes.Brackets(right) if elementwise else right)
        )

    def value(self, node: Solution, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.linalg.solve(*operands)


class LogDetOperation(Operation):
    """logdet(A): its derivative with respect to A is A^-T."""

    node = LogDeterminant
    syntax = "logdet"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        _check_square(self.syntax, operand)
        if operand.shape == (1, 1):
            return Elementwise("log", Elementwise("abs", operand))
        return LogDeterminant(operand)

    def vjp(self, node: LogDeterminant, cotangent: MatrixExpr) -> Pairs:
        turned = transpose(inverse(node.operand))
        return [(node.operand, hadamard(broadcast(cotangent, turned.shape), turned))]

    def box(self, node: LogDeterminant, show: Show) -> boxes.Box:
        return boxes.Call("logdet", show(node.operand, boxes.SUM))

    def value(self, node: LogDeterminant, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        sign, size = np.linalg.slogdet(operands[0])
        # Of a complex step, the phase is the derivative.
        size = size + 1j * np.imag(sign) / np.real(sign) if np.iscomplexobj(sign) else size
        return np.reshape(size, (1, 1))


class DeterminantOperation(Operation):
    """det(A) of an invertible matrix: its derivative with respect to A is det(A) A^-T."""

    node = DeterminantOf
    syntax = "det"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        _check_square(self.syntax, operand)
        return operand if operand.shape == (1, 1) else DeterminantOf(operand)

    def vjp(self, node: DeterminantOf, cotangent: MatrixExpr) -> Pairs:
        turned = transpose(inverse(node.operand))
        return [
            (node.operand, hadamard(broadcast(hadamard(cotangent, node), turned.shape), turned))
        ]

    def box(self, node: DeterminantOf, show: Show) -> boxes.Box:
        return boxes.Call("det", show(node.operand, boxes.SUM))

    def value(self, node: DeterminantOf, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.reshape(np.linalg.det(operands[0]), (1, 1))


def _inverse_box(matrix: MatrixExpr, show: Show) -> boxes.Box:
    """A^-1, or A^-T of a transpose."""
    if isinstance(matrix, Transpose):
        return boxes.Superscript(show(matrix.arg, boxes.ATOM), None, inverse=True)
    minus_one = boxes.Negative(boxes.Number(1))
    return boxes.Superscript(show(matrix, boxes.ATOM), minus_one)
