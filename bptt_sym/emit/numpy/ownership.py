"""Which results are arrays of their own, and which would share memory with something else."""

from __future__ import annotations

from sympy import HadamardProduct, MatAdd, MatMul

from bptt_sym.algebra.expressions import (
    MatrixExpr,
    Quotient,
    SumOfEntries,
    Transpose,
    ZeroMatrix,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.vectors import LogSoftmax, LogSumExp, Softmax
from bptt_sym.compiler.graph import Node
from bptt_sym.program.batch import (
    BatchSum,
    Contraction,
    ForEachSequence,
    GrandTotal,
    InnerProduct,
    OuterProduct,
    RowTimesMatrix,
    Stack,
    Swapped,
)

_COMPUTED = (
    HadamardProduct, MatAdd, MatMul, Quotient, SumOfEntries, ZeroMatrix, LogSoftmax, LogSumExp,
    Softmax, BatchSum, Contraction, ForEachSequence, GrandTotal, InnerProduct, OuterProduct,
    RowTimesMatrix, Stack,
)  # fmt: skip


def is_computed(expression: MatrixExpr) -> bool:
    """Whether the code of an expression makes a new array, and is no view of another one."""
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1 or isinstance(rest, _COMPUTED):
        return True
    if isinstance(rest, Transpose | Swapped):
        return is_computed(rest.args[0])
    return isinstance(rest, Elementwise) and rest.function != "identity"


class Claims:
    """The arrays of a fast module that results have taken: each is one result's alone.

    Parts of one array are results of their own where they are different parts of one division.
    """

    def __init__(self) -> None:
        self._parts: dict[Node, list[tuple[object, ...]]] = {}

    def is_free(self, node: Node) -> bool:
        """Whether what a node stands for is an array that nothing else has; now it is taken."""
        part: tuple[object, ...] = ()
        while node.kind in ("transpose", "part") or _hands_on(node):
            if node.kind == "part":
                part = node.detail if not part else ()
            (node,) = node.operands
        taken = self._parts.setdefault(node, [])
        free = node.kind not in _SHARED and all(_are_apart(part, other) for other in taken)
        taken.append(part)
        return free


_SHARED = ("parameter", "given", "initial", "spread", "operation")
"""Arguments, and what may be a view of one."""


def _hands_on(node: Node) -> bool:
    """Whether a result is its operand as it is."""
    return node.kind == "result" and node.operands[0].sizes == node.sizes


def _are_apart(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two parts, each a position in a division along an axis, do not overlap."""
    if not (one and other):
        return False
    (position, *division), (other_position, *other_division) = one, other
    return position != other_position and division == other_division
