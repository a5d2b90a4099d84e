"""Whether two graphs are the same."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from bptt_sym.graph.graph import Graph
from bptt_sym.graph.node import Node


def is_same(first: Graph, second: Graph) -> bool:
    """Whether two graphs hold the same, whatever the order of terms and factors."""
    numbers: dict[Hashable, int] = {}
    return _held(first, numbers) == _held(second, numbers)


def _content(node: Node, own: Mapping[Node, int]) -> Hashable:
    """All that a node is, whatever the order of terms and factors; ``own`` numbers its operands."""
    operands = [own[operand] for operand in node.operands]
    if node.kind == "sum":
        terms = frozenset(zip(node.detail.coefficients, operands, strict=True))
        return node.kind, terms, node.detail.constant, node.axes
    operands = sorted(operands) if node.kind == "times" else operands
    return node.kind, node.detail, node.axes, *operands


def _held(graph: Graph, numbers: dict[Hashable, int]) -> tuple[object, ...]:
    """What a graph defines, returns and keeps; ``numbers`` has one for all nodes that are equal."""
    own: dict[Node, int] = {}
    for node in graph.reachable():
        own[node] = numbers.setdefault(_content(node, own), len(numbers))
    definitions = {
        key: (own[d.node], d.reverse, *(own[node] for node in d.initial if node in own))
        for key, d in graph.definitions.items()
        if d.node in own
    }
    return definitions, {key: own[node] for key, node in graph.results.items()}, graph.kept
