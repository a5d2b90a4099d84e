"""Sums and products over time steps."""

from __future__ import annotations

from typing import Any

from sympy import Expr, Identity, MatAdd, MatMul, MatrixExpr, Symbol

from bptt_sym.algebra.expressions import TimeStep, add, at_step, product, scale, split_coefficient

PRODUCT_STEP = TimeStep("j")
"""The running index of a product of Jacobians between two time steps."""


class TimeSum(MatrixExpr):
    """The sum of an expression over the time steps lower, ..., upper of an index."""

    def __new__(cls, body: MatrixExpr, index: Symbol, lower: Expr, upper: Expr) -> TimeSum:
        return super().__new__(cls, body, index, lower, upper)

    body = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def doit(self, **_: Any) -> MatrixExpr:
        """The sum written out, where both limits are numbers."""
        body, index, lower, upper = self.args
        if not (lower.is_Integer and upper.is_Integer):
            return self
        terms = (at_step(body, index, step) for step in range(int(lower), int(upper) + 1))
        return add(*map(written_out, terms), like=self)

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return self.doit()[i, j]


class TimeProduct(MatrixExpr):
    """The product of Jacobians for the steps of an index with upper >= index > after, falling.

    It is the identity when there is none.
    """

    def __new__(cls, body: MatrixExpr, index: Symbol, after: Expr, upper: Expr) -> TimeProduct:
        return super().__new__(cls, body, index, after, upper)

    body = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def doit(self, **_: Any) -> MatrixExpr:
        """The product written out, where both limits are numbers."""
        body, index, after, upper = self.args
        if not (after.is_Integer and upper.is_Integer):
            return self
        steps = range(int(upper), int(after), -1)
        factors = [written_out(at_step(body, index, step)) for step in steps]
        return product(*factors) if factors else Identity(self.shape[0])

    def _entry(self, i: Expr, j: Expr, **kwargs: Any) -> Expr:
        return self.doit()[i, j]


def _without_empty_products(expression: MatrixExpr) -> MatrixExpr:
    """The expression without products over no time steps."""
    if isinstance(expression, MatAdd):
        return add(*map(_without_empty_products, expression.args))
    coefficient, rest = split_coefficient(expression)
    if not isinstance(rest, MatMul):
        return expression
    kept = (factor for factor in rest.args if not _is_empty_product(factor))
    return scale(coefficient, product(*kept))


def _is_empty_product(expression: MatrixExpr) -> bool:
    if not isinstance(expression, TimeProduct):
        return False
    _, _, after, upper = expression.args
    return bool((upper - after).is_nonpositive)


def written_out(expression: MatrixExpr) -> MatrixExpr:
    """The expression with its sums and products over time written out, and nothing else done."""
    nodes = expression.atoms(TimeSum, TimeProduct)
    return expression.xreplace({node: node.doit() for node in nodes}) if nodes else expression


def sum_over_time(body: MatrixExpr, index: Symbol, lower: Expr, upper: Expr) -> MatrixExpr:
    """The sum of an expression over time steps, its number in front, no sign for one step."""
    if lower == upper:
        return _without_empty_products(at_step(body, index, lower))
    coefficient, rest = split_coefficient(body)
    return scale(coefficient, TimeSum(rest, index, lower, upper))
