"""The plan of one time step, the same for every column: rows, places in them, ports and tracks.

A row holds variables of one depth. Below each row runs a channel: lines go up from the nodes under
it, along a track of their own in the channel, and up to a port at the bottom of their reader. What
has to pass a row does so on a trunk beside the row's nodes. Since no two nets share a track, a port
or a trunk, and labels stand beside ports above all tracks, nothing overlaps for any model.
"""

from __future__ import annotations

import itertools
from functools import cached_property

from bptt_sym.figures.layers import Layers
from bptt_sym.figures.ports import Ports
from bptt_sym.figures.readings import SAME, Reading, readings_of
from bptt_sym.figures.scene import Scene

MOST_PERMUTED = 5
FREE_TURNS = 4


class Plan:
    """Where everything of one time step lies: nodes and trunks, to the right of its middle."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.space = scene.request.space
        self.folded = scene.request.kind == "folded"
        self.readings = readings_of(scene)
        self.layers = Layers(scene, self.readings)
        self.row, self.rows = self.layers.row, self.layers.rows
        self.x = dict.fromkeys(self.layers.names, 0.0)
        self.trunk: dict[str, float] = {}
        self.ports = Ports(self.layers, self.readings, self.horizontal, self.x, self.trunk)
        self._place()

    # Lines from step to step.

    @cached_property
    def horizontal(self) -> frozenset[Reading]:
        """What is read along a row, straight from side to side."""
        found = set()
        for reading in self.readings:
            of, by, lag = reading
            if by == self.layers.beside or (
                abs(lag) == 1
                and not self.folded
                and self.row[of] == self.row[by]
                and self.rows[self.row[of]] == [of] == [by]
            ):
                found.add(reading)
        return frozenset(found)

    def leaves_by_side(self, by: str, lag: int) -> bool:
        """Whether nothing is in the way between a node and the end of its column."""
        sign = 1 if lag > 0 else -1
        others = self.rows[self.row[by]]
        return all(sign * self.x[other] <= sign * self.x[by] for other in others)

    # Places in the rows.

    def _place(self) -> None:
        # Ports depend on where lines come from, and places on how far labels at ports reach.
        known = None
        for turn in itertools.count():
            self._order_groups()
            self._place_copy()
            self._place_beside()
            self._place_trunks()
            self.ports.place()
            found = (dict(self.x), dict(self.trunk), dict(self.ports.at), self.ports.kept)
            if found == known:
                break
            known = found
            if turn >= FREE_TURNS:
                # What has been reached once stays free, so that this comes to an end.
                self.ports.keep()

    def _order_groups(self) -> None:
        for group in self.layers.groups:
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
                cost = _cost(self) + 0.01 * turns
                if best is None or cost < best[0] - SAME:
                    best = cost, order
            assert best is not None
            self._spread(list(best[1]))

    def _spread(self, order: list[str]) -> None:
        pairs = itertools.pairwise(order)
        pitch = max(self.ports.right(a) + self.ports.left(b) + self.space.apart for a, b in pairs)
        for k, name in enumerate(order):
            self.x[name] = (k - (len(order) - 1) / 2) * pitch

    def _place_copy(self) -> None:
        if self.layers.copy is None:
            return
        reading = [r.of for r in self.readings if r.by == self.layers.copy]
        reader = min(reading, key=lambda name: self.row[name])
        place, middle = self.row[self.layers.copy], self.x[reader]
        passing = {
            self.x[end]
            for r in self.readings
            if r.lag == 0 and r.by != self.layers.copy and self.row[r.by] < place < self.row[r.of]
            for end in (r.of, r.by)
        }
        step = self.ports.half_width(self.layers.copy) + self.space.apart + 0.1
        candidates = [middle, *(middle + k * step for k in (-1, 1, -2, 2, -3, 3))]
        free = (at for at in candidates if all(abs(at - x) > step - SAME for x in passing))
        self.x[self.layers.copy] = next(free, min(candidates))

    def _place_beside(self) -> None:
        if self.layers.beside is not None:
            loss = self.scene.request.model.loss.name
            label = self.readings[Reading(loss, self.layers.beside, 0)].width
            line = max(self.space.beside, label + self.space.head + 2 * self.space.pad)
            room = max(self.ports.right(loss), self.ports.half_width(loss) + line)
            self.x[self.layers.beside] = (
                self.x[loss] + room + self.ports.half_width(self.layers.beside)
            )

    # Trunks.

    def _place_trunks(self) -> None:
        self.trunk.clear()
        loss = self.scene.request.model.loss.name
        spans: dict[str, range] = {}
        for by in sorted(self.layers.names, key=lambda name: -self.row[name]):
            readers = [r.of for r in self.readings if r.by == by and r.lag == 0]
            if by == self.layers.beside or not readers:
                continue
            top = max(readers, key=lambda name: self.row[name])
            if self.row[top] <= self.row[by] + 1:
                continue
            span = range(self.row[by] + 1, self.row[top])
            nodes = [name for row in span for name in self.rows[row]]
            taken = [
                (self.x[n] - self.ports.left(n), self.x[n] + self.ports.right(n)) for n in nodes
            ]
            if self.layers.beside is not None and self.row[self.layers.beside] in span:
                taken.append((self.x[loss], self.x[self.layers.beside]))
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
                end
                for low, high in taken
                for end in (low - self.space.apart, high + self.space.apart)
            ]
            free = [
                at
                for at in candidates
                if all(
                    at < low - self.space.clear or at > high + self.space.clear
                    for low, high in taken
                )
            ]
            # Of equally short ways the one straight up from the node comes first.
            self.trunk[by] = min(
                free,
                key=lambda at: round(abs(at - self.x[by]) + abs(at - self.x[top]), 6),
            )
            spans[by] = span

    # Tracks.

    def is_straight(self, reading: Reading) -> bool:
        """Whether a line goes straight up to its port, without a track."""
        at = self.x[reading.of] + self.ports.at[reading]
        return reading.lag == 0 and abs(self.ports.source(reading) - at) < SAME

    def leaves_track(self, by: str) -> bool:
        """Whether a trunk is not right above its node."""
        return by in self.trunk and abs(self.trunk[by] - self.x[by]) > SAME

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
            for r in self.ports.at
            if r.lag and (r.lag > 0) == onward and not self.enters_above(r)
        )
        return sorted(found, key=lambda key: (self.row[key[0]], abs(key[1])))

    def gutter_key(self, reading: Reading) -> tuple[str, int]:
        return reading.by, reading.lag if self.folded else 0


def _cost(plan: Plan) -> float:
    """How far lines go to the side, how often they cross, how often something is in the way."""
    x, row = plan.x, plan.row
    lines = [
        r
        for r in plan.readings
        if r.lag == 0 and r.by not in (plan.layers.copy, plan.layers.beside)
    ]
    cost = 0.0
    for of, by, _ in lines:
        cost += abs(x[of] - x[by])
        for between in range(row[by] + 1, row[of]):
            near = [
                x[n] for n in plan.rows[between] if n not in (plan.layers.copy, plan.layers.beside)
            ]
            blocked = [
                any(abs(x[end] - at) < 2 * plan.space.radius for at in near) for end in (of, by)
            ]
            cost += 2.0 * all(blocked) + 0.5 * any(blocked)
    for one, other in itertools.combinations(lines, 2):
        if (
            row[one.of] == row[other.of]
            and (x[one.of] - x[other.of]) * (x[one.by] - x[other.by]) < -SAME
        ):
            cost += 0.7
    return cost
