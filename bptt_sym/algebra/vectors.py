"""Operations over a whole vector: softmax and its like, layer normalisation, slices, joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Expr, Rational, S, exp, log, sqrt

from bptt_sym.algebra import boxes
from bptt_sym.algebra.arithmetic import sum_of_entries
from bptt_sym.algebra.entries import broadcast, quotient, size
from bptt_sym.algebra.expressions import Compound, MatrixExpr, add, hadamard, scale
from bptt_sym.algebra.operation import Apply, Operation, Pairs, ShapeError, Show, is_vector

EPSILON = "1e-5"
"""What layer normalisation adds to the variance (Ba, Kiros and Hinton 2016; PyTorch's value)."""


class _OfVector(Compound):
    """A function of a whole vector, in its shape."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entries(self) -> list[Expr]:
        return list(self.operand.as_explicit())

    def _total(self) -> Expr:
        return Add(*(exp(entry) for entry in self._entries()))


class Softmax(_OfVector):
    """exp(v_i) divided by the sum of all exp(v_j)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return exp(self.operand[i, j]) / self._total()


class LogSoftmax(_OfVector):
    """The logarithm of the softmax."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[i, j] - log(self._total())


class LogSumExp(_OfVector):
    """The logarithm of the sum of all exp(v_j), a scalar."""

    shape = property(lambda self: (S.One, S.One))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return log(self._total())


class LayerNorm(_OfVector):
    """(v - mean) / sqrt(variance + 1e-5)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        mean, inverse = _mean_and_inverse_deviation(self._entries())
        return (self.operand[i, j] - mean) * inverse


class InverseDeviation(_OfVector):
    """1 / sqrt(variance + 1e-5) of the entries of a vector, a scalar."""

    shape = property(lambda self: (S.One, S.One))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return _mean_and_inverse_deviation(self._entries())[1]


def _mean_and_inverse_deviation(entries: list[Expr]) -> tuple[Expr, Expr]:
    mean = Add(*entries) / len(entries)
    variance = Add(*((entry - mean) ** 2 for entry in entries)) / len(entries)
    return mean, 1 / sqrt(variance + Rational(EPSILON))


def mean(operand: MatrixExpr) -> MatrixExpr:
    """The mean of all entries, a scalar."""
    rows, columns = operand.shape
    return quotient(sum_of_entries(operand), size(rows * columns))


class VectorFunction(Operation):
    """A function of a whole vector, called by its name in the language."""

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        if not is_vector(operand.shape):
            raise ShapeError(f"{self.syntax} is of a vector")
        return self.node(operand)

    def box(self, node: Any, show: Show) -> boxes.Box:
        return boxes.Call(self.syntax, show(node.operand, boxes.SUM))


class SoftmaxOperation(VectorFunction):
    """Softmax: dy/dv = diag(y) - y^T y."""

    node = Softmax
    syntax = "softmax"

    def vjp(self, node: Softmax, cotangent: MatrixExpr) -> Pairs:
        inner = sum_of_entries(hadamard(cotangent, node))
        centred = add(cotangent, scale(-1, broadcast(inner, node.shape)))
        return [(node.operand, hadamard(centred, node))]

    def value(self, node: Softmax, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        powers = apply("exp", operands[0], 0)
        return powers / powers.sum()


class LogSoftmaxOperation(VectorFunction):
    """The logarithm of the softmax: d/dv = I - 1^T softmax(v)."""

    node = LogSoftmax
    syntax = "log_softmax"

    def vjp(self, node: LogSoftmax, cotangent: MatrixExpr) -> Pairs:
        total = broadcast(sum_of_entries(cotangent), node.shape)
        taken = scale(-1, hadamard(total, Softmax(node.operand)))
        return [(node.operand, add(cotangent, taken))]

    def value(self, node: LogSoftmax, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        total = apply("exp", operands[0], 0).sum(keepdims=True).reshape(1, 1)
        return operands[0] - apply("log", total, 0)


class LogSumExpOperation(VectorFunction):
    """The logarithm of the sum of exponentials: its derivative is the softmax."""

    node = LogSumExp
    syntax = "logsumexp"

    def vjp(self, node: LogSumExp, cotangent: MatrixExpr) -> Pairs:
        softmax = Softmax(node.operand)
        return [(node.operand, hadamard(broadcast(cotangent, softmax.shape), softmax))]

    def value(self, node: LogSumExp, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return apply("log", apply("exp", operands[0], 0).sum(keepdims=True).reshape(1, 1), 0)


class LayerNormOperation(VectorFunction):
    """Layer normalisation, without gain and bias (Ba, Kiros and Hinton 2016)."""

    node = LayerNorm
    syntax = "layer_norm"

    def vjp(self, node: LayerNorm, cotangent: MatrixExpr) -> Pairs:
        def spread(scalar: MatrixExpr) -> MatrixExpr:
            return broadcast(scalar, node.shape)

        along = hadamard(spread(mean(hadamard(cotangent, node))), node)
        centred = add(cotangent, scale(-1, spread(mean(cotangent))), scale(-1, along))
        return [(node.operand, hadamard(spread(InverseDeviation(node.operand)), centred))]

    def value(self, node: LayerNorm, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        centred = operands[0] - operands[0].sum() / operands[0].size
        return centred * _inverse_deviation(operands[0], apply)


class InverseDeviationOperation(VectorFunction):
    """What layer normalisation multiplies with; it occurs in its derivative."""

    node = InverseDeviation
    syntax = "inverse_deviation"

    def value(self, node: InverseDeviation, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return _inverse_deviation(operands[0], apply)


def _inverse_deviation(vector: Any, apply: Apply) -> Any:
    centred = vector - vector.sum() / vector.size
    variance = (centred**2).sum(keepdims=True).reshape(1, 1) / vector.size
    return 1 / apply("sqrt", variance + float(EPSILON), 0)


NAMED_ARGUMENT = Softmax | LogSoftmax | LogSumExp | LayerNorm
"""The functions of a vector whose argument has a name of its own in a model."""
