"""The reverse sweep through one expression, and the matrix of the linear map it yields.

The sweep names no operation: each rule stands in the table of operations.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from bptt_sym.algebra.derivatives import as_row, from_row
from bptt_sym.algebra.expressions import Identity, MatAdd, MatrixExpr, add, scale, split_coefficient
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
    """A linear function of ``seed`` where the seed's entries are ``row``, as a product of matrices.

    Elementwise factors become diagonal matrices, c * v becomes c diag(v): the form in which a chain
    of Jacobians is multiplied from the left.
    """
    if isinstance(seed, Identity):
        return expression
    return _as_product(expression, seed, from_row(row, seed.shape))


def _as_product(expression: MatrixExpr, seed: MatrixExpr, value: MatrixExpr) -> MatrixExpr:
    coefficient, rest = split_coefficient(expression)
    if rest == seed:
        return scale(coefficient, value)
    if isinstance(rest, MatAdd):
        return scale(coefficient, add(*(_as_product(term, seed, value) for term in rest.args)))
    position = _position(rest, seed)
    reached = _as_product(rest.args[position], seed, value)
    return scale(coefficient, operation_of(rest).applied(rest, position, reached))


def jacobian(expression: MatrixExpr, seed: MatrixExpr) -> MatrixExpr:
    """The matrix J with vec(expression) = vec(seed) J, where the expression is linear in ``seed``.

    ``seed`` is the adjoint of v and ``expression`` the adjoint of u that it leads to; then
    J = dv/du has a row for each entry of v and a column for each entry of u, counted row by row:
    vec(A X B) = vec(X) (A^T kron B) (Magnus and Neudecker, Matrix Differential Calculus, 2.4,
    transposed for row vectors). Where v is the loss, its adjoint is the identity, 1.
    """
    if isinstance(seed, Identity):
        return as_row(expression)
    coefficient, rest = split_coefficient(expression)
    if rest == seed:
        return scale(coefficient, Identity(seed.rows * seed.cols))
    if isinstance(rest, MatAdd):
        return scale(coefficient, add(*(jacobian(term, seed) for term in rest.args)))
    position = _position(rest, seed)
    reached = jacobian(rest.args[position], seed)
    return scale(coefficient, operation_of(rest).jacobian(rest, position, reached))


def _position(expression: MatrixExpr, seed: MatrixExpr) -> int:
    """Which argument of an expression linear in the seed holds it."""
    return next(k for k, argument in enumerate(expression.args) if argument.has(seed))
