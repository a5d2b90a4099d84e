"""The unfolding: the computation graph of N time steps."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from bptt_sym.derivation.dependencies import Dependencies


class Vertex(NamedTuple):
    """A variable at a time step, or the copy of a parameter that a time step uses."""

    name: str
    time: int

    def moved(self, steps: int) -> Vertex:
        return Vertex(self.name, self.time + steps)


class Unfolding:
    """The graph of ``steps`` time steps, each with its own copy of every parameter.

    Time steps count from 1; what is read before step 1 is an initial value, and a parameter that
    it is made of has a copy at step 0.
    """

    def __init__(self, graph: Dependencies, steps: int) -> None:
        self.graph = graph
        self.steps = steps

    @cached_property
    def nodes(self) -> tuple[Vertex, ...]:
        """Every node, in an order in which each comes after what it reads."""
        found: dict[Vertex, None] = {}

        def place(node: Vertex) -> None:
            for read in self.reads(node):
                place(read) if read.time < 1 else found.setdefault(read)
            found[node] = None

        for time in range(1, self.steps + 1):
            for name in self.graph.order:
                place(Vertex(name, time))
        return tuple(found)

    def reads(self, node: Vertex) -> list[Vertex]:
        """What a node depends on directly."""
        if node.time < 1:
            return [Vertex(name, -lag) for name, lag in self.graph.initial.get(node.name, ())]
        return [Vertex(name, node.time - lag) for name, lag in self.graph.reads.get(node.name, ())]


class Dominance:
    """For each node that ``root`` depends on: the last node that every path to it passes.

    The chain of these nodes up to the root is what a derivative factors into. In an acyclic graph
    the immediate dominator of a node is the nearest common ancestor, in the tree of dominators, of
    the nodes that read it (Cooper, Harvey and Kennedy, A simple, fast dominance algorithm, 2001).
    """

    def __init__(self, unfolding: Unfolding, root: Vertex) -> None:
        self.root = root
        self.above: dict[Vertex, Vertex] = {}
        self.depth: dict[Vertex, int] = {root: 0}
        self._readers: dict[Vertex, list[Vertex]] = {}
        for node in reversed(unfolding.nodes):
            if node in self._readers:
                self._place(node, self._readers[node])
            elif node != root:
                continue
            for read in unfolding.reads(node):
                self._readers.setdefault(read, []).append(node)

    def _place(self, node: Vertex, readers: list[Vertex]) -> None:
        above = readers[0]
        for reader in readers[1:]:
            above = self._common(above, reader)
        self.above[node] = above
        self.depth[node] = self.depth[above] + 1

    def _common(self, one: Vertex, other: Vertex) -> Vertex:
        while one != other:
            if self.depth[one] >= self.depth[other]:
                one = self.above[one]
            else:
                other = self.above[other]
        return one

    def __contains__(self, node: Vertex) -> bool:
        return node in self.depth

    def direct(self, of: Vertex, by: Vertex) -> bool:
        """Whether one edge is the only path between two nodes."""
        return self._readers.get(by) == [of]

    def chain(self, node: Vertex) -> list[Vertex]:
        """The nodes that every path from the root to this one passes, both ends among them."""
        nodes = [node]
        while nodes[-1] != self.root:
            nodes.append(self.above[nodes[-1]])
        return nodes[::-1]
