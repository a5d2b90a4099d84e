"""How a row times a Kronecker product becomes an outer product in the shape of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import KroneckerProduct

from bptt_sym.algebra.expressions import (
    Adjoint,
    Identity,
    MatMul,
    MatrixExpr,
    Parameter,
    Transpose,
)
from bptt_sym.algebra.over_time import TimeSum
from bptt_sym.derivation.derivation import Derivation, DerivedEquation


@dataclass(frozen=True)
class OuterProduct:
    """``row`` times ``factor`` is, in the shape of ``parameter``, the outer product ``term``.

    The row is the ``adjoint``, or its transpose. The factor is the row ``entries``, Kronecker times
    the identity ``size``, if copies of the adjoint are its rows (``of_rows``), else the other way.
    """

    parameter: Parameter
    factor: KroneckerProduct
    entries: MatrixExpr
    size: MatrixExpr
    adjoint: Adjoint
    term: MatrixExpr
    of_rows: bool

    @property
    def row(self) -> MatrixExpr:
        """What stands to the left of the factor."""
        return self.adjoint if self.adjoint.shape[0] == 1 else Transpose(self.adjoint)


def outer_product(
    matrices: Derivation, equations: Sequence[DerivedEquation]
) -> OuterProduct | None:
    """The first that the ``equations``, gradients in terms of adjoints, hold a term of."""
    lasts = {
        e.left.by: e.right
        for part in matrices.sections
        if part.topic == "factors"
        for e in part.equations
        if e.left is not None and isinstance(e.left.by, Parameter)
    }
    for equation in equations:
        if equation.left is None or equation.left.by not in lasts:
            continue
        parameter = equation.left.by
        right = equation.right
        found = _of(
            parameter, lasts[parameter], right.body if isinstance(right, TimeSum) else right
        )
        if found is not None:
            return found
    return None


def _of(parameter: Parameter, matrix: MatrixExpr, term: MatrixExpr) -> OuterProduct | None:
    factor = matrix.args[-1] if isinstance(matrix, MatMul) else matrix
    if not isinstance(factor, KroneckerProduct) or len(factor.args) != 2:
        return None
    adjoint = next((part for part in term.args if isinstance(part, Adjoint)), None)
    first, second = factor.args
    of_rows = isinstance(second, Identity)
    entries, size = (first, second) if of_rows else (second, first)
    if adjoint is None or not isinstance(size, Identity) or entries.shape[0] != 1:
        return None
    expected = (Transpose(entries), adjoint) if of_rows else (adjoint, entries)
    if not isinstance(term, MatMul) or tuple(part.doit() for part in term.args) != expected:
        return None
    return OuterProduct(parameter, factor, entries, size, adjoint, term, of_rows)
