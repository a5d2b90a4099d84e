"""The paths through the unfolding from a loss to the copies of a parameter: their number, a list."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from bptt_sym.derivation.graph import Graph
from bptt_sym.derivation.unfolding import Node


def path_counts(graph: Graph, root: str) -> Iterator[dict[str, int]]:
    """For lag 0, 1, ... without end: how many paths lead from ``root`` to each name that far back.

    Exact, whatever the size.
    """
    coming: list[dict[str, int]] = [{root: 1}]
    while True:
        found = coming.pop(0) if coming else {}
        for name in reversed(graph.order):
            count = found.get(name)
            if count:
                for link in graph.reads[name]:
                    coming += [{} for _ in range(link.lag - len(coming))]
                    there = coming[link.lag - 1] if link.lag else found
                    there[link.name] = there.get(link.name, 0) + count
        yield found


class Paths:
    """The paths from the losses of steps 1, ..., ``steps`` to every node that they depend on.

    Counts stop growing at ``most``, which then means as many or more.
    """

    def __init__(self, graph: Graph, root: str, steps: int, most: int) -> None:
        self.graph = graph
        self.root = root
        self.most = most
        self._counts = [
            {name: min(count, most) for name, count in found.items()}
            for found in islice(path_counts(graph, root), steps)
        ]

    def count(self, loss: int, node: Node) -> int:
        """The number of paths from the loss of a step to a node."""
        if node.time < 1:
            readers = self._read_by(loss, node)
            return min(self.most, sum(self.count(loss, reader) for reader in readers))
        return self._counts[loss - node.time].get(node.name, 0) if node.time <= loss else 0

    def to(self, loss: int, node: Node) -> Iterator[tuple[Node, ...]]:
        """Every path from the loss of a step to a node, both ends among its nodes."""
        root = Node(self.root, loss)
        waiting: list[tuple[Node, ...]] = [(node,)]
        while waiting:
            path = waiting.pop()
            if path[0] == root:
                yield path
            readers = [other for other in self._read_by(loss, path[0]) if self.count(loss, other)]
            waiting += [(reader, *path) for reader in reversed(readers)]

    def _read_by(self, loss: int, node: Node) -> list[Node]:
        """The nodes up to a step that read a node."""
        links = self.graph.readers.get(node.name, ())
        found = [Node(name, node.time + lag) for name, lag in links]
        found = [reader for reader in found if 1 <= reader.time <= loss]
        if node.time == 0:
            found += [
                Node(state, -lag)
                for state, made in self.graph.initial.items()
                for lag in range(self.graph.depth(state))
                if any(link.name == node.name for link in made)
            ]
        return found
