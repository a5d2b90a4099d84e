"""The gradients with respect to inputs, which a program has beside the others."""

from __future__ import annotations

from bptt_sym.algebra.expressions import Integer, Parameter, Variable
from bptt_sym.graph.backward import Backward
from bptt_sym.graph.lower import ONE
from bptt_sym.graph.lowered_step import Carry
from bptt_sym.graph.node import Node


class InputGradients:
    """Adds them to a graph with the backward pass."""

    def __init__(self, backward: Backward) -> None:
        self.backward, self.lowered = backward, backward.lowered
        self.model, self.graph, self.lower = backward.model, backward.graph, backward.lower
        self.inputs = self.lowered.recursion.inputs
        self.read_later = [given for given in self.inputs if self.model.depth(given.name)]

    def build(self) -> None:
        """Adds those of each time step, of what is given once, and of values before the first."""
        self.lowered.carried_out = False
        begun = {given for given in self.read_later if self.backward.begin_carries(given)}
        for given in self.read_later:
            self.backward.carries(given)
        for given in self.inputs:
            self.at_each_step(given, begun=given in begun)
        self.lowered.carried_out = True
        for once in self.lowered.recursion.parameters:
            if once.name in self.lowered.once:
                self.given_once(once)
        for given in self.read_later:
            if self.model.declaration(given.name).initial is None:
                self.add(self.backward.before_first(given), given.name, "initial")

    def at_each_step(self, given: Variable, *, begun: bool) -> None:
        """What is read at its own step and, carried back, at later ones.

        Where that is ``begun``, what reaches the last step from outside is in it.
        """
        readers = (edge for edge in self.lowered.readers(given) if edge.lag == 0)
        always, ending = self.lowered.split(readers)
        if given in self.read_later:
            always.append(Carry(given, Integer(1)))
        node = self.lower.full(self.lowered.sum(always, given), given, time=True)
        self.add(self.backward.with_ending(node, [] if begun else ending), given.name)

    def given_once(self, once: Parameter) -> None:
        """The sum over the time steps, for each sequence."""
        always, ending = self.lowered.split(self.lowered.readers(once))
        node = self.lowered.sum(always, once)
        if node.time:
            node = self.graph.make("time sum", [node])
        else:
            node = self.backward.all_sums.at_each_step(node)
        at_last = self.lowered.sum(ending, once, at_last=True)
        total = self.graph.total([(ONE, node), (ONE, at_last)])
        self.add(self.lower.full(total, once, time=False), once.name)

    def add(self, node: Node, name: str, *which: str) -> None:
        key = ("input", name, *which)
        self.graph.results[key] = self.graph.make("named", [node], key)
        explained = " ".join([*which, name])
        self.graph.equations[key] = self.backward.explained.get(explained, ())
