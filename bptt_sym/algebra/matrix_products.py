"""Products of matrices, and the transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bptt_sym.algebra import boxes
from bptt_sym.algebra.arithmetic import around, bare
from bptt_sym.algebra.derivatives import Commutation, kronecker, transposed_product
from bptt_sym.algebra.expressions import (
    HadamardProduct,
    Identity,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Quotient,
    Transpose,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.linear_systems import InverseMatrix
from bptt_sym.algebra.operation import (
    Apply,
    Operation,
    Pairs,
    ShapeError,
    Show,
    is_vector,
    number_box,
)


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
        before, inner, after = around(node, position)
        rows, columns = inner.shape
        left = product(*(transpose(factor) for factor in reversed(before))) if before else None
        right = product(*after) if after else None
        if left is None:
            return product(reached, right if rows == 1 else kronecker(Identity(rows), right))
        return product(reached, kronecker(left, Identity(columns) if right is None else right))

    def box(self, node: MatMul, show: Show) -> boxes.Box:
        coefficient, rest = split_coefficient(node)
        if coefficient < 0:
            return boxes.Negative(show(scale(-coefficient, rest), boxes.PRODUCT))
        if rest == OneMatrix(1, 1):
            return number_box(coefficient)
        factors = rest.args if isinstance(rest, MatMul) else (rest,)
        number = () if coefficient == 1 else (number_box(coefficient),)
        if number and isinstance(rest, HadamardProduct):
            return boxes.Factors((*number, *boxes.factors_of(show(rest, boxes.PRODUCT))))
        if number and isinstance(rest, Quotient) and coefficient.q < 10:
            over = _multiplied(int(coefficient.p), bare(rest.numerator, show))
            return boxes.Ratio(over, _multiplied(int(coefficient.q), bare(rest.denominator, show)))
        shown = [boxes.as_factor(show(factor, boxes.PRODUCT)) for factor in factors]
        return boxes.Factors((*number, *boxes.enclosed(shown)))

    def value(self, node: MatMul, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        result = operands[0]
        for operand in operands[1:]:
            scalar = np.ndim(result) == 0
            result = result * operand if scalar else result @ operand
        return result


def _multiplied(number: int, box: boxes.Box) -> boxes.Box:
    """A whole number times a side of a fraction."""
    if number == 1 or box == boxes.Number(1):
        return box if number == 1 else boxes.Number(number)
    return boxes.Factors(
        (boxes.Number(number), *boxes.factors_of(boxes.bracketed(box, boxes.PRODUCT)))
    )


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

    def box(self, node: Transpose, show: Show) -> boxes.Box:
        if isinstance(node.arg, InverseMatrix):
            return boxes.Superscript(show(node.arg.operand, boxes.ATOM), None, inverse=True)
        return boxes.Superscript(show(node.arg, boxes.ATOM), None)

    def value(self, node: Transpose, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[0].T
