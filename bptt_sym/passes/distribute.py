"""Time distribution: what does not depend on the loop is taken out of its sums and products.

    dz_t = (dc_t * i_t) * (1 - g_t^2)   becomes   k_t = i_t * (1 - g_t^2),   dz_t = dc_t * k_t

so that the loop holds one product, and k is computed for all time steps at once.
"""

from __future__ import annotations

from fractions import Fraction

from bptt_sym.graph.graph import Graph, New
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import sites_of

ONE = Fraction(1)


def distribute(graph: Graph) -> Graph:
    """The graph with sums and products regrouped: constants, what is at once, then the loop."""
    return graph.rewritten(_Regrouping(graph).rule)


class _Regrouping:
    def __init__(self, graph: Graph) -> None:
        self.sites = sites_of(graph)
        self.users, self.fixed = graph.users(), graph.fixed()

    def rule(self, result: Graph, node: Node, new: New) -> Node | None:
        if not (node.time or node.batch):
            return None
        if node.kind == "sum":
            return self.regrouped_sum(result, node, new)
        if node.kind == "times":
            return self.regrouped_product(result, node, new)
        return None

    def rank(self, node: Node, operand: Node) -> int:
        """0 for what is the same at all time steps, 2 for what is of the node's own loop."""
        if self.sites[node].loop is not None and self.sites[node] == self.sites[operand]:
            return 2
        return int(operand.time or operand.batch)

    def is_opened(self, node: Node, operand: Node) -> bool:
        """Whether an operand of the same kind is written out in the node."""
        return (
            operand.kind == node.kind
            and operand not in self.fixed
            and operand.sizes == node.sizes
            and (operand.time or operand.batch)
            and len(self.users[operand]) == 1
        )

    def regrouped_sum(self, result: Graph, node: Node, new: New) -> Node:
        groups: list[list[tuple[Fraction, Node]]] = [[], [], []]
        constant = Fraction(0)
        waiting = [(ONE, node)]
        while waiting:
            factor, inner = waiting.pop(0)
            if inner is not node and not self.is_opened(node, inner):
                groups[self.rank(node, inner)].append((factor, new(inner)))
                continue
            constant += factor * inner.detail.constant
            waiting = [(factor * c, o) for o, c in inner.coefficients.items()] + waiting
        total = [(ONE, result.number(constant))] if constant else []
        for group in groups:
            total = [*group, *(self.at_once(result, total) if group else total)]
        return result.total(total)

    def at_once(
        self, result: Graph, terms: list[tuple[Fraction, Node]]
    ) -> list[tuple[Fraction, Node]]:
        """The terms as one, computed before what they are added to."""
        if not terms or (len(terms) == 1 and abs(terms[0][0]) == 1):
            return terms
        whole = result.total(terms)
        result.keep_whole(whole)
        return [(ONE, whole)]

    def regrouped_product(self, result: Graph, node: Node, new: New) -> Node:
        groups: list[list[Node]] = [[], [], []]
        coefficient = ONE
        waiting = [node]
        while waiting:
            inner = waiting.pop(0)
            if inner is not node and not self.is_opened(node, inner):
                groups[self.rank(node, inner)].append(new(inner))
                continue
            coefficient *= inner.detail
            waiting = [*inner.operands, *waiting]
        whole: list[Node] = []
        for group in groups:
            if group:
                inner = result.times(coefficient, [*group, *whole])
                whole, coefficient = [inner], ONE
        return whole[0]
