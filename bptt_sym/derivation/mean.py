"""The part that the loss of one step has in the mean over all steps."""

from __future__ import annotations

from bptt_sym.algebra.entries import broadcast, quotient, size, spread
from bptt_sym.algebra.expressions import Expr, MatrixExpr, OneMatrix, Rational, hadamard, scale


def share(expression: MatrixExpr, steps: Expr) -> MatrixExpr:
    """An expression divided by the number of steps, known or symbolic."""
    if steps.is_Integer:
        return scale(Rational(1, steps), expression)
    return quotient(expression, spread(size(steps), expression.shape))


def share_of_sum(expression: MatrixExpr, steps: Expr) -> MatrixExpr:
    """A sum over time divided by the number of steps: the quotient stands in front."""
    if steps.is_Integer:
        return share(expression, steps)
    part = quotient(OneMatrix(1, 1), size(steps))
    return hadamard(broadcast(part, expression.shape), expression)
