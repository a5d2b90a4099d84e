"""Variance, and normalisation by it or by the mean square, along an axis."""

from __future__ import annotations

from typing import Any

from sympy import Add, Expr, Rational, sqrt

from bptt_sym.algebra.along import (
    AlongAxis,
    AxisOperation,
    AxisReduction,
    mean_along,
)
from bptt_sym.algebra.entries import quotient, size, spread
from bptt_sym.algebra.expressions import MatrixExpr, add, hadamard, scale
from bptt_sym.algebra.operation import Apply, Pairs

EPSILON = "1e-5"
"""What normalisation adds to a variance or mean square (Ba, Kiros and Hinton 2016; PyTorch's)."""


def _centred(entries: list[Expr]) -> list[Expr]:
    return [entry - Add(*entries) / len(entries) for entry in entries]


def _mean_square(entries: list[Expr]) -> Expr:
    return Add(*(entry**2 for entry in entries)) / len(entries)


class Variance(AxisReduction):
    """The mean square of the differences from the mean."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return _mean_square(_centred(self._entries(i, j)))


class LayerNorm(AlongAxis):
    """(v - mean) / sqrt(variance + 1e-5)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        centred = _centred(self._entries(i, j))
        own = centred[int(i if self.axis == 0 else j)]
        return own / sqrt(_mean_square(centred) + Rational(EPSILON))


class InverseDeviation(AxisReduction):
    """1 / sqrt(variance + 1e-5)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return 1 / sqrt(_mean_square(_centred(self._entries(i, j))) + Rational(EPSILON))


class RmsNorm(AlongAxis):
    """v / sqrt(mean of squares + 1e-5)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[i, j] / sqrt(_mean_square(self._entries(i, j)) + Rational(EPSILON))


class InverseRms(AxisReduction):
    """1 / sqrt(mean of squares + 1e-5)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return 1 / sqrt(_mean_square(self._entries(i, j)) + Rational(EPSILON))


class VarianceOperation(AxisOperation):
    """The variance, divided by the number of entries: dy/dv = 2 (v - mean) / n."""

    node = Variance
    syntax = "var"

    def vjp(self, node: Variance, cotangent: MatrixExpr) -> Pairs:
        operand, axis = node.operand, node.axis
        means = spread(mean_along(operand, axis), operand.shape)
        share = scale(2, spread(cotangent, operand.shape))
        pulled = hadamard(share, add(operand, scale(-1, means)))
        return [(operand, quotient(pulled, spread(size(operand.shape[axis]), operand.shape)))]

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return _square_mean(_without_mean(operand, axis), axis)


class LayerNormOperation(AxisOperation):
    """Layer normalisation, without gain and bias (Ba, Kiros and Hinton 2016)."""

    node = LayerNorm
    syntax = "layer_norm"

    def vjp(self, node: LayerNorm, cotangent: MatrixExpr) -> Pairs:
        shared = spread(mean_along(cotangent, node.axis), node.shape)
        centred = add(cotangent, scale(-1, shared), scale(-1, _along(node, cotangent)))
        inverse = spread(InverseDeviation(*node.args), node.shape)
        return [(node.operand, hadamard(inverse, centred))]

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        centred = _without_mean(operand, axis)
        return centred * _inverse_root(centred, axis, apply)


class InverseDeviationOperation(AxisOperation):
    """What layer normalisation multiplies with; it occurs in its derivative."""

    node = InverseDeviation
    syntax = "inverse_deviation"

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return _inverse_root(_without_mean(operand, axis), axis, apply)


class RmsNormOperation(AxisOperation):
    """Normalisation by the root of the mean square (Zhang and Sennrich 2019)."""

    node = RmsNorm
    syntax = "rms_norm"

    def vjp(self, node: RmsNorm, cotangent: MatrixExpr) -> Pairs:
        inverse = spread(InverseRms(*node.args), node.shape)
        left = add(cotangent, scale(-1, _along(node, cotangent)))
        return [(node.operand, hadamard(inverse, left))]

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return operand * _inverse_root(operand, axis, apply)


class InverseRmsOperation(AxisOperation):
    """What this normalisation multiplies with; it occurs in its derivative."""

    node = InverseRms
    syntax = "inverse_rms"

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return _inverse_root(operand, axis, apply)


def _along(node: AlongAxis, cotangent: MatrixExpr) -> MatrixExpr:
    """The part of a cotangent along the normalised vector, which normalisation takes away."""
    inner = mean_along(hadamard(cotangent, node), node.axis)
    return hadamard(spread(inner, node.shape), node)


def _without_mean(operand: Any, axis: int) -> Any:
    return operand - operand.mean(axis=axis, keepdims=True)


def _square_mean(operand: Any, axis: int) -> Any:
    return (operand**2).mean(axis=axis, keepdims=True)


def _inverse_root(operand: Any, axis: int, apply: Apply) -> Any:
    return 1 / apply("sqrt", _square_mean(operand, axis) + float(EPSILON), 0)
