"""A model's loss and gradients as a graph: the step forward, and the adjoint recursion backward.

What one step hands back to those that it reads is carried: the adjoint of a state is what its
readers at the same step add to it and what the steps after it have carried there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Compound,
    Gradient,
    Integer,
    MatrixExpr,
    Parameter,
    Variable,
    add,
    quotient,
    size,
    spread,
)
from bptt_sym.algebra.pullback import pullback
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.derivation import Equation, Loss
from bptt_sym.derivation.reach import Lags
from bptt_sym.derivation.step import Edge, derive_step
from bptt_sym.graph.graph import Definition, Graph, Key, Node
from bptt_sym.graph.lower import ONE, Lowering
from bptt_sym.graph.sizes import array_sizes
from bptt_sym.model.kept_inputs import with_kept_inputs
from bptt_sym.model.known import with_functions
from bptt_sym.model.model import Declaration, Formula, Model
from bptt_sym.model.model import Equation as Definition_
from bptt_sym.model.recurrence import components

SEED = Variable(" seed", Integer(1), Integer(1), TIME)
"""The adjoint of the loss of a time step: 1, but for a part of a sequence or a weighted step."""


class Carry(Compound):
    """What the steps so far add to the adjoint of a state so many steps on in the backward loop."""

    variable = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)


@dataclass(frozen=True)
class Program:
    """Value and gradient of a model's loss, over the batch a sum, over the steps as asked.

    ``model`` is the model as it was written, its functions symbolic but for initial values, and
    ``functions`` what they are in the program.
    """

    model: Model
    functions: dict[str, str | Formula]
    loss: Loss
    graph: Graph


def build_program(
    model: Model, functions: dict[str, str] | None = None, loss: Loss = "sum"
) -> Program:
    """The program of a model with known functions for its symbolic ones.

    The adjoint of each step's loss is a node "seed". Raises InputError for an unknown function.
    """
    model = with_kept_inputs(model)
    chosen: dict[str, str | Formula] = {**model.functions, **(functions or {})}
    concrete = with_functions(model, chosen)
    # What begins a state is code alone, and no equation that a comment shows.
    model = replace(model, declarations=concrete.declarations)
    return Program(model, chosen, loss, _Builder(model, concrete, loss).built())


class _Builder:
    """``at_last`` while expressions are about the last time step alone."""

    def __init__(self, model: Model, concrete: Model, loss: Loss) -> None:
        self.model, self.loss = model, loss
        # A graph has the total of the losses and not the loss of each step.
        self.step = derive_step(concrete, detailed=True, seed=SEED, loss_at_hand=False)
        self.recursion = AdjointRecursion(self.step, loss)
        self.written = derive_step(model, detailed=True)
        self.explained = _equations(AdjointRecursion(self.written, loss))
        recurrent = (part for part in components(concrete) if part.recurrent)
        self.in_loop = {name for part in recurrent for name in part.names}
        given = [e for e in model.declarations if e.kind in ("input", "target")]
        self.given = {entry.name for entry in given}
        self.labels = {entry.name for entry in given if entry.labels}
        self.graph = Graph()
        self.lower = Lowering(self.graph, self.leaf)
        self.named: set[Node] = set()
        self.at_last = False
        self.carried_out = False

    def built(self) -> Graph:
        self.forward()
        self.total_loss()
        for variable in self.recursion.variables:
            self.adjoint(variable)
        for state in self.model.states:
            if state not in self.recursion.variables:
                self.begin_carries(state)
        for state in self.model.states:
            self.carries(state)
        self.carried_out = True
        self.gradients()
        written = {equation.name for equation in self.model.equations}
        names = [d.name for d in self.model.definitions if d.name in written]
        self.graph.kept = tuple(("value", name) for name in names)
        return _with_last(self.graph, {e.name for e in self.model.declared("target")})

    def define(self, key: Key, node: Node, equations: tuple[Equation, ...] = ()) -> None:
        if not node.operands or node in self.named:
            node = self.graph.make("named", [node], key)
        self.named.add(node)
        known = self.graph.definitions.setdefault(key, Definition(node))
        known.node = node
        self.graph.keep_whole(node)
        self.graph.equations[key] = equations

    # Forward.

    def forward(self) -> None:
        for entry in (*self.model.declared("state"), *self.model.declared("input")):
            depth = self.model.depth(entry.name)
            initial = tuple(self.initial_value(entry, lag) for lag in range(1, depth + 1))
            if entry.name in self.given and depth:
                given = Definition(self.at_each_step(entry.symbol), initial)
                self.graph.definitions["given", entry.name] = given
            elif depth:
                # The node comes with its equation.
                begun = Definition(self.graph.number(0), initial, entry.reverse)
                self.graph.definitions["value", entry.name] = begun
        written = {definition.name: definition for definition in self.model.definitions}
        for definition in self.step.model.definitions:
            if definition is not self.step.model.loss:
                node = self.lower.node(definition.expression)
                node = self.lower.full(node, definition.variable, time=True)
                shown = _as_line(written[definition.name])
                self.define(("value", definition.name), node, (shown,))

    def initial_value(self, state: Declaration, lag: int) -> Node:
        """A state's value ``lag`` steps before its first, an argument or of parameters."""
        if state.initial is None:
            detail, sizes = (state.name, lag), array_sizes(state.shape)
            return self.graph.make("initial", (), detail, sizes=sizes, batch=True)
        return self.lower.full(self.lower.node(state.initial), state.symbol, time=False)

    def total_loss(self) -> None:
        self.at_last = self.loss == "last"
        expression = self.step.model.loss.expression
        node = self.lower.value_total(expression, over_time=not self.at_last)
        if self.loss == "mean":
            node = self.graph.make("divide", [node, self.lower.node(size(LAST_STEP))])
        self.at_last = False
        self.graph.results["loss",] = node
        self.graph.equations["loss",] = (_as_line(self.model.loss),)

    # Backward.

    def adjoint(self, variable: Variable) -> None:
        """The adjoint of a variable: what holds at each step, then what the last step adds."""
        readers = [edge for edge in self.readers(variable) if edge.lag == 0]
        at_last = self.at_last_step(variable.name)
        always = [self.pulled(e) for e in readers if at_last or not self.ends_at_last(e)]
        ending = [self.pulled(e) for e in readers if not at_last and self.ends_at_last(e)]
        equations = self.explained.get(variable.name, ())
        if variable in self.model.states:
            always.append(Carry(variable, Integer(1)))
            if self.begin_carries(variable):
                ending = []
                equations = tuple(entry for entry in equations if not _starts(entry))
        self.at_last = at_last
        node = self.lower.node(add(*always, like=variable))
        node = self.lower.full(node, variable, time=not at_last)
        self.at_last = False
        self.define(("adjoint", variable.name), self.with_ending(node, ending), equations)

    def with_ending(self, node: Node, terms: list[MatrixExpr]) -> Node:
        """A node with what is added at the last time step."""
        if not terms:
            return node
        self.at_last = True
        last = self.lower.node(add(*terms))
        self.at_last = False
        ending = self.graph.make("ending", [last], time=True)
        return self.graph.total([(ONE, node), (ONE, ending)])

    def begin_carries(self, state: Variable) -> bool:
        """What a state's loop begins with: what reaches the last step from outside, or zeros.

        Whether anything does.
        """
        readers = [] if self.is_reverse(state) else self.readers(state)
        ending = [self.pulled(e) for e in readers if e.lag == 0 and self.ends_at_last(e)]
        equations = tuple(filter(_starts, self.explained.get(state.name, ())))
        for lag in range(1, self.model.depth(state.name) + 1):
            self.at_last = True
            terms = ending if lag == 1 else []
            node = self.lower.node(add(*terms, like=state))
            self.at_last = False
            initial = (self.lower.full(node, state, time=False),)
            key = _carry(state, lag)
            zero = self.graph.number(0)
            self.graph.definitions[key] = Definition(zero, initial, not self.is_reverse(state))
            self.graph.equations["begin", *key[1:]] = equations if terms else ()
        return bool(ending)

    def carries(self, state: Variable) -> None:
        """What each step hands on to the states that it reads."""
        depth = self.model.depth(state.name)
        for lag in range(1, depth + 1):
            edges = [edge for edge in self.readers(state) if abs(edge.lag) == lag]
            always = [self.pulled(edge) for edge in edges if not self.ends_at_last(edge)]
            ending = [self.pulled(edge) for edge in edges if self.ends_at_last(edge)]
            if lag < depth:
                always.append(Carry(state, Integer(lag + 1)))
            node = self.lower.node(add(*always, like=state))
            node = self.lower.full(node, state, time=node.time)
            equations = self.explained_carry(state, lag)
            self.define(_carry(state, lag), self.with_ending(node, ending), equations)

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

    # Gradients.

    def gradients(self) -> None:
        for name, parameter in self.step.model.parameters.items():
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
        edges = self.readers(parameter)
        always = [self.pulled(e) for e in edges if not self.ends_at_last(e)]
        ending = [self.pulled(e) for e in edges if self.ends_at_last(e)]
        totals = [self.lower.batch_total(term, over_time=True) for term in always]
        initial = self.from_initial_states(parameter)
        totals += [self.lower.batch_total(term, over_time=False) for term in initial]
        self.at_last = True
        totals += [self.lower.batch_total(term, over_time=False) for term in ending]
        self.at_last = False
        return self.graph.total((ONE, total) for total in totals)

    def before_first(self, state: Variable) -> Node:
        """The gradient with respect to what a state begins with, in the order of time."""
        depth = self.model.depth(state.name)
        carried = [self.leaf(Carry(state, Integer(k + 1))) for k in range(depth)]
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

    # Edges and leaves.

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

    def leaf(self, leaf: MatrixExpr) -> Node:
        """The node of a leaf, at the last time step where that is meant."""
        node = self.at_each_step(leaf)
        if not (self.at_last and node.time):
            return node
        if node.kind == "one hot":
            return self.graph.make("one hot", [self.graph.make("last", node.operands)], node.detail)
        return self.graph.make("last", [node])

    def at_each_step(self, leaf: MatrixExpr) -> Node:
        sizes, make = array_sizes(leaf.shape), self.graph.make
        match leaf:
            case Parameter():
                sizes = () if leaf.shape == (1, 1) else sizes
                return make("parameter", (), leaf.name, sizes=sizes)
            case Carry():
                kind, detail = ("final" if self.carried_out else "lagged"), (_key_of(leaf), 1)
                time = not self.carried_out
                return make(kind, (), detail, sizes=sizes, batch=True, time=time)
            case Adjoint():
                return self.graph.definitions["adjoint", leaf.variable.name].node
        assert isinstance(leaf, Variable)
        if leaf == SEED:
            return make("seed", (), sizes=sizes, time=True, batch=True)
        lag = int(TIME - leaf.time)
        if leaf.name in self.labels and not lag:
            labels = make("labels", (), leaf.name, time=True, batch=True)
            return make("one hot", [labels], sizes[0])
        if leaf.name in self.given and not lag:
            return make("given", (), leaf.name, sizes=sizes, time=True, batch=True)
        if not lag:
            return self.graph.definitions["value", leaf.name].node
        detail = (("given" if leaf.name in self.given else "value", leaf.name), abs(lag))
        return make("lagged", (), detail, sizes=sizes, time=True, batch=True)


def _carry(state: Variable, lag: int) -> Key:
    return ("carry", state.name, str(lag))


def _key_of(carry: Carry) -> Key:
    return _carry(carry.variable, int(carry.args[1]))


def _as_line(equation: Definition_) -> Equation:
    """An equation of the model as a line of a derivation."""
    return Equation(("model", equation.name), equation.variable, equation.expression)


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


def _with_last(graph: Graph, targets: set[str]) -> Graph:
    """The graph with targets that are read at the last step alone as arrays of this step."""
    users = graph.users()

    def only_at_last(node: Node) -> bool:
        is_target = node.kind in ("given", "labels") and node.detail in targets
        return is_target and all(user.kind == "last" for user in users[node])

    def rule(result: Graph, node: Node, operands: tuple[Node, ...]) -> Node | None:
        if node.kind == "last" and only_at_last(node.operands[0]):
            (given,) = node.operands
            return result.make(given.kind, (), given.detail, sizes=given.sizes, batch=True)
        return None

    return graph.rewritten(rule)
