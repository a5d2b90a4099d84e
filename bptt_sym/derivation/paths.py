"""The paths through the unfolding from losses to the copies of parameters: their number, a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bptt_sym.derivation.dependencies import dependencies_of
from bptt_sym.derivation.reduction import Reduction
from bptt_sym.derivation.step import Step
from bptt_sym.derivation.sweeps import Sweep, sweeps
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.model.model import Model


class Paths:
    """The paths from some losses to every node that they depend on.

    ``totals`` counts, for each parameter, the paths to all of its copies, exactly, whatever the
    size. The counts of single nodes stop growing at ``most``, which then means as many or more.
    """

    def __init__(self, step: Step, steps: int, losses: Iterable[Vertex], most: int = 1) -> None:
        self.graph = dependencies_of(step)
        self.steps = steps
        self.most = most
        self.losses = {loss.name for loss in step.losses}
        self.totals = dict.fromkeys(step.model.sources, 0)
        self._counts: dict[str, dict[int, int]] = {}
        self._waiting: dict[Vertex, int] = {}
        for loss in losses:
            self._reach(loss, 1)
        for sweep in sweeps(step.model, step.variables[::-1]):
            self._sweep(sweep)
        self._make_initial()

    def _sweep(self, sweep: Sweep) -> None:
        times = range(1, self.steps + 1) if sweep.rising else range(self.steps, 0, -1)
        for time in times:
            for variable in sweep.variables:
                count = self._waiting.pop(Vertex(variable.name, time), 0)
                if count:
                    for link in self.graph.reads[variable.name]:
                        self._reach(Vertex(link.name, time - link.lag), count)

    def _make_initial(self) -> None:
        """Goes on from initial values to what they are made of; inputs may be left beside them."""
        for node, count in list(self._waiting.items()):
            if not 1 <= node.time <= self.steps:
                for link in self.graph.initial.get(node.name, ()):
                    self._reach(self._copy(link.name, node), count)

    def _copy(self, parameter: str, initial: Vertex) -> Vertex:
        """The copy of a parameter that makes up initial states, before the first step or behind."""
        return Vertex(parameter, 0 if initial.time < 1 else self.steps + 1)

    def _reach(self, node: Vertex, count: int) -> None:
        if node.name in self.totals:
            self.totals[node.name] += count
        else:
            self._waiting[node] = self._waiting.get(node, 0) + count
        known = self._counts.setdefault(node.name, {})
        known[node.time] = min(self.most, known.get(node.time, 0) + count)

    def count(self, node: Vertex) -> int:
        """The number of paths to a node."""
        return self._counts.get(node.name, {}).get(node.time, 0)

    def copies(self, parameter: str) -> list[Vertex]:
        """The copies of a parameter that paths lead to, the latest first."""
        return [Vertex(parameter, time) for time in sorted(self._counts.get(parameter, ()))[::-1]]

    def to(self, node: Vertex) -> Iterator[tuple[Vertex, ...]]:
        """Every path to a node, from a loss to the node itself."""
        waiting: list[tuple[Vertex, ...]] = [(node,)]
        while waiting:
            path = waiting.pop()
            readers = self.readers(path[0])
            if not readers:
                yield path
            waiting += [(reader, *path) for reader in reversed(readers)]

    def readers(self, node: Vertex) -> list[Vertex]:
        """The nodes that read a node and that a loss depends on."""
        links = self.graph.readers.get(node.name, ())
        found = [Vertex(name, node.time + lag) for name, lag in links]
        found = [reader for reader in found if 1 <= reader.time <= self.steps]
        for state, made in self.graph.initial.items():
            if any(link.name == node.name for link in made):
                times = self._counts.get(state, ())
                outside = (Vertex(state, time) for time in times if not 1 <= time <= self.steps)
                found += [other for other in outside if self._copy(node.name, other) == node]
        return [reader for reader in found if self.count(reader)]


def losses_of(model: Model, steps: int, reduction: Reduction) -> list[Vertex]:
    """The losses of time steps that count: of the steps in order, then the terminal one."""
    found = [Vertex(model.loss.name, time) for time in reduction.losses(steps)]
    return [*found, *(Vertex(loss.name, steps) for loss in model.losses[1:])]
