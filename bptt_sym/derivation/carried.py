"""What a step hands on to the next: one state, or the tuple of all carried variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.expressions import TIME, Add, S, Variable
from bptt_sym.derivation.dependencies import Dependencies, Link
from bptt_sym.derivation.step import Step


@dataclass(frozen=True)
class Carried:
    """What a step hands on: every state that the loss depends on across time steps.

    A state s that is read at s[t-2] has two components, s_t and s_{t-1}: with them the step reads
    what the step before handed on and nothing else of the past (the companion form). ``places``
    are the components as seen from step t. ``symbol`` is at step t: the state, where there is one
    component, else the tuple of all. ``feeding`` names what a component is computed from within
    its step, the states themselves among it.
    """

    symbol: Variable
    places: tuple[Link, ...]
    feeding: frozenset[str]

    @property
    def name(self) -> str:
        """The name of the symbol, as a node of a graph has it."""
        return self.symbol.name

    @property
    def is_tuple(self) -> bool:
        return isinstance(self.symbol, StateTuple)

    @cached_property
    def components(self) -> tuple[Variable, ...]:
        """The components at step t."""
        return self.symbol.components if isinstance(self.symbol, StateTuple) else (self.symbol,)


def carried_by(step: Step, graph: Dependencies, reached: Iterable[str]) -> Carried | None:
    """What the steps of a model hand on, as far as the names reached depend on it.

    None for a model without a state.
    """
    depth: dict[str, int] = {}
    for reader in reached:
        for link in graph.reads.get(reader, ()):
            depth[link.name] = max(depth.get(link.name, 0), link.lag)
    states = [state for state in step.model.states if depth.get(state.name)]
    places = tuple(Link(state.name, k) for state in states for k in range(depth[state.name]))
    if not places:
        return None
    feeding = _feeding(graph, {state.name for state in states})
    if len(places) == 1:
        return Carried(states[0], places, feeding)
    symbols = {state.name: state for state in states}
    components = [symbols[place.name].at(-place.lag) for place in places]
    columns = Add(*(component.rows * component.cols for component in components))
    name = ".".join(place.name for place in places)
    return Carried(StateTuple(name, S.One, columns, TIME, *components), places, feeding)


def condensed(graph: Dependencies, carried: Carried | None) -> Dependencies:
    """The graph in which each step reads the past through the tuple alone.

    What lies behind the states in a step reads them through the tuple of this step, where it holds
    what is read. With one component nothing changes: the state itself is the tuple.
    """
    if carried is None or not carried.is_tuple:
        return graph
    this, before = Link(carried.name, 0), Link(carried.name, 1)

    def through(reader: str, link: Link) -> Link:
        if reader not in carried.feeding and link in carried.places:
            return this
        return before if link.lag else link

    reads = {
        reader: tuple(dict.fromkeys(through(reader, link) for link in links))
        for reader, links in graph.reads.items()
    }
    older = (before,) if any(place.lag for place in carried.places) else ()
    reads[carried.name] = (*(place for place in carried.places if not place.lag), *older)
    feeding = [name for name in graph.order if name in carried.feeding]
    behind = [name for name in graph.order if name not in carried.feeding]
    order = (*feeding, carried.name, *behind)
    return Dependencies(order, reads, {**graph.initial, **_initial(graph, carried)})


def _initial(graph: Dependencies, carried: Carried) -> Mapping[str, tuple[Link, ...]]:
    """Of the tuple at step 0 the components that are made of parameters."""
    made = tuple(place for place in carried.places if place.name in graph.initial)
    return {carried.name: made} if made else {}


def _feeding(graph: Dependencies, states: set[str]) -> frozenset[str]:
    found = set(states)
    for name in reversed(graph.order):
        if name in found:
            found |= {link.name for link in graph.reads[name] if not link.lag}
    return frozenset(found)
