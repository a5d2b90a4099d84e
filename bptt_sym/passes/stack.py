"""Stacking: products that share a side become one product with the other sides side by side.

    x W_1, x W_2            becomes   x [W_1 W_2], in parts
    d_1 W_1^T + d_2 W_2^T   becomes   [d_1 d_2] [W_1^T; W_2^T]
    x^T d_1, x^T d_2        becomes   x^T [d_1 d_2], in parts

The order of the parts is one in which the same is done to neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from bptt_sym.graph.graph import Graph, New
from bptt_sym.graph.kinds import ROWS
from bptt_sym.graph.node import Node
from bptt_sym.graph.runs import runs
from bptt_sym.graph.sites import sites_of


def stack(graph: Graph) -> Graph:
    """The graph with stacked products."""
    return _Stacking(graph).stacked()


class _Stacking:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = graph.reachable()
        self.sites = sites_of(graph)
        self.users = graph.users()
        self.fixed = graph.fixed()
        # With the side on which their operands stand side by side, and the axis of the parts.
        self.groups: dict[Node, tuple[tuple[Node, ...], int, int]] = {}
        self.joined: dict[Node, tuple[Node, ...]] = {}

    def stacked(self) -> Graph:
        self.group_products()
        sums = {node: self.summed_products(node) for node in self.nodes if node.kind == "sum"}
        sums = {node: dots for node, dots in sums.items() if len(dots) > 1}
        contracts = [(group, side) for side in (1, 0) for group in self.contractions(side)]
        sets = [[dot.operands[0] for dot in dots] for dots in sums.values()]
        sets += [[node.operands[side] for node in group] for group, side in contracts]
        order = consecutive([list(dict.fromkeys(nodes)) for nodes in sets], self.signature)
        place = {node: k for k, node in enumerate(order)}

        def ordered(nodes: Iterable[Node], side: int) -> tuple[Node, ...]:
            return tuple(sorted(nodes, key=lambda node: place[node.operands[side]]))

        def is_run(nodes: Sequence[Node]) -> bool:
            first = place[nodes[0]]
            return len(nodes) > 1 and [place[n] - first for n in nodes] == [*range(len(nodes))]

        for node, dots in sums.items():
            side_by_side = ordered(dots, 0)
            if is_run([dot.operands[0] for dot in side_by_side]):
                self.joined[node] = side_by_side
        for nodes, side in contracts:
            group = ordered(nodes, side)
            fresh = not any(node in self.groups for node in group)
            if fresh and is_run([node.operands[side] for node in group]):
                self.groups |= dict.fromkeys(group, (group, side, side))
        batch_sums = ordered(
            (n for n in self.nodes if n.kind == "batch sum" and n.operands[0] in place), 0
        )
        places = [place[node.operands[0]] for node in batch_sums]
        for start, stop in runs(len(places), lambda _, k: places[k] == places[k - 1] + 1):
            if stop - start > 1:
                run = batch_sums[start:stop]
                self.groups |= dict.fromkeys(run, (run, 0, -1))
        return self.graph.rewritten(self.rule)

    def group_products(self) -> None:
        """Products of one vector with several matrices."""
        dots = [n for n in self.nodes if n.kind in ("dot", "gather")]
        dots = [n for n in dots if n.time and len(n.sizes) == 1 and n.operands[1].is_constant]
        for nodes in grouped(dots, lambda n: (n.kind, n.operands[0], self.sites[n])):
            group = tuple(sorted(nodes, key=self.goes_into))
            self.groups |= dict.fromkeys(group, (group, 1, -1))

    def contractions(self, side: int) -> list[tuple[Node, ...]]:
        """Sums of outer products that share one side, with others that can stand side by side."""
        kinds = ("contract", "scatter") if side else ("contract",)
        nodes = [n for n in self.nodes if n.kind in kinds and self.can_be_joined(n.operands[side])]
        one, sites = 1 - side, self.sites
        return grouped(nodes, lambda n: (n.kind, n.operands[one], sites[n.operands[side]]))

    def can_be_joined(self, node: Node) -> bool:
        """Whether a node is a vector that is computed, so that it can be written beside others."""
        computed = node.time and node.kind in ("sum", "times", "squash")
        return computed and len(node.sizes) == 1 and node not in self.fixed

    def goes_into(self, node: Node) -> tuple[object, ...]:
        """What a product's value is for: a key that is alike for products used alike."""
        while len(self.users[node]) == 1 and self.users[node][0].kind == "sum":
            node = self.users[node][0]
        users = self.users[node]
        user = min(users, key=lambda user: user.number) if users else node
        return (ROWS[user.kind], str(user.detail), user.number)

    def summed_products(self, node: Node) -> list[Node]:
        """The products in a sum whose vectors can be computed side by side."""
        return [
            term
            for term, coefficient in node.coefficients.items()
            if coefficient == 1
            and term.kind == "dot"
            and term not in self.groups
            and term not in self.fixed
            and len(self.users[term]) == 1
            and term.operands[1].is_constant
            and self.can_be_joined(term.operands[0])
            and self.is_at_hand(term.operands[0], term)
        ]

    def is_at_hand(self, vector: Node, product: Node) -> bool:
        """Whether a vector is computed where a product reads it, or in the loop before it.

        In another phase alone: within one, a sum behind the loop is that of another loop.
        """
        its, own = self.sites[vector], self.sites[product]
        return its == own or (own.loop is None and its.phase != own.phase)

    def signature(self, node: Node, depth: int = 3) -> str:
        """How a node is made, the same for nodes that are made alike."""
        site, row = self.sites[node], f"{ROWS[node.kind]:02}"
        if depth == 0 or not node.operands:
            return row
        own = sorted(o.number for o in node.operands if self.sites[o] == site)
        inner = sorted(self.signature(operand, depth - 1) for operand in node.operands)
        shared = own if depth == 3 and site.loop is not None else ""
        return f"{row}{shared}({','.join(inner)})"

    def rule(self, result: Graph, node: Node, new: New) -> Node | None:
        if node in self.groups:
            return self.part(result, node, new)
        if node in self.joined:
            return self.sum_of_products(result, node, new)
        return None

    def part(self, result: Graph, node: Node, new: New) -> Node:
        """A node as its part of what is made of all of its group side by side."""
        group, side, axis = self.groups[node]
        operands = [new(operand) for operand in node.operands]
        joined = "beside" if len(group[0].operands[side].sizes) == 2 else "join"
        operands[side] = result.make(joined, [new(n.operands[side]) for n in group])
        whole = result.make(node.kind, operands, node.detail)
        widths = tuple(member.sizes[axis] for member in group)
        return result.make("part", [whole], (group.index(node), widths, axis))

    def sum_of_products(self, result: Graph, node: Node, new: New) -> Node:
        dots = self.joined[node]
        joint = result.make("join", [new(dot.operands[0]) for dot in dots])
        matrices = result.make("above", [new(dot.operands[1]) for dot in dots])
        whole = result.make("dot", [joint, matrices])
        others = [
            (coefficient, new(term))
            for term, coefficient in node.coefficients.items()
            if term not in dots
        ]
        constant = result.number(node.detail.constant)
        return result.total([(Fraction(1), whole), *others, (Fraction(1), constant)])


def grouped(nodes: Iterable[Node], shared: Callable[[Node], object]) -> list[tuple[Node, ...]]:
    """Those of the nodes that share something with others, in groups."""
    found: dict[object, list[Node]] = {}
    for node in nodes:
        found.setdefault(shared(node), []).append(node)
    return [tuple(group) for group in found.values() if len(group) > 1]


def consecutive(sets: Sequence[list[Node]], key: Callable[[Node], object]) -> list[Node]:
    """An order in which the members of each set stand side by side, as far as that is found.

    The sets that overlap come one after the other: the first without the second, both, the second.
    Nodes made alike stand last first: the backward pass makes them in the reverse order of the
    values that they belong to, which stand first to last.
    """
    order: list[Node] = []
    for nodes in sorted(sets, key=len, reverse=True):
        known = [node for node in order if node in nodes]
        new = sorted((n for n in nodes if n not in order), key=lambda n: (key(n), -n.number))
        if known and new:
            rest = [node for node in order if node not in nodes]
            order = [*rest, *known]
        order += new
    return order
