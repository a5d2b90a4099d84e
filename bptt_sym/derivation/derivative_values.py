"""The derivatives of a derivation in numbers: each factor, total or immediate, at its time steps.

A total derivative is the sum over all paths of the products of the immediate ones, taken from one
variable to the next: the Jacobian of u is that of each variable which u reads times the immediate
one, and the identity where v itself is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from bptt_sym.algebra.blocks import BlockDerivative, StateTuple
from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TotalLoss,
    Variable,
    at_step,
)
from bptt_sym.derivation.network_values import NetworkValues, resolve
from bptt_sym.derivation.step import Edge, Step, derive_step, written_step

Array = Any
Units = dict[Variable, Array]
"""The derivatives of variables with respect to one of them, which are known from the start."""


class DerivativeValues(Mapping[Expr, Array]):
    """The values of a network, and of all derivatives between its quantities."""

    def __init__(self, network: NetworkValues, adjoints: Mapping[Expr, MatrixExpr]) -> None:
        """The ``adjoints`` are those that a derivation says, with what it says of them."""
        self.network = network
        self.written = Jacobians(network, written_step(network.model))
        self.detailed = Jacobians(network, derive_step(network.model, detailed=True))
        self.adjoints = adjoints
        self._known: dict[Expr, Array] = {}

    def __getitem__(self, node: Expr) -> Array:
        if node in self.network:
            return self.network[node]
        if node not in self._known:
            if node in self.adjoints:
                resolve(node, self._known, self._read, self._said)
            else:
                self._known[node] = self._value(node)
        return self._known[node]

    def __contains__(self, node: object) -> bool:
        return isinstance(node, PartialDerivative | Adjoint) or node in self.network

    def __iter__(self) -> Iterator[Expr]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def value(self, expression: MatrixExpr) -> Array:
        """The matrix that an expression is."""
        return self.network.value(expression, self)

    def _read(self, adjoint: Expr) -> Iterable[Expr]:
        return (leaf for leaf in self.adjoints[adjoint].atoms(Adjoint) if leaf in self.adjoints)

    def _said(self, adjoint: Expr) -> Array:
        return self.value(self.adjoints[adjoint])

    def _value(self, node: Expr) -> Array:
        if isinstance(node, Adjoint):
            whole = self.network.reduction.of(self.network.model.loss.variable, self._last)
            row = self.detailed.total(whole, node.variable, {})
            return row.reshape(self.network.shape(node))
        if isinstance(node.by, Parameter):
            return self.written.by_parameter(node.of, node.by)
        if node.immediate:
            return self.written.immediate(node.of, node.by)
        others = node.args[3].components if isinstance(node, BlockDerivative) else ()
        width = self.written.entries(node.by)
        held = {o: np.zeros((self.written.entries(o), width)) for o in others if o != node.by}
        return self.written.total(node.of, node.by, held)

    @property
    def _last(self) -> Integer:
        return Integer(self.network.steps)


class Jacobians:
    """The Jacobians between the variables of a step graph, at the values of a network."""

    def __init__(self, network: NetworkValues, step: Step) -> None:
        self.network, self.step = network, step
        self._edges: dict[tuple[Edge, Expr], Array] = {}
        self._totals: dict[tuple[Expr, tuple[Variable, ...]], dict[Variable, Array]] = {}

    def entries(self, symbol: MatrixExpr) -> int:
        """The number of entries."""
        rows, columns = self.network.shape(symbol)
        return rows * columns

    def along(self, edge: Edge, time: Expr) -> Array:
        """The matrix of an edge from the variable of a step."""
        if (edge, time) not in self._edges:
            self._edges[edge, time] = self.network.value(at_step(edge.jacobian, TIME, time))
        return self._edges[edge, time]

    def immediate(self, of: Variable, by: Variable) -> Array:
        """The immediate derivative of a variable with respect to one that it reads."""
        return self.along(self.step.edge(of.name, by.name, int(of.time - by.time)), of.time)

    def by_parameter(self, of: Variable | Parameter | TotalLoss, by: Parameter) -> Array:
        """The immediate derivative with respect to a parameter, of an initial value, too."""
        if isinstance(of, Parameter):
            return self.network.value(self.step.by_regularizer[by.name]).reshape(1, -1)
        computed = self.network.is_computed(of)
        edges = self.step.reads(of.name) if computed else self.step.initial
        edge = next(edge for edge in edges if (edge.of.name, edge.by) == (of.name, by))
        return self.along(edge, of.time)

    def total(
        self, of: Variable | TotalLoss, by: Variable, held: Mapping[Variable, Array]
    ) -> Array:
        """The derivative through everything between, those that are ``held`` being as told."""
        if isinstance(of, StateTuple):
            return np.vstack([self.total(component, by, held) for component in of.components])
        if isinstance(of, TotalLoss):
            return sum(self._parts(by, held), np.zeros((1, self.entries(by))))
        known = self._totals.setdefault((by, tuple(held)), {**self._units(by), **held})
        resolve(of, known, self._read, lambda u: self._through(u, known, self.entries(by)))
        return known[of]

    def _parts(self, by: Variable, held: Mapping[Variable, Array]) -> Iterator[Array]:
        """What each loss of a step adds."""
        network = self.network
        share = 1 / network.steps if network.reduction.mean else 1
        for time in network.reduction.losses(network.steps):
            yield share * self.total(network.model.loss.variable.at(time), by, held)
        if network.model.terminal is not None:
            yield self.total(network.model.terminal.left_at(Integer(network.steps)), by, held)

    def _units(self, by: Variable) -> Units:
        components = by.components if isinstance(by, StateTuple) else (by,)
        whole = np.eye(self.entries(by))
        ends = np.cumsum([self.entries(component) for component in components])
        return dict(zip(components, np.split(whole, ends[:-1]), strict=True))

    def _read(self, of: Variable) -> Iterable[Variable]:
        if self.network.is_computed(of):
            for edge in self.step.reads(of.name):
                if isinstance(edge.by, Variable):
                    yield edge.by.at(of.time - edge.lag)

    def _through(self, of: Variable, known: Mapping[Variable, Array], width: int) -> Array:
        found = np.zeros((self.entries(of), width))
        if self.network.is_computed(of):
            for edge in self.step.reads(of.name):
                if isinstance(edge.by, Variable):
                    after = known[edge.by.at(of.time - edge.lag)]
                    if after.any():
                        found = found + self.along(edge, of.time) @ after
        return found
