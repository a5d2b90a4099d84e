"""What is in each entry: scalars spread over a shape, and quotients entry by entry."""

from __future__ import annotations

from sympy import Expr, MatrixExpr, OneMatrix, Rational, ZeroMatrix

from bptt_sym.algebra.expressions import (
    Broadcast,
    Quotient,
    Shape,
    Size,
    is_one,
    scale,
    split_coefficient,
)


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
    return scale(over / under, Quotient(top, bottom))


def size(number: Expr) -> MatrixExpr:
    """A number of entries or of time steps as a scalar."""
    return scale(number, OneMatrix(1, 1)) if number.is_Rational else Size(number)


def spread(operand: MatrixExpr | Rational, shape: Shape) -> MatrixExpr:
    """A number or a scalar as a matrix with it in each entry; a matrix of the shape as it is."""
    if not isinstance(operand, MatrixExpr):
        return scale(operand, OneMatrix(*shape))
    return operand if operand.shape == shape else broadcast(operand, shape)
