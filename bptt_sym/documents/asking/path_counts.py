"""How many paths lead from the loss to the copies of a parameter."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.derivation.paths import Paths, losses_of
from bptt_sym.documents.asking.exercise_parts import (
    FEWEST_STEPS,
    MOST_STEPS,
    Asking,
    Exercise,
    said,
)
from bptt_sym.documents.telling import Telling

MOST_PATHS = 1000
"""More paths than this are not counted by hand."""


def path_counts(asking: Asking) -> Exercise | None:
    """Paths to each copy of a parameter, the latest first, and to all of them."""
    random = asking.random("paths")
    for telling in _unfoldings(asking):
        for parameter in random.sample(asking.parameters, len(asking.parameters)):
            counts = counted(telling, parameter)
            # Where each copy has one path there is little to count, as where there is one copy.
            if len(counts) > 1 and max(counts.values()) > 1 and sum(counts.values()) <= MOST_PATHS:
                return _exercise(asking, telling, parameter, counts)
    return None


def _unfoldings(asking: Asking) -> Iterator[Telling]:
    """More steps, or another loss: with that of the notes, these tell the paths of fewer steps."""
    if asking.steps <= MOST_STEPS:
        yield asking.over(asking.steps)
    if asking.other_loss is not None:
        yield asking.over(FEWEST_STEPS, asking.other_loss)


def counted(telling: Telling, parameter: Parameter) -> dict[int, int]:
    """The paths to the copy of each step, the latest first; 0 and N + 1 are initial values."""
    losses = losses_of(telling.model, telling.steps, telling.reduction)
    paths = Paths(telling.step, telling.steps, losses, most=MOST_PATHS + 1)
    return {copy.time: paths.count(copy) for copy in paths.copies(parameter.name)}


def _exercise(
    asking: Asking, telling: Telling, parameter: Parameter, counts: dict[int, int]
) -> Exercise:
    name, loss = f"${telling.math(parameter)}$", telling.told_loss()
    steps = [time for time in counts if 1 <= time <= telling.steps]
    initial = [time for time in counts if time not in steps]
    asked = asking.say.paths(name, loss, telling.steps, telling.reduction.words, bool(initial))
    told = asking.say.paths_solution(
        [(time, counts[time]) for time in steps],
        sum(counts[time] for time in initial) if initial else None,
        sum(counts.values()),
    )
    return Exercise((said(asked),), (said(told),), marks=len(counts))
