"""What is in each entry: scalars spread over a shape, and quotients entry by entry."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Expr, MatrixExpr, OneMatrix, Rational, S, ZeroMatrix

from bptt_sym.algebra.expressions import (
    Broadcast,
    Quotient,
    Shape,
    Size,
    is_one,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.spread_over import SpreadOver, spread_over


def broadcast(scalar: MatrixExpr, shape: Shape) -> MatrixExpr:
    """A scalar spread over a shape; its number stands in front."""
    coefficient, rest = split_coefficient(scalar)
    if shape == (1, 1):
        return scalar
    if isinstance(rest, ZeroMatrix):
        return ZeroMatrix(*shape)
    return scale(coefficient, OneMatrix(*shape) if is_one(rest) else Broadcast(rest, *shape))


def quotient(numerator: MatrixExpr, denominator: MatrixExpr) -> MatrixExpr:
    """The quotient entry by entry, its number in front."""
    over, top = split_coefficient(numerator)
    under, bottom = split_coefficient(denominator)
    if isinstance(top, ZeroMatrix) or is_one(bottom):
        return scale(over / under, top)
    if isinstance(top, OneMatrix) and isinstance(bottom, SpreadOver):
        operand, *sizes = bottom.args
        return scale(
            over / under, spread_over(quotient(OneMatrix(*operand.shape), operand), *sizes)
        )
    return scale(over / under, Quotient(top, bottom))


def size(number: Expr) -> MatrixExpr:
    """A number of entries or of time steps as a scalar."""
    return scale(number, OneMatrix(1, 1)) if number.is_Rational else Size(number)


def spread(operand: MatrixExpr | Rational, shape: Shape) -> MatrixExpr:
    """A number, a scalar, a row or a column as a matrix of the shape; one of it as it is."""
    if not isinstance(operand, MatrixExpr):
        return scale(operand, OneMatrix(*shape))
    if operand.shape in (shape, (1, 1)):
        return operand if operand.shape == shape else broadcast(operand, shape)
    return spread_over(operand, S.One, S.One, *shape)


def joint_size(sizes: Iterable[Expr]) -> Expr | None:
    """The size over which those of one are spread, or None where the others differ."""
    found = {size for size in sizes if size != 1}
    return None if len(found) > 1 else found.pop() if found else S.One
