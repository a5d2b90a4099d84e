"""What holds of every graph, before and after each pass."""

from __future__ import annotations

from bptt_sym.graph.graph import Graph, phases_of
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node


def check(graph: Graph) -> None:
    """Raises AssertionError, naming the node, for a graph that is not well formed.

    Shapes fit, time and sequences go where operands have them, the forward pass reads nothing of
    the backward pass, and what is read at other time steps is defined.
    """
    for node in graph.reachable():
        for problem in _problems(graph, node):
            raise AssertionError(f"{problem}: {node}")
    for node, phase in phases_of(graph).items():
        carry = node.kind == "lagged" and node.detail[0][0] == "carry"
        if phase == "forward" and (carry or KINDS[node.kind].backward):
            raise AssertionError(f"the forward pass reads the backward pass: {node}")


def _problems(graph: Graph, node: Node) -> list[str]:
    found = []
    kind = KINDS[node.kind]
    if node.implied.sizes != node.sizes and (kind.entrywise or kind.sizes):
        found.append(f"the sizes {node.sizes} should be {node.implied.sizes}")
    if kind.timeless and node.time:
        found.append("it varies over time")
    if kind.shared and node.batch:
        found.append("it varies between sequences")
    if kind.elsewhere and node.detail[0] not in graph.definitions:
        found.append("it is not defined")
    if node.kind == "lagged" and graph.definitions[node.detail[0]].depth < node.detail[1]:
        found.append("it has no value before the first step")
    if node.implied.time and not node.time:
        found.append("it loses the time")
    return found
