"""The tracks along which lines run in the channels between rows, with the fewest crossings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, TypeVar

from bptt_sym.figures.plan import MOST_PERMUTED, Plan
from bptt_sym.figures.ports import FAR
from bptt_sym.figures.readings import SAME, Reading

MOST_SWAPPED = 12
"""Of more tracks than this, only neighbours are swapped: the others take too long."""


Key = TypeVar("Key", bound=Hashable)


class Track(NamedTuple):
    """A line along a channel: what leads away from ``by``.

    Lines of more than one step pass whole columns, so there is one track for each remainder. The
    one of lag None leads from the top of a node to the end of its column.
    """

    by: str
    lag: int | None
    remainder: int = 0


@dataclass
class User:
    """Where a track goes down and up, and how far it reaches."""

    downs: list[float] = field(default_factory=list)
    ups: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def spans(self, x: float) -> bool:
        every = self.downs + self.ups + self.ends
        return min(every) < x < max(every)


def tracks_of(plan: Plan) -> dict[int, list[Track]]:
    """The tracks of the channel below each row, from the bottom up."""
    users: dict[int, dict[Track, User]] = {}

    def user(channel: int, track: Track) -> User:
        return users.setdefault(channel, {}).setdefault(track, User())

    for reading in plan.ports.at:
        of, by, lag = reading
        up = plan.x[of] + plan.ports.at[reading]
        if lag == 0:
            if plan.row[of] > plan.row[by] + 1 and plan.leaves_track(by):
                jog = user(plan.row[by] + 1, Track(by, 0))
                jog.downs.append(plan.x[by])
                jog.ups.append(plan.trunk[by])
            if not plan.is_straight(reading):
                used = user(plan.row[of], Track(by, 0))
                used.downs.append(plan.ports.source(reading))
                used.ups.append(up)
            continue
        end = FAR if lag > 0 else -FAR
        direct = plan.enters_above(reading)
        for remainder in range(side_by_side(plan, reading)):
            used = user(plan.row[of], Track(by, lag, remainder))
            used.ups.append(up)
            used.ends.append(end if plan.folded else -end)
            if direct:
                used.downs.append(plan.x[by])
                used.ends.append(end)
        if not direct and not plan.leaves_by_side(by, lag):
            leaving = user(plan.row[by] + 1, leaving_track(reading))
            leaving.downs.append(plan.x[by])
            leaving.ends.append(end)
    return {channel: ordered(found, plan.space.track / 2) for channel, found in users.items()}


def side_by_side(plan: Plan, reading: Reading) -> int:
    """How many lines from step to step pass each other on the way to a row.

    One more than the steps between where they begin in a column before they end in it.
    """
    if plan.folded:
        return 1
    beside = [
        plan.x[other.of] + at - plan.x[other.by]
        for other, at in plan.ports.at.items()
        if (other.by, other.lag) == (reading.by, reading.lag)
        and plan.row[other.of] == plan.row[reading.of]
        and plan.enters_above(other)
    ]
    return abs(reading.lag) + any(reading.lag * ahead > SAME for ahead in beside)


def leaving_track(reading: Reading) -> Track:
    """The track from the top of a node to the end of its column, on the side where it goes."""
    return Track(reading.by, None, 1 if reading.lag > 0 else -1)


def ordered(users: dict[Key, User], close: float) -> list[Key]:
    """The tracks of a channel from the bottom up, in the order of the fewest crossings."""
    order = tuple(users)

    @cache
    def below(low: Key, high: Key) -> int:
        return _crossings(users[low], users[high], close)

    def cost(order: Iterable[Key]) -> int:
        return sum(itertools.starmap(below, itertools.combinations(order, 2)))

    if len(order) > MOST_SWAPPED:
        return _with_neighbours_swapped(list(order), below)
    if len(order) <= MOST_PERMUTED + 1:
        return list(min(itertools.permutations(order), key=cost))
    for _ in range(len(order)):
        better = min(_swapped(order), key=cost)
        if cost(better) >= cost(order):
            break
        order = better
    return list(order)


def _with_neighbours_swapped(order: list[Key], below: Callable[[Key, Key], int]) -> list[Key]:
    """An order in which no two neighbours are better the other way round."""
    for _ in order:
        same = True
        for k in range(len(order) - 1):
            low, high = order[k : k + 2]
            if below(high, low) < below(low, high):
                order[k : k + 2] = high, low
                same = False
        if same:
            break
    return order


def _swapped(order: tuple[Key, ...]) -> Iterator[tuple[Key, ...]]:
    for one, other in itertools.combinations(range(len(order)), 2):
        swapped = list(order)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        yield tuple(swapped)


def _crossings(low: User, high: User, close: float) -> int:
    """What it costs that one track runs below another; lines on top of each other cost most."""
    crossings = sum(high.spans(x) for x in low.ups) + sum(low.spans(x) for x in high.downs)
    return crossings + 1000 * lie_on_each_other(low, high, close)


def lie_on_each_other(low: User, high: User, close: float) -> int:
    """How many lines lie on each other where one track runs below another."""
    return sum(abs(up - down) < close for up in low.ups for down in high.downs)
