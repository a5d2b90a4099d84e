"""The program: the forward and backward computation of a batch as statements in stages.

The recurrence is the part of a step that depends on itself through earlier steps. What lies before
or after it is computed for all time steps at once; only the recurrence is a loop. The backward pass
is the same, mirrored, and each gradient is one sum over all time steps and sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Gradient,
    MatrixExpr,
    Parameter,
    Variable,
    add,
)
from bptt_sym.algebra.pullback import leaves
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.derivation import Equation, Loss
from bptt_sym.derivation.reach import Lags
from bptt_sym.derivation.step import Edge, derive_step
from bptt_sym.errors import InputError
from bptt_sym.model.model import Model
from bptt_sym.program.batch import Carry, batch_total, batched, value_form, value_total
from bptt_sym.program.functions import with_functions

When = Literal["always", "last step"]


@dataclass(frozen=True)
class Statement:
    """``target`` = ``expression``, or += where ``adds``, for the equations it computes.

    The expression is in the form for batches; its time step is t. ``when`` it is "last step", it
    holds at the last time step alone.
    """

    target: MatrixExpr
    expression: MatrixExpr
    equations: tuple[Equation, ...] = ()
    when: When = "always"
    adds: bool = False


@dataclass(frozen=True)
class Pass:
    """Statements for all time steps at once, then the loop, then for all steps at once again."""

    before: tuple[Statement, ...]
    loop: tuple[Statement, ...]
    after: tuple[Statement, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements in the order in which they run."""
        return (*self.before, *self.loop, *self.after)


@dataclass(frozen=True)
class Program:
    """Value and gradient of a model's loss, summed over the batch and, if asked, over the steps.

    ``model`` is the model as it was written, its functions symbolic, and ``functions`` what they
    are in the program. ``carried`` are the initial values of what the backward loop hands from
    step to step; at its end they are the gradients by the initial states. ``at_last_step`` names
    the variables whose adjoints exist at the last step alone.
    """

    model: Model
    functions: dict[str, str]
    loss_kind: Loss
    forward: Pass
    loss: Statement
    backward: Pass
    carried: tuple[Statement, ...]
    gradients: tuple[Statement, ...]
    at_last_step: frozenset[str]


def build_program(
    model: Model, functions: dict[str, str] | None = None, loss: Loss = "sum"
) -> Program:
    """The program of a model with known functions for its symbolic ones.

    Raises InputError for an unknown function and for a model without an input.
    """
    if not model.declared("input"):
        raise InputError(f"the model '{model.name}' has no input; a program needs one")
    chosen = model.functions | (functions or {})
    concrete = with_functions(model, chosen)
    return _Builder(model, concrete, chosen, loss).program()


class _Builder:
    def __init__(
        self, model: Model, concrete: Model, functions: dict[str, str], loss: Loss
    ) -> None:
        self.model = model
        self.functions = functions
        self.loss = loss
        self.step = derive_step(concrete, detailed=True)
        self.recursion = AdjointRecursion(self.step, loss)
        self.in_loop = loop_variables(concrete)
        self.feeding = _feeding(concrete, self.in_loop)
        self.written = derive_step(model, detailed=True)
        self.explained = _equations(AdjointRecursion(self.written, loss))

    def program(self) -> Program:
        return Program(
            model=self.model,
            functions=self.functions,
            loss_kind=self.loss,
            forward=self.forward(),
            loss=self.loss_statement(),
            backward=self.backward(),
            carried=tuple(self.carried()),
            gradients=tuple(self.gradients()),
            at_last_step=frozenset(filter(self.at_last_step, self.recursion.reached)),
        )

    def forward(self) -> Pass:
        written = {definition.name: definition for definition in self.model.definitions}
        stages: tuple[list[Statement], ...] = ([], [], [])
        for definition in self.step.model.definitions:
            name = definition.name
            if definition.variable == self.step.loss:
                continue
            source = written[name]
            equation = Equation((), source.variable, source.expression)
            stage = 1 if name in self.in_loop else 0 if name in self.feeding else 2
            # What neither feeds the recurrence nor depends on it may stand on either side.
            stages[stage].append(
                Statement(
                    definition.variable,
                    value_form(definition.expression, 1 if stage == 1 else 2),
                    (equation,),
                )
            )
        before, loop, after = map(tuple, stages)
        return Pass(before, loop, after)

    def loss_statement(self) -> Statement:
        loss = self.step.model.loss
        written = self.model.loss
        equation = Equation((), written.variable, written.expression)
        if self.loss == "last":
            return Statement(
                loss.variable, value_total(loss.expression, 1), (equation,), "last step"
            )
        return Statement(loss.variable, value_total(loss.expression, 2), (equation,))

    def backward(self) -> Pass:
        before, loop, after = [], [], []
        for variable in self.recursion.variables:
            statements = list(self.adjoint(variable))
            if variable.name in self.in_loop:
                loop += statements
            elif variable.name in self.feeding:
                after += statements
            else:
                before += statements
        loop += self.carries()
        return Pass(tuple(before), tuple(loop), tuple(after))

    def adjoint(self, variable: Variable) -> Iterable[Statement]:
        """The statements of one adjoint: what holds at each step, then what the last step adds."""
        readers = [edge for edge in self.readers(variable) if edge.lag == 0]
        at_last = self.at_last_step(variable.name)
        always = [edge.pulled for edge in readers if at_last or not self.ends_at_last(edge)]
        ending = [edge.pulled for edge in readers if not at_last and self.ends_at_last(edge)]
        carried = variable in self.model.states
        if carried:
            always.append(Carry(variable))
        axes = 1 if at_last or variable.name in self.in_loop else 2
        expression = value_form(add(*always, like=variable), axes)
        when: When = "last step" if at_last else "always"
        target = Adjoint(variable)
        equations = self.explained.get(variable.name, ())
        if carried and ending:
            equations = tuple(entry for entry in equations if not _starts(entry))
        yield Statement(target, expression, equations, when)
        if ending and not carried:
            yield Statement(target, add(*map(batched, ending)), (), "last step", adds=True)

    def carried(self) -> Iterable[Statement]:
        """What reaches the states at the last step from outside the recurrence, or zeros."""
        for state in self.model.states:
            edges = self.readers(state)
            ending = [e.pulled for e in edges if e.lag == 0 and self.ends_at_last(e)]
            expression = value_form(add(*ending, like=state), 1)
            equations = tuple(filter(_starts, self.explained.get(state.name, ()))) if ending else ()
            yield Statement(Carry(state), expression, equations, "last step")

    def carries(self) -> Iterable[Statement]:
        """What each step hands to the states of the step before."""
        for state in self.model.states:
            edges = [edge for edge in self.readers(state) if edge.lag]
            always = [edge.pulled for edge in edges if not self.ends_at_last(edge)]
            ending = [edge.pulled for edge in edges if self.ends_at_last(edge)]
            yield Statement(
                Carry(state),
                value_form(add(*always, like=state), 1),
                self.explained_carry(state),
            )
            if ending:
                yield Statement(
                    Carry(state), add(*map(batched, ending)), (), "last step", adds=True
                )

    def explained_carry(self, state: Variable) -> tuple[Equation, ...]:
        """What one step adds to the adjoint of a state of the step before, functions symbolic."""
        edges = [edge for edge in self.written.readers(state.name) if edge.lag]
        reached = self.recursion.reached
        terms = [edge.pulled for edge in edges if edge.of.name in reached]
        return (Equation((), Carry(state.at(TIME - 1)), add(*terms, like=state)),)

    def gradients(self) -> Iterable[Statement]:
        for name, parameter in self.step.model.parameters.items():
            edges = self.readers(parameter)
            always = [e for e in edges if not self.ends_at_last(e)]
            ending = [e for e in edges if self.ends_at_last(e)]
            target, equations = Adjoint(parameter), self.explained[name]
            if always or not ending:
                total = add(*(batch_total(e.pulled, 2) for e in always), like=parameter)
                yield Statement(target, total, equations)
            if ending:
                total = add(*(batch_total(e.pulled, 1) for e in ending))
                yield Statement(
                    target, total, () if always else equations, "last step", adds=bool(always)
                )
        for state in self.model.states:
            yield Statement(
                Adjoint(state.at(0)), Carry(state), self.explained.get(f"initial {state.name}", ())
            )

    def readers(self, symbol: Variable | Parameter) -> list[Edge]:
        reached = self.recursion.reached
        return [e for e in self.step.readers(symbol.name) if e.of.name in reached]

    def at_last_step(self, name: str) -> bool:
        """Whether the loss depends on a variable at the last step alone."""
        return name not in self.in_loop and self.recursion.reached.get(name) == Lags(0, 0)

    def ends_at_last(self, edge: Edge) -> bool:
        return self.at_last_step(edge.of.name)


def loop_variables(model: Model) -> frozenset[str]:
    """The recurrence: the states, what lies on a cycle through them, and what lies between."""
    reads = _reads(model)
    readers: dict[str, list[str]] = {name: [] for name in reads}
    for reader, names in reads.items():
        for name in names:
            readers[name].append(reader)
    states = {state.name for state in model.states}
    between = _closure(states, readers) & _closure(states, reads)
    return frozenset(states | between)


def _feeding(model: Model, loop: frozenset[str]) -> frozenset[str]:
    return frozenset(_closure(set(loop), _reads(model)) - loop)


def _reads(model: Model) -> dict[str, list[str]]:
    """The computed variables that each equation reads, be its derivative by them zero or not."""
    computed = {definition.name for definition in model.definitions}
    return {
        definition.name: [
            leaf.name
            for leaf in leaves(definition.expression)
            if isinstance(leaf, Variable) and leaf.name in computed
        ]
        for definition in model.definitions
    }


def _closure(start: set[str], following: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name for first in sorted(start) for name in following[first]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += following[name]
    return found


def _starts(equation: Equation) -> bool:
    """Whether an equation of the recursion is about the last step alone."""
    return isinstance(equation.left, Adjoint) and equation.left.variable.time == LAST_STEP


def _equations(recursion: AdjointRecursion) -> dict[str, tuple[Equation, ...]]:
    """The equations of each adjoint and gradient, by the name of what it is by."""
    found: dict[str, list[Equation]] = {}
    for equation in recursion.symbolic():
        assert isinstance(equation.left, Adjoint)
        found.setdefault(equation.left.variable.name, []).append(equation)
    for equation in recursion.symbolic_gradients():
        assert isinstance(equation.left, Gradient)
        by = equation.left.by
        name = by.name if isinstance(by, Parameter) else f"initial {by.name}"
        found[name] = [equation]
    return {name: tuple(entries) for name, entries in found.items()}
