"""Packing: values that are made alike from neighbours are neighbours, and one call makes them all.

A bundle is a list of nodes that lie side by side in one array. Bundles start where products are
stacked, and grow along the graph: what is done alike to neighbours, or makes them, is bundled too
(superword-level parallelism: Larsen and Amarasinghe, PLDI 2000).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bptt_sym.graph.graph import Graph
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node
from bptt_sym.graph.runs import runs
from bptt_sym.graph.sites import Site


class Packing:
    """The bundles of a graph; ``bundles`` has that of each node that is in one."""

    def __init__(self, graph: Graph, sites: Mapping[Node, Site], *, grow: bool = True) -> None:
        self.sites = sites
        self.nodes = graph.reachable()
        self.users = graph.users()
        self.bundles: dict[Node, tuple[Node, ...]] = {}
        stored = {node.operands[0] for node in self.nodes if KINDS[node.kind].stores}
        self.free = {
            node
            for node in self.nodes
            if KINDS[node.kind].calls == "together"
            and node.time
            and node not in stored
            and len(node.sizes) == 1
        }
        for group in self.parts():
            self.bundle(group)
        for join in sorted(
            (n for n in self.nodes if n.kind == "join"), key=lambda node: -len(node.operands)
        ):
            if join.time:
                self.place_join(join.operands)
        if grow:
            # The last goes first: what a loop backward hands on, then what is large.
            waiting = sorted(
                dict.fromkeys(self.bundles.values()),
                key=lambda b: (sites[b[0]].phase == "backward", sites[b[0]].loop is None),
            )
            while waiting:
                bundle = waiting.pop()
                waiting += self.grown_up(bundle) + self.grown_down(bundle)

    def parts(self) -> list[tuple[Node, ...]]:
        """The parts of each stacked product, where all are wanted."""
        found: dict[Node, dict[int, Node]] = {}
        for part in self.nodes:
            if part.kind == "part" and part.time:
                found.setdefault(part.operands[0], {})[part.detail[0]] = part
        return [
            tuple(parts[k] for k in sorted(parts))
            for parts in found.values()
            if len(parts) == len(next(iter(parts.values())).detail[1])
        ]

    def bundle(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        bundle = tuple(nodes)
        self.bundles |= dict.fromkeys(bundle, bundle)
        return bundle

    def place_join(self, nodes: Sequence[Node]) -> None:
        """Puts what is joined side by side, beside what already is where they overlap."""
        if len(set(nodes)) < len(nodes) or len({self.sites[node] for node in nodes}) > 1:
            return
        if not all(node in self.free for node in nodes):
            return
        placed = [node for node in nodes if node in self.bundles]
        if not placed:
            self.bundle(nodes)
            return
        old, *others = {self.bundles[node] for node in placed}
        if others:
            return
        count = len(placed)
        if tuple(nodes[:count]) == old[-count:] and set(placed) == set(nodes[:count]):
            self.bundle([*old, *nodes[count:]])
        elif tuple(nodes[-count:]) == old[:count] and set(placed) == set(nodes[-count:]):
            self.bundle([*nodes[:-count], *old])

    def is_run(self, nodes: Sequence[Node]) -> bool:
        """Whether nodes lie side by side in this order."""
        bundle = self.bundles.get(nodes[0], ())
        start = bundle.index(nodes[0]) if bundle else 0
        return len(nodes) > 1 and bundle[start : start + len(nodes)] == tuple(nodes)

    def are_alike(self, one: Node, other: Node) -> bool:
        """Whether two nodes are made by the same call."""
        same = one.kind == other.kind and len(one.operands) == len(other.operands)
        if not same or self.sites[one] != self.sites[other] or one.sizes != other.sizes:
            return False
        if one.kind == "squash":
            return True
        if one.kind == "sum":
            return (
                sorted(one.detail[0]) == sorted(other.detail[0])
                and one.detail[1] == other.detail[1]
            )
        return one.detail == other.detail

    def grown_up(self, bundle: tuple[Node, ...]) -> list[tuple[Node, ...]]:
        """New bundles of what is done alike to neighbours."""
        found = []
        used: set[Node] = set()
        for start in range(len(bundle) - 1):
            for user in self.users[bundle[start]]:
                if user not in self.free or user in self.bundles or user in used:
                    continue
                run = [user]
                for node in bundle[start + 1 :]:
                    alike = [
                        other
                        for other in self.users[node]
                        if other in self.free
                        and other not in self.bundles
                        and other not in run
                        and self.are_alike(user, other)
                        and self.fits(bundle[start], user, node, other)
                    ]
                    if len(alike) != 1:
                        break
                    run.append(alike[0])
                if len(run) > 1:
                    used.update(run)
                    found.append(self.bundle(run))
        return found

    def fits(self, one: Node, user: Node, other: Node, other_user: Node) -> bool:
        """Whether what stands beside two neighbours is the same, or each other's neighbour."""
        beside = [o for o in user.operands if o is not one]
        others = [o for o in other_user.operands if o is not other]
        return len(beside) == len(others) and all(
            self.matched(operand, others) is not None for operand in beside
        )

    def matched(self, operand: Node, others: Sequence[Node]) -> Node | None:
        """The node among others that an operand of a neighbour corresponds to."""
        if operand in others:
            return operand
        mine = self.bundles.get(operand, ())
        for other in others:
            if other in mine and mine.index(other) > mine.index(operand):
                return other
        for other in others:
            unbundled = not mine and other not in self.bundles
            alike = other.kind == operand.kind or (other.is_constant and operand.is_constant)
            if unbundled and alike and other.time == operand.time:
                return other
        return None

    def grown_down(self, bundle: tuple[Node, ...]) -> list[tuple[Node, ...]]:
        """New bundles of what neighbours are made of."""
        found = []
        for start, stop in self.alike_runs(bundle):
            run = bundle[start:stop]
            if len(run) == 1:
                continue
            for operands in self.aligned(run):
                kinds = {(node.kind, self.sites[node], node.sizes) for node in operands}
                if (
                    len(set(operands)) == len(operands)
                    and len(kinds) == 1
                    and all(node in self.free and node not in self.bundles for node in operands)
                    and self.sites[operands[0]].phase == self.sites[run[0]].phase
                ):
                    found.append(self.bundle(operands))
        return found

    def alike_runs(self, bundle: Sequence[Node]) -> list[tuple[int, int]]:
        """The longest runs of neighbours that are made alike, as positions."""
        return runs(len(bundle), lambda start, k: self.are_alike(bundle[start], bundle[k]))

    def aligned(self, run: Sequence[Node]) -> list[tuple[Node, ...]]:
        """The operands of nodes that are made alike, those that correspond together."""
        first, *others = run
        columns = [[operand] for operand in first.operands]
        for node in others:
            left = list(node.operands)
            order = sorted(
                range(len(columns)),
                key=lambda k: (
                    columns[k][-1] not in left,
                    self.matched(columns[k][-1], left) is None,
                ),
            )
            for k in order:
                chosen = self.matched(columns[k][-1], left) or left[0]
                if first.kind == "sum":
                    coefficient = first.coefficients[columns[k][0]]
                    fitting = [o for o in left if node.coefficients[o] == coefficient]
                    chosen = chosen if chosen in fitting else fitting[0]
                left.remove(chosen)
                columns[k].append(chosen)
        return [tuple(column) for column in columns]
