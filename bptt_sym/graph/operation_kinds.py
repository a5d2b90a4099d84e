"""Which kind of node an operation is, where it is one node: of what operands, with what detail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.entrywise import Choice, Comparison, Extremum, StopGradient
from bptt_sym.algebra.expressions import MatrixExpr, Quotient
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.heads import HeadProduct, HeadSpread, HeadSum, HeadTranspose
from bptt_sym.algebra.linear_systems import InverseMatrix, Solution
from bptt_sym.algebra.parts import Concatenation, Padding, Slice, length
from bptt_sym.algebra.remainder import Modulo
from bptt_sym.algebra.vectors import InverseDeviation, LayerNorm, LogSoftmax, LogSumExp, Softmax
from bptt_sym.graph.array_shapes import array_size


class AsNode(NamedTuple):
    """An operation as a node: its kind, its operands, and what it needs beside them."""

    kind: str
    operands: Sequence[MatrixExpr]
    detail: Any = None


Row = Callable[[Any], AsNode]


def _kind(name: str) -> Row:
    return lambda node: AsNode(name, node.args)


def _slice(node: Slice) -> AsNode:
    return AsNode("slice", node.args[:1], (node.args[1], node.args[2]))


def _pad(node: Padding) -> AsNode:
    return AsNode("pad", node.args[:1], (array_size(node.args[1]), array_size(length(node))))


def _by_head(kind: str) -> Row:
    return lambda node: AsNode(kind, node.args[:-1], array_size(node.heads))


def _head_spread(node: HeadSpread) -> AsNode:
    operand, own, *sizes = node.args
    detail = tuple(map(array_size, (own, operand.rows / own, *sizes)))
    return AsNode("head spread", [operand], detail)


def _head_sum(node: HeadSum) -> AsNode:
    operand, *sizes = node.args
    return AsNode("head sum", [operand], tuple(map(array_size, sizes)))


OF_WHOLE: dict[type[MatrixExpr], Row] = {
    Softmax: _kind("softmax"),
    LogSoftmax: _kind("log softmax"),
    LogSumExp: _kind("logsumexp"),
    LayerNorm: _kind("layer norm"),
    InverseDeviation: _kind("inverse deviation"),
    InverseMatrix: _kind("inverse"),
    Solution: _kind("solution"),
    Concatenation: _kind("join"),
    Slice: _slice,
    Padding: _pad,
    HeadProduct: _by_head("head dot"),
    HeadTranspose: _by_head("head transpose"),
    HeadSpread: _head_spread,
    HeadSum: _head_sum,
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
