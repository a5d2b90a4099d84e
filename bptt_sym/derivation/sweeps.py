"""The order in which adjoints are computed: from the last step to the first, or the other way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bptt_sym.algebra.expressions import Variable
from bptt_sym.model.model import Model
from bptt_sym.model.recurrence import Component, components


@dataclass(frozen=True)
class Sweep:
    """Adjoints that are computed together, step after step: the steps fall, or they rise."""

    rising: bool
    variables: tuple[Variable, ...]


def sweeps(model: Model, variables: Sequence[Variable]) -> list[Sweep]:
    """The sweeps over the steps that yield the adjoints of variables, given the last one first.

    The adjoints of states that are scanned in reverse come with rising steps.
    """
    if not any(entry.reverse for entry in model.declared("state")):
        return [Sweep(False, tuple(variables))]
    waiting = components(model)
    found: list[Sweep] = []
    while waiting:
        names: set[str] = set()
        rising: bool | None = None
        while True:
            ready = [component for component in _ready(waiting) if _fits(component, rising)]
            if not ready:
                break
            # What is not recurrent comes first: it sets no direction.
            chosen = min(ready, key=lambda component: component.recurrent)
            if chosen.recurrent:
                rising = chosen.reverse
            names.update(chosen.names)
            waiting.remove(chosen)
        found.append(Sweep(bool(rising), tuple(v for v in variables if v.name in names)))
    return [sweep for sweep in found if sweep.variables]


def _ready(waiting: Sequence[Component]) -> list[Component]:
    """The components that none of the others reads."""
    read = {name for component in waiting for name in component.reads}
    return [component for component in waiting if not read & set(component.names)]


def _fits(component: Component, rising: bool | None) -> bool:
    return not component.recurrent or rising is None or component.reverse == rising
