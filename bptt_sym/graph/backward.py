"""The adjoint recursion backward: adjoints, what steps hand back, and the gradients.

What one step hands back to those that it reads is carried: the adjoint of a state is what its
readers at the same step add to it and what the steps after it have carried there.
"""

from __future__ import annotations

from collections.abc import Iterator

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
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.step import derive_step
from bptt_sym.graph.array_shapes import array_sizes
from bptt_sym.graph.batch_sums import BatchSums
from bptt_sym.graph.graph import Definition
from bptt_sym.graph.lower import ONE
from bptt_sym.graph.lowered_step import Carry, LoweredStep, carry_key, inputs_of
from bptt_sym.graph.node import Node


class Backward:
    """Adds the backward pass to a graph with the forward pass."""

    def __init__(self, lowered: LoweredStep) -> None:
        self.lowered = lowered
        self.model, self.graph, self.lower = lowered.model, lowered.graph, lowered.lower
        self.over_sequences = BatchSums(lowered.lower, over_time=False).batch_total
        self.all_sums = BatchSums(lowered.lower, over_time=True)
        self.over_all = self.all_sums.batch_total
        self.written = derive_step(self.model, detailed=True)
        beside = inputs_of(self.model)
        recursion = AdjointRecursion(self.written, lowered.reduction.name, beside=beside)
        self.explained = _equations(recursion)

    def build(self) -> None:
        """Adds all adjoints, then the gradients."""
        reached = self.lowered.recursion.variables
        for variable in reached:
            self.adjoint(variable)
        for state in self.model.states:
            if state not in reached:
                self.begin_carries(state)
        for state in self.model.states:
            self.carries(state)
        self.lowered.carried_out = True
        self.gradients()

    def adjoint(self, variable: Variable) -> None:
        """The adjoint of a variable: what holds at each step, then what the last step adds."""
        readers = [edge for edge in self.lowered.readers(variable) if edge.lag == 0]
        at_last = self.lowered.at_last_step(variable.name)
        always, ending = self.lowered.split(readers)
        if at_last:
            always, ending = list(map(self.lowered.pulled, readers)), []
        equations = self.explained.get(variable.name, ())
        if variable in self.model.states:
            always.append(Carry(variable, Integer(1)))
            if self.begin_carries(variable):
                ending = []
                equations = tuple(entry for entry in equations if not _starts(entry))
        node = self.lowered.sum(always, variable, at_last=at_last)
        node = self.lower.full(node, variable, time=not at_last)
        self.lowered.define(("adjoint", variable.name), self.with_ending(node, ending), equations)

    def with_ending(self, node: Node, terms: list[MatrixExpr]) -> Node:
        """A node with what is added at the last time step."""
        if not terms:
            return node
        last = self.lowered.sum(terms, at_last=True)
        if not last.sizes:  # one number for all entries, which an array over time has
            last = self.graph.with_axes(last, node.axes._replace(time=False))
        ending = self.graph.make("ending", [last], time=True)
        return self.graph.total([(ONE, node), (ONE, ending)])

    def begin_carries(self, state: Variable) -> bool:
        """What a state's loop begins with: what reaches the last step from outside, or zeros.

        Whether anything does.
        """
        readers = [] if self.is_reverse(state) else self.lowered.readers(state)
        _, ending = self.lowered.split(edge for edge in readers if edge.lag == 0)
        equations = tuple(filter(_starts, self.explained.get(state.name, ())))
        for lag in range(1, self.model.depth(state.name) + 1):
            terms = ending if lag == 1 else []
            node = self.lowered.sum(terms, state, at_last=True)
            initial = (self.lower.full(node, state, time=False),)
            key = carry_key(state, lag)
            zero = self.graph.number(0)
            self.graph.definitions[key] = Definition(zero, initial, not self.is_reverse(state))
            self.graph.equations["begin", *key[1:]] = equations if terms else ()
        return bool(ending)

    def carries(self, state: Variable) -> None:
        """What each step hands on to the states that it reads, and to inputs of earlier steps."""
        depth = self.model.depth(state.name)
        for lag in range(1, depth + 1):
            edges = (edge for edge in self.lowered.readers(state) if abs(edge.lag) == lag)
            always, ending = self.lowered.split(edges)
            if lag < depth:
                always.append(Carry(state, Integer(lag + 1)))
            node = self.lowered.sum(always, state)
            node = self.lower.full(node, state, time=node.time)
            equations = self.explained_carry(state, lag)
            self.lowered.define(carry_key(state, lag), self.with_ending(node, ending), equations)

    def explained_carry(self, state: Variable, lag: int) -> tuple[DerivedEquation, ...]:
        """What one step adds to the adjoint of a state that it reads, functions symbolic."""
        reached = self.lowered.recursion.reached
        edges = [e for e in self.written.readers(state.name) if abs(e.lag) == lag]
        terms = [self.lowered.pulled(edge) for edge in edges if edge.of.name in reached]
        if not terms:
            return ()
        back = lag if not self.is_reverse(state) else -lag
        return (DerivedEquation((), Carry(state.at(TIME - back), Integer(lag)), add(*terms)),)

    def is_reverse(self, state: Variable) -> bool:
        return self.model.declaration(state.name).reverse

    def gradients(self) -> None:
        for name, parameter in self.lowered.step.model.parameters.items():
            node = self.gradient(parameter)
            sizes = () if parameter.shape == (1, 1) else array_sizes(parameter.shape)
            self.graph.results["gradient", name] = self.graph.make(
                "result", [node], name, sizes=sizes
            )
            self.graph.equations["gradient", name] = self.explained[name]
        for state in self.model.states:
            if self.model.declaration(state.name).initial is None:
                key = ("initial", state.name)
                self.graph.results[key] = self.graph.make("named", [self.before_first(state)], key)
                self.graph.equations[key] = self.explained.get(f"initial {state.name}", ())

    def gradient(self, parameter: Parameter) -> Node:
        always, ending = self.lowered.split(self.lowered.readers(parameter))
        totals = list(map(self.over_all, always))
        totals += map(self.over_sequences, self.from_initial_states(parameter))
        self.lowered.at_last = True
        totals += map(self.over_sequences, ending)
        self.lowered.at_last = False
        totals += self.from_regularizer(parameter)
        return self.graph.total((ONE, total) for total in totals)

    def from_regularizer(self, parameter: Parameter) -> Iterator[Node]:
        """What a loss of parameters alone adds, once for all sequences."""
        found = self.lowered.step.by_regularizer
        if parameter.name in found:
            node = self.lower.wide(found[parameter.name])
            yield self.graph.times(1, [self.graph.make("closing", ()), node])

    def before_first(self, state: Variable) -> Node:
        """The gradient with respect to what a state begins with, in the order of time."""
        depth = self.model.depth(state.name)
        carried = [self.lowered.leaf(Carry(state, Integer(k + 1))) for k in range(depth)]
        if not self.is_reverse(state):
            carried.reverse()
        if depth == 1:
            return carried[0]
        return self.graph.make("stack", carried, sizes=array_sizes(state.shape))

    def from_initial_states(self, parameter: Parameter) -> Iterator[MatrixExpr]:
        """What reaches a parameter through the values before the first step."""
        for state in self.model.states:
            initial = self.model.declaration(state.name).initial
            if initial is None or not initial.has(parameter):
                continue
            for lag in range(1, self.model.depth(state.name) + 1):
                reached = pullback(initial, Carry(state, Integer(lag)))
                yield from (term for leaf, term in reached if leaf == parameter)


def _starts(equation: DerivedEquation) -> bool:
    """Whether an equation of the recursion is about the last step alone."""
    return isinstance(equation.left, Adjoint) and equation.left.variable.time == LAST_STEP


def _is_before_first(by: Variable | Parameter) -> bool:
    """Whether it is a value before the first step, or behind the last where a scan begins there."""
    if isinstance(by, Parameter):
        return False
    return bool((by.time.is_Integer and by.time < 1) or (by.time - LAST_STEP).is_positive)


def _equations(recursion: AdjointRecursion) -> dict[str, tuple[DerivedEquation, ...]]:
    """The equations of each adjoint and gradient, under the name that it is with respect to."""
    found: dict[str, list[DerivedEquation]] = {}
    for equation in recursion.symbolic():
        assert isinstance(equation.left, Adjoint)
        found.setdefault(equation.left.variable.name, []).append(equation)
    for equation in recursion.symbolic_gradients():
        assert isinstance(equation.left, Gradient)
        by = equation.left.by
        name = f"initial {by.name}" if _is_before_first(by) else by.name
        found.setdefault(name, []).append(equation)
    return {name: tuple(entries) for name, entries in found.items()}
