"""From one sequence to a batch: vectors become arrays whose last axis holds their entries.

A row and its transpose are the same array; a parameter has no axis for the batch. What a matrix
product of rows and columns means for arrays is made explicit by nodes of its own (an inner product,
an outer product, a row times a matrix for each sequence), as is every sum over the batch, so that
what is left has a direct form in an array language: ``v @ W``, ``u * v``, ``u + v``. ``lower.py``
brings expressions into this form.
"""

from __future__ import annotations

from sympy import S

from bptt_sym.algebra.expressions import (
    Adjoint,
    Compound,
    Expr,
    Shape,
    Variable,
)
from bptt_sym.algebra.operations import OPERATIONS


class Carry(Compound):
    """What the steps so far add to the adjoint of a state ``lag`` steps on in the backward loop."""

    variable = property(lambda self: self.args[0])
    lag = property(lambda self: int(self.args[1]))
    shape = property(lambda self: self.args[0].shape)


class Stack(Compound):
    """Several of one shape, one after the other along a leading axis."""

    shape = property(lambda self: self.args[0].shape)


class InnerProduct(Compound):
    """A row times a column: a number, for each sequence."""

    shape = property(lambda self: (S.One, S.One))


class OuterProduct(Compound):
    """A column times a row, given as rows; a matrix for each sequence if ``args[2]``."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape[1], self.args[1].shape[1]


class RowTimesMatrix(Compound):
    """A row times a matrix that differs between the sequences."""

    @property
    def shape(self) -> Shape:
        return S.One, self.args[1].shape[1]


class Swapped(Compound):
    """The transpose of a matrix that differs between the sequences."""

    @property
    def shape(self) -> Shape:
        rows, columns = self.args[0].shape
        return columns, rows


class Lifted(Compound):
    """A scalar for each sequence that goes with every entry of a matrix for each sequence."""

    shape = property(lambda self: (self.args[1], self.args[2]))


class MatrixSum(Compound):
    """The sum of the entries of a matrix for each sequence."""

    shape = property(lambda self: (S.One, S.One))


class Widened(Compound):
    """A scalar, or what is made of scalars, as a vector or matrix with all its entries."""

    shape = property(lambda self: self.args[0].shape)


class Spread(Compound):
    """What is the same for each sequence or entry, with ``args[1]`` leading axes."""

    shape = property(lambda self: self.args[0].shape)


class Contraction(Compound):
    """The sum of the outer products u^T v over all leading axes, of which there are ``args[2]``."""

    @property
    def shape(self) -> Shape:
        return self.args[0].shape[1], self.args[1].shape[1]


class BatchSum(Compound):
    """The sum of a vector or matrix over all leading axes, of which there are ``args[1]``."""

    shape = property(lambda self: self.args[0].shape)


class ForEachSequence(Compound):
    """What is the same for each sequence, summed over all ``args[1]`` leading axes."""

    shape = property(lambda self: self.args[0].shape)


class GrandTotal(Compound):
    """The sum of all entries of an array, over its leading axes too."""

    shape = property(lambda self: (S.One, S.One))


OPERATIONS_OF_BATCHES: frozenset[type[Expr]] = frozenset(OPERATIONS) | {
    Stack,
    InnerProduct,
    OuterProduct,
    RowTimesMatrix,
    Swapped,
    Lifted,
    MatrixSum,
    Widened,
    Spread,
    Contraction,
    BatchSum,
    ForEachSequence,
    GrandTotal,
}
"""The node classes that are no leaves in the form for a batch."""


def is_batched(expression: Expr) -> bool:
    """Whether the expression differs between the sequences of a batch."""
    return bool(expression.has(Variable, Adjoint, Carry))
