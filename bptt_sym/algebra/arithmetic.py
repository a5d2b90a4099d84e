"""Arithmetic entry by entry: sums, products, quotients and powers; broadcasting and its reverse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sympy import Rational

from bptt_sym.algebra import boxes
from bptt_sym.algebra.derivatives import RowByRow
from bptt_sym.algebra.entries import broadcast, quotient, spread
from bptt_sym.algebra.expressions import (
    Broadcast,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    MatAdd,
    MatrixExpr,
    OneMatrix,
    Quotient,
    SumOfEntries,
    ZeroMatrix,
    add,
    hadamard,
    power,
    product,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.operation import (
    Apply,
    Operation,
    Pairs,
    ShapeError,
    Show,
    is_vector,
    number_box,
    one_shape,
)
from bptt_sym.algebra.parts import put_together
from bptt_sym.algebra.spread_over import SpreadOver

LARGEST_EXPONENT = 16


class Addition(Operation):
    """The sum of matrices of one shape; a number or scalar is added to every entry."""

    node = MatAdd
    syntax = "+"

    def build(self, left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
        return add(*one_shape((left, right)))

    def rebuild(self, node: MatAdd, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return add(*arguments, like=node)

    def vjp(self, node: MatAdd, cotangent: MatrixExpr) -> Pairs:
        return [(term, cotangent) for term in node.args]

    def box(self, node: MatAdd, show: Show) -> boxes.Box:
        args = put_together(node.args)
        if len(args) == 1:
            return show(args[0], boxes.SUM)
        signs, terms = [], []
        for term in args:
            coefficient, rest = split_coefficient(term)
            signs.append(-1 if coefficient < 0 else 1)
            if isinstance(rest, OneMatrix):
                terms.append(number_box(abs(coefficient)))
            else:
                shown = rest.operand if isinstance(rest, Broadcast) else rest
                terms.append(show(scale(abs(coefficient), shown), boxes.PRODUCT))
        return boxes.Terms(tuple(zip(signs, terms, strict=True)), _is_spread(args))

    def value(self, node: MatAdd, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return sum(operands[1:], operands[0])


class ElementwiseProduct(Operation):
    """The product entry by entry; a number or scalar multiplies every entry."""

    node = HadamardProduct
    syntax = "*"

    def build(self, left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
        for number, matrix in ((left, right), (right, left)):
            if not isinstance(number, MatrixExpr):
                return scale(number, matrix)
        return hadamard(*one_shape((left, right)))

    def rebuild(self, node: HadamardProduct, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return hadamard(*arguments)

    def vjp(self, node: HadamardProduct, cotangent: MatrixExpr) -> Pairs:
        factors = node.args
        return [
            (factor, hadamard(cotangent, *factors[:position], *factors[position + 1 :]))
            for position, factor in enumerate(factors)
        ]

    def jacobian(self, node: HadamardProduct, position: int, reached: MatrixExpr) -> MatrixExpr:
        before, _, after = around(node, position)
        return times_diagonal(reached, (*before, *after))

    def applied(self, node: HadamardProduct, position: int, reached: MatrixExpr) -> MatrixExpr:
        before, _, after = around(node, position)
        scalars, others = _scalars_apart((*before, *after))
        result = reached
        if others:
            row = hadamard(*others)
            if not is_vector(row.shape):
                result = hadamard(reached, row)
            elif row.rows == 1:
                result = _times_diagonal(reached, row)
            else:
                number, rest = split_coefficient(row)
                result = scale(number, product(DiagMatrix(rest), reached))
        return hadamard(*(broadcast(scalar, result.shape) for scalar in scalars), result)

    def box(self, node: HadamardProduct, show: Show) -> boxes.Box:
        scalars, others = _scalars_apart(node.args)
        others = _as_outer(others)
        if len(others) == 1 and not scalars:
            return show(others[0], boxes.SUM)
        shown = tuple(show(factor, boxes.POWER) for factor in others)
        product = boxes.Factors(shown, "elementwise", _is_spread(others))
        rest = shown[0] if len(shown) == 1 else product
        if node.shape == (1, 1):
            return boxes.Factors(boxes.enclosed(shown))
        if not scalars:
            return rest
        if not others:
            return boxes.Factors(boxes.enclosed([show(s, boxes.POWER) for s in scalars]))
        if len(others) == 1:
            rest = boxes.as_factor(show(others[0], boxes.PRODUCT))
        front = (show(scalar, boxes.POWER) for scalar in scalars)
        return boxes.Factors(boxes.enclosed((*front, *boxes.factors_of(rest))))

    def value(self, node: HadamardProduct, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        result = operands[0]
        for operand in operands[1:]:
            result = result * operand
        return result


def _as_outer(factors: list[MatrixExpr]) -> list[MatrixExpr]:
    """Rows and columns that are spread over each other as a column times a row."""
    spread = [rest.operand for rest in factors if isinstance(rest, SpreadOver)]
    columns = [operand for operand in spread if operand.cols == 1]
    rows = [operand for operand in spread if operand.rows == 1]
    apart = len(columns) + len(rows) == len(factors) and columns and rows
    return [product(hadamard(*columns), hadamard(*rows))] if apart else factors


def _is_spread(operands: Iterable[MatrixExpr]) -> bool:
    return any(isinstance(split_coefficient(operand)[1], SpreadOver) for operand in operands)


def around(
    node: MatrixExpr, position: int
) -> tuple[tuple[MatrixExpr, ...], MatrixExpr, tuple[MatrixExpr, ...]]:
    """The operands before a position, the one there, and those after it."""
    return node.args[:position], node.args[position], node.args[position + 1 :]


def _scalars_apart(
    factors: Sequence[MatrixExpr],
) -> tuple[list[MatrixExpr], list[MatrixExpr]]:
    """The scalars among the factors of an entrywise product, and the others."""
    scalars = [factor.operand for factor in factors if isinstance(factor, Broadcast)]
    return scalars, [factor for factor in factors if not isinstance(factor, Broadcast)]


def times_diagonal(matrix: MatrixExpr, factors: Sequence[MatrixExpr]) -> MatrixExpr:
    """A matrix times the diagonal matrix of an entrywise product; scalars stand in front."""
    scalars, others = _scalars_apart(factors)
    result = _times_diagonal(matrix, hadamard(*others)) if others else matrix
    return hadamard(*(broadcast(scalar, result.shape) for scalar in scalars), result)


def _times_diagonal(matrix: MatrixExpr, entries: MatrixExpr) -> MatrixExpr:
    number, rest = split_coefficient(entries)
    if not is_vector(rest.shape):
        rest = RowByRow(rest)
    if isinstance(rest, OneMatrix):
        return scale(number, matrix)
    return scale(number, product(matrix, DiagMatrix(rest)))


class Division(Operation):
    """The quotient entry by entry."""

    node = Quotient
    syntax = "/"

    def build(self, left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
        if not isinstance(right, MatrixExpr):
            return scale(1 / right, left)
        return quotient(*one_shape((left, right)))

    def rebuild(self, node: Quotient, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return quotient(*arguments)

    def vjp(self, node: Quotient, cotangent: MatrixExpr) -> Pairs:
        pulled = quotient(cotangent, node.denominator)
        return [(node.numerator, pulled), (node.denominator, scale(-1, hadamard(pulled, node)))]

    def jacobian(self, node: Quotient, position: int, reached: MatrixExpr) -> MatrixExpr:
        if position:
            return super().jacobian(node, position, reached)
        denominator = node.denominator
        if isinstance(denominator, Broadcast):
            return quotient(reached, broadcast(denominator.operand, reached.shape))
        return times_diagonal(reached, [quotient(OneMatrix(*node.shape), denominator)])

    def applied(self, node: Quotient, position: int, reached: MatrixExpr) -> MatrixExpr:
        denominator = node.denominator
        if isinstance(denominator, Broadcast):
            return quotient(reached, spread(denominator.operand, reached.shape))
        inverse = quotient(OneMatrix(*node.shape), denominator)
        return ElementwiseProduct().applied(HadamardProduct(node.numerator, inverse), 0, reached)

    def box(self, node: Quotient, show: Show) -> boxes.Box:
        return boxes.Ratio(bare(node.numerator, show), bare(node.denominator, show))

    def value(self, node: Quotient, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0] / operands[1]


def bare(operand: MatrixExpr, show: Show) -> boxes.Box:
    """An operand of a fraction: a number or scalar spread over a vector as itself."""
    if isinstance(operand, OneMatrix):
        return boxes.Number(1)
    return show(operand.operand if isinstance(operand, Broadcast) else operand, boxes.SUM)


class Broadcasting(Operation):
    """A scalar spread over a shape."""

    node = Broadcast

    def rebuild(self, node: Broadcast, arguments: Sequence[Any]) -> MatrixExpr:
        operand, *shape = arguments
        return broadcast(operand, tuple(shape))

    def transposed(self, node: Broadcast, arguments: Sequence[Any]) -> MatrixExpr:
        operand, rows, columns = arguments
        return broadcast(operand, (columns, rows))

    def vjp(self, node: Broadcast, cotangent: MatrixExpr) -> Pairs:
        return [(node.operand, sum_of_entries(cotangent))]

    def jacobian(self, node: Broadcast, position: int, reached: MatrixExpr) -> MatrixExpr:
        return product(reached, OneMatrix(1, node.rows * node.cols))

    def box(self, node: Broadcast, show: Show) -> boxes.Box:
        return boxes.Factors((show(node.operand, boxes.POWER), boxes.Constant("ones")))

    def value(self, node: Broadcast, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        operand, rows, columns = operands
        return np.broadcast_to(operand, (int(rows), int(columns)))


def sum_of_entries(operand: MatrixExpr) -> MatrixExpr:
    """The sum of all entries of a matrix, its number in front."""
    coefficient, rest = split_coefficient(operand)
    if isinstance(rest, ZeroMatrix):
        return ZeroMatrix(1, 1)
    if rest.shape == (1, 1):
        return operand
    return scale(coefficient, SumOfEntries(rest))


class Power(Operation):
    """The power of each entry, by a rational number."""

    node = HadamardPower
    syntax = "**"

    def build(self, base: MatrixExpr, exponent: Rational) -> MatrixExpr:
        if not abs(exponent) <= LARGEST_EXPONENT:
            raise ShapeError(
                f"the exponent must be a number from -{LARGEST_EXPONENT} to {LARGEST_EXPONENT}"
            )
        return power(base, exponent)

    def rebuild(self, node: HadamardPower, arguments: Sequence[Any]) -> MatrixExpr:
        return power(*arguments)

    def vjp(self, node: HadamardPower, cotangent: MatrixExpr) -> Pairs:
        base, exponent = node.args
        return [(base, hadamard(cotangent, scale(exponent, power(base, exponent - 1))))]

    def box(self, node: HadamardPower, show: Show) -> boxes.Box:
        base, exponent = node.args
        if exponent.is_negative and not is_vector(base.shape):
            # With a negative exponent, a power of a matrix would be read as its inverse.
            return boxes.Ratio(boxes.Number(1), show(power(base, -exponent), boxes.SUM))
        shown = show(base, boxes.ATOM)
        if isinstance(shown, boxes.Number) and not _is_plain(shown):
            shown = boxes.Brackets(shown)
        return boxes.Superscript(shown, show(exponent, boxes.SUM))

    def value(self, node: HadamardPower, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0] ** operands[1]


def _is_plain(number: boxes.Number) -> bool:
    """Whether a number is printed as digits alone."""
    return "e" not in number.decimal if number.decimal else number.denominator == 1


class Summation(Operation):
    """The sum of all entries, a scalar."""

    node = SumOfEntries
    syntax = "sum"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        return sum_of_entries(operand)

    def rebuild(self, node: SumOfEntries, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return sum_of_entries(*arguments)

    def vjp(self, node: SumOfEntries, cotangent: MatrixExpr) -> Pairs:
        return [(node.operand, broadcast(cotangent, node.operand.shape))]

    def jacobian(self, node: SumOfEntries, position: int, reached: MatrixExpr) -> MatrixExpr:
        return product(reached, OneMatrix(reached.cols, 1))

    def box(self, node: SumOfEntries, show: Show) -> boxes.Box:
        return boxes.EntrySum(show(node.operand, boxes.POWER))

    def value(self, node: SumOfEntries, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0].sum(keepdims=True)
