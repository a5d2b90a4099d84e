"""The level ``adjoint``: the backward recursion that shares the common factors of all paths.

The adjoint of a variable is the total derivative of the loss by it. The recursion reads off each
edge of the step what it adds to the adjoint of the variable that is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Expr,
    Gradient,
    Integer,
    MatrixExpr,
    Parameter,
    TotalLoss,
    Variable,
    add,
    at_step,
    sum_over_time,
)
from bptt_sym.derivation.derivation import Equation, Loss, Section, Span
from bptt_sym.derivation.reach import Case, Lags, cases, reach
from bptt_sym.derivation.step import Edge, Step


class AdjointRecursion:
    """The adjoints that the gradients by some parameters need, for one kind of loss.

    Without ``parameters`` it serves all of them and the initial states.
    """

    def __init__(self, step: Step, loss: Loss, parameters: Sequence[Parameter] = ()) -> None:
        self.step = step
        self.loss = loss
        self.reached = reach(step, {step.loss.name: Lags(0, 0 if loss == "last" else None)})
        self.parameters = tuple(parameters) or tuple(step.model.parameters.values())
        self.with_initial_states = not parameters
        needed = self._needed()
        self.variables = tuple(
            variable
            for variable in reversed(step.variables)
            if variable.name in needed and variable != step.loss
        )
        self.cases: dict[str, list[Case]] = {
            variable.name: cases(step, variable.name, self.reached) for variable in self.variables
        }

    def _needed(self) -> set[str]:
        sources = [parameter.name for parameter in self.parameters]
        if self.with_initial_states:
            sources += [state.name for state in self.step.model.states]
        needed: set[str] = set()
        waiting = [edge.of.name for name in sources for edge in self.step.readers(name)]
        while waiting:
            name = waiting.pop()
            if name not in needed and name in self.reached:
                needed.add(name)
                waiting += [edge.of.name for edge in self.step.readers(name)]
        return needed

    def sections(self, steps: int) -> list[Section]:
        """The recursion and the gradients for ``steps`` steps, then for any number of them."""
        return [
            Section("adjoints", tuple(self.concrete(steps))),
            Section("gradients", tuple(self.gradients(steps))),
            Section("adjoints", tuple(self.symbolic()), general=True),
            Section("gradients", tuple(self.symbolic_gradients()), general=True),
        ]

    def concrete(self, steps: int) -> Iterator[Equation]:
        """Every adjoint of ``steps`` time steps, in the order in which they are computed."""
        for time in range(steps, 0, -1):
            for variable in self.variables:
                lag = steps - time
                if self.reached[variable.name].holds(lag):
                    yield self._adjoint(variable, Integer(time), self._readers_at(variable, lag))

    def symbolic(self) -> Iterator[Equation]:
        """The recursion for N time steps, its start and its general step."""
        for variable in self.variables:
            for case in self.cases[variable.name]:
                if case.lags.first == case.lags.last:
                    time = LAST_STEP - case.lags.first
                    yield self._adjoint(variable, time, case.readers)
                else:
                    last = Integer(1) if case.lags.last is None else LAST_STEP - case.lags.last
                    span = Span(TIME, LAST_STEP - case.lags.first, last)
                    yield self._adjoint(variable, TIME, case.readers, span)

    def gradients(self, steps: int) -> Iterator[Equation]:
        """The gradients by the parameters and initial states, as sums of outer products."""
        for parameter in self.parameters:
            terms = [
                at_step(edge.pulled, TIME, time)
                for time in range(steps, 0, -1)
                for edge in self._readers_at(parameter, steps - time)
            ]
            yield self._gradient(parameter, Integer(steps), terms)
        for state, edges in self._initial_readers():
            terms = [
                at_step(edge.pulled, TIME, edge.lag)
                for edge in edges
                if edge in self._readers_at(state, steps)
            ]
            yield self._gradient(state.at(0), Integer(steps), terms)

    def symbolic_gradients(self) -> Iterator[Equation]:
        """The gradients for N time steps."""
        for parameter in self.parameters:
            terms: list[MatrixExpr] = []
            for edge in self._active(parameter):
                lags = self.reached[edge.of.name]
                if lags.last is None:
                    terms.append(
                        sum_over_time(edge.pulled, TIME, Integer(1), LAST_STEP - lags.first)
                    )
                else:
                    times = (LAST_STEP - lag for lag in range(lags.first, lags.last + 1))
                    terms += [at_step(edge.pulled, TIME, time) for time in times]
            yield self._gradient(parameter, LAST_STEP, terms)
        for state, edges in self._initial_readers():
            terms = [
                at_step(edge.pulled, TIME, edge.lag)
                for edge in edges
                if self.reached[edge.of.name].last is None
            ]
            yield self._gradient(state.at(0), LAST_STEP, terms)

    def _active(self, symbol: Variable | Parameter) -> list[Edge]:
        return [e for e in self.step.readers(symbol.name) if e.of.name in self.reached]

    def _readers_at(self, symbol: Variable | Parameter, lag: int) -> list[Edge]:
        """The readers of a variable ``lag`` steps before the last that the loss depends on."""
        found = []
        for edge in self._active(symbol):
            if self.reached[edge.of.name].shifted(edge.lag).holds(lag):
                found.append(edge)
        return found

    def _initial_readers(self) -> Iterator[tuple[Variable, list[Edge]]]:
        if not self.with_initial_states:
            return
        for state in self.step.model.states:
            yield state, [edge for edge in self._active(state) if edge.lag]

    def _adjoint(
        self, variable: Variable, time: Expr, readers: Sequence[Edge], span: Span | None = None
    ) -> Equation:
        terms = (at_step(edge.pulled, TIME, time + edge.lag) for edge in readers)
        meaning = ("adjoint", f"{variable.name}_{time}")
        return Equation(meaning, Adjoint(variable.at(time)), add(*terms, like=variable), span=span)

    def _gradient(
        self, by: Variable | Parameter, steps: Expr, terms: Sequence[MatrixExpr]
    ) -> Equation:
        name = self.step.loss.name
        last = self.loss == "last"
        of = self.step.loss.at(steps) if last else TotalLoss(name)
        label = f"{name}_{steps}" if last else f"{name}_1..{steps}"
        by_label = by.name if isinstance(by, Parameter) else f"{by.name}_{by.time}"
        return Equation((label, by_label), Gradient(of, by), add(*terms, like=by))
