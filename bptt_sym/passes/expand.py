"""Expansion: what is made of simpler operations, as these.

Names that the author gave to what has one already are left out, and small powers are products. A
softmax, its logarithm and the logarithm of the sum of exponentials share the exponentials and their
sum. The total of a sum is a sum of totals.
"""

from __future__ import annotations

from fractions import Fraction

from bptt_sym.graph.graph import Graph, New
from bptt_sym.graph.node import Node

ONE = Fraction(1)

POWERS = (2, 3, 4)
"""Exponents that are products."""


def expand(graph: Graph) -> Graph:
    """The graph without these operations, its operands in the order in which they were made."""
    return graph.rewritten(_expanded, canonical=True)


def _expanded(result: Graph, node: Node, new: New) -> Node | None:
    operands = tuple(map(new, node.operands))
    match node.kind:
        case "named":
            return operands[0]
        case "power" if node.detail in POWERS:
            return result.times(1, operands * int(node.detail))
        case "softmax" | "log softmax" | "logsumexp" if node.batch and node.detail is None:
            return _of_exponentials(result, node.kind, *operands)
        case "total":
            return _total(result, *operands)
        case "sum":
            return _without_zeros(result, node, operands)
    return None


def _without_zeros(result: Graph, node: Node, operands: tuple[Node, ...]) -> Node | None:
    """The sum without zeros that are spread, where what is left has all its axes."""
    terms = [(c, term) for c, term in result.terms(node, operands) if not _is_zero(term)]
    made = result.total(terms) if len(terms) < len(operands) else node
    return made if made is not node and made.axes == node.axes else None


def _is_zero(node: Node) -> bool:
    inner = node.operands[0] if node.kind == "spread" else node
    return inner.kind == "number" and not inner.detail


def _of_exponentials(result: Graph, kind: str, operand: Node) -> Node:
    largest = result.make("largest", [operand])
    shifted = result.total([(ONE, operand), (-ONE, largest)])
    powers = result.make("apply", [shifted], "exp")
    total = result.make("entries", [powers])
    if kind == "softmax":
        return result.make("divide", [powers, total])
    logarithm = result.make("apply", [total], "log")
    first = largest if kind == "logsumexp" else shifted
    return result.total([(ONE, first), (ONE if kind == "logsumexp" else -ONE, logarithm)])


def _total(result: Graph, node: Node) -> Node:
    """The sum of all entries, its numbers in front."""
    if node.kind == "times" and node.detail != 1:
        inner = result.times(1, node.operands)
        return result.times(node.detail, [_total(result, inner)])
    if (
        node.kind == "sum"
        and not node.detail.constant
        and all(term.axes == node.axes for term in node.operands)
    ):
        totals = (_total(result, term) for term in node.operands)
        return result.total(zip(node.detail.coefficients, totals, strict=True))
    return result.make("total", [node])
