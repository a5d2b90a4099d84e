"""The paths within one time step, from a variable to another or to what was handed to the step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bptt_sym.derivation.carried import Carried
from bptt_sym.derivation.dependencies import Link
from bptt_sym.derivation.step import Edge, Step


@dataclass(frozen=True)
class Target:
    """Where paths within a step end: at a name that is read at the step or ``place.lag`` before it.

    ``component_of`` says that it is meant as a component of the tuple so many steps before, the
    other components held constant: paths then go through none of them.
    """

    place: Link
    component_of: int | None = None


class WithinStep:
    """The paths within a step; only their last edge may leave it."""

    def __init__(self, step: Step, carried: Carried | None) -> None:
        self.step = step
        self.carried = carried
        self._counts: dict[Target, dict[str, int]] = {}

    def last_edges(self, target: Target) -> list[Edge]:
        """The edges by which paths end at a target."""
        place = target.place
        edges = self.step.readers(place.name)
        return [e for e in edges if e.lag == place.lag and self._passable(e.of.name, target)]

    def counts(self, target: Target) -> Mapping[str, int]:
        """From each variable, how many paths lead to a target; none leads from it to itself."""
        if target not in self._counts:
            counts: dict[str, int] = {}
            for edge in self.last_edges(target):
                counts[edge.of.name] = 1
            for variable in self.step.variables:
                counts[variable.name] = counts.get(variable.name, 0) + sum(
                    counts[edge.by.name] for edge in self._inner(variable.name, target, counts)
                )
            self._counts[target] = counts
        return self._counts[target]

    def paths(self, of: str, target: Target) -> Iterator[tuple[Edge, ...]]:
        """Every path from a variable to a target, as its edges."""
        counts = self.counts(target)
        ending = self.last_edges(target)
        waiting: list[tuple[str, tuple[Edge, ...]]] = [(of, ())]
        while waiting:
            name, path = waiting.pop()
            for edge in ending:
                if edge.of.name == name:
                    yield (*path, edge)
            inner = [edge for edge in self._inner(name, target, counts) if counts[edge.by.name]]
            waiting += [(edge.by.name, (*path, edge)) for edge in reversed(inner)]

    def _inner(self, of: str, target: Target, counts: Mapping[str, int]) -> Iterator[Edge]:
        """The edges from a variable to others of the step through which a path may go on."""
        for edge in self.step.reads(of):
            by = edge.by.name
            if edge.lag == 0 and by in counts and self._passable(by, target):
                yield edge

    def _passable(self, name: str, target: Target) -> bool:
        # To hold the components of this step constant is to stop before what they are made of.
        stops = target.component_of == 0 and self.carried is not None
        return not (stops and self.carried and name in self.carried.feeding)
