"""The levels chain and jacobian for an input: the products that lead from the loss to each x_i.

An input is what a parameter would be of which every time step had its own copy, but that its copies
are not tied: each has a gradient of its own, which is the contribution of this step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    Variable,
    add,
    at_step,
)
from bptt_sym.algebra.over_time import sum_over_time
from bptt_sym.derivation.concrete import ConcreteContributions
from bptt_sym.derivation.derivation import DerivedEquation, Section, Span
from bptt_sym.derivation.factors import GeneralChain
from bptt_sym.derivation.general import GeneralContributions
from bptt_sym.derivation.products import Products, factor_lists
from bptt_sym.derivation.step import Step
from bptt_sym.derivation.totals import Total


def with_copies(step: Step, inputs: Sequence[Variable]) -> Step:
    """The step with inputs as parameters, of which each time step has its own copy."""
    names = {given.name for given in inputs}
    declared = (
        replace(entry, kind="once") if entry.name in names else entry
        for entry in step.model.declarations
    )
    edges = (
        replace(edge, by=Parameter(edge.by.name, *edge.by.shape)) if edge.by in inputs else edge
        for edge in step.edges
    )
    return Step(
        replace(step.model, declarations=tuple(declared)),
        step.detailed,
        tuple(edges),
        step.initial,
    )


class InputProducts(Products):
    """Writes the products for each input of a step ``with_copies`` of it."""

    def sections(self, parameters: Sequence[Parameter]) -> list[Section]:
        copies = {parameter: _given(parameter) for parameter in parameters}
        return [
            replace(section, equations=tuple(_at_steps(e, copies) for e in section.equations))
            for section in super().sections(parameters)
        ]

    def gradient_sections(self, parameter: Parameter, totals: dict[Total, None]) -> list[Section]:
        concrete = ConcreteContributions(self.contributions, parameter, self.steps)
        general = GeneralContributions(self.contributions, parameter, self.general_loss).chains()
        found = concrete.last() if self.reduction.at_last else concrete.summed()
        by_step = {entry.step: entry for entry in found}
        given = _given(parameter)
        equations = []
        for time in range(self.steps, 0, -1):
            terms = [self.right(by_step[time], general)] if time in by_step else []
            chains = by_step[time].chains if time in by_step else ()
            made = self._equation(given.at(Integer(time)), Integer(self.steps), terms)
            equations.append(replace(made, factors=factor_lists(chains)))
        every = [chain for entry in found for chain in entry.chains]
        self.add_totals([*every, *(entry.chain for entry in general)], totals)
        beyond = max((_beyond(entry) for entry in general), default=0)
        return [
            Section("gradients", tuple(equations)),
            Section(
                "gradients",
                tuple(self._for_any(given, general, beyond)),
                general=True,
                fewest_steps=max(1, beyond),
            ),
        ]

    def _for_any(
        self, given: Variable, general: Sequence[GeneralChain], beyond: int
    ) -> Iterator[DerivedEquation]:
        """The last steps one by one, then step i in general."""
        for back in range(beyond):
            time = LAST_STEP - back
            terms = [t for entry in general for t in self._terms(entry, time, back)]
            yield self._equation(given.at(time), LAST_STEP, terms)
        terms = [t for entry in general for t in self._terms(entry, CONTRIBUTION_STEP, None)]
        made = self._equation(given.at(CONTRIBUTION_STEP), LAST_STEP, terms)
        span = Span(CONTRIBUTION_STEP, LAST_STEP - beyond, Integer(1))
        chains = [entry.chain for entry in general]
        yield replace(made, span=span, factors=factor_lists(chains))

    def _terms(self, entry: GeneralChain, time: Expr, back: int | None) -> Iterator[MatrixExpr]:
        """What reaches a step from the losses, so many steps before the last, or any number."""
        assert entry.lags is not None
        first, body = entry.lags.first, self.write(entry.chain)
        if entry.summed:
            body = at_step(body, CONTRIBUTION_STEP, time)
        if self.reduction.at_last:
            if entry.summed if back is None else back == first or (entry.summed and back > first):
                yield body
        elif not entry.summed:
            if back is None or back >= first:
                yield self.reduction.share_of_sum(at_step(body, TIME, time + first), LAST_STEP)
        elif back is None:
            terms = body.args if body.is_MatAdd else (body,)
            summed = (sum_over_time(term, TIME, time + first, LAST_STEP) for term in terms)
            yield self.reduction.share_of_sum(add(*summed), LAST_STEP)
        else:
            for lag in range(first, back + 1):
                yield self.reduction.share_of_sum(at_step(body, TIME, time + lag), LAST_STEP)

    def _equation(
        self, given: Variable, steps: Expr, terms: Sequence[MatrixExpr]
    ) -> DerivedEquation:
        left = self.left(given, steps)
        meaning = (self.loss_label(steps), f"{given.name}_{given.time}")
        return DerivedEquation(meaning, left, add(*terms, like=left))


def _given(parameter: Parameter) -> Variable:
    """The input at step t that a parameter stands for."""
    return Variable(parameter.name, *parameter.shape, TIME)


def _beyond(entry: GeneralChain) -> int:
    """The first of the steps, counted from the last, from which on a chain is the same for all."""
    assert entry.lags is not None
    return entry.lags.first if entry.summed else entry.lags.first + 1


def _at_steps(equation: DerivedEquation, copies: dict[Parameter, Variable]) -> DerivedEquation:
    """An equation with the inputs at the time step of what reads them."""

    def written(expression: MatrixExpr) -> MatrixExpr:
        derivatives = (d for d in expression.atoms(PartialDerivative) if d.by in copies)
        return expression.xreplace(
            {
                d: PartialDerivative(d.of, copies[d.by].at(d.of.time), d.immediate)
                for d in derivatives
            }
        )

    return replace(
        equation,
        left=None if equation.left is None else written(equation.left),
        right=written(equation.right),
        factors=tuple(
            tuple(replace(f, by=copies[f.by].at(f.of.time)) if f.by in copies else f for f in chain)
            for chain in equation.factors
        ),
    )
