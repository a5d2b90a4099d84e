"""The levels ``chain`` and ``jacobian``: a gradient as sums of products along the chain.

Both write the same contributions; at level ``jacobian`` each derivative is replaced by its matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    TIME,
    Expr,
    Gradient,
    Integer,
    MatAdd,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    Symbol,
    Variable,
    add,
    at_step,
    product,
)
from bptt_sym.algebra.over_time import sum_over_time
from bptt_sym.choices import Loss
from bptt_sym.derivation.concrete import ConcreteContributions
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.factors import Chain, Contribution, Factor, GeneralChain
from bptt_sym.derivation.general import GeneralContributions
from bptt_sym.derivation.matrices import edges_to, factor_section, label
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.regularizer import from_regularizer
from bptt_sym.derivation.totals import Total, Totals, Written


class Products:
    """Writes the contributions to the gradient with respect to each parameter."""

    def __init__(
        self, contributions: Contributions, steps: int, loss: Loss, *, matrices: bool
    ) -> None:
        self.contributions = contributions
        self.steps = steps
        self.reduction = reduction_of(contributions.step.model, loss)
        self.matrices = matrices
        self.totals = Totals(contributions, matrices=matrices)
        # The symbolic step of the loss that a general form is about.
        self.general_loss: Expr = LAST_STEP if self.reduction.at_last else TIME

    def sections(self, parameters: Sequence[Parameter]) -> list[Section]:
        """The factors at level jacobian, a section for each parameter, what they abbreviate."""
        totals: dict[Total, None] = {}
        made = (self.gradient_sections(parameter, totals) for parameter in parameters)
        sections = [section for several in made for section in several]
        across_first = sorted(totals, key=lambda total: total.lag is not None)
        definitions = (*self.totals.define(across_first), *self._units(sections))
        if self.matrices:
            sections.insert(0, self._factors(parameters))
        if definitions:
            sections.append(Section("definitions", definitions))
        return sections

    def _units(self, sections: Sequence[Section]) -> Iterator[DerivedEquation]:
        """The derivatives of the initial tuple with respect to its components, where they stand."""
        equations = (equation for section in sections for equation in section.equations)
        factors = (factor for entry in equations for chain in entry.factors for factor in chain)
        known = {factor.expression: factor.matrix for factor in factors if factor.matrix}
        for left, right in known.items():
            if not self.matrices:
                meaning = ("total", f"{left.of.name}_{left.of.time}", label(left.by))
                yield DerivedEquation(meaning, left, right)

    def _factors(self, parameters: Sequence[Parameter]) -> Section:
        """Each immediate derivative that occurs, with its matrix, at a symbolic step.

        With a tuple of states, those between all that the loss depends on.
        """
        step = self.contributions.step
        carried = self.contributions.carried
        between = {variable.name for variable in step.variables}
        more = [edge for edge in step.edges if edge.by.name in between]
        tupled = carried is not None and carried.is_tuple
        edges = edges_to(step, parameters, self.contributions.reached, more if tupled else ())
        variables = [edge for edge in edges if isinstance(edge.by, Variable)]
        return factor_section(edges, single=self.totals.are_single(variables))

    def gradient_sections(self, parameter: Parameter, totals: dict[Total, None]) -> list[Section]:
        """The sections of one parameter; what they leave to be defined is added to ``totals``."""
        concrete = ConcreteContributions(self.contributions, parameter, self.steps)
        general = GeneralContributions(self.contributions, parameter, self.general_loss).chains()
        found = concrete.last() if self.reduction.at_last else concrete.summed()
        equations: list[DerivedEquation] = []
        rights = [self.right(contribution, general) for contribution in found]
        one_step = self.reduction.at_last and len(general) == 1 and not general[0].summed
        if not one_step:
            equations += map(self._contribution, found, rights)
        equations.append(self._sum(parameter, found, rights))
        equations.append(self._general(parameter, general))

        chains = [chain for contribution in found for chain in contribution.chains]
        chains += [entry.chain for entry in general]
        self.add_totals(chains, totals)
        return [Section("gradient", tuple(equations), parameter)]

    def add_totals(self, chains: Iterable[Chain], totals: dict[Total, None]) -> None:
        """Adds the total derivatives that chains leave to be defined."""
        for chain in chains:
            for factor in chain.factors:
                totals.update(dict.fromkeys(self._left_to_define(factor)))

    def _contribution(self, contribution: Contribution, right: MatrixExpr) -> DerivedEquation:
        chains = contribution.chains
        readers = (f"{reader.name}_{reader.time}" for reader in contribution.readers)
        label = self.loss_label(self.steps)
        meaning = (label, contribution.parameter.name, "from", *readers)
        return DerivedEquation(meaning, None, right, factor_lists(chains), contribution)

    def right(self, contribution: Contribution, general: Sequence[GeneralChain]) -> MatrixExpr:
        """What a contribution is."""
        last = Integer(self.steps)
        if contribution.chains:
            written = map(self.write, contribution.chains)
            return add(*(self.reduction.share_of_sum(term, last) for term in written))
        # Too many losses to write one by one: their sum, for this step.
        step, terms = contribution.step, []
        for entry in general:
            body, lags = self.write(entry.chain), entry.lags
            if lags is None:
                if step == 0:
                    terms.append(_summed(body, TIME, Integer(1), last))
            elif step and step + lags.first <= self.steps:
                first = Integer(step + lags.first)
                if entry.summed:
                    body = at_step(body, CONTRIBUTION_STEP, step)
                    terms.append(_summed(body, TIME, first, last))
                else:
                    terms.append(at_step(body, TIME, first))
        return add(*(self.reduction.share_of_sum(term, last) for term in terms))

    def _sum(
        self,
        parameter: Parameter,
        found: Sequence[Contribution],
        rights: Sequence[MatrixExpr],
    ) -> DerivedEquation:
        left = self.left(parameter, Integer(self.steps))
        right = add(*rights, *self.from_regularizer(parameter), like=left)
        chains = [chain for contribution in found for chain in contribution.chains]
        meaning = (self.loss_label(self.steps), parameter.name)
        return DerivedEquation(meaning, left, right, factor_lists(chains))

    def _general(self, parameter: Parameter, general: Sequence[GeneralChain]) -> DerivedEquation:
        left = self.left(parameter, LAST_STEP)
        terms = []
        for entry in general:
            body = self.write(entry.chain)
            first = 0 if entry.lags is None else entry.lags.first
            if entry.summed:
                last = self.general_loss - first
                body = _summed(body, CONTRIBUTION_STEP, Integer(1), last)
            if not self.reduction.at_last:
                body = _summed(body, TIME, Integer(1 + first), LAST_STEP)
            terms.append(self.reduction.share_of_sum(body, LAST_STEP))
        meaning = (self.loss_label(LAST_STEP), parameter.name)
        chains = [entry.chain for entry in general]
        terms += self.from_regularizer(parameter)
        return DerivedEquation(meaning, left, add(*terms, like=left), factor_lists(chains))

    def from_regularizer(self, parameter: Parameter) -> list[MatrixExpr]:
        return from_regularizer(self.contributions.step, parameter, matrices=self.matrices)

    def left(self, by: Parameter | Variable, steps: Expr) -> MatrixExpr:
        """The derivative of the loss that is derived."""
        of = self.reduction.of(self.contributions.step.loss, steps)
        if self.matrices:
            return Gradient(of, by)
        return PartialDerivative(of, by, False)

    def loss_label(self, steps: Expr | int) -> str:
        """The loss that is derived, as a part of the label of an equation."""
        return self.reduction.labelled(self.contributions.step.loss.name, steps)

    def write(self, chain: Chain) -> MatrixExpr:
        """A chain as the product of its derivatives, or of their matrices."""
        if not self.matrices:
            return product(*(factor.expression for factor in chain.factors))
        return chain.pulled_back([self._matrix(factor) for factor in chain.factors[:-1]])

    def _matrix(self, factor: Factor) -> MatrixExpr:
        in_full = self._in_full(factor)
        return in_full[0] if in_full else factor.jacobian

    def _in_full(self, factor: Factor) -> Written | None:
        """The product over time that a general form has in the place of a total derivative."""
        if not self.matrices or factor.known is not None or factor.of.time.is_Integer:
            return None
        total = self.totals.total(factor)
        if total.lag is not None:
            return None
        written, needed = self.totals.value(total)
        return at_step(written, CONTRIBUTION_STEP, factor.by.time), needed

    def _left_to_define(self, factor: Factor) -> Sequence[Total]:
        """The total derivatives that a factor leaves to be defined, as it is written."""
        if factor.known is not None:
            return ()
        in_full = self._in_full(factor)
        if in_full:
            return in_full[1]
        return (self.totals.total(factor, None if self.reduction.at_last else TIME),)


def _summed(body: MatrixExpr, index: Symbol, lower: Expr, upper: Expr) -> MatrixExpr:
    """The sum over time of each term."""
    terms = body.args if isinstance(body, MatAdd) else (body,)
    return add(*(sum_over_time(term, index, lower, upper) for term in terms))


def factor_lists(chains: Iterable[Chain]) -> tuple[tuple[Factor, ...], ...]:
    """The factors of each chain."""
    return tuple(chain.factors for chain in chains)
