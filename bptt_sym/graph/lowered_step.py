"""The derived step as what graphs are built of: its edges, and nodes for its leaves."""

from __future__ import annotations

from collections.abc import Iterable

from bptt_sym.algebra.entries import quotient, size, spread
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Compound,
    Integer,
    MatrixExpr,
    Parameter,
    Variable,
    add,
)
from bptt_sym.choices import Loss
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.reach import Lags
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.step import Edge, derive_step
from bptt_sym.graph.array_shapes import Sizes, array_sizes
from bptt_sym.graph.graph import Definition, Graph, Key
from bptt_sym.graph.lower import Lowering
from bptt_sym.graph.node import Node
from bptt_sym.model.model import Model
from bptt_sym.model.recurrence import components

SEED = Variable(" seed", Integer(1), Integer(1), TIME)
"""The adjoint of the loss of a time step: 1, but for a part of a sequence or a weighted step."""


CLOSING = Parameter(" closing", Integer(1), Integer(1))
"""The adjoint of what is added once: 1, but for 0 in a part of a sequence that is not the last."""


class Carry(Compound):
    """What the steps so far add to the adjoint of a state so many steps on in the backward loop."""

    variable = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)


class LoweredStep:
    """A graph that is being built, and what is derived of the step that it computes.

    ``at_last`` while expressions are about the last time step alone, ``carried_out`` while what is
    carried is read behind the loops.
    """

    def __init__(self, model: Model, concrete: Model, loss: Loss) -> None:
        self.model, self.concrete = model, concrete
        self.reduction = reduction_of(model, loss)
        # A graph has the total of the losses and not the loss of each step.
        self.step = derive_step(concrete, detailed=True, seeds=(SEED, CLOSING), loss_at_hand=False)
        self.recursion = AdjointRecursion(self.step, loss, beside=inputs_of(concrete))
        recurrent = (part for part in components(concrete) if part.recurrent)
        self.in_loop = {name for part in recurrent for name in part.names}
        self.given = {entry.name for entry in model.given}
        self.labels = {entry.name for entry in model.declarations if entry.labels}
        self.once = {entry.name for entry in model.declared("once")}
        self.graph = Graph(decimals=model.notation.decimals)
        self.lower = Lowering(self.graph, self.leaf)
        self.named: set[Node] = set()
        self.at_last = False
        self.carried_out = False

    def define(self, key: Key, node: Node, equations: tuple[DerivedEquation, ...] = ()) -> None:
        # What is a number in each entry is that of several keys, which begin with other values.
        is_number = node.kind == "spread" and not node.operands[0].operands
        if not node.operands or node in self.named or is_number:
            node = self.graph.make("named", [node], key)
        self.named.add(node)
        known = self.graph.definitions.setdefault(key, Definition(node))
        known.node = node
        self.graph.keep_whole(node)
        self.graph.equations[key] = equations

    def pulled(self, edge: Edge) -> MatrixExpr:
        """What the adjoint of an edge's reader adds to what it reads, the mean's factor in it."""
        if self.reduction.mean and edge.of == self.step.loss:
            return quotient(edge.pulled, spread(size(LAST_STEP), edge.pulled.shape))
        return edge.pulled

    def split(self, edges: Iterable[Edge]) -> tuple[list[MatrixExpr], list[MatrixExpr]]:
        """What edges add to what they read: at each step, and at the last step alone."""
        always: list[MatrixExpr] = []
        ending: list[MatrixExpr] = []
        for edge in edges:
            (ending if self.at_last_step(edge.of.name) else always).append(self.pulled(edge))
        return always, ending

    def sum(
        self, terms: Iterable[MatrixExpr], like: Variable | None = None, *, at_last: bool = False
    ) -> Node:
        """The node of a sum of expressions, which are about the last step alone where told."""
        self.at_last = at_last
        node = self.lower.node(add(*terms, like=like))
        self.at_last = False
        return node

    def readers(self, symbol: Variable | Parameter) -> list[Edge]:
        reached = self.recursion.reached
        return [e for e in self.step.readers(symbol.name) if e.of.name in reached]

    def at_last_step(self, name: str) -> bool:
        """Whether the loss depends on a variable at the last step alone."""
        return name not in self.in_loop and self.recursion.reached.get(name) == Lags(0, 0)

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
            case Parameter() if leaf == CLOSING:
                return make("closing", ())
            case Parameter() if leaf.name in self.once:
                return self.given_one(leaf, sizes, time=False)
            case Parameter():
                sizes = () if leaf.shape == (1, 1) else sizes
                return make("parameter", (), leaf.name, sizes=sizes)
            case Carry():
                kind, detail = (
                    ("final" if self.carried_out else "lagged"),
                    (carry_key(leaf.variable, int(leaf.args[1])), 1),
                )
                time = not self.carried_out
                return make(kind, (), detail, sizes=sizes, batch=True, time=time)
            case Adjoint():
                return self.graph.definitions["adjoint", leaf.variable.name].node
        assert isinstance(leaf, Variable)
        if leaf == SEED:
            return make("seed", (), sizes=sizes, time=True, batch=True)
        lag = int(TIME - leaf.time)
        if leaf.name in self.given and not lag:
            return self.given_one(leaf, sizes, time=True)
        if not lag:
            return self.graph.definitions["value", leaf.name].node
        detail = (("given" if leaf.name in self.given else "value", leaf.name), abs(lag))
        return make("lagged", (), detail, sizes=sizes, time=True, batch=True)

    def given_one(self, leaf: Variable | Parameter, sizes: Sizes, *, time: bool) -> Node:
        """What a sequence has at each time step, or once; a one-hot vector by its label."""
        if leaf.name not in self.labels:
            return self.graph.make("given", (), leaf.name, sizes=sizes, time=time, batch=True)
        labels = self.graph.make("labels", (), leaf.name, time=time, batch=True)
        return self.graph.make("one hot", [labels], sizes[0])


def inputs_of(model: Model) -> tuple[Variable | Parameter, ...]:
    """What gradients may be asked for beside those of the parameters and initial values."""
    return tuple(entry.symbol for entry in model.varied_inputs)


def carry_key(state: Variable, lag: int) -> Key:
    """The key of what is handed back to a state so many steps before."""
    return ("carry", state.name, str(lag))
