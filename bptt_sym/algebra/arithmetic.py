"""Arithmetic: sums, products, quotients, powers and transposes of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Rational

from bptt_sym.algebra import layout as box
from bptt_sym.algebra.derivatives import Commutation
from bptt_sym.algebra.expressions import (
    Broadcast,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Quotient,
    RowByRow,
    SumOfEntries,
    Transpose,
    ZeroMatrix,
    add,
    broadcast,
    hadamard,
    kronecker,
    power,
    product,
    quotient,
    scale,
    split_coefficient,
    spread,
    transpose,
    transposed_product,
)
from bptt_sym.algebra.operation import (
    Apply,
    Operation,
    ShapeError,
    Show,
    is_vector,
    number_layout,
    one_shape,
)

LARGEST_EXPONENT = 16

Pairs = list[tuple[MatrixExpr, MatrixExpr]]


class Addition(Operation):
    """The sum of matrices of one shape; a number or scalar is added to every entry."""

    node = MatAdd
    entrywise = True
    syntax = "+"

    def build(self, left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
        return add(*one_shape((left, right)))

    def rebuild(self, node: MatAdd, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return add(*arguments, like=node)

    def vjp(self, node: MatAdd, cotangent: MatrixExpr) -> Pairs:
        return [(term, cotangent) for term in node.args]

    def layout(self, node: MatAdd, show: Show) -> box.Layout:
        signs, terms = [], []
        for term in node.args:
            coefficient, rest = split_coefficient(term)
            signs.append(-1 if coefficient < 0 else 1)
            if isinstance(rest, OneMatrix):
                terms.append(number_layout(abs(coefficient)))
            else:
                shown = rest.operand if isinstance(rest, Broadcast) else rest
                terms.append(show(scale(abs(coefficient), shown), box.PRODUCT))
        return box.Terms(tuple(zip(signs, terms, strict=True)))

    def value(self, node: MatAdd, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return sum(operands[1:], operands[0])


class MatrixProduct(Operation):
    """The product of matrices, with a number in front or without."""

    node = MatMul
    syntax = "@"

    def build(self, left: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
        if left.shape[1] != right.shape[0]:
            raise ShapeError("the columns of the left must equal the rows of the right")
        return product(left, right)

    def rebuild(self, node: MatMul, arguments: Sequence[Any]) -> MatrixExpr:
        coefficient, *factors = arguments
        if isinstance(coefficient, MatrixExpr):
            return product(*arguments)
        return scale(coefficient, product(*factors))

    def transposed(self, node: MatMul, arguments: Sequence[Any]) -> MatrixExpr:
        numbers = [number for number in arguments if not isinstance(number, MatrixExpr)]
        factors = [factor for factor in arguments if isinstance(factor, MatrixExpr)]
        return self.rebuild(node, [*numbers, *reversed(factors)])

    def vjp(self, node: MatMul, cotangent: MatrixExpr) -> Pairs:
        coefficient, rest = split_coefficient(node)
        cotangent = scale(coefficient, cotangent)
        if not isinstance(rest, MatMul):
            return [(rest, cotangent)]
        factors = rest.args
        pairs = []
        for position, factor in enumerate(factors):
            before = [transpose(other) for other in reversed(factors[:position])]
            after = [transpose(other) for other in reversed(factors[position + 1 :])]
            pairs.append((factor, product(*before, cotangent, *after)))
        return pairs

    def jacobian(self, node: MatMul, position: int, reached: MatrixExpr) -> MatrixExpr:
        before, inner, after = _around(node, position)
        rows, columns = inner.shape
        left = product(*(transpose(factor) for factor in reversed(before))) if before else None
        right = product(*after) if after else None
        if left is None:
            return product(reached, right if rows == 1 else kronecker(Identity(rows), right))
        return product(reached, kronecker(left, Identity(columns) if right is None else right))

    def layout(self, node: MatMul, show: Show) -> box.Layout:
        coefficient, rest = split_coefficient(node)
        if coefficient < 0:
            return box.Negative(show(scale(-coefficient, rest), box.PRODUCT))
        factors = rest.args if isinstance(rest, MatMul) else (rest,)
        number = () if coefficient == 1 else (number_layout(coefficient),)
        if number and isinstance(rest, HadamardProduct):
            return box.Factors((*number, show(rest, box.PRODUCT)))
        if number and isinstance(rest, Quotient) and isinstance(rest.numerator, OneMatrix):
            under = _bare(rest.denominator, show)
            if coefficient.q != 1:
                under = box.Factors(
                    (box.Number(int(coefficient.q)), box.bracketed(under, box.PRODUCT))
                )
            return box.Ratio(box.Number(int(coefficient.p)), under)
        shown = [_matrix_factor(factor, show) for factor in factors]
        return box.Factors((*number, *box.enclosed(shown)))

    def value(self, node: MatMul, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        result = operands[0]
        for operand in operands[1:]:
            scalar = np.ndim(result) == 0
            result = result * operand if scalar else result @ operand
        return result


def _matrix_factor(factor: MatrixExpr, show: Show) -> box.Layout:
    shown = show(factor, box.PRODUCT)
    elementwise = isinstance(shown, box.Factors) and shown.kind != "matrix"
    return box.Brackets(shown) if elementwise else shown


class ElementwiseProduct(Operation):
    """The product entry by entry; a number or scalar multiplies every entry."""

    node = HadamardProduct
    entrywise = True
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
        before, _, after = _around(node, position)
        return times_diagonal(reached, (*before, *after))

    def applied(self, node: HadamardProduct, position: int, reached: MatrixExpr) -> MatrixExpr:
        before, _, after = _around(node, position)
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

    def layout(self, node: HadamardProduct, show: Show) -> box.Layout:
        scalars, others = _scalars_apart(node.args)
        shown = tuple(show(factor, box.POWER) for factor in others)
        rest = shown[0] if len(shown) == 1 else box.Factors(shown, "elementwise")
        if node.shape == (1, 1):
            return box.Factors(box.enclosed(shown))
        if not scalars:
            return rest
        if not others:
            return box.Factors(tuple(show(scalar, box.POWER) for scalar in scalars))
        if len(others) == 1:
            rest = show(others[0], box.PRODUCT)
        return box.Factors((*(show(scalar, box.POWER) for scalar in scalars), rest))

    def value(self, node: HadamardProduct, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        result = operands[0]
        for operand in operands[1:]:
            result = result * operand
        return result


def _around(
    node: MatrixExpr, position: int
) -> tuple[tuple[MatrixExpr, ...], MatrixExpr, tuple[MatrixExpr, ...]]:
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
    entrywise = True
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

    def layout(self, node: Quotient, show: Show) -> box.Layout:
        return box.Ratio(_bare(node.numerator, show), _bare(node.denominator, show))

    def value(self, node: Quotient, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0] / operands[1]


def _bare(operand: MatrixExpr, show: Show) -> box.Layout:
    """An operand of a fraction: a number or scalar spread over a vector as itself."""
    if isinstance(operand, OneMatrix):
        return box.Number(1)
    return show(operand.operand if isinstance(operand, Broadcast) else operand, box.SUM)


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

    def layout(self, node: Broadcast, show: Show) -> box.Layout:
        return box.Factors((show(node.operand, box.POWER), box.Constant("ones")))

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
    entrywise = True
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

    def layout(self, node: HadamardPower, show: Show) -> box.Layout:
        base, exponent = node.args
        return box.Superscript(show(base, box.ATOM), number_layout(exponent))

    def value(self, node: HadamardPower, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0] ** operands[1]


class Transposition(Operation):
    """The transpose."""

    node = Transpose
    syntax = ".T"

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        return transpose(operand)

    def rebuild(self, node: Transpose, arguments: Sequence[MatrixExpr]) -> MatrixExpr:
        return transpose(*arguments)

    def vjp(self, node: Transpose, cotangent: MatrixExpr) -> Pairs:
        return [(node.arg, transposed_product(cotangent))]

    def jacobian(self, node: Transpose, position: int, reached: MatrixExpr) -> MatrixExpr:
        if is_vector(node.shape):
            return reached  # a row and its transpose have the same entries in the same order
        return product(reached, Commutation(*node.arg.shape))

    def applied(self, node: Transpose, position: int, reached: MatrixExpr) -> MatrixExpr:
        return transposed_product(reached)

    def layout(self, node: Transpose, show: Show) -> box.Layout:
        return box.Superscript(show(node.arg, box.ATOM), None)

    def value(self, node: Transpose, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0].T


class EntrySum(Operation):
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

    def layout(self, node: SumOfEntries, show: Show) -> box.Layout:
        return box.EntrySum(show(node.operand, box.PRODUCT))

    def value(self, node: SumOfEntries, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0].sum(keepdims=True)
