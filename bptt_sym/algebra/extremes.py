"""The largest and the smallest entry, and the Euclidean norm, along an axis."""

from __future__ import annotations

from typing import Any, ClassVar

from sympy import Add, Eq, Expr, Max, Min, Piecewise, S, sqrt

from bptt_sym.algebra import boxes
from bptt_sym.algebra.along import AlongAxis, AxisOperation, AxisReduction
from bptt_sym.algebra.entries import spread
from bptt_sym.algebra.expressions import MatrixExpr, hadamard
from bptt_sym.algebra.operation import Apply, Pairs, Show


class Largest(AxisReduction):
    """The largest entry."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return Max(*self._entries(i, j))


class Smallest(AxisReduction):
    """The smallest entry."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return Min(*self._entries(i, j))


class _Attained(AlongAxis):
    """Where an extreme entry is: 1, shared equally by entries that are equal, and 0 elsewhere."""

    extreme: ClassVar[type[Expr]]

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        entries = self._entries(i, j)
        extreme = self.extreme(*entries)
        shares = [Piecewise((S.One, Eq(entry, extreme)), (S.Zero, True)) for entry in entries]
        return shares[int(i if self.axis == 0 else j)] / Add(*shares)


class AtLargest(_Attained):
    """The derivative of the largest entry."""

    extreme = Max


class AtSmallest(_Attained):
    """The derivative of the smallest entry."""

    extreme = Min


class Norm(AxisReduction):
    """The Euclidean norm."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return sqrt(Add(*(entry**2 for entry in self._entries(i, j))))


class Direction(AlongAxis):
    """v divided by its norm, 0 where that is 0: the derivative of the norm."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        squares = Add(*(entry**2 for entry in self._entries(i, j)))
        return Piecewise((S.Zero, Eq(squares, 0)), (self.operand[i, j] / sqrt(squares), True))


class LargestOperation(AxisOperation):
    """max(v): entries that are the largest together share its derivative equally."""

    node = Largest
    syntax = "max"

    def vjp(self, node: Largest, cotangent: MatrixExpr) -> Pairs:
        return _pulled(node, cotangent, AtLargest(*node.args))

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return operand.max(axis=axis, keepdims=True)


class SmallestOperation(AxisOperation):
    """min(v): entries that are the smallest together share its derivative equally."""

    node = Smallest
    syntax = "min"

    def vjp(self, node: Smallest, cotangent: MatrixExpr) -> Pairs:
        return _pulled(node, cotangent, AtSmallest(*node.args))

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return operand.min(axis=axis, keepdims=True)


class AtLargestOperation(AxisOperation):
    """The derivative of the largest entry, which itself has the derivative 0."""

    node = AtLargest
    shown = "max"
    primes = 1

    def vjp(self, node: AtLargest, cotangent: MatrixExpr) -> Pairs:
        return []

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return _shares(operand == operand.max(axis=axis, keepdims=True), axis)


class AtSmallestOperation(AxisOperation):
    """The derivative of the smallest entry, which itself has the derivative 0."""

    node = AtSmallest
    shown = "min"
    primes = 1

    def vjp(self, node: AtSmallest, cotangent: MatrixExpr) -> Pairs:
        return []

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return _shares(operand == operand.min(axis=axis, keepdims=True), axis)


class NormOperation(AxisOperation):
    """The Euclidean norm: dy/dv = v / norm(v), taken as 0 where the norm is 0."""

    node = Norm
    syntax = "norm"

    def vjp(self, node: Norm, cotangent: MatrixExpr) -> Pairs:
        return _pulled(node, cotangent, Direction(*node.args))

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        return apply("sqrt", (operand**2).sum(axis=axis, keepdims=True), 0)


class DirectionOperation(AxisOperation):
    """The derivative of the norm."""

    node = Direction

    def box(self, node: Direction, show: Show) -> boxes.Box:
        length = NormOperation().box(Norm(*node.args), show)
        return boxes.Ratio(show(node.operand, boxes.SUM), length)

    def along(self, np: Any, operand: Any, axis: int, apply: Apply) -> Any:
        squares = (operand**2).sum(axis=axis, keepdims=True)
        return operand / apply("sqrt", np.where(squares == 0, 1, squares), 0)


def _pulled(node: AxisReduction, cotangent: MatrixExpr, derivative: AlongAxis) -> Pairs:
    return [(node.operand, hadamard(spread(cotangent, derivative.shape), derivative))]


def _shares(attained: Any, axis: int) -> Any:
    return attained / attained.sum(axis=axis, keepdims=True)
