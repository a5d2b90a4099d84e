"""The plan of one time step, the same for every column: rows, places in them, ports and tracks.

A row holds variables of one depth. Below each row runs a channel: lines go up from the nodes under
it, along a track of their own in the channel, and up to a port at the bottom of their reader. What
has to pass a row does so on a trunk beside the row's nodes. Since no two nets share a track, a port
or a trunk, and labels stand beside ports above all tracks, nothing overlaps for any model.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bptt_sym.figures.measure import LabelSize, measured
from bptt_sym.figures.scene import Scene

RADIUS = 0.42
NODE_POINTS = 10.0
EDGE_POINTS = 8.0

PAD = 0.13
"""Between a label and what it stands at."""

PORT_GAP = 0.14
"""Half the distance of two ports without a label between them."""

APART = 0.35
"""Between the nodes of a row, their labels among them, and between these and a trunk."""

CLEAR = 0.2
"""What a trunk that goes straight up may pass at."""

BESIDE = 0.6
"""The length of the line from a target to the loss beside it."""

SAME = 1e-6
CLOSE = 0.12
NEARLY = 0.34
FAR = 1e6

MOST_PERMUTED = 5
FREE_TURNS = 4


class Reading(NamedTuple):
    """``of`` reads ``by``, ``lag`` steps before, at every step that has such an edge."""

    of: str
    by: str
    lag: int


class Track(NamedTuple):
    """A line along a channel: what leads away from ``by``.

    Lines of more than one step pass whole columns, so there is one track for each remainder. The
    one of lag None leads from the top of a node to the end of its column.
    """

    by: str
    lag: int | None
    remainder: int = 0


@dataclass
class _User:
    """Where a track goes down and up, and how far it reaches."""

    downs: list[float] = field(default_factory=list)
    ups: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def spans(self, x: float) -> bool:
        every = self.downs + self.ups + self.ends
        return min(every) < x < max(every)


class Plan:
    """Where everything of one time step lies, relative to the middle of its column."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.folded = scene.request.kind == "folded"
        self.readings: dict[Reading, LabelSize] = {}
        for arrow in scene.arrows:
            reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
            size = label_size(arrow.latex)
            known = self.readings.get(reading, LabelSize(0, 0))
            self.readings[reading] = LabelSize(*map(max, size, known))
        self.widths: dict[str, float] = {}
        for item in scene.items:
            width = measured(item.latex, NODE_POINTS).width
            self.widths[item.node.name] = max(width, self.widths.get(item.node.name, 0))
        self.roles = {item.node.name: item.role for item in scene.items}
        self.x: dict[str, float] = dict.fromkeys(self.names, 0.0)
        self.trunk: dict[str, float] = {}
        self.ports: dict[Reading, float] = {}
        self._place()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is drawn, in the order of the model."""
        model = self.scene.request.model
        order = [entry.name for entry in model.declarations]
        order += [e.name for e in model.all_equations if e.name not in order]
        computed = [equation.name for equation in model.all_equations]
        given = [name for name in order if name not in computed]
        return tuple(name for name in (*given, *computed) if name in self.roles)

    # Rows.

    @cached_property
    def beside(self) -> str | None:
        """The first input or target that the loss alone reads: it stands at its right."""
        return next((name for name in self.names if self._only_for_loss(name)), None)

    def _only_for_loss(self, name: str) -> bool:
        loss = self.scene.request.model.loss.name
        readings = [reading for reading in self.readings if reading.by == name]
        return self.roles[name] in ("input", "target") and set(readings) == {Reading(loss, name, 0)}

    @cached_property
    def copy(self) -> str | None:
        """The parameter whose copies are drawn."""
        return next((name for name in self.names if self.roles[name] == "copy"), None)

    @cached_property
    def depth(self) -> dict[str, int]:
        """The longest path within a step from the inputs to each name."""
        found: dict[str, int] = {}
        for name in self.names:
            if self.roles[name] in ("input", "target") or name == self.copy:
                found[name] = 0
                continue
            below = [found.get(r.by, 0) for r in self.readings if r.of == name and r.lag == 0]
            found[name] = 1 + max(below, default=0)
        loss = self.scene.request.model.loss.name
        for name in self.names:
            if name == self.beside:
                found[name] = found[loss]
            elif self._only_for_loss(name):
                found[name] = found[loss] - 1
        return found

    @cached_property
    def groups(self) -> list[list[str]]:
        """The names of each depth, from the inputs up; they stand side by side."""
        found: dict[int, list[str]] = {}
        for name in self.names:
            if name not in (self.beside, self.copy):
                found.setdefault(self.depth[name], []).append(name)
        return [found[depth] for depth in sorted(found)]

    @cached_property
    def rows(self) -> list[list[str]]:
        """The rows, from the bottom up: those of one depth, each name that reads itself apart.

        So the line from step to step is straight and meets no other node.
        """
        found: list[list[str]] = []
        for group in self.groups:
            itself = [n for n in group if any(r.of == r.by == n for r in self.readings)]
            others = [name for name in group if name not in itself]
            if len(group) == 1 or not itself:
                found.append(list(group))
                continue
            found += [others] if others else []
            found += [[name] for name in itself]
        if self.copy is not None:
            reading = {r.of for r in self.readings if r.by == self.copy}
            place = next(k for k, row in enumerate(found) if reading & set(row))
            found.insert(place, [self.copy])
        if self.beside is not None:
            next(r for r in found if self.scene.request.model.loss.name in r).append(self.beside)
        return found

    @cached_property
    def row(self) -> dict[str, int]:
        return {name: k for k, row in enumerate(self.rows) for name in row}

    # Lines from step to step.

    @cached_property
    def horizontal(self) -> frozenset[Reading]:
        """What is read along a row, straight from side to side."""
        found = set()
        for reading in self.readings:
            of, by, lag = reading
            if by == self.beside or (
                abs(lag) == 1
                and not self.folded
                and self.row[of] == self.row[by]
                and self.rows[self.row[of]] == [of] == [by]
            ):
                found.add(reading)
        return frozenset(found)

    def onward(self, lag: int) -> bool:
        """Whether a line leads to a later step, so that it leaves its column to the right."""
        return lag > 0

    def leaves_by_side(self, by: str, lag: int) -> bool:
        """Whether nothing is in the way between a node and the end of its column."""
        sign = 1 if self.onward(lag) else -1
        others = self.rows[self.row[by]]
        return all(sign * self.x[other] <= sign * self.x[by] for other in others)

    # Places in the rows.

    def _place(self) -> None:
        # Ports depend on where lines come from, and places on how far labels at ports reach.
        self.reached: dict[tuple[str, int], float] = {}
        known = None
        for turn in itertools.count():
            self._order_groups()
            self._place_copy()
            self._place_beside()
            self._place_trunks()
            self._place_ports()
            found = (dict(self.x), dict(self.trunk), dict(self.ports), dict(self.reached))
            if found == known:
                break
            known = found
            if turn >= FREE_TURNS:
                # What has been reached once stays free, so that this comes to an end.
                self.reached = {
                    (name, side): self._reach(name, side) for name in self.names for side in (-1, 1)
                }

    def _order_groups(self) -> None:
        for group in self.groups:
            if len(group) == 1:
                continue
            if len(group) > MOST_PERMUTED:
                self._spread(group)
                continue
            best = None
            for order in itertools.permutations(group):
                self._spread(list(order))
                turns = sum(
                    group.index(a) > group.index(b) for a, b in itertools.combinations(order, 2)
                )
                cost = self._cost() + 0.01 * turns
                if best is None or cost < best[0] - SAME:
                    best = cost, order
            assert best is not None
            self._spread(list(best[1]))

    def _spread(self, order: list[str]) -> None:
        pairs = itertools.pairwise(order)
        pitch = max(self.right(a) + self.left(b) + APART for a, b in pairs)
        for k, name in enumerate(order):
            self.x[name] = (k - (len(order) - 1) / 2) * pitch

    def _cost(self) -> float:
        """How far lines go to the side, how often they cross, how often something is in the way."""
        x, row = self.x, self.row
        lines = [r for r in self.readings if r.lag == 0 and r.by not in (self.copy, self.beside)]
        cost = 0.0
        for of, by, _ in lines:
            cost += abs(x[of] - x[by])
            for between in range(row[by] + 1, row[of]):
                near = [x[n] for n in self.rows[between] if n not in (self.copy, self.beside)]
                blocked = [any(abs(x[end] - at) < 2 * RADIUS for at in near) for end in (of, by)]
                cost += 2.0 * all(blocked) + 0.5 * any(blocked)
        for one, other in itertools.combinations(lines, 2):
            if (
                row[one.of] == row[other.of]
                and (x[one.of] - x[other.of]) * (x[one.by] - x[other.by]) < -SAME
            ):
                cost += 0.7
        return cost

    def _place_copy(self) -> None:
        if self.copy is None:
            return
        reading = [r.of for r in self.readings if r.by == self.copy]
        reader = min(reading, key=lambda name: self.row[name])
        place, middle = self.row[self.copy], self.x[reader]
        passing = {
            self.x[end]
            for r in self.readings
            if r.lag == 0 and r.by != self.copy and self.row[r.by] < place < self.row[r.of]
            for end in (r.of, r.by)
        }
        step = self.half_width(self.copy) + APART + 0.1
        candidates = [middle, *(middle + k * step for k in (-1, 1, -2, 2, -3, 3))]
        free = (at for at in candidates if all(abs(at - x) > step - SAME for x in passing))
        self.x[self.copy] = next(free, min(candidates))

    def _place_beside(self) -> None:
        if self.beside is not None:
            loss = self.scene.request.model.loss.name
            room = max(self.right(loss), self.half_width(loss) + BESIDE)
            self.x[self.beside] = self.x[loss] + room + self.half_width(self.beside)

    # Trunks.

    def _place_trunks(self) -> None:
        self.trunk = {}
        spans: dict[str, range] = {}
        for by in sorted(self.names, key=lambda name: -self.row[name]):
            readers = [r.of for r in self.readings if r.by == by and r.lag == 0]
            if by == self.beside or not readers:
                continue
            top = max(readers, key=lambda name: self.row[name])
            if self.row[top] <= self.row[by] + 1:
                continue
            span = range(self.row[by] + 1, self.row[top])
            nodes = [name for row in span for name in self.rows[row]]
            taken = [(self.x[n] - self.left(n), self.x[n] + self.right(n)) for n in nodes]
            taken += [
                (self.trunk[n], self.trunk[n])
                for n, other in spans.items()
                if set(other) & set(span)
            ]
            # At their ends trunks stand on nodes, and must not meet what leaves these upward.
            ends = [self.x[n] for n in self.rows[span[-1]] + self.rows[self.row[by]] if n != by]
            taken += [(x, x) for x in ends]
            straight = [self.x[by], self.x[top]]
            candidates = straight + [
                end for low, high in taken for end in (low - APART, high + APART)
            ]
            free = [
                at
                for at in candidates
                if all(at < low - CLEAR or at > high + CLEAR for low, high in taken)
            ]
            # Of equally short ways the one straight up from the node comes first.
            self.trunk[by] = min(
                free, key=lambda at: round(abs(at - self.x[by]) + abs(at - self.x[top]), 6)
            )
            spans[by] = span

    # Ports.

    def source(self, reading: Reading) -> float:
        """From where a line comes to its reader: from a side, from a trunk or from a node."""
        if reading.lag:
            return FAR if self.onward(reading.lag) == self.folded else -FAR
        above = self.row[reading.of] > self.row[reading.by] + 1
        return self.trunk[reading.by] if above else self.x[reading.by]

    def entering(self, of: str) -> list[Reading]:
        """What enters a node from below, from left to right."""
        found = [r for r in self.readings if r.of == of and r not in self.horizontal]
        order = {name: k for k, name in enumerate(self.names)}
        return sorted(found, key=lambda r: (self.source(r), -self.row[r.by], order[r.by], r.lag))

    def _place_ports(self) -> None:
        self.ports = {}
        self.sides: dict[Reading, int] = {}
        for name in self.names:
            found = self.entering(name)
            straight = [r for r in found if abs(self.source(r) - self.x[name]) < SAME]
            if straight or len(found) % 2:
                middle = found.index(straight[0]) if straight else len(found) // 2
                alone = middle == 0 and len(found) > 1
                self._put(found[middle], 0.0, -1 if alone else 1)
                left, right = found[:middle][::-1], found[middle + 1 :]
                between = 0.0 if alone else self.readings[found[middle]].width
                starts = -2 * PORT_GAP, max(2 * PORT_GAP, _room(between))
            else:
                half = len(found) // 2
                left, right = found[:half][::-1], found[half:]
                starts = -PORT_GAP, PORT_GAP
            for sign, side, start in ((-1, left, starts[0]), (1, right, starts[1])):
                at = start
                for reading in side:
                    self._put(reading, at, sign)
                    at += sign * max(2 * PORT_GAP, _room(self.readings[reading].width))
            self._straighten(found)

    def _put(self, reading: Reading, at: float, side: int) -> None:
        self.ports[reading] = at
        self.sides[reading] = side

    def _straighten(self, found: list[Reading]) -> None:
        """Moves a port right above what leads to it, where a line would turn by a little only."""
        for k, reading in enumerate(found):
            at = self.source(reading) - self.x[reading.of]
            if SAME < abs(at - self.ports[reading]) < NEARLY:
                low, high = -FAR, FAR
                if k:
                    low = self.ports[found[k - 1]] + self._between(found[k - 1], reading)
                if k + 1 < len(found):
                    high = self.ports[found[k + 1]] - self._between(reading, found[k + 1])
                if low - SAME <= at <= high + SAME:
                    self.ports[reading] = at

    def _between(self, left: Reading, right: Reading) -> float:
        """How far apart two neighbouring ports have to be."""
        room = _room(self.readings[left].width) if self.sides[left] > 0 else 0.0
        room += _room(self.readings[right].width) if self.sides[right] < 0 else 0.0
        return max(2 * PORT_GAP, room)

    def label_side(self, reading: Reading) -> int:
        """On which side of its port a label stands: -1 is left, 1 right."""
        return self.sides[reading]

    def half_width(self, name: str, *, ports: bool = True) -> float:
        """Half the width of a node: its label needs room, and its ports where it reads others."""
        if self.roles[name] == "copy":
            return max(0.3, self.widths[name] / 2 + PAD)
        places = [abs(at) for reading, at in self.ports.items() if reading.of == name]
        widest = max(places, default=0.0) if ports else 0.0
        needed = max(RADIUS, self.widths[name] / 2 + 0.13)
        return needed if widest < 0.8 * needed else max(needed, widest + 0.2)

    def half_height(self, name: str) -> float:
        return 0.3 if self.roles[name] == "copy" else RADIUS

    def left(self, name: str) -> float:
        """How far a node and the labels at its ports reach to the left."""
        return self._reach(name, -1)

    def right(self, name: str) -> float:
        return self._reach(name, 1)

    def _reach(self, name: str, side: int) -> float:
        reach = max(self.half_width(name), self.reached.get((name, side), 0.0))
        for reading, at in self.ports.items():
            if reading.of == name:
                beyond = side * at
                if self.label_side(reading) == side:
                    beyond += _room(self.readings[reading].width)
                reach = max(reach, beyond)
        return reach

    # Tracks.

    def is_straight(self, reading: Reading) -> bool:
        """Whether a line goes straight up to its port, without a track."""
        at = self.x[reading.of] + self.ports[reading]
        return reading.lag == 0 and abs(self.source(reading) - at) < SAME

    def leaves_track(self, by: str) -> bool:
        """Whether a trunk is not right above its node."""
        return by in self.trunk and abs(self.trunk[by] - self.x[by]) > SAME

    @cached_property
    def tracks(self) -> dict[int, list[Track]]:
        """The tracks of the channel below each row, from the bottom up."""
        users: dict[int, dict[Track, _User]] = {}

        def user(channel: int, track: Track) -> _User:
            return users.setdefault(channel, {}).setdefault(track, _User())

        for reading in self.ports:
            of, by, lag = reading
            up = self.x[of] + self.ports[reading]
            if lag == 0:
                if self.row[of] > self.row[by] + 1 and self.leaves_track(by):
                    jog = user(self.row[by] + 1, Track(by, 0))
                    jog.downs.append(self.x[by])
                    jog.ups.append(self.trunk[by])
                if not self.is_straight(reading):
                    used = user(self.row[of], Track(by, 0))
                    used.downs.append(self.source(reading))
                    used.ups.append(up)
                continue
            end = FAR if self.onward(lag) else -FAR
            direct = self.enters_above(reading)
            for remainder in range(1 if self.folded else abs(lag)):
                used = user(self.row[of], Track(by, lag, remainder))
                used.ups.append(up)
                used.ends.append(end if self.folded else -end)
                if direct:
                    used.downs.append(self.x[by])
                    used.ends.append(end)
            if not direct and not self.leaves_by_side(by, lag):
                leaving = user(self.row[by] + 1, leaving_track(reading))
                leaving.downs.append(self.x[by])
                leaving.ends.append(end)
        return {channel: _ordered(found) for channel, found in users.items()}

    def enters_above(self, reading: Reading) -> bool:
        """Whether a line leaves a node upward into the very channel of its reader."""
        above = self.row[reading.of] == self.row[reading.by] + 1
        return above and not self.folded and not self.leaves_by_side(reading.by, reading.lag)

    def gutter(self, onward: bool) -> list[tuple[str, int]]:
        """What needs a vertical track beside its column, from the column outward.

        A name has one for all of its lags, except in a folded model, where each has its delay.
        """
        found = dict.fromkeys(
            self.gutter_key(r)
            for r in self.ports
            if r.lag and self.onward(r.lag) == onward and not self.enters_above(r)
        )
        return sorted(found, key=lambda key: (self.row[key[0]], abs(key[1])))

    def gutter_key(self, reading: Reading) -> tuple[str, int]:
        return reading.by, reading.lag if self.folded else 0


def leaving_track(reading: Reading) -> Track:
    """The track from the top of a node to the end of its column, on the side where it goes."""
    return Track(reading.by, None, 1 if reading.lag > 0 else -1)


def label_size(latex: str) -> LabelSize:
    """The size of the label of an edge."""
    return measured(latex, EDGE_POINTS) if latex else LabelSize(0, 0)


def _room(width: float) -> float:
    return width + 2 * PAD if width else 0.0


def _ordered(users: dict[Track, _User]) -> list[Track]:
    """The tracks of a channel from the bottom up, in the order of the fewest crossings."""
    tracks = list(users)
    costs = {
        (low, high): _crossings(users[low], users[high])
        for low, high in itertools.permutations(tracks, 2)
    }

    def cost(order: Iterable[Track]) -> int:
        return sum(costs[pair] for pair in itertools.combinations(order, 2))

    if len(tracks) <= MOST_PERMUTED + 1:
        return list(min(itertools.permutations(tracks), key=cost))
    order = tuple(tracks)
    for _ in range(len(tracks)):
        better = min(_swapped(order), key=cost)
        if cost(better) >= cost(order):
            break
        order = better
    return list(order)


def _swapped(order: tuple[Track, ...]) -> Iterator[tuple[Track, ...]]:
    for one, other in itertools.combinations(range(len(order)), 2):
        swapped = list(order)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        yield tuple(swapped)


def _crossings(low: _User, high: _User) -> int:
    """What it costs that one track runs below another; lines on top of each other cost most."""
    crossings = sum(high.spans(x) for x in low.ups) + sum(low.spans(x) for x in high.downs)
    on_top = sum(abs(up - down) < CLOSE for up in low.ups for down in high.downs)
    return crossings + 1000 * on_top
