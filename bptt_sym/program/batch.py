"""From one sequence to a batch: vectors become arrays whose last axis holds their entries.

A row and its transpose are the same array; a parameter has no axis for the batch. What a matrix
product of rows and columns means for arrays is made explicit by nodes of its own (an inner product,
an outer product, a row times a matrix for each sequence), as is every sum over the batch, so that
what is left has a direct form in an array language: ``v @ W``, ``u * v``, ``u + v``. ``lower.py``
brings expressions into this form.
"""

from __future__ import annotations

from typing import Any

from sympy import S

from bptt_sym.algebra.expressions import (
    Adjoint,
    Compound,
    Expr,
    Identity,
    OneMatrix,
    Shape,
    Variable,
    ZeroMatrix,
)
from bptt_sym.algebra.operation import Operation, Print
from bptt_sym.algebra.operations import OPERATIONS
from bptt_sym.algebra.python import ADDITIVE, CALL, MULTIPLICATIVE, Code, size_code


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


class StackOperation(Operation):
    """The code of ``Stack``."""

    node = Stack

    def numpy(self, node: Any, code: Print) -> Code:
        return Code(f"np.stack([{', '.join(code(part, ADDITIVE) for part in node.args)}])", CALL)


class InnerProductOperation(Operation):
    """The code of ``InnerProduct``."""

    node = InnerProduct

    def numpy(self, node: Any, code: Print) -> Code:
        left, right = (code(argument, MULTIPLICATIVE + 1) for argument in node.args)
        return Code(f"np.sum({left} * {right}, axis=-1, keepdims=True)", CALL)


class OuterProductOperation(Operation):
    """The code of ``OuterProduct``."""

    node = OuterProduct

    def numpy(self, node: Any, code: Print) -> Code:
        left, right, batched = node.args
        if not batched:
            return Code(f"np.outer({code(left, ADDITIVE)}, {code(right, ADDITIVE)})", CALL)
        shown = f"{code(left, CALL)}[..., :, None] * {code(right, CALL)}[..., None, :]"
        return Code(shown, MULTIPLICATIVE)


class RowTimesMatrixOperation(Operation):
    """The code of ``RowTimesMatrix``."""

    node = RowTimesMatrix

    def numpy(self, node: Any, code: Print) -> Code:
        row, matrix = (code(argument, ADDITIVE) for argument in node.args)
        return Code(f'np.einsum("...i,...ij->...j", {row}, {matrix})', CALL)


class SwappedOperation(Operation):
    """The code of ``Swapped``."""

    node = Swapped

    def numpy(self, node: Any, code: Print) -> Code:
        return Code(f"np.swapaxes({code(node.args[0], ADDITIVE)}, -1, -2)", CALL)


class LiftedOperation(Operation):
    """The code of ``Lifted``."""

    node = Lifted

    def numpy(self, node: Any, code: Print) -> Code:
        return Code(f"{code(node.args[0], CALL)}[..., None]", CALL)


class MatrixSumOperation(Operation):
    """The code of ``MatrixSum``."""

    node = MatrixSum

    def numpy(self, node: Any, code: Print) -> Code:
        return Code(f"np.sum({code(node.args[0], ADDITIVE)}, axis=(-2, -1))[..., None]", CALL)


class WidenedOperation(Operation):
    """The code of ``Widened``."""

    node = Widened
    definition = '''\
def widen(array, *sizes):
    """The array with its last axes of these sizes, its one entry there repeated."""
    return np.broadcast_to(array, (*np.shape(array)[: -len(sizes)], *sizes))
'''

    def numpy(self, node: Any, code: Print) -> Code:
        sizes = ", ".join(array_sizes(node.shape))
        if isinstance(node.args[0], Identity | OneMatrix | ZeroMatrix):
            function = "zeros" if isinstance(node.args[0], ZeroMatrix) else "ones"
            return Code(f"np.{function}(({sizes},), dtype)", CALL)
        return Code(f"widen({code(node.args[0], ADDITIVE)}, {sizes})", CALL)


class SpreadOperation(Operation):
    """The code of ``Spread``."""

    node = Spread

    def numpy(self, node: Any, code: Print) -> Code:
        operand, axes = node.args
        shape = ", ".join((*(("T", "B") if axes == 2 else ("B",)), *array_sizes(node.shape)))
        return Code(f"np.broadcast_to({code(operand, ADDITIVE)}, ({shape}))", CALL)


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
        StackOperation(),
        InnerProductOperation(),
        OuterProductOperation(),
        RowTimesMatrixOperation(),
        SwappedOperation(),
        LiftedOperation(),
        MatrixSumOperation(),
        WidenedOperation(),
        SpreadOperation(),
        ContractionOperation(),
        BatchSumOperation(),
        ForEachSequenceOperation(),
        GrandTotalOperation(),
    )
}


def array_sizes(shape: Shape) -> tuple[str, ...]:
    """The last sizes of an array that holds a matrix; a vector has one, be it a row or a column."""
    rows, columns = shape
    if 1 in shape:
        return (size_code(columns if rows == 1 else rows),)
    return size_code(rows), size_code(columns)


def is_batched(expression: Expr) -> bool:
    """Whether the expression differs between the sequences of a batch."""
    return bool(expression.has(Variable, Adjoint, Carry))
