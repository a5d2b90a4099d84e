"""The program: the forward and backward computation of a batch as statements in stages.

The recurrence is the part of a step that depends on itself through earlier steps. What lies before
or after it is computed for all time steps at once; only the recurrence is a loop. The backward pass
is the same, mirrored, and each gradient is one sum over all time steps and sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bptt_sym.algebra.entries import quotient, size, spread
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Gradient,
    Integer,
    MatrixExpr,
    Parameter,
    Variable,
    add,
)
from bptt_sym.algebra.pullback import pullback
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.derivation import DerivedEquation as Equation
from bptt_sym.derivation.derivation import Loss
from bptt_sym.derivation.reach import Lags
from bptt_sym.derivation.step import Edge, derive_step
from bptt_sym.model.model import Formula, Model
from bptt_sym.model.recurrence import Component, components
from bptt_sym.program.batch import Carry, Stack
from bptt_sym.program.functions import with_functions
from bptt_sym.program.kept_inputs import with_kept_inputs
from bptt_sym.program.lower import batch_total, batched, value_form, value_total

When = Literal["always", "last step"]

SEED = Variable(" seed", Integer(1), Integer(1), TIME)
"""The adjoint of the loss of a time step: 1, but for a part of a sequence or a weighted step."""


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
class Stage:
    """Statements for all time steps at once, or in a loop over them.

    A loop goes from the first step to the last ("onward") or from the last to the first
    ("backward"). ``carried`` are the initial values of what a loop hands from step to step.
    """

    statements: tuple[Statement, ...]
    loop: Literal["onward", "backward"] | None = None
    carried: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Program:
    """Value and gradient of a model's loss, over the batch a sum, over the steps as asked.

    ``model`` is the model as it was written, its functions symbolic but for initial values, and
    ``functions`` what they are in the program. What the backward loops carry is, behind them, the
    gradient by the initial states. ``at_last_step`` names the variables whose adjoints exist at the
    last step alone.
    """

    model: Model
    functions: dict[str, str | Formula]
    loss_kind: Loss
    forward: tuple[Stage, ...]
    loss: Statement
    backward: tuple[Stage, ...]
    gradients: tuple[Statement, ...]
    at_last_step: frozenset[str]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements in the order in which they run."""
        return (*statements_of(self.forward), self.loss, *self.backward_statements)

    @property
    def backward_statements(self) -> tuple[Statement, ...]:
        """The statements of the backward pass and the gradients."""
        return (*statements_of(self.backward), *self.gradients)


def statements_of(stages: Iterable[Stage]) -> Iterator[Statement]:
    """The statements of stages, what their loops carry among them."""
    for stage in stages:
        yield from stage.carried
        yield from stage.statements


def build_program(
    model: Model,
    functions: dict[str, str] | None = None,
    loss: Loss = "sum",
    *,
    seeded: bool = False,
) -> Program:
    """The program of a model with known functions for its symbolic ones.

    If it is ``seeded``, the adjoint of each step's loss is the variable ``SEED``, not 1. Raises
    InputError for an unknown function.
    """
    model = with_kept_inputs(model)
    chosen: dict[str, str | Formula] = {**model.functions, **(functions or {})}
    concrete = with_functions(model, chosen)
    return _Builder(model, concrete, chosen, loss, seeded=seeded).program()


class _Builder:
    def __init__(
        self,
        model: Model,
        concrete: Model,
        functions: dict[str, str | Formula],
        loss: Loss,
        *,
        seeded: bool,
    ) -> None:
        # What begins a state is code alone, and no equation that a comment shows.
        self.model = replace(model, declarations=concrete.declarations)
        self.functions = functions
        self.loss = loss
        # A program has the total of the losses and not the loss of each step.
        self.step = derive_step(
            concrete, detailed=True, seed=SEED if seeded else None, loss_at_hand=False
        )
        self.recursion = AdjointRecursion(self.step, loss)
        self.schedule = schedule(concrete)
        self.in_loop = {name for names, loop in self.schedule if loop for name in names}
        self.written = derive_step(model, detailed=True)
        self.explained = _equations(AdjointRecursion(self.written, loss))

    def program(self) -> Program:
        return Program(
            model=self.model,
            functions=self.functions,
            loss_kind=self.loss,
            forward=tuple(self.forward()),
            loss=self.loss_statement(),
            backward=tuple(self.backward()),
            gradients=tuple(self.gradients()),
            at_last_step=frozenset(filter(self.at_last_step, self.recursion.reached)),
        )

    def forward(self) -> Iterator[Stage]:
        written = {definition.name: definition for definition in self.model.definitions}
        concrete = {definition.name: definition for definition in self.step.model.definitions}
        for names, loop in self.schedule:
            statements = []
            for name in names:
                if name == self.step.loss.name:
                    continue
                inner = written[name]
                equation = Equation(("model", name), inner.variable, inner.expression)
                expression = value_form(concrete[name].expression, 1 if loop else 2)
                statements.append(Statement(written[name].variable, expression, (equation,)))
            if statements:
                yield Stage(tuple(statements), loop)

    def loss_statement(self) -> Statement:
        loss = self.step.model.loss
        written = self.model.loss
        equation = Equation(("model", written.name), written.variable, written.expression)
        if self.loss == "last":
            return Statement(
                loss.variable, value_total(loss.expression, 1), (equation,), "last step"
            )
        total = value_total(loss.expression, 2)
        if self.loss == "mean":
            total = quotient(total, size(LAST_STEP))
        return Statement(loss.variable, total, (equation,))

    def backward(self) -> Iterator[Stage]:
        for names, loop in reversed(self.schedule):
            variables = [v for v in self.recursion.variables if v.name in names]
            statements = [s for variable in variables for s in self.adjoint(variable)]
            if not loop:
                if statements:
                    yield Stage(tuple(statements))
                continue
            states = [state for state in self.model.states if state.name in names]
            carried = [entry for state in states for entry in self.carried(state, loop)]
            statements += [entry for state in states for entry in self.carries(state)]
            turned: Literal["onward", "backward"] = "backward" if loop == "onward" else "onward"
            yield Stage(tuple(statements), turned, tuple(carried))

    def adjoint(self, variable: Variable) -> Iterable[Statement]:
        """The statements of one adjoint: what holds at each step, then what the last step adds."""
        readers = [edge for edge in self.readers(variable) if edge.lag == 0]
        at_last = self.at_last_step(variable.name)
        always = [self.pulled(e) for e in readers if at_last or not self.ends_at_last(e)]
        ending = [self.pulled(e) for e in readers if not at_last and self.ends_at_last(e)]
        state = variable in self.model.states
        if state:
            always.append(Carry(variable, Integer(1)))
        axes = 1 if at_last or variable.name in self.in_loop else 2
        expression = value_form(add(*always, like=variable), axes)
        when: When = "last step" if at_last else "always"
        target = Adjoint(variable)
        equations = self.explained.get(variable.name, ())
        starting = state and ending and not self.is_reverse(variable)
        if starting:
            equations = tuple(entry for entry in equations if not _starts(entry))
        yield Statement(target, expression, equations, when)
        if ending and not starting:
            yield Statement(target, add(*map(batched, ending)), (), "last step", adds=True)

    def carried(self, state: Variable, loop: str) -> Iterable[Statement]:
        """What a state's loop begins with: what reaches the last step from outside, or zeros."""
        ending: list[MatrixExpr] = []
        if loop == "onward":
            edges = [e for e in self.readers(state) if e.lag == 0 and self.ends_at_last(e)]
            ending = [self.pulled(edge) for edge in edges]
        for lag in range(1, self.model.depth(state.name) + 1):
            terms = ending if lag == 1 else []
            equations = tuple(filter(_starts, self.explained.get(state.name, ()))) if terms else ()
            expression = value_form(add(*terms, like=state), 1)
            yield Statement(Carry(state, Integer(lag)), expression, equations, "last step")

    def carries(self, state: Variable) -> Iterable[Statement]:
        """What each step hands on to the states that it reads."""
        depth = self.model.depth(state.name)
        for lag in range(1, depth + 1):
            edges = [edge for edge in self.readers(state) if abs(edge.lag) == lag]
            always = [self.pulled(edge) for edge in edges if not self.ends_at_last(edge)]
            ending = [self.pulled(edge) for edge in edges if self.ends_at_last(edge)]
            if lag < depth:
                always.append(Carry(state, Integer(lag + 1)))
            target = Carry(state, Integer(lag))
            equations = self.explained_carry(state, lag)
            yield Statement(target, value_form(add(*always, like=state), 1), equations)
            if ending:
                yield Statement(target, add(*map(batched, ending)), (), "last step", adds=True)

    def explained_carry(self, state: Variable, lag: int) -> tuple[Equation, ...]:
        """What one step adds to the adjoint of a state that it reads, functions symbolic."""
        reached = self.recursion.reached
        edges = [e for e in self.written.readers(state.name) if abs(e.lag) == lag]
        terms = [self.pulled(edge) for edge in edges if edge.of.name in reached]
        if not terms:
            return ()
        back = lag if not self.is_reverse(state) else -lag
        return (Equation((), Carry(state.at(TIME - back), Integer(lag)), add(*terms)),)

    def is_reverse(self, state: Variable) -> bool:
        return self.model.declaration(state.name).reverse

    def gradients(self) -> Iterable[Statement]:
        for name, parameter in self.step.model.parameters.items():
            edges = self.readers(parameter)
            always = [self.pulled(e) for e in edges if not self.ends_at_last(e)]
            ending = [self.pulled(e) for e in edges if self.ends_at_last(e)]
            initial = self.from_initial_states(parameter)
            target, equations = Adjoint(parameter), self.explained[name]
            totals = [batch_total(term, 2) for term in always]
            totals += [batch_total(term, 1) for term in initial]
            if totals or not ending:
                yield Statement(target, add(*totals, like=parameter), equations)
            if ending:
                total = add(*(batch_total(term, 1) for term in ending))
                adds = bool(totals)
                yield Statement(target, total, () if adds else equations, "last step", adds=adds)
        for state in self.model.states:
            if self.model.declaration(state.name).initial is not None:
                continue
            carried = [Carry(state, Integer(k + 1)) for k in range(self.model.depth(state.name))]
            if not self.is_reverse(state):
                carried.reverse()
            yield Statement(
                Adjoint(state.at(0)),
                carried[0] if len(carried) == 1 else Stack(*carried),
                self.explained.get(f"initial {state.name}", ()),
            )

    def from_initial_states(self, parameter: Parameter) -> list[MatrixExpr]:
        """What reaches a parameter through the values before the first step."""
        terms = []
        for state in self.model.states:
            initial = self.model.declaration(state.name).initial
            if initial is None or not initial.has(parameter):
                continue
            for lag in range(1, self.model.depth(state.name) + 1):
                reached = pullback(initial, Carry(state, Integer(lag)))
                terms += [term for leaf, term in reached if leaf == parameter]
        return terms

    def pulled(self, edge: Edge) -> MatrixExpr:
        """What the adjoint of an edge's reader adds to what it reads, the mean's factor in it."""
        if self.loss == "mean" and edge.of == self.step.loss:
            return quotient(edge.pulled, spread(size(LAST_STEP), edge.pulled.shape))
        return edge.pulled

    def readers(self, symbol: Variable | Parameter) -> list[Edge]:
        reached = self.recursion.reached
        return [e for e in self.step.readers(symbol.name) if e.of.name in reached]

    def at_last_step(self, name: str) -> bool:
        """Whether the loss depends on a variable at the last step alone."""
        return name not in self.in_loop and self.recursion.reached.get(name) == Lags(0, 0)

    def ends_at_last(self, edge: Edge) -> bool:
        return self.at_last_step(edge.of.name)


def schedule(model: Model) -> list[tuple[tuple[str, ...], Literal["onward", "backward"] | None]]:
    """The names that are computed together, in order, each group at once or in a loop.

    What a recurrence needs is computed before it for all time steps, what needs none of them last.
    """
    waiting = components(model)
    feeding = _feeding(waiting)
    rest = [c for c in waiting if not c.recurrent and not feeding & set(c.names)]
    waiting = [c for c in waiting if c not in rest]
    done: set[str] = set()
    found: list[tuple[tuple[str, ...], Literal["onward", "backward"] | None]] = []

    def place(group: list[Component], loop: Literal["onward", "backward"] | None) -> None:
        names = {name for component in group for name in component.names}
        ordered = tuple(d.name for d in model.definitions if d.name in names)
        if ordered:
            found.append((ordered, loop))
        done.update(names)

    while waiting:
        at_once: list[Component] = []
        known = set(done)
        for component in waiting:
            if not component.recurrent and component.reads <= known:
                at_once.append(component)
                known.update(component.names)
        place(at_once, None)
        waiting = [c for c in waiting if c not in at_once]
        ready = [c for c in waiting if c.recurrent and c.reads <= done]
        if ready:
            together = [c for c in ready if c.reverse == ready[0].reverse]
            place(together, "backward" if ready[0].reverse else "onward")
            waiting = [c for c in waiting if c not in together]
    place(rest, None)
    return found


def _feeding(found: Sequence[Component]) -> set[str]:
    """The names that a recurrence depends on."""
    reads = {name: component.reads for component in found for name in component.names}
    needed: set[str] = set()
    waiting = [name for component in found if component.recurrent for name in component.reads]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += reads[name]
    return needed


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
        found.setdefault(name, []).append(equation)
    return {name: tuple(entries) for name, entries in found.items()}
