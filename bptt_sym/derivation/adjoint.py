"""The level ``adjoint``: the backward recursion that shares the common factors of all paths.

The adjoint of a variable is the total derivative of the loss with respect to it. The recursion
reads off each edge of the step what it adds to the adjoint of the variable that is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Expr,
    Gradient,
    Integer,
    MatrixExpr,
    Parameter,
    Variable,
    add,
    at_step,
)
from bptt_sym.algebra.over_time import sum_over_time
from bptt_sym.choices import Loss
from bptt_sym.derivation.case_equations import case_equations
from bptt_sym.derivation.derivation import DerivedEquation, Span
from bptt_sym.derivation.reach import Case, Lags, cases, everywhere, reach
from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.regularizer import from_regularizer
from bptt_sym.derivation.step import Edge, Step
from bptt_sym.derivation.sweeps import Sweep, sweeps

TermsOfStep = tuple[int | None, list[MatrixExpr]]


class AdjointRecursion:
    """The adjoints that gradients need, for one kind of loss.

    ``wrt`` holds the parameters and the inputs that these are with respect to; without, they are
    all parameters and the initial values that are arguments, and ``beside`` them inputs.
    """

    def __init__(
        self,
        step: Step,
        loss: Loss,
        wrt: Sequence[Parameter | Variable] = (),
        beside: Sequence[Parameter | Variable] = (),
    ) -> None:
        self.step = step
        self.reduction = reduction_of(step.model, loss)
        self.reached = reach(step, _roots(step, self.reduction))
        asked = wrt or (*step.model.parameters.values(), *beside)
        self.parameters = tuple(entry for entry in asked if isinstance(entry, Parameter))
        self.inputs = tuple(entry for entry in asked if isinstance(entry, Variable))
        self.with_initial_states = not wrt
        needed = _needed(self)
        computed = (v for v in reversed(step.variables) if v not in step.losses)
        self.variables = tuple(variable for variable in computed if variable.name in needed)

    @cached_property
    def sweeps(self) -> list[Sweep]:
        """The variables in the order in which their adjoints are computed."""
        return sweeps(self.step.model, self.variables)

    @cached_property
    def cases(self) -> dict[str, list[Case]]:
        found = {v.name: cases(self.step, v.name, self.reached) for v in self.variables}
        return found | {v.name: everywhere(self.step, v.name, self.reached) for v in self.inputs}

    def concrete(self, steps: int) -> Iterator[DerivedEquation]:
        """Every adjoint of ``steps`` time steps, in the order in which they are computed."""
        for sweep in self.sweeps:
            times = range(1, steps + 1) if sweep.rising else range(steps, 0, -1)
            for time in times:
                for variable in sweep.variables:
                    if self.reached[variable.name].holds(steps - time):
                        readers = self.readers_at(variable, time, steps)
                        yield self._adjoint(variable, Integer(time), readers, Integer(steps))

    def symbolic(self) -> Iterator[DerivedEquation]:
        """The recursion for N time steps, its start and its general step."""
        for sweep in self.sweeps:
            for variable in sweep.variables:
                found = [
                    equation
                    for case in self.cases[variable.name]
                    for equation in self._case(variable, case, rising=sweep.rising)
                ]
                yield from reversed(found) if sweep.rising else found

    def _case(self, variable: Variable, case: Case, *, rising: bool) -> list[DerivedEquation]:
        """The equations for a range of steps, the last step first."""

        def equation(time: Expr, readers: Sequence[Edge], span: Span | None) -> DerivedEquation:
            return self._adjoint(variable, time, readers, LAST_STEP, span)

        return list(case_equations(equation, case, rising=rising))

    def _adjoint(
        self,
        variable: Variable,
        time: Expr,
        readers: Sequence[Edge],
        steps: Expr,
        span: Span | None = None,
    ) -> DerivedEquation:
        terms = (self._term(edge, time + edge.lag, steps) for edge in readers)
        # For any number of steps, the first step is another equation than for these.
        general = ("general",) if steps == LAST_STEP and time.is_Integer else ()
        meaning = ("adjoint", f"{variable.name}_{time}", *general)
        of = variable.at(time)
        if variable in self.inputs:
            return replace(self._gradient(of, steps, tuple(terms)), span=span)
        left = self._left(of, steps)
        return DerivedEquation(meaning, left, add(*terms, like=left), span=span)

    def _left(self, variable: Variable, steps: Expr) -> MatrixExpr:
        """What an equation of the recursion is about."""
        return Adjoint(variable)

    def _term(self, edge: Edge, time: Expr, steps: Expr) -> MatrixExpr:
        """What one reader, at a step, adds to it."""
        return at_step(self._pulled(edge, steps), TIME, time)

    def _pulled(self, edge: Edge, steps: Expr) -> MatrixExpr:
        """What the adjoint of an edge's reader adds to that of what it reads."""
        of_step = edge.of == self.step.loss
        return self.reduction.share(edge.pulled, steps) if of_step else edge.pulled

    def readers(self, symbol: Variable | Parameter) -> list[Edge]:
        """The edges to a variable or parameter from what the loss depends on."""
        return [e for e in self.step.readers(symbol.name) if e.of.name in self.reached]

    def readers_at(self, symbol: Variable | Parameter, time: int, steps: int) -> list[Edge]:
        """The readers of a variable at a step that the loss depends on."""
        return [
            edge
            for edge in self.readers(symbol)
            if 1 <= time + edge.lag <= steps
            and self.reached[edge.of.name].holds(steps - time - edge.lag)
        ]

    # What lies before the first step, or behind the last.

    def initial(self, steps: Expr) -> Iterator[DerivedEquation]:
        """The adjoints of the initial values that parameters make up, for a number of steps."""
        made = [edge.of for edge in self.step.initial if edge.by in self.parameters]
        for variable in dict.fromkeys(made):
            for time, readers in self.initial_readers(variable, steps):
                yield self._adjoint(variable, time, readers, steps)

    def initial_readers(self, state: Variable, steps: Expr) -> Iterator[tuple[Expr, list[Edge]]]:
        """The steps at which a state or an input has initial values, and what reads it there."""
        edges = [edge for edge in self.readers(state) if edge.lag]
        reverse = self.step.model.declaration(state.name).reverse
        for before in range(self.step.model.depth(state.name)):
            time = steps + (1 + before) if reverse else Integer(-before)
            farther = (edge for edge in edges if abs(edge.lag) > before)
            yield time, [edge for edge in farther if self._is_reached(edge, time, steps)]

    def _is_reached(self, edge: Edge, time: Expr, steps: Expr) -> bool:
        """Whether the loss depends on what an initial state is read by."""
        lags = self.reached[edge.of.name]
        reader = time + edge.lag
        if edge.lag > 0 and steps == LAST_STEP:
            return lags.last is None
        exists = steps == LAST_STEP or 1 <= reader <= steps
        return bool(exists and lags.holds(int(steps - reader)))

    # The gradients.

    def gradients(self, steps: int) -> Iterator[DerivedEquation]:
        """All gradients, those with respect to an input one for each step, as sums of products."""
        last = Integer(steps)
        for parameter in self.parameters:
            terms = [term for _, found in self.contributions(parameter, steps) for term in found]
            yield self._gradient(parameter, last, terms)
        for given in self.inputs:
            for time in range(steps, 0, -1):
                yield self._adjoint(given, Integer(time), self.readers_at(given, time, steps), last)
        yield from self._by_initial(last)

    def contributions(self, parameter: Parameter, steps: int) -> Iterator[TermsOfStep]:
        """The terms of a gradient: of each step, of initial values, and what is added once."""
        last = Integer(steps)
        for time in range(steps, 0, -1):
            edges = self.readers_at(parameter, time, steps)
            yield time, [self._term(edge, Integer(time), last) for edge in edges]
        yield None, [*self._from_initial(parameter, last)]
        yield None, from_regularizer(self.step, parameter, matrices=True)

    def symbolic_gradients(self) -> Iterator[DerivedEquation]:
        """The gradients for N time steps."""
        for parameter in self.parameters:
            terms: list[MatrixExpr] = []
            for edge in self.readers(parameter):
                lags = self.reached[edge.of.name]
                pulled = self._pulled(edge, LAST_STEP)
                if lags.last is None:
                    terms.append(sum_over_time(pulled, TIME, Integer(1), LAST_STEP - lags.first))
                else:
                    times = (LAST_STEP - lag for lag in range(lags.first, lags.last + 1))
                    terms += [at_step(pulled, TIME, time) for time in times]
            terms += self._from_initial(parameter, LAST_STEP)
            terms += from_regularizer(self.step, parameter, matrices=True)
            yield self._gradient(parameter, LAST_STEP, terms)
        for given in self.inputs:
            for case in self.cases[given.name]:
                yield from self._case(given, case, rising=False)
        yield from self._by_initial(LAST_STEP)

    def _from_initial(self, parameter: Parameter, steps: Expr) -> Iterator[MatrixExpr]:
        """What reaches a parameter through the initial values that it makes up."""
        for edge in self.step.initial:
            if edge.by == parameter:
                for time, _ in self.initial_readers(edge.of, steps):
                    yield at_step(edge.pulled, TIME, time)

    def _by_initial(self, steps: Expr) -> Iterator[DerivedEquation]:
        """The gradients with respect to the initial values that are arguments."""
        begun = (*self.step.model.states, *self.inputs) if self.with_initial_states else ()
        for state in begun:
            if self.step.model.declaration(state.name).initial is None:
                for time, readers in self.initial_readers(state, steps):
                    terms = tuple(self._term(e, time + e.lag, steps) for e in readers)
                    yield self._gradient(state.at(time), steps, terms)

    def _gradient(
        self, by: Variable | Parameter, steps: Expr, terms: Sequence[MatrixExpr]
    ) -> DerivedEquation:
        of = self.reduction.of(self.step.loss, steps)
        label = self.reduction.labelled(self.step.loss.name, steps)
        by_label = by.name if isinstance(by, Parameter) else f"{by.name}_{by.time}"
        return DerivedEquation((label, by_label), Gradient(of, by), add(*terms, like=by))


def _roots(step: Step, reduction: Reduction) -> dict[str, Lags]:
    """The losses, with the lags at which they count."""
    ends = {variable.name: Lags(0, 0) for variable in step.losses}
    return ends if reduction.at_last else ends | {step.loss.name: Lags(0, None)}


def _needed(recursion: AdjointRecursion) -> set[str]:
    """The names of the variables whose adjoints some gradient needs."""
    step = recursion.step
    sources = [source.name for source in (*recursion.parameters, *recursion.inputs)]
    sources += [edge.of.name for edge in step.initial if edge.by in recursion.parameters]
    if recursion.with_initial_states:
        sources += [state.name for state in step.model.states]
    needed: set[str] = set()
    waiting = [edge.of.name for name in sources for edge in step.readers(name)]
    while waiting:
        name = waiting.pop()
        if name not in needed and name in recursion.reached:
            needed.add(name)
            waiting += [edge.of.name for edge in step.readers(name)]
    return needed
