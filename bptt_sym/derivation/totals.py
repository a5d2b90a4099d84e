"""What the total derivatives of a derivation stand for, each defined once.

Those across many steps are products of Jacobians between consecutive steps. Those within a step, or
from one step to the next, are sums over the paths, or where these are many, follow by the chain
rule from others. Where a tuple of states is one of the two, they are matrices of such blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bptt_sym.algebra.blocks import BlockDerivative, blocks
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    TIME,
    Expr,
    Identity,
    MatrixExpr,
    PartialDerivative,
    ZeroMatrix,
    add,
    at_step,
    product,
)
from bptt_sym.algebra.over_time import PRODUCT_STEP, TimeProduct
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.dependencies import Link
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.factors import Factor
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.derivation.within import Target, WithinStep

MOST_PATHS = 8
"""A derivative within a step is written as a sum over its paths where they are at most so many."""


@dataclass(frozen=True)
class Total:
    """The total derivative of a variable at step ``last`` with respect to one ``lag`` steps before.

    Without ``lag`` that stands at step i. ``component_of`` says that it is a component of the
    tuple so many steps before, the other components held constant.
    """

    of: str
    by: str
    last: Expr = TIME
    lag: int | None = None
    component_of: int | None = None


Written = tuple[MatrixExpr, list[Total]]
"""An expression and the total derivatives that it leaves to be defined."""


class Totals:
    """Writes total derivatives, with ``matrices`` or with partial derivatives."""

    def __init__(self, contributions: Contributions, *, matrices: bool) -> None:
        self.all = contributions
        self.step = contributions.step
        self.matrices = matrices
        self.carried = contributions.carried
        self.within = WithinStep(contributions.step, contributions.carried)

    def total(self, factor: Factor, last: Expr | None = None) -> Total:
        """What a factor of a chain stands for.

        ``last`` is a symbol for the step at which it begins, where one definition serves many.
        """
        of, by = factor.of, factor.by
        if of.time == by.time:
            return Total(of.name, by.name, lag=0)
        if self.carried and by.name == self.carried.name and of.time - 1 == by.time:
            return Total(of.name, by.name, lag=1)
        return Total(of.name, by.name, of.time if last is None else last)

    def are_single(self, edges: Iterable[Edge]) -> bool:
        """Whether each edge is the only path between the two that it joins."""
        if self.carried is not None and self.carried.is_tuple:
            return False  # what one component does to another goes through the steps between, too
        return all(
            self._is_one_edge(Total(edge.of.name, edge.by.name, lag=edge.lag)) for edge in edges
        )

    def define(self, totals: Iterable[Total]) -> Iterator[DerivedEquation]:
        """The equations that define total derivatives and those that occur in them, each once."""
        waiting = list(dict.fromkeys(totals))
        seen = set(waiting)
        while waiting:
            total = waiting.pop(0)
            right, needed = self.value(total)
            yield self._equation(total, right)
            for other in needed:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)

    def value(self, total: Total) -> Written:
        """What a total derivative is."""
        if total.lag is None:
            return self._across(total)
        if self._is_tuple(total.of) or self._is_tuple(total.by):
            return self._blocks(total)
        return self._within(total)

    # Across many steps.

    def _across(self, total: Total) -> Written:
        """A product over time, between what leads to the carried variables and from them."""
        window = self.all.window
        last = window.root.time
        assert self.carried is not None
        start = Vertex(total.of, last)
        head = [start]
        if total.of != self.carried.name:
            chain = self.all.to_carried
            head = list(chain[chain.index(start) :])
        head = [node.moved(-last) for node in head]
        step = self.all.between_steps
        body = [node.moved(-step[0].time) for node in step]
        tail = [node.moved(2 - last) for node in self.all.within_step(total.by)]
        before, needed = self._chain(head, total.last)
        repeated, inside = self._chain(body, PRODUCT_STEP)
        after, below = self._chain(tail, CONTRIBUTION_STEP)
        first = total.last + head[-1].time
        power = TimeProduct(product(*repeated), PRODUCT_STEP, CONTRIBUTION_STEP, first)
        return product(*before, power, *after), [*needed, *inside, *below]

    def _chain(self, nodes: list[Vertex], origin: Expr) -> tuple[list[MatrixExpr], list[Total]]:
        """The derivatives along nodes whose times count from ``origin``."""
        factors: list[MatrixExpr] = []
        needed: list[Total] = []
        for of, by in itertools.pairwise(nodes):
            total = Total(of.name, by.name, lag=of.time - by.time)
            tupled = self._is_tuple(of.name) or self._is_tuple(by.name)
            if tupled or not self._is_one_edge(total):
                factors.append(self._symbol(total, origin + of.time))
                needed.append(total)
                continue
            edge = self.step.edge(of.name, by.name, of.time - by.time)
            symbol = self._symbol(total, origin + of.time)
            jacobian = self.matrices and at_step(edge.jacobian, TIME, origin + of.time)
            factors.append(jacobian or symbol)
        return factors, needed

    # Within a step and from one to the next.

    def _within(self, total: Total) -> Written:
        """A sum over the paths, or by the chain rule over the last edges."""
        target = _target(total)
        if self.within.counts(target)[total.of] <= MOST_PATHS:
            paths = self.within.paths(total.of, target)
            terms = [product(*map(self._immediate, path)) for path in paths]
            return add(*terms, like=self._symbol(total, TIME)), []
        terms, needed = [], []
        for edge in self.within.last_edges(target):
            factor = self._immediate(edge)
            before = Total(total.of, edge.of.name, lag=0)
            if edge.of.name == total.of:
                terms.append(factor)
            elif self._is_one_edge(before):
                only = self.step.edge(total.of, before.by, 0)
                terms.append(product(self._immediate(only), factor))
            elif self.within.counts(_target(before))[total.of]:
                terms.append(product(self._symbol(before, TIME), factor))
                needed.append(before)
        return add(*terms), needed

    def _blocks(self, total: Total) -> Written:
        """A matrix of derivatives of components, with respect to components or to a variable."""
        assert self.carried is not None and total.lag is not None
        of_tuple, by_tuple = self._is_tuple(total.of), self._is_tuple(total.by)
        rows = self.carried.places if of_tuple else (Link(total.of, 0),)
        columns = self.carried.places if by_tuple else (Link(total.by, 0),)
        among = total.lag if by_tuple else None
        rights: list[list[MatrixExpr]] = []
        needed: list[Total] = []
        for row in rows:
            rights.append([])
            for column in columns:
                lag = column.lag + total.lag
                block = Total(row.name, column.name, lag=lag, component_of=among)
                symbol = self._symbol(block, TIME)
                if row.name == column.name and row.lag == lag:
                    rights[-1].append(Identity(symbol.rows))
                elif row.lag or not self.within.counts(_target(block))[row.name]:
                    rights[-1].append(ZeroMatrix(*symbol.shape))
                elif self._is_one_edge(block):
                    rights[-1].append(PartialDerivative(symbol.of, symbol.by, True))
                else:
                    rights[-1].append(symbol)
                    needed.append(block)
        return blocks(rights), needed

    def _is_one_edge(self, total: Total) -> bool:
        """Whether one edge is the only path that a derivative within a step goes along."""
        target = _target(total)
        edges = self.within.last_edges(target)
        alone = self.within.counts(target)[total.of] == 1
        return alone and any(edge.of.name == total.of for edge in edges)

    # Symbols.

    def _is_tuple(self, name: str) -> bool:
        return self.carried is not None and self.carried.is_tuple and name == self.carried.name

    def _immediate(self, edge: Edge) -> MatrixExpr:
        """The immediate derivative along an edge from step t."""
        if self.matrices:
            return edge.jacobian
        return PartialDerivative(edge.of, edge.by.at(TIME - edge.lag), True)

    def _symbol(self, total: Total, time: Expr) -> PartialDerivative:
        """A total derivative of a variable at a step."""
        variable = self.all.variable
        of = variable(total.of, time)
        if total.lag is None:
            return PartialDerivative(of, variable(total.by, CONTRIBUTION_STEP), False)
        by = variable(total.by, time - total.lag)
        if total.component_of is None:
            return PartialDerivative(of, by, False)
        assert self.carried is not None
        return BlockDerivative(of, by, False, self.carried.symbol.at(time - total.component_of))

    def _equation(self, total: Total, right: MatrixExpr) -> DerivedEquation:
        left = self._symbol(total, total.last)
        by = f"{left.by.name}_{left.by.time}"
        held = () if total.component_of is None else ("component",)
        return DerivedEquation(("total", f"{left.of.name}_{left.of.time}", by, *held), left, right)


def _target(total: Total) -> Target:
    assert total.lag is not None
    return Target(Link(total.by, total.lag), total.component_of)
