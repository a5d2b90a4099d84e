"""Between which bounds the entries of an expression lie, as its functions say."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sympy import HadamardProduct, KroneckerProduct, MatAdd, OneMatrix, Transpose, ZeroMatrix
from sympy.matrices.expressions.hadamard import HadamardPower

from bptt_sym.algebra.derivatives import RowByRow
from bptt_sym.algebra.entrywise import Comparison
from bptt_sym.algebra.expressions import (
    Broadcast,
    Expr,
    MatrixExpr,
    Quotient,
    Variable,
    add,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.spread_over import SpreadOver
from bptt_sym.algebra.vectors import Softmax
from bptt_sym.model.model import ARGUMENT, Formula, Model

INFINITY = math.inf


@dataclass(frozen=True)
class Interval:
    """The numbers from ``low`` to ``high``, an end that is ``open`` left out."""

    low: float = -INFINITY
    high: float = INFINITY
    open_low: bool = False
    open_high: bool = False

    @property
    def largest(self) -> float:
        """No number in it is further from 0 than this."""
        return max(abs(self.low), abs(self.high))

    @property
    def is_gate(self) -> bool:
        """Whether all of its numbers are above 0 and below 1."""
        above = self.low > 0 or (self.low == 0 and self.open_low)
        below = self.high < 1 or (self.high == 1 and self.open_high)
        return above and below

    @property
    def is_positive(self) -> bool:
        return self.low > 0 or (self.low == 0 and self.open_low)

    def plus(self, other: Interval) -> Interval:
        return Interval(
            self.low + other.low,
            self.high + other.high,
            self.open_low or other.open_low,
            self.open_high or other.open_high,
        )

    def times(self, other: Interval) -> Interval:
        ends = [
            (0.0 if 0.0 in (a, b) else a * b, (a_open and b != 0) or (b_open and a != 0))
            for a, a_open in ((self.low, self.open_low), (self.high, self.open_high))
            for b, b_open in ((other.low, other.open_low), (other.high, other.open_high))
        ]
        low, high = min(end for end, _ in ends), max(end for end, _ in ends)
        # An end is left out only if every way to reach it is; 0 may be reached within.
        inner = (self.low < 0 < self.high) or (other.low < 0 < other.high)
        zero_open = self._without_zero and other._without_zero
        return Interval(
            low,
            high,
            all(o for end, o in ends if end == low) if low else zero_open and not inner,
            all(o for end, o in ends if end == high) if high else zero_open and not inner,
        )

    @property
    def _without_zero(self) -> bool:
        below = self.high < 0 or (self.high == 0 and self.open_high)
        return below or self.is_positive

    def joined(self, other: Interval) -> Interval:
        """The smallest that holds both."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        both = (self, other)
        return Interval(
            low,
            high,
            all(i.open_low for i in both if i.low == low),
            all(i.open_high for i in both if i.high == high),
        )


ANY = Interval()
POSITIVE = Interval(0, INFINITY, open_low=True)
GATE = Interval(0, 1, open_low=True, open_high=True)

VALUES: dict[str, Interval] = {
    "tanh": Interval(-1, 1, open_low=True, open_high=True),
    "sigmoid": GATE,
    "relu": Interval(0, INFINITY),
    "step": Interval(0, 1),
    "softplus": POSITIVE,
    "log_sigmoid": Interval(-INFINITY, 0, open_high=True),
    "exp": POSITIVE,
    "sqrt": Interval(0, INFINITY),
    "leaky_slope": Interval(0.01, 1),
    "sin": Interval(-1, 1),
    "cos": Interval(-1, 1),
    "cosh": Interval(1, INFINITY),
    "arctan": Interval(-math.pi / 2, math.pi / 2, open_low=True, open_high=True),
    "abs": Interval(0, INFINITY),
    "sign": Interval(-1, 1),
    "erf": Interval(-1, 1, open_low=True, open_high=True),
    "erf_slope": Interval(0, 2 / math.sqrt(math.pi), open_low=True),
    "normal_cdf": GATE,
    "normal_pdf": Interval(0, 1 / math.sqrt(2 * math.pi), open_low=True),
    "hard_sigmoid": Interval(0, 1),
    "elu": Interval(-1, INFINITY, open_low=True),
}
"""What values the known functions have, at any argument."""

SLOPES: dict[str, float] = {
    "identity": 1,
    "tanh": 1,
    "sigmoid": 1 / 4,
    "relu": 1,
    "softplus": 1,
    "log_sigmoid": 1,
    "leaky_relu": 1,
    "sin": 1,
    "cos": 1,
    "arctan": 1,
    "abs": 1,
    "sign": 0,
    "floor": 0,
    "ceil": 0,
    "round": 0,
    "erf": 2 / math.sqrt(math.pi),
    "elu": 1,
    "hard_sigmoid": 1 / 6,
}
"""The largest absolute value of the derivatives of the known functions, where there is one."""

_INCREASING = {"exp": math.exp, "tanh": math.tanh, "relu": lambda z: max(z, 0.0)}
"""Functions that have at the ends of an interval their values at the ends."""


class Ranges:
    """The ranges of expressions of a model, at any parameters and data."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._definitions = {d.name: d.expression for d in model.definitions}
        self._given = {entry.name: entry for entry in model.declarations}
        self._waiting: set[str] = set()
        self._known: dict[Expr, Interval] = {}

    def of(self, expression: Expr) -> Interval:
        """Where the entries of an expression lie."""
        if expression not in self._known:
            found = self._of(expression)
            if self._waiting:
                # What a loop through the states was cut short for holds, but may be narrower.
                return found
            self._known[expression] = found
        return self._known[expression]

    def slope(self, function: str) -> float | None:
        """The largest absolute value of a function's derivative, if it is known."""
        concrete = self.model.functions.get(function, function)
        if isinstance(concrete, Formula):
            largest = self.of(concrete.slope).largest
            return largest if math.isfinite(largest) else None
        return SLOPES.get(concrete)

    def _of(self, expression: Expr) -> Interval:
        number, bare = split_coefficient(expression)
        if number != 1:
            return self.of(bare).times(Interval(float(number), float(number)))
        match bare:
            case Variable():
                return self._variable(bare)
            case OneMatrix():
                return Interval(1, 1)
            case ZeroMatrix():
                return Interval(0, 0)
            case Elementwise():
                return self._function(bare)
            case Softmax():
                return Interval(0, 1, open_low=True)
            case Comparison():
                return Interval(0, 1)
            case Broadcast() | RowByRow() | SpreadOver() | Transpose():
                return self.of(bare.args[0])
            case KroneckerProduct():
                found = Interval(1, 1)
                for factor in bare.args:
                    found = found.times(self.of(factor))
                return found
            case HadamardPower():
                return self._power(bare)
            case Quotient():
                return self._quotient(bare)
            case HadamardProduct():
                return self._product(list(bare.args))
            case MatAdd():
                return self._sum(list(bare.args))
        return ANY

    def _variable(self, variable: Variable) -> Interval:
        if variable == ARGUMENT and variable.name not in self._given:
            return ANY
        entry = self._given.get(variable.name)
        if entry is not None and entry.kind in ("input", "target", "once"):
            if entry.mask or entry.labels:
                return Interval(0, 1)
            return POSITIVE if entry.positive else ANY
        name = variable.name
        # What a state begins with is any number, and so it may be before the first step.
        if name not in self._definitions or name in self._waiting or variable.time != ARGUMENT.time:
            return ANY
        self._waiting.add(name)
        try:
            return self.of(self._definitions[name])
        finally:
            self._waiting.discard(name)

    def _function(self, value: Elementwise) -> Interval:
        concrete = self.model.functions.get(value.function, value.function)
        if isinstance(concrete, Formula):
            formulas = (concrete.value, concrete.slope)
            return self.of(formulas[value.order]) if value.order < len(formulas) else ANY
        if value.order:
            largest = SLOPES.get(concrete, INFINITY) if value.order == 1 else INFINITY
            return Interval(-largest, largest)
        if concrete == "identity":
            return self.of(value.operand)
        known = VALUES.get(concrete, ANY)
        if concrete in _INCREASING:
            inner = self.of(value.operand)
            return Interval(
                _at(concrete, inner.low, known),
                _at(concrete, inner.high, known),
                inner.open_low or (inner.low == -INFINITY and known.open_low),
                inner.open_high or (inner.high == INFINITY and known.open_high),
            )
        return known

    def _power(self, power: HadamardPower) -> Interval:
        base = self.of(power.base)
        if power.exp == 2:
            square = base.times(base)
            inside = base.low < 0 < base.high
            low = 0.0 if inside else square.low
            # Both ends of the base give the largest square where they are as far from 0.
            ends = [(abs(base.low), base.open_low), (abs(base.high), base.open_high)]
            far = max(end for end, _ in ends)
            is_open = all(o for end, o in ends if end == far)
            return Interval(low, far**2, square.open_low and not inside, is_open)
        if power.exp.is_Rational and power.exp > 0 and base.low >= 0 and base.high <= 1:
            return base  # of numbers up to 1 any power is one of them
        return POSITIVE if base.is_positive else ANY

    def _quotient(self, quotient: Quotient) -> Interval:
        over, under = quotient.numerator, quotient.denominator
        terms = under.args if isinstance(under, MatAdd) else (under,)
        above, below = self.of(over), [self.of(term) for term in terms]
        positive = all(part.is_positive for part in below)
        if positive and over in terms and len(terms) > 1:
            return GATE  # a share in a sum
        if positive and above.is_positive:
            return POSITIVE
        return ANY

    def _sum(self, terms: list[MatrixExpr]) -> Interval:
        found = Interval(0, 0)
        while terms:
            term = terms.pop(0)
            inside = self.of(term)
            partner = next((t for t in terms if _without(t, term) is not None), None)
            if partner is not None and inside.is_gate:
                terms.remove(partner)
                # a + (1 - a) b lies between b and 1.
                rest = _without(partner, term)
                assert rest is not None
                ends = self._product(rest)
                inside = Interval(
                    min(ends.low, 1),
                    max(ends.high, 1),
                    ends.open_low or ends.low < 1,
                    ends.open_high or ends.high < 1,
                )
            found = found.plus(inside)
        return found

    def _product(self, factors: list[MatrixExpr]) -> Interval:
        found = Interval(1, 1)
        while factors:
            factor = factors.pop(0)
            other = add(OneMatrix(*factor.shape), scale(-1, factor))
            partner = next((f for f in factors if f in (other, _swapped(other))), None)
            inside = self.of(factor)
            if partner is not None and inside.low >= 0 and inside.high <= 1:
                factors.remove(partner)  # y (1 - y) is largest at 1/2
                closed = not (inside.open_low and inside.open_high)
                inside = Interval(0, 1 / 4, open_low=not closed)
            found = found.times(inside)
        return found


def _at(function: str, end: float, known: Interval) -> float:
    if end == -INFINITY:
        return known.low
    if end == INFINITY:
        return known.high
    try:
        return float(_INCREASING[function](end))
    except OverflowError:
        return INFINITY


def _without(product: MatrixExpr, term: MatrixExpr) -> list[MatrixExpr] | None:
    """The other factors of a product with the factor 1 - a, for a ``term`` a."""
    if not isinstance(product, HadamardProduct):
        return None
    other = add(OneMatrix(*term.shape), scale(-1, term))
    found = [f for f in product.args if f in (other, _swapped(other))]
    return [f for f in product.args if f is not found[0]] if len(found) == 1 else None


def _swapped(sum_of_two: MatrixExpr) -> MatrixExpr:
    """A sum with its terms in the other order."""
    return add(*reversed(sum_of_two.args)) if isinstance(sum_of_two, MatAdd) else sum_of_two
