"""Sums of the entries up to each, along an axis: products with a triangle of ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, S

from bptt_sym.algebra import boxes
from bptt_sym.algebra.along import chosen_axis
from bptt_sym.algebra.constants import ConstantOperation
from bptt_sym.algebra.expressions import Compound, MatrixExpr, Transpose, product, transpose
from bptt_sym.algebra.operation import Apply, Show


class Triangle(Compound):
    """A square matrix of ones on its diagonal and above, of zeros below; ``args`` is its size."""

    shape = property(lambda self: (self.args[0], self.args[0]))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return S.One if i <= j else S.Zero


class TriangleOfOnes(ConstantOperation):
    """The matrix T with cumsum(v) = v T for a row v."""

    node = Triangle

    def transposed(self, node: Triangle, arguments: Sequence[Expr]) -> MatrixExpr:
        return transpose(node)

    def box(self, node: Triangle, show: Show) -> boxes.Box:
        return boxes.Call("triu", boxes.Constant("ones"))

    def value(self, node: Triangle, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.triu(np.ones((operands[0], operands[0]), dtype=int))


def cumulative_sum(operand: MatrixExpr, axis: int | None = None) -> MatrixExpr:
    """Of each entry, the sum of those up to it along an axis."""
    if chosen_axis("cumsum", operand, axis) == 0:
        return product(transpose(Triangle(operand.rows)), operand)
    return product(operand, Triangle(operand.cols))


def is_triangle(factor: MatrixExpr) -> bool:
    """Whether a factor of a product is the triangle of ones or its transpose."""
    return isinstance(factor.arg if isinstance(factor, Transpose) else factor, Triangle)
