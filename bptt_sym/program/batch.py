"""From one sequence to a batch: vectors become arrays whose last axis holds their entries.

A row and its transpose are the same array; a parameter has no axis for the batch. What a matrix
product of rows and columns means for arrays is made explicit by nodes of its own (an inner product,
a number times a row, an outer product), as is every sum over the batch, so that what is left has a
direct form in an array language: ``v @ W``, ``u * v``, ``u + v``.
"""

from __future__ import annotations

from typing import Any

from sympy import S

from bptt_sym.algebra.expressions import (
    Adjoint,
    Expr,
    HadamardPower,
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
    ZeroMatrix,
    add,
    hadamard,
    power,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operations import OPERATIONS, Operation, Print, is_leaf
from bptt_sym.algebra.python import ADDITIVE, CALL, MULTIPLICATIVE, Code
from bptt_sym.errors import InputError


class Carry(MatrixExpr):
    """What reaches the adjoint of a variable from the following time step."""

    variable = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)


class InnerProduct(MatrixExpr):
    """A row times a column: a number, for each sequence."""

    shape = property(lambda self: (S.One, S.One))


class NumberTimesRow(MatrixExpr):
    """A number times a row, for each sequence."""

    shape = property(lambda self: self.args[1].shape)


class OuterProduct(MatrixExpr):
    """A column times a row, both of parameters alone: a matrix."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape[1], self.args[1].shape[1]


class Spread(MatrixExpr):
    """A vector that is the same for each sequence, with ``args[1]`` leading axes all the same."""

    shape = property(lambda self: self.args[0].shape)


class Contraction(MatrixExpr):
    """The sum of the outer products u^T v over all leading axes, of which there are ``args[2]``."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape[1], self.args[1].shape[1]


class BatchSum(MatrixExpr):
    """The sum of a row over all leading axes, of which there are ``args[1]``."""

    shape = property(lambda self: self.args[0].shape)


class ForEachSequence(MatrixExpr):
    """What is the same for each sequence, summed over all ``args[1]`` leading axes."""

    shape = property(lambda self: self.args[0].shape)


class GrandTotal(MatrixExpr):
    """The sum of all entries of an array, over its leading axes too."""

    shape = property(lambda self: (S.One, S.One))


class InnerProductOperation(Operation):
    """The code of ``InnerProduct``."""

    node = InnerProduct

    def numpy(self, node: Any, code: Print) -> Code:
        left, right = (code(argument, MULTIPLICATIVE + 1) for argument in node.args)
        return Code(f"np.sum({left} * {right}, axis=-1, keepdims=True)", CALL)


class NumberTimesRowOperation(Operation):
    """The code of ``NumberTimesRow``."""

    node = NumberTimesRow

    def numpy(self, node: Any, code: Print) -> Code:
        left, right = node.args
        return Code(
            f"{code(left, MULTIPLICATIVE)} * {code(right, MULTIPLICATIVE + 1)}", MULTIPLICATIVE
        )


class OuterProductOperation(Operation):
    """The code of ``OuterProduct``."""

    node = OuterProduct

    def numpy(self, node: Any, code: Print) -> Code:
        left, right = (code(argument, ADDITIVE) for argument in node.args)
        return Code(f"np.outer({left}, {right})", CALL)


class SpreadOperation(Operation):
    """The code of ``Spread``."""

    node = Spread

    def numpy(self, node: Any, code: Print) -> Code:
        operand, axes = node.args
        size = next((size for size in node.shape if size != 1), 1)
        leading = "T, B" if axes == 2 else "B"
        return Code(f"np.broadcast_to({code(operand, ADDITIVE)}, ({leading}, {size}))", CALL)


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


class ForEachSequenceOperation(Operation):
    """The code of ``ForEachSequence``."""

    node = ForEachSequence

    def numpy(self, node: Any, code: Print) -> Code:
        operand, axes = node.args
        count = "T * B" if axes == 2 else "B"
        return Code(f"{count} * {code(operand, MULTIPLICATIVE + 1)}", MULTIPLICATIVE)


class GrandTotalOperation(Operation):
    """The code of ``GrandTotal``."""

    node = GrandTotal

    def numpy(self, node: Any, code: Print) -> Code:
        return Code(f"np.sum({code(node.args[0], ADDITIVE)})", CALL)


BATCH_OPERATIONS: dict[type[Expr], Operation] = OPERATIONS | {
    operation.node: operation
    for operation in (
        InnerProductOperation(),
        NumberTimesRowOperation(),
        OuterProductOperation(),
        SpreadOperation(),
        ContractionOperation(),
        BatchSumOperation(),
        ForEachSequenceOperation(),
        GrandTotalOperation(),
    )
}


def is_batched(expression: Expr) -> bool:
    """Whether the expression differs between the sequences of a batch."""
    return bool(expression.has(Variable, Adjoint, Carry))


def value_form(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The expression for a batch, with its ``axes`` leading axes even where it is constant."""
    if is_batched(expression) or isinstance(expression, ZeroMatrix):
        return batched(expression)
    return Spread(batched(expression), Integer(axes))


def batched(expression: MatrixExpr) -> MatrixExpr:
    """The expression for a batch: a vector as an array (..., n), a scalar as (..., 1).

    A column is given as its row. Raises InputError where it needs a matrix for each sequence.
    """
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, batched(rest))
    if is_leaf(expression):
        return expression
    if _is_column(expression):
        return batched(_turned(expression))
    match expression:
        case Transpose() if is_leaf(expression.arg):
            return expression.arg if _is_column(expression.arg) else expression
        case Transpose():
            return batched(_turned(expression.arg))
        case MatMul():
            inward = product(*map(_inward, expression.args))
            return _product(list(inward.args)) if isinstance(inward, MatMul) else batched(inward)
        case SumOfEntries():
            inner = batched(expression.operand)
            return SumOfEntries(inner) if is_batched(inner) else GrandTotal(inner)
        case MatAdd():
            return add(*map(batched, expression.args))
        case HadamardProduct():
            return hadamard(*map(batched, expression.args))
        case HadamardPower():
            return power(batched(expression.base), expression.exp)
        case Elementwise():
            operand = batched(expression.operand)
            return Elementwise(expression.function, operand, expression.order)
        case _:
            return expression


def _is_column(expression: MatrixExpr) -> bool:
    return bool(expression.shape[1] == 1 and expression.shape[0] != 1)


def _inward(factor: MatrixExpr) -> MatrixExpr:
    """The factor, a transpose of more than a leaf carried inward."""
    return _turned(factor.arg) if isinstance(factor, Transpose) else factor


def _turned(expression: MatrixExpr) -> MatrixExpr:
    """The transpose of an expression, carried down to its leaves; a column's leaf is its row."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, _turned(rest))
    match expression:
        case Transpose():
            return expression.arg
        case MatMul():
            return product(*(transpose(factor) for factor in reversed(expression.args)))
        case MatAdd():
            return add(*(transpose(term) for term in expression.args))
        case HadamardProduct():
            return hadamard(*(transpose(factor) for factor in expression.args))
        case HadamardPower():
            return power(transpose(expression.base), expression.exp)
        case Elementwise():
            return Elementwise(expression.function, transpose(expression.operand), expression.order)
        case OneMatrix():
            return OneMatrix(expression.cols, expression.rows)
        case _:
            return transpose(expression)


def _product(factors: list[MatrixExpr]) -> MatrixExpr:
    """A product that is a row, a number or a matrix of parameters."""
    for position, factor in enumerate(factors):
        if position and isinstance(factor, MatAdd) and is_batched(factor) and factor.rows != 1:
            # (a + b^T c) after a row: the outer product is never formed.
            before, after = factors[:position], factors[position + 1 :]
            return add(*(batched(product(*before, term, *after)) for term in factor.args))
    if factors[0].shape[0] != 1:
        return _matrix_product(factors)
    result = batched(factors[0])
    for factor in factors[1:]:
        if result.shape == (1, 1):
            result = NumberTimesRow(result, batched(factor))
        elif factor.shape[1] == 1:
            result = InnerProduct(result, batched(transpose(factor)))
        elif is_batched(factor):
            raise _no_matrix(factor)
        else:
            result = product(result, batched(factor))
    return result


def _matrix_product(factors: list[MatrixExpr]) -> MatrixExpr:
    if is_batched(MatMul(*factors)):
        raise _no_matrix(MatMul(*factors))
    for position in range(1, len(factors)):
        if factors[position].shape[0] == 1:
            column = transpose(product(*factors[:position]))
            return OuterProduct(batched(column), batched(product(*factors[position:])))
    return product(*map(batched, factors))


def _no_matrix(expression: MatrixExpr) -> InputError:
    rows, columns = expression.shape
    return InputError(
        f"generated code cannot hold a matrix ({rows} x {columns}) for each sequence; "
        "the derivation can"
    )


def batch_total(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The sum of an expression in the shape of a parameter over ``axes`` leading axes."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, batch_total(rest, axes))
    if not is_batched(expression):
        return ForEachSequence(batched(expression), Integer(axes))
    if isinstance(expression, MatAdd):
        return add(*(batch_total(term, axes) for term in expression.args))
    if 1 in expression.shape:
        return BatchSum(batched(expression), Integer(axes))
    match expression:
        case Transpose():
            return transpose(batch_total(expression.arg, axes))
        case HadamardProduct():
            return _hadamard_total(expression, axes)
        case MatMul():
            return _product_total(list(expression.args), axes)
        case _:
            raise _no_matrix(expression)


def _hadamard_total(expression: HadamardProduct, axes: int) -> MatrixExpr:
    """Factors that are the same for each sequence are taken out of the sum."""
    inside = [factor for factor in expression.args if is_batched(factor)]
    outside = [batched(factor) for factor in expression.args if not is_batched(factor)]
    if len(inside) != 1:
        raise _no_matrix(expression)
    return hadamard(batch_total(inside[0], axes), *outside)


def _product_total(factors: list[MatrixExpr], axes: int) -> MatrixExpr:
    """The sum of a column times a row, however many factors each of them has."""
    for position, factor in enumerate(factors):
        if isinstance(factor, MatAdd) and is_batched(factor):
            before, after = factors[:position], factors[position + 1 :]
            terms = (product(*before, term, *after) for term in factor.args)
            return add(*(batch_total(term, axes) for term in terms))
    cut = next((k for k in range(1, len(factors)) if factors[k].shape[0] == 1), None)
    if cut is None:
        # A matrix for each sequence between parameters, which are taken out of the sum.
        if sum(map(is_batched, factors)) != 1:
            raise _no_matrix(MatMul(*factors))
        return product(*(batch_total(f, axes) if is_batched(f) else batched(f) for f in factors))
    column, row = transpose(product(*factors[:cut])), product(*factors[cut:])
    if is_batched(column) and is_batched(row):
        return Contraction(batched(column), batched(row), Integer(axes))
    sides = (
        BatchSum(batched(side), Integer(axes)) if is_batched(side) else batched(side)
        for side in (column, row)
    )
    return OuterProduct(*sides)


def value_total(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The sum of a scalar over ``axes`` leading axes, as one number."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, value_total(rest, axes))
    if isinstance(expression, MatAdd):
        return add(*(value_total(term, axes) for term in expression.args))
    if not is_batched(expression):
        return ForEachSequence(batched(expression), Integer(axes))
    inner = expression.operand if isinstance(expression, SumOfEntries) else expression
    return GrandTotal(batched(inner))
