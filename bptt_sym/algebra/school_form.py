"""The form in which a person writes an expression: scalars are scalars, ones and identities go.

Scalars commute. They stand in front of what they multiply, as one product or one fraction, and a
matrix that is a scalar times the identity is this scalar wherever it multiplies another one.
Derivatives build their expressions without regard to it; what is printed goes through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sympy import KroneckerProduct, Rational, S

from bptt_sym.algebra.derivatives import Commutation, InRows, RowByRow, from_row, kronecker
from bptt_sym.algebra.entries import broadcast, quotient
from bptt_sym.algebra.expressions import (
    Broadcast,
    DiagMatrix,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatMul,
    MatrixExpr,
    OneMatrix,
    PartialDerivative,
    Quotient,
    Shape,
    SumOfEntries,
    Transpose,
    ZeroMatrix,
    hadamard,
    number_of_entries,
    power,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operations import is_leaf, operation_of
from bptt_sym.algebra.over_time import TimeProduct, TimeSum

SCALAR: Shape = (S.One, S.One)

LONGEST_NUMERATOR = 2
"""A product of more matrices has the scalars that divide it in front, not below."""

_LAST = PartialDerivative | TimeProduct | TimeSum
"""Scalars that stand behind the others, and in no fraction."""


def school_form(expression: Expr) -> Expr:
    """The expression as it is printed, equal to it entry by entry."""
    return _SchoolForm().of(expression)


@dataclass
class _Term:
    """A number times powers of scalars times the rest, a matrix: absent for a scalar."""

    number: Rational = S.One
    scalars: dict[MatrixExpr, Rational] = field(default_factory=dict)
    rest: MatrixExpr | None = None

    def multiply(self, other: _Term, exponent: Rational | int = 1) -> None:
        """Takes up the number and the scalars of another one, or a power of them."""
        self.number *= other.number**exponent
        for scalar, times in other.scalars.items():
            self.scalars[scalar] = self.scalars.get(scalar, S.Zero) + times * exponent


class _SchoolForm:
    """Puts expressions into the form; what was seen once is known."""

    def __init__(self) -> None:
        self._known: dict[Expr, Expr] = {}

    def of(self, node: Expr) -> Expr:
        """The form of an expression, or of a size or step among its parts."""
        if not isinstance(node, MatrixExpr) or is_leaf(node):
            return node
        if node not in self._known:
            self._known[node] = self._form(node)
        return self._known[node]

    def _form(self, node: MatrixExpr) -> MatrixExpr:
        arguments = [self.of(argument) for argument in node.args]
        same = arguments == list(node.args)
        built = node if same else operation_of(node).rebuild(node, arguments)
        # A power alone stays as it was written.
        if type(built) not in _RULES or isinstance(built, HadamardPower):
            return built
        return _written(_term(built), built.shape)


def _term(node: MatrixExpr) -> _Term:
    """An expression whose parts are in the form, taken apart."""
    number, rest = split_coefficient(node)
    if isinstance(rest, ZeroMatrix):
        return _Term(rest=rest)
    rule = _RULES.get(type(rest))
    found = rule(rest) if rule else None
    if found is None:
        found = _Term(scalars={rest: S.One}) if rest.shape == SCALAR else _Term(rest=rest)
    found.number *= number
    return found


def _written(term: _Term, shape: Shape) -> MatrixExpr:
    if isinstance(term.rest, ZeroMatrix):
        return ZeroMatrix(*shape)
    powers = {scalar: times for scalar, times in term.scalars.items() if times != 0}
    last = [power(s, times) for s, times in powers.items() if isinstance(s, _LAST)]
    others = {s: times for s, times in powers.items() if not isinstance(s, _LAST)}
    # A sum of entries reaches to the end of its product.
    order = sorted(others, key=lambda scalar: isinstance(scalar, SumOfEntries))
    over = [power(s, others[s]) for s in order if others[s] > 0]
    under = [power(s, -others[s]) for s in order if others[s] < 0]
    rest = term.rest
    if rest is None:
        front = quotient(_of_scalars(over), _of_scalars(under))
        return scale(term.number, hadamard(front, *last))
    if not under:
        front = [broadcast(scalar, shape) for scalar in (*over, *last)]
        return scale(term.number, hadamard(*front, rest))
    divisor = _of_scalars(under)
    long = isinstance(rest, MatMul) and len(rest.args) > LONGEST_NUMERATOR
    if over or last or long or isinstance(rest, Identity):
        front = [broadcast(s, shape) for s in (quotient(_of_scalars(over), divisor), *last)]
        return scale(term.number, hadamard(*front, rest))
    return scale(term.number, quotient(rest, broadcast(divisor, shape)))


def _of_scalars(scalars: Iterable[MatrixExpr]) -> MatrixExpr:
    return hadamard(OneMatrix(*SCALAR), *scalars)


# How each kind of expression is taken apart; its parts are in the form already.


def _number_one(node: MatrixExpr) -> _Term | None:
    return _Term() if node.shape == SCALAR else None


def _linear(make: Callable[[Any, MatrixExpr], MatrixExpr]) -> Callable[[Any], _Term]:
    """The rule of what is linear in its first argument: ``make`` makes it of the rest of that."""

    def rule(node: Any) -> _Term:
        found = _term(node.args[0])
        if node.shape == SCALAR:
            return found
        inner = node.args[0]
        rest = OneMatrix(*inner.shape) if found.rest is None else found.rest
        found.rest = make(node, rest)
        return found

    return rule


def _diagonal(node: DiagMatrix, entries: MatrixExpr) -> MatrixExpr:
    if isinstance(entries, OneMatrix):
        return Identity(node.rows)
    return ZeroMatrix(*node.shape) if isinstance(entries, ZeroMatrix) else DiagMatrix(entries)


def _row(node: RowByRow, matrix: MatrixExpr) -> MatrixExpr:
    if isinstance(matrix, OneMatrix | ZeroMatrix):
        return matrix.func(S.One, number_of_entries(matrix))
    return RowByRow(matrix)


def _in_rows(node: InRows, row: MatrixExpr) -> MatrixExpr:
    if isinstance(row, OneMatrix | ZeroMatrix):
        return row.func(*node.shape)
    return from_row(row, node.shape)


def _spread(node: Broadcast) -> _Term:
    found = _term(node.operand)
    found.rest = OneMatrix(*node.shape)
    return found


def _entrywise(node: HadamardProduct) -> _Term:
    found = _Term()
    rests = []
    for factor in node.args:
        taken = _term(factor)
        found.multiply(taken)
        if taken.rest is not None:
            rests.append(taken.rest)
    if node.shape != SCALAR:
        found.rest = hadamard(*rests)
    return found


def _product(node: MatMul) -> _Term:
    found = _Term()
    rests: list[MatrixExpr] = []
    alone = all(factor.shape == SCALAR for factor in node.args)
    for factor in node.args:
        if isinstance(factor, _LAST) and not alone:
            # A derivative keeps its place in a chain.
            rests.append(factor)
            continue
        taken = _term(factor)
        found.multiply(taken)
        if taken.rest is not None:
            rests.append(taken.rest)
    if not alone:
        rest = product(*_without_commutation(rests))
        number, rest = split_coefficient(rest)
        found.number *= number
        if node.shape == SCALAR:
            found.scalars[rest] = found.scalars.get(rest, S.Zero) + 1
        else:
            found.rest = rest
    return found


def _without_commutation(factors: Iterable[MatrixExpr]) -> list[MatrixExpr]:
    """The factors of a product with K (A kron B) = B kron A, and (A kron B) K likewise.

    That holds for a column and for a row among A and B: otherwise another K remains. Source: Magnus
    and Neudecker, Matrix Differential Calculus, 3.7.
    """
    found: list[MatrixExpr] = []
    for factor in factors:
        before = found[-1] if found else None
        match before, factor:
            case Commutation(), KroneckerProduct(args=(left, right)) if 1 in (
                left.cols,
                right.cols,
            ):
                found[-1] = kronecker(right, left)
            case KroneckerProduct(args=(left, right)), Commutation() if 1 in (
                left.rows,
                right.rows,
            ):
                found[-1] = kronecker(right, left)
            case _:
                found.append(factor)
    return found


def _fraction(node: Quotient) -> _Term | None:
    under = node.denominator
    if node.shape != SCALAR and not isinstance(under, Broadcast):
        return None
    found = _term(node.numerator)
    divisor = _term(under.operand if isinstance(under, Broadcast) else under)
    found.multiply(divisor, -1)
    return found


def _power(node: HadamardPower) -> _Term | None:
    base, exponent = node.args
    if node.shape != SCALAR or not exponent.is_Rational:
        return None
    inner = _term(base)
    found = _Term()
    if exponent.is_Integer or (inner.number == 1 and list(inner.scalars.values()) == [1]):
        found.multiply(inner, exponent)
    else:
        found.scalars[base] = exponent
    return found


def _kronecker(node: KroneckerProduct) -> _Term:
    found = _Term()
    rests = []
    for factor in node.args:
        taken = _term(factor)
        found.multiply(taken)
        if taken.rest is not None:
            rests.append(taken.rest)
    if node.shape == SCALAR:
        return found
    if any(isinstance(rest, ZeroMatrix) for rest in rests):
        found.rest = ZeroMatrix(*node.shape)
    elif all(isinstance(rest, Identity) for rest in rests):
        found.rest = Identity(node.rows)
    else:
        found.rest = rests[0] if len(rests) == 1 else kronecker(*rests)
    return found


def _product_over_time(node: TimeProduct) -> _Term | None:
    body, index, after, upper = node.args
    inner = _term(body)
    if inner.rest is not None and not isinstance(inner.rest, Identity):
        return None
    scalar = _written(_Term(inner.number, inner.scalars), SCALAR)
    found = _Term(rest=inner.rest)
    if scalar == OneMatrix(*SCALAR):
        return found
    of_each_step = scalar.has(index)
    product_of_all = TimeProduct(scalar, index, after, upper)
    found.scalars[product_of_all if of_each_step else power(scalar, upper - after)] = S.One
    return found


def _sum_over_time(node: TimeSum) -> _Term:
    body, *limits = node.args
    number, rest = split_coefficient(body)
    whole = rest if isinstance(rest, ZeroMatrix) else TimeSum(rest, *limits)
    if node.shape == SCALAR and not isinstance(rest, ZeroMatrix):
        return _Term(number, {whole: S.One})
    return _Term(number, rest=whole)


_RULES: dict[type[Expr], Callable[[Any], _Term | None]] = {
    Identity: _number_one,
    OneMatrix: _number_one,
    HadamardProduct: _entrywise,
    MatMul: _product,
    Quotient: _fraction,
    HadamardPower: _power,
    Broadcast: _spread,
    KroneckerProduct: _kronecker,
    TimeProduct: _product_over_time,
    TimeSum: _sum_over_time,
    DiagMatrix: _linear(_diagonal),
    RowByRow: _linear(_row),
    InRows: _linear(_in_rows),
    Transpose: _linear(lambda node, rest: transpose(rest)),
}
