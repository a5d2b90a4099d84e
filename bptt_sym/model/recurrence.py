"""The recurrences of a model: which quantities depend on their own past, or future."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bptt_sym.algebra.expressions import Variable
from bptt_sym.algebra.pullback import leaves
from bptt_sym.model.model import Model


@dataclass(frozen=True)
class Component:
    """Quantities of a step that depend on each other, in the order of computation.

    It is ``recurrent`` if it has a state among them, and ``reverse`` if they are scanned from the
    last step to the first. ``reads`` are the other computed quantities that it depends on.
    """

    names: tuple[str, ...]
    recurrent: bool
    reverse: bool
    reads: frozenset[str]


def components(model: Model) -> list[Component]:
    """The components of a model's step, pre-activations and loss among them, in definition order.

    These are the strongly connected components of the graph in which each quantity reads others at
    any time step.
    """
    reads = _reads(model)
    reached = {name: set(_closure(name, reads)) for name in reads}
    reverse = {entry.name: entry.reverse for entry in model.declared("state")}
    found: list[Component] = []
    placed: set[str] = set()
    for name in reads:
        if name in placed:
            continue
        names = tuple(other for other in reads if _together(name, other, reached))
        placed.update(names)
        outside = {read for member in names for read in reads[member]} - set(names)
        states = [member for member in names if member in reverse]
        backward = any(reverse[state] for state in states)
        found.append(Component(names, bool(states), backward, frozenset(outside)))
    return found


def mixed_scan(model: Model) -> tuple[str, str] | None:
    """Two states on one cycle, one scanned onward and one in reverse: no order computes them."""
    reverse = {entry.name: entry.reverse for entry in model.declared("state")}
    for component in components(model):
        onward = [name for name in component.names if reverse.get(name) is False]
        backward = [name for name in component.names if reverse.get(name)]
        if onward and backward:
            return onward[0], backward[0]
    return None


def _together(one: str, other: str, reached: Mapping[str, set[str]]) -> bool:
    return one == other or (one in reached[other] and other in reached[one])


def _reads(model: Model) -> dict[str, list[str]]:
    """The computed quantities that each equation reads, even where its derivative is zero."""
    computed = {definition.name for definition in model.definitions}
    return {
        definition.name: [
            leaf.name
            for leaf in leaves(definition.expression)
            if isinstance(leaf, Variable) and leaf.name in computed
        ]
        for definition in model.definitions
    }


def _closure(start: str, reads: Mapping[str, list[str]]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = list(reads[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name
            waiting += reads[name]
