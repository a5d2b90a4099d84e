"""The words of the equation language that stand for operations: what each builds.

A word that is an operation's own name calls the operation; the others are abbreviations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Rational, S

from bptt_sym.algebra.along import AxisOperation, mean, total
from bptt_sym.algebra.arithmetic import Addition, ElementwiseProduct, Summation
from bptt_sym.algebra.constants import IdentityMatrix
from bptt_sym.algebra.cumulative import cumulative_sum
from bptt_sym.algebra.derivatives import Diagonal, InRowsOperation, as_row
from bptt_sym.algebra.entrywise import MAXIMUM, MINIMUM, Choosing, Extrema, Sign, Stopping
from bptt_sym.algebra.expressions import MatrixExpr, scale, transpose
from bptt_sym.algebra.extremes import LargestOperation, NormOperation, SmallestOperation
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.linear_systems import (
    DeterminantOperation,
    Inversion,
    LogDetOperation,
    Solving,
)
from bptt_sym.algebra.matrix_products import MatrixProduct
from bptt_sym.algebra.moments import LayerNormOperation, RmsNormOperation, VarianceOperation
from bptt_sym.algebra.operation import ShapeError, is_vector
from bptt_sym.algebra.parts import Joining
from bptt_sym.algebra.remainder import Remainder
from bptt_sym.algebra.vectors import LogSoftmaxOperation, LogSumExpOperation, SoftmaxOperation
from bptt_sym.limits import ARGUMENTS

Operand: TypeAlias = "MatrixExpr | Rational"


@dataclass(frozen=True)
class Word:
    """A word with the number of its arguments; ``numbers`` allows bare numbers among them.

    One that is ``entrywise`` builds each entry from the same entry of its arguments; one that is
    ``over_all`` is a scalar made of all entries, however they are arranged. ``axis``
    allows the keyword of this name.
    """

    build: Callable[..., MatrixExpr]
    fewest: int = 1
    most: int = 1
    numbers: bool = False
    entrywise: bool = False
    over_all: bool = False
    axis: bool = False


def choose(
    sign: Sign, left: Operand, right: Operand, chosen: Operand, other: Operand
) -> MatrixExpr:
    """where(left sign right, chosen, other)."""
    return Choosing().build(left, sign, right, chosen, other)


def _row(vector: MatrixExpr) -> MatrixExpr:
    if not is_vector(vector.shape):
        raise ShapeError("both must be vectors")
    return vector if vector.rows == 1 else transpose(vector)


def _dot(left: MatrixExpr, right: MatrixExpr) -> MatrixExpr:
    left, right = _row(left), _row(right)
    if left.shape != right.shape:
        raise ShapeError("both must have as many entries")
    return MatrixProduct().build(left, transpose(right))


def _outer(down: MatrixExpr, across: MatrixExpr) -> MatrixExpr:
    return MatrixProduct().build(transpose(_row(down)), _row(across))


def _clip(operand: Operand, low: Operand, high: Operand) -> MatrixExpr:
    return Extrema(MINIMUM).build(Extrema(MAXIMUM).build(operand, low), high)


def _leaky_relu(operand: Operand, slope: Operand) -> MatrixExpr:
    if isinstance(slope, MatrixExpr):
        raise ShapeError("the slope must be a number; for others, where(a > 0, a, slope * a)")
    assert isinstance(operand, MatrixExpr)
    return choose(">", operand, S.Zero, operand, scale(slope, operand))


def _of_all(operation: AxisOperation) -> Callable[..., MatrixExpr]:
    """The operation along an axis, without one over all entries."""

    def build(operand: MatrixExpr, axis: int | None = None) -> MatrixExpr:
        return operation.build(as_row(operand) if axis is None else operand, axis)

    return build


def _cross_entropy(logits: MatrixExpr, target: MatrixExpr) -> MatrixExpr:
    taken = Summation().build(_same(target, logits))
    return Addition().build(LogSumExpOperation().build(logits), scale(-1, taken))


def _binary_cross_entropy(logits: MatrixExpr, target: MatrixExpr) -> MatrixExpr:
    softplus = Elementwise("softplus", logits)
    return Summation().build(Addition().build(softplus, scale(-1, _same(target, logits))))


def _same(target: MatrixExpr, logits: MatrixExpr) -> MatrixExpr:
    if target.shape != logits.shape:
        raise ShapeError("logits and target must have the same shape")
    return ElementwiseProduct().build(target, logits)


CALLS: dict[str, Word] = {
    "sum": Word(total, over_all=True, axis=True),
    "mean": Word(mean, over_all=True, axis=True),
    "dot": Word(_dot, 2, 2),
    "outer": Word(_outer, 2, 2),
    "diag": Word(Diagonal().build),
    "eye": Word(IdentityMatrix().build),
    "softmax": Word(SoftmaxOperation().build, axis=True),
    "log_softmax": Word(LogSoftmaxOperation().build, axis=True),
    "logsumexp": Word(LogSumExpOperation().build, axis=True),
    "layer_norm": Word(LayerNormOperation().build, axis=True),
    "rms_norm": Word(RmsNormOperation().build, axis=True),
    "max": Word(_of_all(LargestOperation()), over_all=True, axis=True),
    "min": Word(_of_all(SmallestOperation()), over_all=True, axis=True),
    "var": Word(_of_all(VarianceOperation()), over_all=True, axis=True),
    "norm": Word(_of_all(NormOperation()), over_all=True, axis=True),
    "cumsum": Word(cumulative_sum, axis=True),
    "reshape": Word(InRowsOperation().build, 2, 3),
    "maximum": Word(Extrema(MAXIMUM).build, 2, 2, numbers=True, entrywise=True),
    "minimum": Word(Extrema(MINIMUM).build, 2, 2, numbers=True, entrywise=True),
    "clip": Word(_clip, 3, 3, numbers=True, entrywise=True),
    "mod": Word(Remainder().build, 2, 2, numbers=True, entrywise=True),
    "leaky_relu": Word(_leaky_relu, 2, 2, numbers=True, entrywise=True),
    "inv": Word(Inversion().build),
    "solve": Word(Solving().build, 2, 2),
    "det": Word(DeterminantOperation().build),
    "logdet": Word(LogDetOperation().build),
    "concat": Word(Joining().build, 1, ARGUMENTS.most),
    "stop_gradient": Word(Stopping().build, entrywise=True),
    "cross_entropy": Word(_cross_entropy, 2, 2),
    "binary_cross_entropy": Word(_binary_cross_entropy, 2, 2),
}

FREE_WORDS = frozenset({
    "binary_cross_entropy", "clip", "concat", "cross_entropy", "cumsum", "dot", "eye", "inv",
    "logdet", "maximum", "mean", "minimum", "outer", "reshape", "solve", "where",
})  # fmt: skip
"""The words that a quantity or a dimension may be called, too: their calls print as signs, and not
by their names, so that neither an equation nor a derivation can confuse the two.
"""
