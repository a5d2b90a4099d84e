"""The levels ``chain`` and ``jacobian``: a gradient as sums of products along the chain.

Both write the same contributions; at level ``jacobian`` each derivative is replaced by its matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    sum_over_time,
)
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.derivation import Equation, Loss, Section
from bptt_sym.derivation.factors import Chain, Contribution, Factor, GeneralChain
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.totals import Total, TotalDefinitions, totals_of


class Products:
    """Writes the contributions to the gradient by each parameter, at level chain or jacobian."""

    def __init__(
        self, contributions: Contributions, steps: int, loss: Loss, *, matrices: bool
    ) -> None:
        self.contributions = contributions
        self.steps = steps
        self.loss = loss
        self.matrices = matrices
        self.definitions = TotalDefinitions(contributions, matrices=matrices)
        # The symbolic step of the loss that a general form is about.
        self.general_loss: Expr = LAST_STEP if loss == "last" else TIME

    def sections(self, parameters: Sequence[Parameter]) -> list[Section]:
        """The factors at level jacobian, a section for each parameter, what they abbreviate."""
        totals: dict[Total, None] = {}
        sections = [self._gradient(parameter, totals) for parameter in parameters]
        if self.matrices:
            sections.insert(0, self._factors(parameters))
        definitions = self.definitions.define(totals)
        if definitions:
            sections.append(Section("definitions", tuple(definitions)))
        return sections

    def _factors(self, parameters: Sequence[Parameter]) -> Section:
        """Each derivative that occurs, with its matrix, at a symbolic step."""
        step = self.contributions.step
        needed = [
            edge for parameter in parameters for edge in self.contributions.readers(parameter)
        ]
        found: dict[Edge, None] = {}
        while needed:
            edge = needed.pop(0)
            if edge in found or edge.of.name not in self.contributions.reached:
                continue
            found[edge] = None
            needed += step.readers(edge.of.name)
        order = [variable.name for variable in step.variables]
        ordered = sorted(
            found,
            key=lambda edge: (isinstance(edge.by, Parameter), -order.index(edge.of.name), edge.lag),
        )
        equations: list[Equation] = []
        for edge in ordered:
            parameter = isinstance(edge.by, Parameter)
            by = edge.by if parameter else edge.by.at(TIME - edge.lag)
            left = PartialDerivative(edge.of, by, parameter)
            factor = Factor(edge.of, by, "immediate" if parameter else "both", edge)
            meaning = ("factor", f"{edge.of.name}_t", _label(by))
            equations.append(Equation(meaning, left, edge.jacobian, ((factor,),)))
        return Section("factors", tuple(equations))

    def _gradient(self, parameter: Parameter, totals: dict[Total, None]) -> Section:
        concrete = self.contributions.concrete(parameter, self.steps)
        general = self.contributions.general(parameter, self.general_loss)
        found = concrete.last() if self.loss == "last" else concrete.summed()
        equations: list[Equation] = []
        rights = [self._right(contribution, general) for contribution in found]
        one_step = self.loss == "last" and len(general) == 1 and not general[0].summed
        if not one_step:
            equations += map(self._contribution, found, rights)
        equations.append(self._sum(parameter, found, rights))
        equations.append(self._general(parameter, general))

        chains = [chain for contribution in found for chain in contribution.chains]
        chains += [entry.chain for entry in general]
        standing = (factor for factor in _factors(chains) if not self._in_full(factor))
        last = None if self.loss == "last" else TIME
        totals.update(dict.fromkeys(totals_of(standing, last)))
        return Section("gradient", tuple(equations), parameter)

    def _contribution(self, contribution: Contribution, right: MatrixExpr) -> Equation:
        chains = contribution.chains
        readers = (f"{reader.name}_{reader.time}" for reader in contribution.readers)
        label = self._loss_label(self.steps)
        meaning = (label, contribution.parameter.name, "from", *readers)
        return Equation(meaning, None, right, _factor_lists(chains), contribution)

    def _right(self, contribution: Contribution, general: Sequence[GeneralChain]) -> MatrixExpr:
        if contribution.chains:
            return add(*(self.write(chain) for chain in contribution.chains))
        # Too many losses to write one by one: their sum, for this step.
        terms = []
        for entry in general:
            lags = entry.lags
            if entry.summed:
                body = at_step(self.write(entry.chain), CONTRIBUTION_STEP, contribution.step)
                first = Integer(contribution.step + lags.first)
                terms.append(sum_over_time(body, TIME, first, Integer(self.steps)))
            elif contribution.step + lags.first <= self.steps:
                terms.append(at_step(self.write(entry.chain), TIME, contribution.step + lags.first))
        return add(*terms)

    def _sum(
        self,
        parameter: Parameter,
        found: Sequence[Contribution],
        rights: Sequence[MatrixExpr],
    ) -> Equation:
        left = self._left(parameter, self._loss_at_end)
        right = add(*rights, like=left)
        chains = [chain for contribution in found for chain in contribution.chains]
        meaning = (self._loss_label(self.steps), parameter.name)
        return Equation(meaning, left, right, _factor_lists(chains))

    def _general(self, parameter: Parameter, general: Sequence[GeneralChain]) -> Equation:
        left = self._left(parameter, LAST_STEP if self.loss == "last" else None)
        terms = []
        for entry in general:
            body, first = self.write(entry.chain), entry.lags.first
            if self.loss == "last":
                if entry.summed:
                    body = sum_over_time(body, CONTRIBUTION_STEP, Integer(1), LAST_STEP - first)
            else:
                if entry.summed:
                    body = sum_over_time(body, CONTRIBUTION_STEP, Integer(1), TIME - first)
                body = sum_over_time(body, TIME, Integer(1 + first), LAST_STEP)
            terms.append(body)
        meaning = (self._loss_label(LAST_STEP), parameter.name)
        chains = [entry.chain for entry in general]
        return Equation(meaning, left, add(*terms, like=left), _factor_lists(chains))

    @property
    def _loss_at_end(self) -> Expr | None:
        return Integer(self.steps) if self.loss == "last" else None

    def _left(self, parameter: Parameter, time: Expr | None) -> MatrixExpr:
        loss = self.contributions.step.loss
        of: MatrixExpr = TotalLoss(loss.name) if time is None else loss.at(time)
        if self.matrices:
            return Gradient(of, parameter)
        return PartialDerivative(of, parameter, False)

    def _loss_label(self, steps: Expr | int) -> str:
        name = self.contributions.step.loss.name
        return f"{name}_{steps}" if self.loss == "last" else f"{name}_1..{steps}"

    def write(self, chain: Chain) -> MatrixExpr:
        """A chain as the product of its derivatives, or of their matrices.

        As matrices it has the shape of the parameter: the row that reaches the reader, pulled
        back through the reader's equation.
        """
        if not self.matrices:
            return product(*(factor.expression for factor in chain.factors))
        *before, last = chain.factors
        assert last.edge is not None
        row = product(*map(self._matrix, before)) if before else last.edge.seed
        return last.edge.applied(row, last.of.time)

    def _matrix(self, factor: Factor) -> MatrixExpr:
        return self._in_full(factor) or factor.jacobian

    def _in_full(self, factor: Factor) -> MatrixExpr | None:
        """The product over time that a general form has in the place of a total derivative."""
        if not self.matrices or factor.edge or factor.by.time != CONTRIBUTION_STEP:
            return None
        return self.definitions.as_product(Total(factor.of.name, factor.by.name, factor.of.time))


def _factors(chains: Iterable[Chain]) -> Iterable[Factor]:
    return (factor for chain in chains for factor in chain.factors)


def _factor_lists(chains: Iterable[Chain]) -> tuple[tuple[Factor, ...], ...]:
    return tuple(chain.factors for chain in chains)


def _label(symbol: Variable | Parameter) -> str:
    return f"{symbol.name}_{symbol.time}" if isinstance(symbol, Variable) else symbol.name
