"""From one sequence to a batch: row vectors become arrays whose last axis holds their entries.

A parameter stays as it is. Every product of a row with a column, which is a number for each
sequence, and every sum over the batch is made a node of its own, so that what is left has a direct
form in an array language: for arrays of shape (..., n), ``v @ W``, ``u * v``, ``u + v``.
"""

from __future__ import annotations

from typing import Any

from sympy import S

from bptt_sym.algebra.expressions import (
    Adjoint,
    Expr,
    HadamardProduct,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Shape,
    SumOfEntries,
    Transpose,
    Variable,
    add,
    hadamard,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operations import OPERATIONS, Operation, Print, is_leaf
from bptt_sym.algebra.python import ADDITIVE, CALL, MULTIPLICATIVE, Code


class Carry(MatrixExpr):
    """What reaches the adjoint of a variable from the following time step."""

    variable = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)


class InnerProduct(MatrixExpr):
    """The product of a row with the transpose of another, for each sequence."""

    shape = property(lambda self: (S.One, S.One))


class Contraction(MatrixExpr):
    """The sum of the outer products u^T v over all leading axes, of which there are ``args[2]``."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape[1], self.args[1].shape[1]


class BatchSum(MatrixExpr):
    """The sum of a row over all leading axes, of which there are ``args[1]``."""

    shape = property(lambda self: self.args[0].shape)


class ForEachRow(MatrixExpr):
    """A matrix that is the same for each sequence, summed over all ``args[1]`` leading axes."""

    shape = property(lambda self: self.args[0].shape)


class MatrixSum(MatrixExpr):
    """The sum of all entries of a parameter or of an expression in parameters alone."""

    shape = property(lambda self: (S.One, S.One))


class InnerProductOperation(Operation):
    """The code of ``InnerProduct``."""

    node = InnerProduct

    def numpy(self, node: Any, code: Print) -> Code:
        left, right = (code(argument, MULTIPLICATIVE) for argument in node.args)
        return Code(f"np.sum({left} * {right}, axis=-1, keepdims=True)", CALL)


class ContractionOperation(Operation):
    """The code of ``Contraction``."""

    node = Contraction

    def numpy(self, node: Any, code: Print) -> Code:
        left, right, axes = node.args
        if axes == 1:
            return Code(f"{code(left, CALL)}.T @ {code(right, MULTIPLICATIVE + 1)}", MULTIPLICATIVE)
        summed = list(range(int(axes)))
        shown = f"{code(left, ADDITIVE)}, {code(right, ADDITIVE)}"
        return Code(f"np.tensordot({shown}, axes=({summed}, {summed}))", CALL)


class BatchSumOperation(Operation):
    """The code of ``BatchSum``."""

    node = BatchSum

    def numpy(self, node: Any, code: Print) -> Code:
        operand, axes = node.args
        summed = "0" if axes == 1 else str(tuple(range(int(axes))))
        return Code(f"np.sum({code(operand, ADDITIVE)}, axis={summed})", CALL)


class ForEachRowOperation(Operation):
    """The code of ``ForEachRow``."""

    node = ForEachRow

    def numpy(self, node: Any, code: Print) -> Code:
        operand, axes = node.args
        rows = "T * B" if axes == 2 else "B"
        return Code(f"{rows} * {code(operand, MULTIPLICATIVE + 1)}", MULTIPLICATIVE)


class MatrixSumOperation(Operation):
    """The code of ``MatrixSum``."""

    node = MatrixSum

    def numpy(self, node: Any, code: Print) -> Code:
        return Code(f"np.sum({code(node.args[0], ADDITIVE)})", CALL)


BATCH_OPERATIONS: dict[type[Expr], Operation] = OPERATIONS | {
    operation.node: operation
    for operation in (
        InnerProductOperation(),
        ContractionOperation(),
        BatchSumOperation(),
        ForEachRowOperation(),
        MatrixSumOperation(),
    )
}


def is_batched(expression: Expr) -> bool:
    """Whether the expression differs between the sequences of a batch."""
    return bool(expression.has(Variable, Adjoint, Carry))


def batched(expression: MatrixExpr) -> MatrixExpr:
    """The expression for a batch: each row vector an array (..., n), each scalar (..., 1)."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, batched(rest))
    if is_leaf(expression):
        return expression
    if isinstance(expression, Transpose):
        return _transposed(expression.arg)
    if isinstance(expression, SumOfEntries):
        inner = batched(expression.operand)
        return SumOfEntries(inner) if is_batched(inner) else MatrixSum(inner)
    if isinstance(expression, MatMul):
        return _row_product(list(expression.args))
    operands = (
        batched(argument) if isinstance(argument, MatrixExpr) else argument
        for argument in expression.args
    )
    return expression.func(*operands)


def _transposed(expression: MatrixExpr) -> MatrixExpr:
    """The transpose, carried down to the leaves."""
    if isinstance(expression, MatMul):
        return batched(product(*(transpose(factor) for factor in reversed(expression.args))))
    if isinstance(expression, MatAdd):
        return add(*(batched(transpose(term)) for term in expression.args))
    if isinstance(expression, HadamardProduct):
        return hadamard(*(batched(transpose(factor)) for factor in expression.args))
    return transpose(batched(expression))


def _row_product(factors: list[MatrixExpr]) -> MatrixExpr:
    """A product that begins with a row, or has parameters only, multiplied from the left."""
    result = batched(factors[0])
    for factor in factors[1:]:
        column = isinstance(factor, Transpose) and factor.shape[1] == 1
        if column and is_batched(MatMul(result, factor)):
            result = InnerProduct(result, batched(factor.arg))
        elif result.shape == (1, 1) and factor.shape[0] == 1 and is_batched(result):
            # A number for each sequence times a row: arrays broadcast.
            result = HadamardProduct(result, _as_row(factor), check=False)
        else:
            result = product(result, batched(factor))
    return result


def _as_row(factor: MatrixExpr) -> MatrixExpr:
    return factor if isinstance(factor, OneMatrix) else batched(factor)


def batch_total(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The sum of an expression in the shape of a parameter over ``axes`` leading axes."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, batch_total(rest, axes))
    if not is_batched(expression):
        return ForEachRow(batched(expression), Integer(axes))
    if isinstance(expression, MatAdd):
        return add(*(batch_total(term, axes) for term in expression.args))
    if expression.shape[0] == 1:
        return BatchSum(batched(expression), Integer(axes))
    if isinstance(expression, Transpose):
        return transpose(batch_total(expression.arg, axes))
    if isinstance(expression, HadamardProduct):
        return _hadamard_total(expression, axes)
    return _product_total(list(expression.args), axes)


def _hadamard_total(expression: HadamardProduct, axes: int) -> MatrixExpr:
    """Factors that are the same for each sequence are taken out of the sum."""
    inside = [factor for factor in expression.args if is_batched(factor)]
    outside = [batched(factor) for factor in expression.args if not is_batched(factor)]
    if len(inside) != 1:
        raise NotImplementedError("a sum over an elementwise product of outer products")
    return hadamard(batch_total(inside[0], axes), *outside)


def _product_total(factors: list[MatrixExpr], axes: int) -> MatrixExpr:
    first = next(position for position, factor in enumerate(factors) if is_batched(factor))
    outside = [batched(factor) for factor in factors[:first]]
    rest = factors[first:]
    if rest[0].shape[0] == 1:
        return product(*outside, BatchSum(_row_product(rest), Integer(axes)))
    column = batched(transpose(rest[0]))
    contraction = Contraction(column, _row_product(rest[1:]), Integer(axes))
    return product(*outside, contraction)


def value_total(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The sum of a scalar over ``axes`` leading axes, as one number."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, value_total(rest, axes))
    if isinstance(expression, MatAdd):
        return add(*(value_total(term, axes) for term in expression.args))
    if not is_batched(expression):
        return ForEachRow(batched(expression), Integer(axes))
    inner = expression.operand if isinstance(expression, SumOfEntries) else expression
    return MatrixSum(batched(inner))
