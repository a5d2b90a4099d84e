"""Which values are wanted to their last digits, however small they are.

Of most values an error that is small beside 1 does no harm. A quotient, a logarithm, a root or a
power turns one that is not small beside the value into a large error of its result. Every
operation hands the wish for a small relative error on to what it reads, but two do not: exp(z) and
sigmoid(z) have one where z has a small absolute error.
"""

from __future__ import annotations

from bptt_sym.algebra.expressions import HadamardPower, Quotient
from bptt_sym.compiler.graph import Graph, Node, function_of
from bptt_sym.compiler.kinds import KINDS

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
        if KINDS[node.kind].elsewhere:
            definition = graph.definitions[node.detail[0]]
            waiting += [definition.node, *definition.initial]
        elif function_of(node) not in _ENOUGH:
            waiting += node.operands
    return found


def _amplified(node: Node) -> tuple[Node, ...]:
    """The operands of which an operation amplifies the error where they are small."""
    match node.kind:
        case "divide":
            return () if _is_size(node.operands[1]) else node.operands
        case "operation" if isinstance(node.detail, Quotient | HadamardPower):
            return node.operands
    return node.operands if function_of(node) in _AMPLIFYING else ()


def _is_size(node: Node) -> bool:
    """Whether a node is a number or the size of an array."""
    return not node.operands and node.kind in ("number", "operation")
