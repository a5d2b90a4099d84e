"""The levels chain and jacobian for models with states that are scanned in reverse.

What leads from a loss to a time step then goes forth and back in time, and no variable needs to
lie on all paths. So it is too where a parameter begins an input, which no state hands on. The
contribution of step i is the total derivative of the loss with respect to what reads the parameter
there, times the immediate one; and the total derivatives follow by the chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    TIME,
    Expr,
    Gradient,
    Integer,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TotalLoss,
    Variable,
    add,
    at_step,
    product,
)
from bptt_sym.algebra.over_time import sum_over_time
from bptt_sym.choices import Loss
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.factors import MOST_COUNTED, Chain, Contribution, Factor
from bptt_sym.derivation.matrices import edges_to, factor_section
from bptt_sym.derivation.paths import Paths, losses_of
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.regularizer import from_regularizer
from bptt_sym.derivation.step import Edge, Step
from bptt_sym.derivation.unfolding import Vertex


class LossTotals(AdjointRecursion):
    """The total derivatives of the loss, written with partial derivatives or with matrices."""

    def __init__(
        self, step: Step, loss: Loss, parameters: Sequence[Parameter], *, matrices: bool
    ) -> None:
        super().__init__(step, loss, parameters)
        self.matrices = matrices

    def whole(self, steps: Expr) -> Variable | TotalLoss:
        """The loss that is derived."""
        return self.reduction.of(self.step.loss, steps)

    def _left(self, variable: Variable, steps: Expr) -> MatrixExpr:
        return PartialDerivative(self.whole(steps), variable, False)

    def _term(self, edge: Edge, time: Expr, steps: Expr) -> MatrixExpr:
        of = edge.of.at(time)
        factor: MatrixExpr = PartialDerivative(of, edge.by.at(time - edge.lag), True)
        if self.matrices:
            factor = at_step(edge.jacobian, TIME, time)
        if edge.of not in self.step.losses:
            return product(self._left(of, steps), factor)
        return self.share(edge.of, factor, steps)

    def share(self, loss: Variable, derivative: MatrixExpr, steps: Expr) -> MatrixExpr:
        """What the derivative of a loss adds to that of all: of a mean, its part."""
        if loss.name != self.step.loss.name:
            return derivative
        return self.reduction.share(derivative, steps)


class RecursiveProducts:
    """Writes the contributions to the gradient with respect to each parameter."""

    def __init__(
        self,
        step: Step,
        steps: int,
        loss: Loss,
        parameters: Sequence[Parameter],
        *,
        matrices: bool,
        most_factors: int,
    ) -> None:
        self.step = step
        self.steps = steps
        self.reduction = reduction_of(step.model, loss)
        self.parameters = parameters
        self.matrices = matrices
        self.most_factors = most_factors
        self.totals = LossTotals(step, loss, parameters, matrices=matrices)
        self.paths = Paths(step, steps, losses_of(step.model, steps, self.reduction), MOST_COUNTED)

    def sections(self) -> list[Section]:
        """The factors at level jacobian, a section for each parameter, the total derivatives."""
        sections = [self._gradient(parameter) for parameter in self.parameters]
        if self.matrices:
            edges = edges_to(self.step, self.parameters, self.totals.reached)
            sections.insert(0, factor_section(edges, single=False))
        definitions = (*self.totals.symbolic(), *self.totals.initial(LAST_STEP))
        return [*sections, Section("definitions", definitions)] if definitions else sections

    def _gradient(self, parameter: Parameter) -> Section:
        copies = self.paths.copies(parameter.name)
        parts = [self._contribution(parameter, copy) for copy in copies]
        left = self._left(parameter, Integer(self.steps))
        right = add(*(part.right for part in parts), *self._once(parameter), like=left)
        chains = tuple(chain for part in parts for chain in part.factors)
        meaning = (self._label(self.steps), parameter.name)
        total = DerivedEquation(meaning, left, right, chains)
        return Section("gradient", (*parts, total, self._general(parameter)), parameter)

    def _contribution(self, parameter: Parameter, copy: Vertex) -> DerivedEquation:
        found = [entry for entry in self._readers(parameter, copy) if self.paths.count(entry[1])]
        steps = Integer(self.steps)
        chains = tuple(self._chain(e, Integer(node.time), steps) for e, node in found)
        count = self.paths.count(copy)
        contribution = Contribution(
            parameter,
            copy.time,
            tuple(chain.reader for chain in chains),
            chains,
            count if count < MOST_COUNTED else None,
            tuple(self.paths.to(copy)) if count <= self.most_factors else (),
        )
        right = add(*(self._written(chain, steps) for chain in chains))
        readers = (f"{chain.reader.name}_{chain.reader.time}" for chain in chains)
        meaning = (self._label(self.steps), parameter.name, "from", *readers)
        factors = tuple(chain.factors for chain in chains)
        return DerivedEquation(meaning, None, right, factors, contribution)

    def _readers(self, parameter: Parameter, copy: Vertex) -> list[tuple[Edge, Vertex]]:
        if 1 <= copy.time <= self.steps:
            edges = self.totals.readers(parameter)
            return [(edge, Vertex(edge.of.name, copy.time)) for edge in edges]
        return [
            (edge, Vertex(edge.of.name, int(time)))
            for edge in self.step.initial
            if edge.by == parameter
            for time, _ in self.totals.initial_readers(edge.of, Integer(self.steps))
            if (time < 1) == (copy.time < 1)
        ]

    def _chain(self, edge: Edge, time: Expr, steps: Expr) -> Chain:
        """From the loss to a reader at a step, and from there to the parameter."""
        reader = edge.of.at(time)
        immediate = Factor(reader, edge.by, "immediate", edge)
        if edge.of in self.step.losses:
            return Chain((immediate,))
        return Chain((Factor(self.totals.whole(steps), reader, "total"), immediate))

    def _written(self, chain: Chain, steps: Expr) -> MatrixExpr:
        right = product(*(factor.expression for factor in chain.factors))
        if self.matrices:
            right = chain.pulled_back([factor.expression for factor in chain.factors[:-1]])
        alone = len(chain.factors) == 1
        return self.totals.share(chain.reader.at(TIME), right, steps) if alone else right

    def _general(self, parameter: Parameter) -> DerivedEquation:
        terms, chains = [], []
        for edge in self.totals.readers(parameter):
            lags = self.totals.reached[edge.of.name]
            if lags.last is None:
                chains.append(self._chain(edge, CONTRIBUTION_STEP, LAST_STEP))
                body = self._written(chains[-1], LAST_STEP)
                last = LAST_STEP - lags.first
                terms.append(sum_over_time(body, CONTRIBUTION_STEP, Integer(1), last))
            else:
                for lag in range(lags.first, lags.last + 1):
                    chains.append(self._chain(edge, LAST_STEP - lag, LAST_STEP))
                    terms.append(self._written(chains[-1], LAST_STEP))
        for edge in self.step.initial:
            if edge.by == parameter:
                for time, readers in self.totals.initial_readers(edge.of, LAST_STEP):
                    if readers:
                        chains.append(self._chain(edge, time, LAST_STEP))
                        terms.append(self._written(chains[-1], LAST_STEP))
        terms += self._once(parameter)
        left = self._left(parameter, LAST_STEP)
        meaning = (self._label(LAST_STEP), parameter.name)
        factors = tuple(chain.factors for chain in chains)
        return DerivedEquation(meaning, left, add(*terms, like=left), factors)

    def _once(self, parameter: Parameter) -> list[MatrixExpr]:
        return from_regularizer(self.step, parameter, matrices=self.matrices)

    def _left(self, parameter: Parameter, steps: Expr) -> MatrixExpr:
        of = self.totals.whole(steps)
        return Gradient(of, parameter) if self.matrices else PartialDerivative(of, parameter, False)

    def _label(self, steps: Expr | int) -> str:
        return self.reduction.labelled(self.step.loss.name, steps)
