"""Softmax, its logarithm and the logarithm of the sum of exponentials, along an axis."""

from __future__ import annotations

from typing import Any

from sympy import Add, Expr, exp, log

from bptt_sym.algebra.along import AlongAxis, AxisOperation, AxisReduction, sum_along
from bptt_sym.algebra.entries import spread
from bptt_sym.algebra.expressions import MatrixExpr, add, hadamard, scale
from bptt_sym.algebra.operation import Apply, Pairs


class Softmax(AlongAxis):
    """exp(v_i) divided by the sum of all exp(v_j)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return exp(self.operand[i, j]) / Add(*map(exp, self._entries(i, j)))


class LogSoftmax(AlongAxis):
    """The logarithm of the softmax."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[i, j] - log(Add(*map(exp, self._entries(i, j))))


class LogSumExp(AxisReduction):
    """The logarithm of the sum of all exp(v_j)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return log(Add(*map(exp, self._entries(i, j))))


class SoftmaxOperation(AxisOperation):
    """Softmax: of a vector, dy/dv = diag(y) - y^T y."""

    node = Softmax
    syntax = "softmax"

    def vjp(self, node: Softmax, cotangent: MatrixExpr) -> Pairs:
        inner = sum_along(hadamard(cotangent, node), node.axis)
        centred = add(cotangent, scale(-1, spread(inner, node.shape)))
        return [(node.operand, hadamard(centred, node))]

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        powers = apply("exp", operand, 0)
        return powers / powers.sum(axis=axis, keepdims=True)


class LogSoftmaxOperation(AxisOperation):
    """The logarithm of the softmax: of a vector, d/dv = I - 1^T softmax(v)."""

    node = LogSoftmax
    syntax = "log_softmax"

    def vjp(self, node: LogSoftmax, cotangent: MatrixExpr) -> Pairs:
        total = spread(sum_along(cotangent, node.axis), node.shape)
        taken = scale(-1, hadamard(total, Softmax(*node.args)))
        return [(node.operand, add(cotangent, taken))]

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return operand - _logarithm(operand, axis, apply)


class LogSumExpOperation(AxisOperation):
    """The logarithm of the sum of exponentials: its derivative is the softmax."""

    node = LogSumExp
    syntax = "logsumexp"

    def vjp(self, node: LogSumExp, cotangent: MatrixExpr) -> Pairs:
        softmax = Softmax(*node.args)
        return [(node.operand, hadamard(spread(cotangent, softmax.shape), softmax))]

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return _logarithm(operand, axis, apply)


def _logarithm(operand: Any, axis: int, apply: Apply) -> Any:
    return apply("log", apply("exp", operand, 0).sum(axis=axis, keepdims=True), 0)
