"""Finds contributions: the gradient by the copy of a parameter at one time step, as factors.

Give every time step its own copy W^(i) of the parameter, differentiate by one copy, then tie the
copies again: contribution i is the gradient by W^(i), and they sum to the gradient by W.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cached_property

from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    Expr,
    Integer,
    Parameter,
    Variable,
)
from bptt_sym.derivation.factors import Chain, Contribution, Factor, GeneralChain
from bptt_sym.derivation.reach import Lags, reach
from bptt_sym.derivation.step import Edge, Step
from bptt_sym.derivation.unfolding import Dominance, Node, Unfolding


class Contributions:
    """Finds the contributions of every parameter to the loss at one step, for a model.

    ``most_factors`` is the length from which a chain is abbreviated.
    """

    def __init__(self, step: Step, most_factors: int) -> None:
        self.step = step
        self.most_factors = most_factors
        self._dominance: dict[str, Dominance] = {}
        self.reached = reach(step, {step.loss.name: Lags(0, 0)})

    @cached_property
    def recurrent(self) -> frozenset[str]:
        """The variables that depend on their own past."""
        found = set()
        for variable in self.step.variables:
            waiting, seen = [variable.name], set()
            while waiting:
                for edge in self.step.reads(waiting.pop()):
                    if isinstance(edge.by, Variable) and edge.by.name not in seen:
                        seen.add(edge.by.name)
                        if edge.by in self.step.variables:
                            waiting.append(edge.by.name)
            if variable.name in seen:
                found.add(variable.name)
        return frozenset(found)

    @cached_property
    def window(self) -> Unfolding:
        """Enough steps for every simple path of the step graph and one period more."""
        return Unfolding(self.step, 2 * len(self.step.variables) + 3)

    def dominance(self, root: str) -> Dominance:
        """The dominators in the window, from a variable at its last step."""
        if root not in self._dominance:
            self._dominance[root] = Dominance(self.window, Node(root, self.window.steps))
        return self._dominance[root]

    def readers(self, parameter: Parameter) -> list[Edge]:
        """The edges to a parameter from the variables that read it and reach the loss."""
        edges = self.step.readers(parameter.name)
        return [edge for edge in edges if edge.of.name in self.reached]

    def factors(
        self, nodes: list[Node], dominance: Dominance, symbol: Callable[[Node], Variable]
    ) -> Iterator[Factor]:
        """The derivatives between the consecutive nodes of a chain of dominators."""
        for of, by in itertools.pairwise(nodes):
            if dominance.direct(by):
                edge = self.step.edge(of.name, by.name, of.time - by.time)
                yield Factor(symbol(of), symbol(by), "both", edge)
            else:
                yield Factor(symbol(of), symbol(by), "total")

    def variable(self, name: str, time: Expr | int) -> Variable:
        """The variable of this name at a time step."""
        return self._variables[name].at(time)

    @cached_property
    def _variables(self) -> dict[str, Variable]:
        return {variable.name: variable for variable in self.step.variables}

    def concrete(self, parameter: Parameter, steps: int) -> ConcreteContributions:
        """The contributions for a given number of steps."""
        return ConcreteContributions(self, parameter, steps)

    def general(self, parameter: Parameter, loss_step: Expr) -> list[GeneralChain]:
        """The chains of the contributions where the loss is at the symbolic step ``loss_step``."""
        found = []
        for edge in self.readers(parameter):
            lags = self.reached[edge.of.name]
            if lags.last is None:
                found.append(GeneralChain(self._summed(edge, parameter, loss_step), lags))
            else:
                for lag in range(lags.first, lags.last + 1):
                    chain = self._at_lag(edge, parameter, loss_step, lag)
                    if chain:
                        found.append(GeneralChain(chain, Lags(lag, lag)))
        return found

    def _at_lag(self, edge: Edge, parameter: Parameter, loss_step: Expr, lag: int) -> Chain | None:
        dominance = self.dominance(self.step.loss.name)
        node = Node(edge.of.name, self.window.steps - lag)
        if node not in dominance:
            return None
        symbol = self._moved(loss_step)
        factors = self.factors(dominance.chain(node), dominance, symbol)
        return Chain((*factors, Factor(symbol(node), parameter, "immediate", edge)))

    def _summed(self, edge: Edge, parameter: Parameter, loss_step: Expr) -> Chain:
        """What all contributions have in common, then one total derivative down to step i."""
        dominance = self.dominance(self.step.loss.name)
        nodes = [Node(edge.of.name, time) for time in range(1, self.window.steps + 1)]
        chains = [dominance.chain(node)[:-1] for node in nodes if node in dominance]
        common = []
        for level in zip(*chains, strict=False):
            if len(set(level)) > 1 or level[0].name in self.recurrent:
                break
            common.append(level[0])
        head = list(self.factors(common, dominance, self._moved(loss_step)))
        last = self._moved(loss_step)(common[-1])
        reader = self.variable(edge.of.name, CONTRIBUTION_STEP)
        return Chain(
            (
                *head,
                Factor(last, reader, "total"),
                Factor(reader, parameter, "immediate", edge),
            )
        )

    def _moved(self, last: Expr) -> Callable[[Node], Variable]:
        """Puts the window's last step at a symbolic one."""
        return lambda node: self.variable(node.name, last + (node.time - self.window.steps))


class ConcreteContributions:
    """The contributions of one parameter for a given number of steps."""

    def __init__(self, all_: Contributions, parameter: Parameter, steps: int) -> None:
        self.all = all_
        self.parameter = parameter
        self.steps = steps
        self.root = Node(all_.step.loss.name, steps)
        self._entries: dict[Node, Node | None] = {self.root: None}

    @cached_property
    def dominance(self) -> Dominance:
        return Dominance(Unfolding(self.all.step, self.steps), self.root)

    def _entry(self, node: Node) -> Node | None:
        """The first recurrent node on the chain down to a node."""
        waiting = []
        while node not in self._entries:
            waiting.append(node)
            node = self.dominance.above[node]
        entry = self._entries[node]
        for below in reversed(waiting):
            if entry is None and below.name in self.all.recurrent:
                entry = below
            self._entries[below] = entry
        return entry

    def last(self) -> list[Contribution]:
        """For the loss at the last step, the latest contribution first."""
        found = []
        for step in range(self.steps, 0, -1):
            chains = tuple(self._chains(step, self.steps))
            if chains:
                losses = range(self.steps, self.steps + 1)
                found.append(self._contribution(step, losses, chains, self._count(step)))
        return found

    def summed(self) -> list[Contribution]:
        """For the sum of the losses of all steps, the latest contribution first.

        Where they have more than ``most_factors`` chains in all, they hold none: their general
        form says what they are.
        """
        found = []
        count = 0
        few = self.steps * (self.steps + 1) // 2 <= self.all.most_factors
        for step in range(self.steps, 0, -1):
            # From the loss at t to step i there are as many paths as from the last to N - t + i.
            count += self._count(step)
            if not count:
                continue
            losses = range(step, self.steps + 1)
            chains = [chain for loss in losses if few for chain in self._chains(step, loss)]
            found.append(self._contribution(step, losses, tuple(chains), count))
        return found

    def _contribution(
        self, step: int, losses: range, chains: tuple[Chain, ...], count: int
    ) -> Contribution:
        nearest, farthest = losses[0] - step, losses[-1] - step
        readers = tuple(
            self.all.variable(edge.of.name, step)
            for edge in self.all.readers(self.parameter)
            if self.all.reached[edge.of.name].meets(nearest, farthest)
        )
        most = self.all.most_factors
        listed = count <= most and losses[-1] - step < most
        paths = (path for loss in losses if listed for path in self._paths(step, loss))
        return Contribution(self.parameter, step, readers, chains, count, tuple(paths))

    def _count(self, step: int) -> int:
        """The number of paths from the last loss to the parameter's copy at a step."""
        return sum(self.dominance.path_counts[node] for _, node in self._nodes(step, self.steps))

    def _nodes(self, step: int, loss: int) -> list[tuple[Edge, Node]]:
        """Who reads the parameter at a step, as nodes that lie as far from the last loss."""
        nodes = (
            (edge, Node(edge.of.name, step + self.steps - loss))
            for edge in self.all.readers(self.parameter)
        )
        return [(edge, node) for edge, node in nodes if node in self.dominance]

    def _chains(self, step: int, loss: int) -> Iterator[Chain]:
        for edge, node in self._nodes(step, loss):
            yield self._chain(edge, node, self.steps - loss)

    def _chain(self, edge: Edge, node: Node, later: int) -> Chain:
        def symbol(node: Node) -> Variable:
            return self.all.variable(node.name, Integer(node.time - later))

        immediate = Factor(symbol(node), self.parameter, "immediate", edge)
        entry = self._entry(node)
        if self.dominance.depth[node] + 1 > self.all.most_factors and entry not in (None, node):
            assert entry is not None
            head = self.all.factors(self.dominance.chain(entry), self.dominance, symbol)
            folded = Factor(symbol(entry), symbol(node), "total")
            return Chain((*head, folded, immediate))
        nodes = self.dominance.chain(node)
        return Chain((*self.all.factors(nodes, self.dominance, symbol), immediate))

    def _paths(self, step: int, loss: int) -> Iterator[tuple[Node, ...]]:
        later = self.steps - loss
        for _, node in self._nodes(step, loss):
            copy = Node(self.parameter.name, node.time)
            for path in self.dominance.paths(node):
                yield tuple(visited.moved(-later) for visited in (*path, copy))
