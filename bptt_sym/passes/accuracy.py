"""Which values are wanted to their last digits, however small they are.

Of most values an error that is small beside 1 does no harm. A quotient, a logarithm, a root or a
power turns one that is not small beside the value into a large error of its result. Every
operation hands the wish for a small relative error on to what it reads, but two do not: exp(z) and
sigmoid(z) have one where z has a small absolute error.
"""

from __future__ import annotations

from bptt_sym.graph.graph import Graph
from bptt_sym.graph.kinds import KINDS, NUMBERS
from bptt_sym.graph.node import Node

_ENOUGH = ("exp", "sigmoid")
"""Functions for which a small absolute error of the argument is enough."""

_AMPLIFYING = ("log", "sqrt")
"""Functions whose result has a large error where the argument is small and has a small one."""


def relatively_wanted(graph: Graph) -> set[Node]:
    """The nodes whose relative accuracy reaches a quotient, a logarithm, a root or a power."""
    found: set[Node] = set()
    waiting = [operand for node in graph.reachable() for operand in _amplified(node)]
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        if not (node.kind == "apply" and node.detail in _ENOUGH):
            waiting += graph.dependencies(node)
    return found


def _amplified(node: Node) -> tuple[Node, ...]:
    """The operands of which an operation amplifies the error where they are small."""
    by_size = node.kind == "divide" and node.operands[1].kind in NUMBERS
    function = node.kind == "apply" and node.detail in _AMPLIFYING
    amplified = (KINDS[node.kind].amplifying and not by_size) or function
    return node.operands if amplified else ()
