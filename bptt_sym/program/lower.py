"""Brings the expressions of one sequence into the form for a batch, and sums them over it."""

from __future__ import annotations

from sympy import S

from bptt_sym.algebra.derivatives import transposed_product
from bptt_sym.algebra.entries import broadcast
from bptt_sym.algebra.expressions import (
    Adjoint,
    Broadcast,
    HadamardProduct,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Parameter,
    SumOfEntries,
    Transpose,
    Variable,
    ZeroMatrix,
    add,
    hadamard,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operation import is_vector
from bptt_sym.algebra.operations import is_leaf, operation_of
from bptt_sym.algebra.parts import Padding
from bptt_sym.program.batch import (
    BatchSum,
    Carry,
    Contraction,
    ForEachSequence,
    GrandTotal,
    InnerProduct,
    Lifted,
    MatrixSum,
    OuterProduct,
    RowTimesMatrix,
    Spread,
    Swapped,
    Widened,
    is_batched,
)

_WHOLE = (SumOfEntries, MatMul, Transpose)
"""Operations that treat a vector as a whole by their structure; all others keep it."""


def value_form(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The expression for a batch, with its ``axes`` leading axes and all its entries."""
    full = is_batched(expression) and not _is_narrow(expression)
    if full or isinstance(expression, ZeroMatrix):
        return batched(expression)
    return Spread(batched(expression), Integer(axes))


def batched(expression: MatrixExpr) -> MatrixExpr:
    """The expression for a batch: a vector as an array (..., n), a scalar as (..., 1).

    A column is given as its row, a matrix that differs between sequences as (..., m, n).
    """
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, batched(rest))
    if is_leaf(expression):
        return _as_row(expression)
    match expression:
        case Transpose():
            return _transposed(expression)
        case MatMul():
            return _product(list(expression.args))
        case SumOfEntries():
            inner = wide(expression.operand)
            if not is_batched(inner):
                return GrandTotal(inner)
            return SumOfEntries(inner) if is_vector(inner.shape) else MatrixSum(inner)
        case Broadcast():
            inner = batched(expression.operand)
            if is_batched(inner) and not is_vector(expression.shape):
                return Lifted(inner, *expression.shape)
            return Broadcast(inner, *_row_shape(expression))
        case OneMatrix() | ZeroMatrix():
            return expression.func(*_row_shape(expression))
        case Padding():
            return Padding(_whole(expression.operand), expression.args[1], *_row_shape(expression))
        case _:
            prepared = _whole if _gathers(expression) else batched
            arguments = [
                prepared(argument) if isinstance(argument, MatrixExpr) else argument
                for argument in expression.args
            ]
            return operation_of(expression).rebuild(expression, arguments)


def wide(expression: MatrixExpr) -> MatrixExpr:
    """The expression for a batch, all its entries in the array."""
    shown = batched(expression)
    return Widened(shown) if _is_narrow(expression) else shown


def _whole(expression: MatrixExpr) -> MatrixExpr:
    """The expression for a batch as an array with an axis of its entries."""
    if expression.shape == (1, 1) and not is_batched(expression):
        return Widened(batched(expression))
    return wide(expression)


def _gathers(expression: MatrixExpr) -> bool:
    """Whether an operation reads whole vectors: softmax, slices and their like."""
    return operation_of(expression).gathers


def _is_narrow(expression: MatrixExpr) -> bool:
    """Whether a vector or matrix is made of scalars alone, which arrays hold once."""
    _, rest = split_coefficient(expression)
    if rest.shape == (1, 1) or is_leaf(rest) or isinstance(rest, OneMatrix):
        return False
    if isinstance(rest, Broadcast | ZeroMatrix):
        return True
    if isinstance(rest, (*_WHOLE, Identity)) or _gathers(rest):
        return False
    parts = [argument for argument in rest.args if isinstance(argument, MatrixExpr)]
    return all(_is_narrow(part) or _is_number(part) for part in parts)


def _is_number(expression: MatrixExpr) -> bool:
    return isinstance(split_coefficient(expression)[1], OneMatrix | ZeroMatrix)


def _row_shape(expression: MatrixExpr) -> tuple[MatrixExpr, MatrixExpr]:
    rows, columns = expression.shape
    return (S.One, rows) if columns == 1 else (rows, columns)


def _as_row(leaf: MatrixExpr) -> MatrixExpr:
    """A leaf, where it is a column as the row of its entries."""
    rows, columns = leaf.shape
    if columns != 1 or rows == 1:
        return leaf
    match leaf:
        case Parameter():
            return Parameter(leaf.name, columns, rows)
        case Variable():
            return Variable(leaf.name, columns, rows, leaf.time)
        case Adjoint():
            return Adjoint(_as_row(leaf.variable))
        case Carry():
            return Carry(_as_row(leaf.variable), leaf.args[1])
        case _:
            return leaf


def _transposed(expression: Transpose) -> MatrixExpr:
    inner = expression.arg
    if is_vector(inner.shape):
        return batched(inner)
    if is_leaf(inner):
        return Swapped(inner) if is_batched(inner) else expression
    if isinstance(inner, MatMul):
        return batched(transposed_product(inner))
    shown = wide(inner)
    return Swapped(shown) if is_batched(inner) else transpose(shown)


def _product(factors: list[MatrixExpr]) -> MatrixExpr:
    """A product: a row, a number, or a matrix.

    Between two factors that meet in a size of one it falls into segments. All but the first and
    the last are numbers.
    """
    inward = product(*(_inward(factor) for factor in factors))
    if not isinstance(inward, MatMul):
        return batched(inward)
    if split_coefficient(inward)[0] != 1:
        return batched(inward)
    factors = list(inward.args)
    opened = _opened(factors)
    if opened is not None:
        return add(*map(batched, opened))
    segments: list[list[MatrixExpr]] = [[]]
    for factor in factors:
        if segments[-1] and factor.rows == 1:
            segments.append([])
        segments[-1].append(factor)
    if len(segments) == 1:
        return _segment(factors)
    first, *middle, last = segments
    numbers = [_segment(segment) for segment in middle]
    down = _segment(first)
    across = _segment(last)
    if first[0].rows == 1:
        return _times(across, [down, *numbers])
    if last[-1].cols == 1:
        return _times(down, [*numbers, across])
    per_sequence = is_batched(down) or is_batched(across)
    outer = OuterProduct(down, across, S.One if per_sequence else S.Zero)
    return _times(outer, numbers)


def _inward(factor: MatrixExpr) -> MatrixExpr:
    """A transpose of a product or a sum as a product or a sum of transposes."""
    if isinstance(factor, Transpose):
        if isinstance(factor.arg, MatMul):
            return transposed_product(factor.arg)
        if isinstance(factor.arg, MatAdd):
            return add(*map(transposed_product, factor.arg.args))
    return factor


def _opened(factors: list[MatrixExpr]) -> list[MatrixExpr] | None:
    """The terms of a product with (a + b^T c) as a factor: the outer product is never formed."""
    for position, factor in enumerate(factors):
        if is_vector(factor.shape) or not isinstance(factor, MatAdd) or not is_batched(factor):
            continue
        if any(_is_outer(term) for term in factor.args):
            before, after = factors[:position], factors[position + 1 :]
            return [product(*before, term, *after) for term in factor.args]
    return None


def _is_outer(term: MatrixExpr) -> bool:
    _, rest = split_coefficient(term)
    return isinstance(rest, MatMul) and any(factor.rows == 1 for factor in rest.args[1:])


def _segment(factors: list[MatrixExpr]) -> MatrixExpr:
    """A product that meets in no size of one: a row, a number, a column as its row, a matrix."""
    if factors[0].rows != 1 and factors[-1].cols == 1:
        factors = [_inward(transpose(factor)) for factor in reversed(factors)]
    result = wide(factors[0])
    for factor in factors[1:]:
        if result.rows != 1:
            result = product(result, wide(factor))
        elif factor.cols == 1:
            result = InnerProduct(result, wide(factor))
        elif is_batched(factor):
            result = RowTimesMatrix(result, wide(factor))
        else:
            result = product(result, wide(factor))
    return result


def _times(expression: MatrixExpr, numbers: list[MatrixExpr]) -> MatrixExpr:
    """Numbers, some of them one for each sequence, times a vector or matrix."""
    if expression.shape == (1, 1):
        return hadamard(*numbers, expression)
    matrix = not is_vector(expression.shape)
    factors = [
        Lifted(number, *expression.shape)
        if matrix and is_batched(number)
        else broadcast(number, expression.shape)
        for number in numbers
    ]
    return hadamard(*factors, expression)


def batch_total(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The sum of an expression in the shape of a parameter over ``axes`` leading axes."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, batch_total(rest, axes))
    if not is_batched(expression):
        shown = wide(expression)
        if expression.shape == (1, 1) and not is_leaf(expression):
            shown = GrandTotal(shown)
        return ForEachSequence(shown, Integer(axes))
    if isinstance(expression, MatAdd):
        return add(*(batch_total(term, axes) for term in expression.args))
    if expression.shape == (1, 1):
        return GrandTotal(batched(expression))
    if is_vector(expression.shape):
        return BatchSum(wide(expression), Integer(axes))
    match expression:
        case Transpose():
            return transpose(batch_total(expression.arg, axes))
        case HadamardProduct():
            return _hadamard_total(expression, axes)
        case MatMul():
            return _product_total(list(expression.args), axes)
        case _:
            return BatchSum(wide(expression), Integer(axes))


def _hadamard_total(expression: HadamardProduct, axes: int) -> MatrixExpr:
    """Factors that are the same for each sequence are taken out of the sum."""
    inside = [factor for factor in expression.args if is_batched(factor)]
    outside = [batched(factor) for factor in expression.args if not is_batched(factor)]
    if len(inside) == 1:
        return hadamard(batch_total(inside[0], axes), *outside)
    return hadamard(BatchSum(wide(hadamard(*inside)), Integer(axes)), *outside)


def _product_total(factors: list[MatrixExpr], axes: int) -> MatrixExpr:
    """The sum of a column times a row, however many factors each of them has."""
    for position, factor in enumerate(factors):
        if isinstance(factor, MatAdd) and is_batched(factor) and not is_vector(factor.shape):
            before, after = factors[:position], factors[position + 1 :]
            terms = (product(*before, term, *after) for term in factor.args)
            return add(*(batch_total(term, axes) for term in terms))
    cut = next((k for k in range(1, len(factors)) if factors[k].rows == 1), None)
    if cut is None:
        # A matrix for each sequence between parameters, which are taken out of the sum.
        if sum(map(is_batched, factors)) != 1:
            return BatchSum(batched(product(*factors)), Integer(axes))
        return product(*(batch_total(f, axes) if is_batched(f) else batched(f) for f in factors))
    column, row = transposed_product(product(*factors[:cut])), product(*factors[cut:])
    if is_batched(column) and is_batched(row):
        return Contraction(wide(column), wide(row), Integer(axes))
    sides = (
        BatchSum(wide(side), Integer(axes)) if is_batched(side) else wide(side)
        for side in (column, row)
    )
    return OuterProduct(*sides, S.Zero)


def value_total(expression: MatrixExpr, axes: int) -> MatrixExpr:
    """The sum of a scalar over ``axes`` leading axes, as one number."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        return scale(coefficient, value_total(rest, axes))
    if isinstance(expression, MatAdd):
        return add(*(value_total(term, axes) for term in expression.args))
    if not is_batched(expression):
        return batch_total(expression, axes)
    if isinstance(expression, SumOfEntries):
        return GrandTotal(wide(expression.operand))
    return GrandTotal(batched(expression))
