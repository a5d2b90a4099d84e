"""A model's loss and gradients as a graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bptt_sym.algebra.entries import size
from bptt_sym.algebra.expressions import LAST_STEP
from bptt_sym.choices import Loss
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.reduction import Reduction
from bptt_sym.graph.array_shapes import array_sizes
from bptt_sym.graph.backward import Backward
from bptt_sym.graph.batch_sums import BatchSums
from bptt_sym.graph.graph import Definition, Graph, New
from bptt_sym.graph.input_gradients import InputGradients
from bptt_sym.graph.lower import ONE
from bptt_sym.graph.lowered_step import LoweredStep
from bptt_sym.graph.node import Node
from bptt_sym.model.kept_inputs import with_kept_inputs
from bptt_sym.model.known import with_functions
from bptt_sym.model.model import Declaration, Equation, Formula, Model
from bptt_sym.model.outputs import with_final_signals
from bptt_sym.model.written_out import check_extent


@dataclass(frozen=True)
class Program:
    """Value and gradient of a model's loss, over the batch a sum, over the steps as asked.

    ``model`` is the model as it was written, its functions symbolic but for initial values, and
    ``functions`` what they are in the program.
    """

    model: Model
    functions: dict[str, str | Formula]
    reduction: Reduction
    graph: Graph


def build_program(
    model: Model, functions: dict[str, str] | None = None, loss: Loss = "sum"
) -> Program:
    """The program of a model with known functions for its symbolic ones.

    The adjoint of each step's loss is a node "seed". Raises InputError for an unknown function.
    """
    model = with_final_signals(with_kept_inputs(model))
    chosen: dict[str, str | Formula] = {**model.functions, **(functions or {})}
    concrete = with_functions(model, chosen)
    check_extent(concrete)
    # What begins a state is code alone, and no equation that a comment shows.
    model = replace(model, declarations=concrete.declarations)
    lowered = LoweredStep(model, concrete, loss)
    return Program(model, chosen, lowered.reduction, _graph(lowered))


def _graph(lowered: LoweredStep) -> Graph:
    _add_forward(lowered)
    _add_loss(lowered)
    backward = Backward(lowered)
    backward.build()
    InputGradients(backward).build()
    model, graph = lowered.model, lowered.graph
    written = {equation.name for equation in model.equations}
    graph.kept = tuple(("value", d.name) for d in model.definitions if d.name in written)
    targets = (e.name for e in model.declared("target") if not model.depth(e.name))
    return _with_last(graph, set(targets))


def _add_forward(lowered: LoweredStep) -> None:
    model, graph, lower = lowered.model, lowered.graph, lowered.lower
    for entry in model.handed_on:
        depth = model.depth(entry.name)
        initial = tuple(_initial(lowered, entry, lag) for lag in range(1, depth + 1))
        if entry.name in lowered.given and depth:
            given = Definition(lowered.at_each_step(entry.symbol), initial)
            graph.definitions["given", entry.name] = given
        elif depth:
            # The node comes with its equation.
            begun = Definition(graph.number(0), initial, entry.reverse)
            graph.definitions["value", entry.name] = begun
    written = {definition.name: definition for definition in model.definitions}
    for definition in lowered.concrete.definitions:
        if definition not in lowered.concrete.losses:
            node = lower.full(lower.node(definition.expression), definition.variable, time=True)
            shown = _as_line(written[definition.name])
            lowered.define(("value", definition.name), node, (shown,))


def _initial(lowered: LoweredStep, entry: Declaration, lag: int) -> Node:
    """A value ``lag`` steps before the first one, an argument or of parameters."""
    if entry.initial is None:
        sizes = array_sizes(entry.shape)
        return lowered.graph.make("initial", (), (entry.name, lag), sizes=sizes, batch=True)
    return lowered.lower.full(lowered.lower.node(entry.initial), entry.symbol, time=False)


def _add_loss(lowered: LoweredStep) -> None:
    reduction, graph = lowered.reduction, lowered.graph
    node = _total(lowered, lowered.concrete.loss, at_last=reduction.at_last)
    if reduction.mean:
        node = graph.make("divide", [node, lowered.lower.node(size(LAST_STEP))])
        node = graph.make("weighted", [node])
    added = list(_added_once(lowered))
    if added:
        once = graph.total((ONE, term) for term in added)
        once = graph.times(1, [graph.make("closing", ()), once])
        node = graph.total([(ONE, node), (ONE, once)])
    graph.results["loss",] = node
    written = (lowered.model.loss, *lowered.model.added)
    graph.equations["loss",] = tuple(map(_as_line, written))


def _added_once(lowered: LoweredStep) -> Iterator[Node]:
    """What is added once to the losses of the steps: the terminal loss, then the regularizer."""
    if lowered.concrete.terminal is not None:
        yield _total(lowered, lowered.concrete.terminal, at_last=True)
    if lowered.concrete.regularizer is not None:
        node = lowered.lower.node(lowered.concrete.regularizer.expression)
        yield lowered.graph.make("total", [node]) if node.sizes else node


def _total(lowered: LoweredStep, loss: Equation, *, at_last: bool) -> Node:
    """The sum of a loss over the sequences, and over the time steps unless it is of the last."""
    lowered.at_last = at_last
    node = BatchSums(lowered.lower, over_time=not at_last).value_total(loss.expression)
    lowered.at_last = False
    return node


def _as_line(equation: Equation) -> DerivedEquation:
    """An equation of the model as a line of a derivation."""
    return DerivedEquation(("model", equation.name), equation.left, equation.expression)


def _with_last(graph: Graph, targets: set[str]) -> Graph:
    """The graph with targets that are read at the last step alone as arrays of this step."""
    users = graph.users()

    def only_at_last(node: Node) -> bool:
        is_target = node.kind in ("given", "labels") and node.detail in targets
        return is_target and all(user.kind == "last" for user in users[node])

    def rule(result: Graph, node: Node, new: New) -> Node | None:
        if node.kind == "last" and only_at_last(node.operands[0]):
            (given,) = node.operands
            return result.make(given.kind, (), given.detail, sizes=given.sizes, batch=True)
        return None

    return graph.rewritten(rule)
