"""The contributions of one parameter for a given number of steps."""

from __future__ import annotations

from functools import cached_property

from bptt_sym.algebra.expressions import Integer, Parameter, Variable
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.factors import Chain, Contribution, Factor
from bptt_sym.derivation.paths import Paths
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.unfolding import Dominance, Node

MOST_COUNTED = 2**53
"""Contributions count their paths below this number, up to which any reader of JSON is exact."""


class ConcreteContributions:
    """The contributions of one parameter over ``steps`` time steps."""

    def __init__(self, contributions: Contributions, parameter: Parameter, steps: int) -> None:
        self.all = contributions
        self.parameter = parameter
        self.steps = steps

    @cached_property
    def paths(self) -> Paths:
        return Paths(self.all.plain, self.all.step.loss.name, self.steps, MOST_COUNTED)

    def last(self) -> list[Contribution]:
        """For the loss at the last step, the latest contribution first."""
        losses = range(self.steps, self.steps + 1)
        found = []
        for step in self._steps():
            count = self._count(step, self.steps)
            if count:
                chains = tuple(self._chains(step, self.steps))
                found.append(self._contribution(step, losses, chains, count))
        return found

    def summed(self) -> list[Contribution]:
        """For the sum of the losses of all steps, the latest contribution first.

        Where they have more than ``most_factors`` chains in all, they hold none: their general
        form says what they are.
        """
        found = []
        counted = 0
        few = self.steps * (self.steps + 1) // 2 <= self.all.most_factors
        for step in self._steps():
            losses = range(max(step, 1), self.steps + 1)
            if step:
                # From the loss at t to step i there are as many paths as from the last to N - t + i.
                counted += self._count(step, self.steps)
                count = counted
            else:
                count = sum(self._count(step, loss) for loss in losses)
            if count:
                chains = [chain for loss in losses if few for chain in self._chains(step, loss)]
                found.append(self._contribution(step, losses, tuple(chains), count))
        return found

    def _steps(self) -> range:
        """The steps that have a copy of the parameter, the latest first."""
        return range(self.steps, -1 if self.all.initial_readers(self.parameter) else 0, -1)

    def _readers(self, step: int) -> list[tuple[Edge, Node]]:
        """Who reads the copy of a step."""
        if step == 0:
            return self.all.initial_readers(self.parameter)
        return [(edge, Node(edge.of.name, step)) for edge in self.all.readers(self.parameter)]

    def _count(self, step: int, loss: int) -> int:
        """The number of paths from the loss of a step to the parameter's copy at another."""
        return self.paths.count(loss, Node(self.parameter.name, step))

    def _contribution(
        self, step: int, losses: range, chains: tuple[Chain, ...], count: int
    ) -> Contribution:
        most = self.all.most_factors
        copy = Node(self.parameter.name, step)
        readers = tuple(
            self.all.variable(node.name, node.time)
            for edge, node in self._readers(step)
            if any(self.paths.count(loss, node) for loss in losses)
        )
        listed = count <= most and losses[-1] - step < most
        paths = (path for loss in losses if listed for path in self.paths.to(loss, copy))
        known = count if count < MOST_COUNTED else None
        return Contribution(self.parameter, step, readers, chains, known, tuple(paths))

    def _chains(self, step: int, loss: int) -> list[Chain]:
        if step == 0:
            dominance, later = self.all.dominators(loss), 0
        else:
            dominance, later = self.all.dominators(self.steps), self.steps - loss
        return [
            self._chain(edge, node.moved(later), dominance, later)
            for edge, node in self._readers(step)
            if self.paths.count(loss, node)
        ]

    def _chain(self, edge: Edge, node: Node, dominance: Dominance, later: int) -> Chain:
        """The chain to a reader, as it is for the loss so many steps before the last."""

        def symbol(node: Node) -> Variable:
            return self.all.variable(node.name, Integer(node.time - later))

        immediate = Factor(symbol(node), self.parameter, "immediate", edge)
        nodes = self._folded(node, dominance)
        if nodes:
            head, tail = nodes
            folded = Factor(symbol(head[-1]), symbol(tail[0]), "total")
            before = self.all.factors(head, dominance, symbol)
            return Chain(
                (*before, folded, *self.all.factors(tail, dominance, symbol), immediate)
            )
        chain = self.all.chain(node, dominance)
        return Chain((*self.all.factors(chain, dominance, symbol), immediate))

    def _folded(self, node: Node, dominance: Dominance) -> tuple[list[Node], list[Node]] | None:
        """The two ends of a chain that is to be abbreviated, down to where it is and from there."""
        if dominance.depth[node] + 1 <= self.all.most_factors or not self.all.to_carried:
            return None
        assert self.all.carried is not None
        name = self.all.carried.name
        entry = Node(name, dominance.root.time - self.all.entry_lag)
        tail = [node]
        while tail[0].name != name:
            if tail[0] == dominance.root:
                return None
            tail.insert(0, dominance.above[tail[0]])
        if tail[0].time >= entry.time:
            return None
        if self.all.uniform and self.all.is_single(self.all.within_step(node.name)):
            tail = [node]
        return self.all.chain(entry, dominance), tail
