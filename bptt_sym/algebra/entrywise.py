"""Operations entry by entry that are no arithmetic: functions, choices, constants by decree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sympy import Expr, Max, Min, Piecewise, Rational, S
from sympy.core.symbol import Str

from bptt_sym.algebra import boxes
from bptt_sym.algebra.expressions import (
    Broadcast,
    Compound,
    MatrixExpr,
    OneMatrix,
    ZeroMatrix,
    hadamard,
    split_coefficient,
)
from bptt_sym.algebra.functions import FUNCTIONS, Elementwise, derivative
from bptt_sym.algebra.operation import Apply, Operation, Pairs, Show, number_box, one_shape

MAXIMUM, MINIMUM = Str("max"), Str("min")


class Extremum(Compound):
    """The larger or smaller of two matrices, entry by entry; ``args`` are which, and the two."""

    shape = property(lambda self: self.args[1].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        which, first, second = self.args
        chosen = Max if which == MAXIMUM else Min
        return chosen(first[i, j], second[i, j])


class Comparison(Compound):
    """1 where left >= right, or ``strict`` left > right, and 0 elsewhere; ``negated``, 1 elsewhere.

    A comparison with what is not a number does not hold.
    """

    shape = property(lambda self: self.args[0].shape)
    strict = property(lambda self: bool(self.args[2]))
    negated = property(lambda self: bool(self.args[3]))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        left, right = (argument[i, j] for argument in self.args[:2])
        inside, outside = (S.Zero, S.One) if self.negated else (S.One, S.Zero)
        holds = left > right if self.strict else left >= right
        return Piecewise((inside, holds), (outside, True))


class Choice(Compound):
    """Where left >= right, or ``strict`` left > right, the third of ``args``, else the fourth."""

    shape = property(lambda self: self.args[2].shape)
    strict = property(lambda self: bool(self.args[4]))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        left, right, chosen, other = (argument[i, j] for argument in self.args[:4])
        return Piecewise((chosen, left > right if self.strict else left >= right), (other, True))


class StopGradient(Compound):
    """A value that counts as a constant in every derivative."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[i, j]


def comparison(
    left: MatrixExpr, right: MatrixExpr, *, strict: bool = False, negated: bool = False
) -> Comparison:
    """1 where left >= right, or ``strict`` left > right, and 0 elsewhere; ``negated``, turned."""
    return Comparison(left, right, S.true if strict else S.false, S.true if negated else S.false)


class FunctionApplication(Operation):
    """A function applied to each entry: phi(z)."""

    node = Elementwise
    syntax = "function"

    def build(self, function: str, operand: MatrixExpr) -> MatrixExpr:
        return Elementwise(function, operand)

    def vjp(self, node: Elementwise, cotangent: MatrixExpr) -> Pairs:
        return [(node.operand, hadamard(cotangent, derivative(node)))]

    def box(self, node: Elementwise, show: Show) -> boxes.Box:
        known = FUNCTIONS.get(node.function)
        name, primes = known.shown if known and known.shown else (node.function, node.order)
        return boxes.Call(name, show(node.operand, boxes.SUM), primes)

    def value(self, node: Elementwise, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return apply(node.function, operands[1], node.order)


def entry_box(operand: MatrixExpr, show: Show, binding: int = boxes.SUM) -> boxes.Box:
    """The box of an operand; a number or scalar spread over a matrix is shown as itself."""
    coefficient, rest = split_coefficient(operand)
    if isinstance(rest, OneMatrix):
        return number_box(coefficient)
    if isinstance(rest, ZeroMatrix):
        return boxes.Number(0)
    return show(rest.operand if isinstance(operand, Broadcast) else operand, binding)


class Extrema(Operation):
    """maximum(a, b) and minimum(a, b); where both are equal the derivative goes to a."""

    node = Extremum

    def __init__(self, which: Str = MAXIMUM) -> None:
        self.which = which

    def build(self, first: MatrixExpr | Rational, second: MatrixExpr | Rational) -> MatrixExpr:
        return Extremum(self.which, *one_shape((first, second)))

    def vjp(self, node: Extremum, cotangent: MatrixExpr) -> Pairs:
        which, first, second = node.args
        larger, smaller = (first, second) if which == MAXIMUM else (second, first)
        return [
            (first, hadamard(cotangent, comparison(larger, smaller))),
            (second, hadamard(cotangent, comparison(larger, smaller, negated=True))),
        ]

    def box(self, node: Extremum, show: Show) -> boxes.Box:
        which, *both = node.args
        return boxes.Application(str(which), tuple(entry_box(side, show) for side in both))

    def value(self, node: Extremum, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        _, first, second = operands
        return (np.maximum if node.args[0] == MAXIMUM else np.minimum)(first, second)


class Comparing(Operation):
    """The ones and zeros that a choice multiplies a cotangent with; its derivative is zero."""

    node = Comparison

    def vjp(self, node: Comparison, cotangent: MatrixExpr) -> Pairs:
        return []

    def box(self, node: Comparison, show: Show) -> boxes.Box:
        left, right = (entry_box(side, show) for side in node.args[:2])
        return boxes.Relation(left, _SIGNS[node.strict, node.negated], right, indicator=True)

    def value(self, node: Comparison, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        left, right = operands[:2]
        holds = left > right if node.strict else left >= right
        return np.where(holds != node.negated, 1, 0)


_SIGNS: dict[tuple[bool, bool], boxes.Sign] = {
    (False, False): "at least",
    (True, False): "greater",
    (False, True): "less",
    (True, True): "at most",
}
"""The sign of a comparison that is strict or not, negated or not."""

Sign = Literal[">=", ">", "<=", "<"]


class Choosing(Operation):
    """where(left >= right, a, b): a where the comparison holds, b elsewhere, at a NaN too."""

    node = Choice
    syntax = "where"

    def build(
        self,
        left: MatrixExpr | Rational,
        sign: Sign,
        right: MatrixExpr | Rational,
        chosen: MatrixExpr | Rational,
        other: MatrixExpr | Rational,
    ) -> MatrixExpr:
        if sign in ("<=", "<"):
            left, right = right, left
        strict = S.true if sign in (">", "<") else S.false
        return Choice(*one_shape((left, right, chosen, other)), strict)

    def vjp(self, node: Choice, cotangent: MatrixExpr) -> Pairs:
        left, right, chosen, other, _ = node.args
        return [
            (branch, hadamard(cotangent, comparison(left, right, strict=node.strict, negated=no)))
            for branch, no in ((chosen, False), (other, True))
        ]

    def box(self, node: Choice, show: Show) -> boxes.Box:
        left, right, chosen, other = (entry_box(side, show) for side in node.args[:4])
        return boxes.Cases(chosen, boxes.Relation(left, _SIGNS[node.strict, False], right), other)

    def value(self, node: Choice, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        left, right, chosen, other, _ = operands
        return np.where(left > right if node.strict else left >= right, chosen, other)


class Stopping(Operation):
    """A value without a derivative."""

    node = StopGradient
    syntax = "stop_gradient"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        return StopGradient(operand)

    def vjp(self, node: StopGradient, cotangent: MatrixExpr) -> Pairs:
        return []

    def box(self, node: StopGradient, show: Show) -> boxes.Box:
        return boxes.Call("stop_gradient", show(node.operand, boxes.SUM))

    def value(self, node: StopGradient, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0]
