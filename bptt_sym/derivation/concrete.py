"""The contributions of one parameter for a given number of steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.expressions import Integer, Parameter, Variable
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.factors import MOST_COUNTED, Chain, Contribution, Factor
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.unfolding import Dominance, Vertex


class ConcreteContributions:
    """The contributions of one parameter over ``steps`` time steps."""

    def __init__(self, contributions: Contributions, parameter: Parameter, steps: int) -> None:
        self.all = contributions
        self.parameter = parameter
        self.steps = steps

    def last(self) -> list[Contribution]:
        """For the loss at the last step, the latest contribution first."""
        return self._from(range(self.steps, self.steps + 1), written=True)

    def summed(self) -> list[Contribution]:
        """For the sum of the losses of all steps, the latest contribution first.

        Where they have more than ``most_factors`` chains in all, they hold none: their general
        form says what they are.
        """
        few = self.steps * (self.steps + 1) // 2 <= self.all.most_factors
        return self._from(range(1, self.steps + 1), written=few)

    def _from(self, losses: range, *, written: bool) -> list[Contribution]:
        found = []
        paths = self.all.paths(self.steps, losses)
        for copy in paths.copies(self.parameter.name):
            readers = [entry for entry in self._readers(copy.time) if paths.count(entry[1])]
            chains: list[Chain] = []
            for loss in losses:
                if written:
                    chains += self._chains(readers, loss)
            found.append(self._contribution(copy, losses, readers, tuple(chains)))
        return found

    def _readers(self, step: int) -> list[tuple[Edge, Vertex]]:
        """Who reads the copy of a step."""
        if step == 0:
            return self.all.initial_readers(self.parameter)
        return [(edge, Vertex(edge.of.name, step)) for edge in self.all.readers(self.parameter)]

    def _contribution(
        self,
        copy: Vertex,
        losses: range,
        readers: Sequence[tuple[Edge, Vertex]],
        chains: tuple[Chain, ...],
    ) -> Contribution:
        most = self.all.most_factors
        paths = self.all.paths(self.steps, losses)
        count = paths.count(copy)
        listed = count <= most and losses[-1] - copy.time < most
        in_order = sorted(paths.to(copy), key=lambda path: path[0].time) if listed else ()
        return Contribution(
            self.parameter,
            copy.time,
            tuple(self.all.variable(node.name, node.time) for _, node in readers),
            chains,
            count if count < MOST_COUNTED else None,
            tuple(in_order),
        )

    def _chains(self, readers: Sequence[tuple[Edge, Vertex]], loss: int) -> Iterator[Chain]:
        """The chains from the loss of a step."""
        for edge, node in readers:
            if not self.all.paths(self.steps, range(loss, loss + 1)).count(node):
                continue
            if node.time < 1:
                yield self._chain(edge, node, self.all.dominators(loss), 0)
            else:
                later = self.steps - loss
                yield self._chain(edge, node.moved(later), self.all.dominators(self.steps), later)

    def _chain(self, edge: Edge, node: Vertex, dominance: Dominance, later: int) -> Chain:
        """The chain to a reader, as it is for the loss so many steps before the last."""

        def symbol(node: Vertex) -> Variable:
            return self.all.variable(node.name, Integer(node.time - later))

        immediate = Factor(symbol(node), self.parameter, "immediate", edge)
        nodes = self._folded(node, dominance)
        if nodes:
            head, tail = nodes
            folded = Factor(symbol(head[-1]), symbol(tail[0]), "total")
            before = self.all.factors(head, dominance, symbol)
            return Chain((*before, folded, *self.all.factors(tail, dominance, symbol), immediate))
        chain = self.all.chain(node, dominance)
        return Chain((*self.all.factors(chain, dominance, symbol), immediate))

    def _folded(
        self, node: Vertex, dominance: Dominance
    ) -> tuple[list[Vertex], list[Vertex]] | None:
        """The two ends of a chain that is to be abbreviated, down to where it is and from there."""
        if dominance.depth[node] + 1 <= self.all.most_factors or not self.all.to_carried:
            return None
        assert self.all.carried is not None
        name = self.all.carried.name
        entry = Vertex(name, dominance.root.time - self.all.entry_lag)
        tail = [node]
        while tail[0].name != name:
            if tail[0] == dominance.root:
                return None
            tail.insert(0, dominance.above[tail[0]])
        if entry.time - tail[0].time < 2:
            return None
        if self.all.uniform and self.all.is_single(self.all.within_step(node.name)):
            tail = [node]
        return self.all.chain(entry, dominance), tail
