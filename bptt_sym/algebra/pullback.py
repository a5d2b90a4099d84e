"""The reverse sweep through one expression, and the matrix of the linear map it yields.

The sweep names no operation: each rule stands in the table of operations.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from bptt_sym.algebra.expressions import (
    DiagMatrix,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    MatrixExpr,
    RowByRow,
    Transpose,
    add,
    hadamard,
    kronecker,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operations import OPERATIONS, is_leaf, operation_of


def pullback(
    expression: MatrixExpr, cotangent: MatrixExpr
) -> Iterator[tuple[MatrixExpr, MatrixExpr]]:
    """Each leaf that the expression reads with the cotangent that reaches it there.

    A leaf that is read twice comes twice; its adjoint is the sum.
    """
    if is_leaf(expression):
        yield expression, cotangent
        return
    for operand, reached in operation_of(expression).vjp(expression, cotangent):
        yield from pullback(operand, reached)


def leaves(
    expression: MatrixExpr, operations: Container[type] = OPERATIONS
) -> Iterator[MatrixExpr]:
    """The variables, parameters and the like in an expression, in order, each as often as it is.

    A leaf is what is none of the ``operations``.
    """
    if type(expression) in operations:
        for operand in expression.args:
            yield from leaves(operand, operations)
    elif isinstance(expression, MatrixExpr):
        yield expression


def as_product(expression: MatrixExpr, seed: MatrixExpr, row: MatrixExpr) -> MatrixExpr:
    """A linear function of ``seed``, at ``row``, with elementwise factors as diagonal matrices.

    c * v becomes c diag(v): the form in which a chain of Jacobians is multiplied from the left.
    """
    if isinstance(seed, Identity):
        return expression
    coefficient, rest = split_coefficient(expression)
    return scale(coefficient, _as_product(rest, seed, row))


def _as_product(expression: MatrixExpr, seed: MatrixExpr, row: MatrixExpr) -> MatrixExpr:
    if expression == seed:
        return row
    if isinstance(expression, MatAdd):
        return add(*(as_product(term, seed, row) for term in expression.args))
    before, inner, after = _around(expression, seed)
    reached = as_product(inner, seed, row)
    if isinstance(expression, HadamardProduct):
        others = hadamard(*before, *after)
        return _diagonal(reached, others) if others.rows == 1 else hadamard(reached, others)
    if isinstance(expression, Transpose):
        return transpose(reached)
    return product(*before, reached, *after)


def jacobian(expression: MatrixExpr, seed: MatrixExpr) -> MatrixExpr:
    """The matrix J with vec(expression) = seed J, where the expression is linear in ``seed``.

    ``seed`` is the adjoint of v, a 1 x n row, and ``expression`` the adjoint of u that it leads
    to; then J = dv/du has n rows and one column for each entry of u, counted row by row:
    vec(A X B) = vec(X) (A^T kron B) (Magnus and Neudecker, Matrix Differential Calculus, 2.4,
    transposed for row vectors). Where v is the loss, its adjoint is the identity, 1.
    """
    if isinstance(seed, Identity):
        return expression if expression.rows == 1 else RowByRow(expression)
    coefficient, rest = split_coefficient(expression)
    return scale(coefficient, _jacobian(rest, seed))


def _jacobian(expression: MatrixExpr, seed: MatrixExpr) -> MatrixExpr:
    if expression == seed:
        return Identity(seed.shape[1])
    if isinstance(expression, MatAdd):
        return add(*(jacobian(term, seed) for term in expression.args))
    before, inner, after = _around(expression, seed)
    reached = jacobian(inner, seed)
    if isinstance(expression, HadamardProduct):
        others = hadamard(*before, *after)
        return _diagonal(reached, others if others.rows == 1 else RowByRow(others))
    if isinstance(expression, Transpose):
        return reached  # a row and its transpose have the same entries in the same order
    rows, columns = inner.shape
    left = product(*(transpose(factor) for factor in reversed(before))) if before else None
    right = product(*after) if after else None
    if left is None:
        return product(reached, right if rows == 1 else kronecker(Identity(rows), right))
    return product(reached, kronecker(left, Identity(columns) if right is None else right))


def _diagonal(matrix: MatrixExpr, row: MatrixExpr) -> MatrixExpr:
    number, rest = split_coefficient(row)
    return scale(number, product(matrix, DiagMatrix(rest)))


def _around(
    expression: MatrixExpr, seed: MatrixExpr
) -> tuple[tuple[MatrixExpr, ...], MatrixExpr, tuple[MatrixExpr, ...]]:
    """The factors before the one that holds the seed, that one, and those after it."""
    if not isinstance(expression, HadamardProduct | MatMul | Transpose):
        raise TypeError(f"not linear in its seed: {type(expression).__name__}")
    factors = expression.args
    position = next(k for k, factor in enumerate(factors) if factor.has(seed))
    return factors[:position], factors[position], factors[position + 1 :]
