"""Which kind of node an operation is, where it is one node: of what operands, with what detail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bptt_sym.algebra.along import AlongAxis
from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.derivatives import InRows, RowByRow
from bptt_sym.algebra.entrywise import Choice, Comparison, Extremum, StopGradient
from bptt_sym.algebra.expressions import MatrixExpr, Quotient
from bptt_sym.algebra.extremes import (
    AtLargest,
    AtSmallest,
    Direction,
    Largest,
    Norm,
    Smallest,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.heads import HeadProduct, HeadTranspose
from bptt_sym.algebra.linear_systems import InverseMatrix, Solution
from bptt_sym.algebra.moments import InverseDeviation, InverseRms, LayerNorm, RmsNorm, Variance
from bptt_sym.algebra.operation import is_vector
from bptt_sym.algebra.parts import Concatenation, Padding, Slice, length
from bptt_sym.algebra.remainder import Modulo
from bptt_sym.algebra.spread_over import SpreadOver, SumOver
from bptt_sym.algebra.vectors import LogSoftmax, LogSumExp, Softmax
from bptt_sym.graph.array_shapes import array_size, array_sizes


class AsNode(NamedTuple):
    """An operation as a node: its kind, its operands, and what it needs beside them."""

    kind: str
    operands: Sequence[MatrixExpr]
    detail: Any = None


Row = Callable[[Any], AsNode]


def _kind(name: str) -> Row:
    return lambda node: AsNode(name, node.args)


def _along(name: str) -> Row:
    """An operation along an axis: its number from the last, and that of a vector is not told."""

    def row(node: AlongAxis) -> AsNode:
        return AsNode(name, node.args[:1], None if is_vector(node.operand.shape) else node.axis - 2)

    return row


def _slice(node: Slice) -> AsNode:
    return AsNode("slice", node.args[:1], (node.args[1], node.args[2]))


def _pad(node: Padding) -> AsNode:
    return AsNode("pad", node.args[:1], (array_size(node.args[1]), array_size(length(node))))


def _by_head(kind: str) -> Row:
    return lambda node: AsNode(kind, node.args[:-1], array_size(node.heads))


def _spread(node: SpreadOver) -> AsNode:
    """Of a matrix without heads, a row or column with an axis more, which NumPy broadcasts."""
    operand, own, *sizes = node.args
    if own == sizes[0] == 1:
        return AsNode("across" if operand.rows == 1 else "lift", [operand])
    detail = tuple(map(array_size, (own, operand.rows / own, *sizes)))
    return AsNode("head spread", [operand], detail)


def _sum_over(node: SumOver) -> AsNode:
    operand, *sizes = node.args
    if sizes[0] == sizes[1] == 1 and node.shape != (1, 1):
        return AsNode("axis sum", [operand], -2 if node.rows == 1 else -1)
    return AsNode("head sum", [operand], tuple(map(array_size, sizes)))


OF_WHOLE: dict[type[MatrixExpr], Row] = {
    Softmax: _along("softmax"),
    LogSoftmax: _along("log softmax"),
    LogSumExp: _along("logsumexp"),
    Variance: _along("variance"),
    LayerNorm: _along("layer norm"),
    InverseDeviation: _along("inverse deviation"),
    RmsNorm: _along("rms norm"),
    InverseRms: _along("inverse rms"),
    Largest: _along("greatest"),
    Smallest: _along("least"),
    AtLargest: _along("greatest share"),
    AtSmallest: _along("least share"),
    Norm: _along("norm"),
    Direction: _along("direction"),
    RowByRow: lambda node: AsNode("reshaped", node.args[:1], array_sizes(node.shape)),
    InRows: lambda node: AsNode("reshaped", node.args[:1], array_sizes(node.shape)),
    InverseMatrix: _kind("inverse"),
    Solution: _kind("solution"),
    Concatenation: _kind("join"),
    Slice: _slice,
    Padding: _pad,
    HeadProduct: _by_head("head dot"),
    HeadTranspose: _by_head("head transpose"),
    SpreadOver: _spread,
    SumOver: _sum_over,
}
"""Operations of whole arrays, which hold all entries of their operands."""

OF_ENTRIES: dict[type[MatrixExpr], Row] = {
    Quotient: _kind("divide"),
    Elementwise: lambda node: AsNode("apply", [node.operand], node.function),
    Extremum: lambda node: AsNode("extremum", node.args[1:], str(node.args[0])),
    Modulo: _kind("modulo"),
    Comparison: lambda node: AsNode("comparison", node.args[:2], (node.strict, node.negated)),
    Choice: lambda node: AsNode("choice", node.args[:4], node.strict),
    StopGradient: _kind("stopped"),
    Declared: _kind("declared"),
}
"""Operations of each entry by itself, whose operands are spread where they are read."""
