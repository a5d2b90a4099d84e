"""Who reads whom within a time step and across: names and lags, without derivatives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bptt_sym.derivation.step import Edge, Step


class Link(NamedTuple):
    """What is called ``name``, ``lag`` steps before the one that reads it."""

    name: str
    lag: int


@dataclass(frozen=True)
class Dependencies:
    """The readings of one time step.

    ``order`` holds what a step computes, in the order of computation, and ``reads`` what each of
    these reads. ``initial`` says what a value before the first step is made of, as seen from step
    0: a parameter is then the copy of step 0.
    """

    order: tuple[str, ...]
    reads: Mapping[str, tuple[Link, ...]]
    initial: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)

    @cached_property
    def readers(self) -> Mapping[str, tuple[Link, ...]]:
        """For each name who reads it, so many steps later."""
        found: dict[str, list[Link]] = {}
        for reader in self.order:
            for link in self.reads[reader]:
                found.setdefault(link.name, []).append(Link(reader, link.lag))
        return {name: tuple(links) for name, links in found.items()}

    def among(self, names: Collection[str]) -> Dependencies:
        """The readings of some of what is computed, straight through the rest, which a step reads
        at its own time alone.
        """
        reads: dict[str, tuple[Link, ...]] = {}
        for reader in self.order:
            through = (
                reads[link.name] if link.name in reads and link.name not in names else (link,)
                for link in self.reads[reader]
            )
            reads[reader] = tuple(dict.fromkeys(link for links in through for link in links))
        order = tuple(name for name in self.order if name in names)
        return Dependencies(order, {name: reads[name] for name in order}, self.initial)

    def depth(self, name: str) -> int:
        """How many steps back a name is read at most."""
        return max((link.lag for link in self.readers.get(name, ())), default=0)

    @cached_property
    def recurrent(self) -> frozenset[str]:
        """What depends on its own past."""
        found = set()
        for name in self.order:
            waiting, seen = [name], set()
            while waiting:
                for link in self.reads.get(waiting.pop(), ()):
                    if link.name not in seen:
                        seen.add(link.name)
                        waiting.append(link.name)
            if name in seen:
                found.add(name)
        return frozenset(found)


def dependencies_of(step: Step) -> Dependencies:
    """The graph of a step as its equations say, without frozen parameters and without inputs,
    but for those that parameters begin.
    """
    order = tuple(variable.name for variable in step.variables)
    begun = (edge.of.name for edge in step.initial)
    nodes = frozenset((*order, *step.model.sources, *begun))
    reads = {
        name: tuple(_link(edge) for edge in step.reads(name) if edge.by.name in nodes)
        for name in order
    }
    initial: dict[str, tuple[Link, ...]] = {}
    for edge in step.initial:
        initial[edge.of.name] = (*initial.get(edge.of.name, ()), _link(edge))
    return Dependencies(order, reads, initial)


def _link(edge: Edge) -> Link:
    return Link(edge.by.name, edge.lag)
