"""What contributions are made of: the gradient with respect to one copy.

Give every time step its own copy W^(i) of the parameter, differentiate with respect to one
copy, then tie the copies again: contribution i is the gradient with respect to W^(i), and they sum
to the gradient with respect to W.

What a step hands on, one state or the tuple of all, is passed by every path to the past. So the
chain to step i goes from the loss to the carried variables of the last step, from those to the ones
of step i, and from there to what reads the parameter.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from bptt_sym.algebra.blocks import blocks
from bptt_sym.algebra.expressions import (
    Expr,
    Identity,
    MatrixExpr,
    Parameter,
    Variable,
    ZeroMatrix,
)
from bptt_sym.derivation.carried import carried_by, condensed
from bptt_sym.derivation.dependencies import Link, dependencies_of
from bptt_sym.derivation.factors import MOST_COUNTED, Factor
from bptt_sym.derivation.paths import Paths
from bptt_sym.derivation.reach import Lags, reach
from bptt_sym.derivation.step import Edge, Step
from bptt_sym.derivation.unfolding import Dominance, Unfolding, Vertex

MOST_IN_A_STEP = 1_000
"""Chains of more factors in a step are not written: total derivatives follow from each other."""

MANY_IN_A_STEP = 60
"""Nor are chains of more where they are so long, in the mean, that each would be abbreviated."""

MOST_COMPONENTS = 4
"""Nor are derivatives with respect to a tuple of more components."""

Symbol = Callable[[Vertex], Variable]
"""The variable that a node stands for."""


class Contributions:
    """Finds the contributions of every parameter to the loss at one step, for a model.

    ``most_factors`` is the length from which a chain is abbreviated.
    """

    def __init__(self, step: Step, most_factors: int) -> None:
        self.step = step
        self.most_factors = most_factors
        self.reached = reach(step, {step.loss.name: Lags(0, 0)})
        self.plain = dependencies_of(step)
        self.carried = carried_by(step, self.plain, self.reached)
        self.graph = condensed(self.plain, self.carried)
        self._dominators: dict[int, Dominance] = {}
        self._paths: dict[tuple[int, range], Paths] = {}

    def dominators(self, loss: int) -> Dominance:
        """The dominators from the loss of a step."""
        if loss not in self._dominators:
            root = Vertex(self.step.loss.name, loss)
            self._dominators[loss] = Dominance(Unfolding(self.graph, loss), root)
        return self._dominators[loss]

    def paths(self, steps: int, losses: range) -> Paths:
        """The paths from the losses of some steps."""
        if (steps, losses) not in self._paths:
            roots = [Vertex(self.step.loss.name, time) for time in losses]
            self._paths[steps, losses] = Paths(self.step, steps, roots, MOST_COUNTED)
        return self._paths[steps, losses]

    # The window: enough steps to see what every chain is like.

    @cached_property
    def window(self) -> Dominance:
        """The dominators for a number of steps that shows every finite lag, the first of those that
        have no end, and three steps more.
        """
        lags = self.reached.values()
        return self.dominators(max(x.first if x.last is None else x.last for x in lags) + 4)

    @cached_property
    def to_carried(self) -> tuple[Vertex, ...]:
        """The chain from the loss to what the last step hands on, or the one before where that is
        the first that all paths to the past pass. Empty if the past has no end.
        """
        if self.carried is None:
            return ()
        last = self.window.root.time
        far = Vertex(self.carried.name, last - 3)
        if far not in self.window:
            return ()
        chain = self.window.chain(far)
        names = [node.name for node in chain]
        return tuple(chain[: names.index(self.carried.name) + 1])

    @cached_property
    def entry_lag(self) -> int:
        """How many steps before the last the first carried variables lie that no path avoids."""
        return self.window.root.time - self.to_carried[-1].time

    @cached_property
    def between_steps(self) -> tuple[Vertex, ...]:
        """The chain from what one step hands on to what the step before did."""
        assert self.carried is not None
        last = self.window.root.time
        chain = self.window.chain(Vertex(self.carried.name, last - 3))
        return tuple(chain[chain.index(Vertex(self.carried.name, last - 2)) :])

    def within_step(self, reader: str) -> tuple[Vertex, ...]:
        """The chain from what a step hands on to one of its variables."""
        assert self.carried is not None
        time = self.window.root.time - 2
        chain = self.window.chain(Vertex(reader, time))
        return tuple(chain[chain.index(Vertex(self.carried.name, time)) :])

    def is_single(self, nodes: Sequence[Vertex]) -> bool:
        """Whether the chain of nodes is the only path from the first to the last."""
        return all(self.window.direct(*pair) for pair in itertools.pairwise(nodes))

    @cached_property
    def uniform(self) -> bool:
        """Whether one state is handed on, along one path only."""
        if not self.to_carried or self._is_tuple(self.to_carried[-1]):
            return False
        return self.is_single(self.between_steps)

    def readers(self, parameter: Parameter) -> list[Edge]:
        """The edges to a parameter from the variables that read it and reach the loss."""
        edges = self.step.readers(parameter.name)
        return [edge for edge in edges if edge.of.name in self.reached]

    def initial_readers(self, parameter: Parameter) -> list[tuple[Edge, Vertex]]:
        """The edges to a parameter from the initial states that are made of it, and these."""
        # What no loss depends on may read a state farther back than what is handed on.
        places = self.carried.places if self.carried else ()
        return [
            (edge, Vertex(place.name, -place.lag))
            for edge in self.step.initial
            if edge.by == parameter
            for place in places
            if place.name == edge.of.name
        ]

    @property
    def have_many_blocks(self) -> bool:
        """Whether what a step hands on is a tuple of many components, with a block for each two."""
        carried = self.carried
        return carried is not None and carried.is_tuple and len(carried.places) > MOST_COMPONENTS

    def are_long(self, parameters: Iterable[Parameter]) -> bool:
        """Whether the chains of one step to the copies of parameters have very many factors."""
        last = self.window.root.time
        lengths = [
            self.window.depth[Vertex(edge.of.name, last - self.reached[edge.of.name].first)] + 1
            for parameter in parameters
            for edge in self.readers(parameter)
        ]
        factors = sum(lengths)
        abbreviated = factors > self.most_factors * len(lengths)
        return factors > (MANY_IN_A_STEP if abbreviated else MOST_IN_A_STEP)

    # Factors and chains.

    def factors(
        self, nodes: Sequence[Vertex], dominance: Dominance, symbol: Symbol
    ) -> Iterator[Factor]:
        """The derivatives between the consecutive nodes of a chain of dominators."""
        for of, by in itertools.pairwise(nodes):
            direct = dominance.direct(of, by)
            tupled = self._is_tuple(of) or self._is_tuple(by)
            edge = None
            if direct and not tupled:
                edge = self.step.edge(of.name, by.name, of.time - by.time)
            matrix = self._unit(by) if tupled and of.time == 0 else None
            yield Factor(symbol(of), symbol(by), "both" if direct else "total", edge, matrix)

    def _is_tuple(self, node: Vertex) -> bool:
        return self.carried is not None and self.carried.is_tuple and node.name == self.carried.name

    def _unit(self, component: Vertex) -> MatrixExpr:
        """The derivative of the initial tuple with respect to one of its components."""
        assert self.carried is not None
        place = Link(component.name, -component.time)
        by = self.carried.components[self.carried.places.index(place)]
        width = by.rows * by.cols
        return blocks(
            [
                [Identity(width) if entry == by else ZeroMatrix(entry.rows * entry.cols, width)]
                for entry in self.carried.components
            ]
        )

    def variable(self, name: str, time: Expr | int) -> Variable:
        """The variable of this name, or the tuple of states, at a time step."""
        return self._variables[name].at(time)

    @cached_property
    def _variables(self) -> dict[str, Variable]:
        found = {variable.name: variable for variable in self.step.variables}
        if self.carried is not None:
            found[self.carried.name] = self.carried.symbol
        return found

    def chain(self, node: Vertex, dominance: Dominance) -> list[Vertex]:
        """The chain of dominators down to a node.

        Where paths avoid the tuple of the last step, it is left out of all chains.
        """
        nodes = dominance.chain(node)
        if self.to_carried and self.entry_lag:
            last = dominance.root.time
            nodes = [other for other in nodes if other.time < last or not self._is_tuple(other)]
        return nodes
