"""The ways that lines take, from what is read to its reader."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.columns import Columns
from bptt_sym.figures.heights import Heights
from bptt_sym.figures.picture import Point
from bptt_sym.figures.plan import Plan
from bptt_sym.figures.readings import SAME, Reading
from bptt_sym.figures.scene import Arrow
from bptt_sym.figures.tracks import Track, leaving_track, side_by_side


class Routes:
    """The lines of a figure, among the rows and columns of a plan."""

    def __init__(self, plan: Plan, heights: Heights, columns: Columns) -> None:
        self.plan = plan
        self.heights = heights
        self.columns = columns

    def line(self, arrow: Arrow) -> tuple[Point, ...]:
        """The points of an edge from what is read, or from a gap, to its reader, or to a gap."""
        plan = self.plan
        reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
        if reading in plan.horizontal:
            return self._horizontal(arrow)
        if plan.folded or arrow.by.time in self.columns.at:
            points = list(self._start(reading, 1 if plan.folded else arrow.by.time))
        else:
            points = [(self._gap_x(arrow), 0.0)]
        x = points.pop()[0]
        if arrow.of.time not in self.columns.at:
            channel = self._channel(arrow)
            return simplified([*points, (x, channel), (self._gap_x(arrow), channel)])
        port = self.columns.node_x(arrow.of) + plan.ports.at[reading]
        if abs(port - x) > SAME:
            points += [(x, self._channel(arrow)), (port, self._channel(arrow))]
        return simplified([*points, (port, self._bottom(reading.of, plan.ports.at[reading]))])

    def _start(self, reading: Reading, time: int) -> Iterator[Point]:
        """The points from a node to where its line enters the channel of the reader, and that."""
        plan, by = self.plan, reading.by
        x, y = self.columns.node_x(Vertex(by, time)), self.heights.y[plan.row[by]]
        top = (x, y + plan.ports.half_height(by))
        above = plan.row[by] + 1
        if reading.lag == 0:
            yield top
            if plan.row[reading.of] > above and plan.leaves_track(by):
                trunk = self.columns.at[time].middle + plan.trunk[by]
                yield x, self.heights.track_y[above, Track(by, 0)]
                yield trunk, self.heights.track_y[above, Track(by, 0)]
                x = trunk
            yield x, 0.0
        elif plan.enters_above(reading):
            yield top
            yield x, 0.0
        else:
            column, sign = self.columns.at[time], 1 if reading.lag > 0 else -1
            gutter = column.middle + self.columns.gutter_x[plan.gutter_key(reading)]
            gutter += column.right if sign > 0 else -column.left
            if plan.leaves_by_side(by, reading.lag):
                yield x + sign * self.columns.half(Vertex(by, time)), y
                yield gutter, y
            else:
                yield top
                yield x, self.heights.track_y[above, leaving_track(reading)]
                yield gutter, self.heights.track_y[above, leaving_track(reading)]
            yield gutter, 0.0

    def _channel(self, arrow: Arrow) -> float:
        """The height of the track on which a line comes to its reader."""
        remainder = 0
        if arrow.lag:
            reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
            remainder = arrow.by.time % side_by_side(self.plan, reading)
        track = Track(arrow.by.name, arrow.lag, remainder)
        return self.heights.track_y[self.plan.row[arrow.of.name], track]

    def _horizontal(self, arrow: Arrow) -> tuple[Point, ...]:
        plan = self.plan
        y = self.heights.y[plan.row[arrow.of.name]]
        sign = -1 if arrow.lag < 0 or arrow.lag == 0 else 1
        ends = []
        for node, side in ((arrow.by, sign), (arrow.of, -sign)):
            if node.time in self.columns.at:
                ends.append((self.columns.node_x(node) + side * self.columns.half(node), y))
            else:
                ends.append((self._gap_x(arrow), y))
        return tuple(ends)

    def _gap_x(self, arrow: Arrow) -> float:
        """The edge, at the dots, of the gap between a step that is drawn and one that is not."""
        shown, hidden = arrow.of.time, arrow.by.time
        leaves = shown not in self.columns.at
        if leaves:
            shown, hidden = hidden, shown
        later = [
            c for c in self.columns.at.values() if c.dots_before and c.time > min(shown, hidden)
        ]
        earlier = [c for c in later if c.time <= max(shown, hidden)]
        if hidden < shown:
            gaps = [c for c in self.columns.at.values() if c.dots_before and c.time <= shown]
            dots = (earlier or gaps)[-1].dots_before
        else:
            dots = later[0].dots_before
        assert dots is not None
        return dots[1] if hidden < shown else dots[0]

    def _bottom(self, name: str, offset: float) -> float:
        """Where a line meets the lower side of a node, which is round at its ends."""
        plan = self.plan
        half = plan.ports.half_height(name)
        if plan.layers.roles[name] == "copy":
            return self.heights.y[plan.row[name]] - half
        beyond = max(0.0, abs(offset) - (plan.ports.half_width(name) - half))
        return self.heights.y[plan.row[name]] - max(half**2 - beyond**2, 0.0) ** 0.5


def simplified(points: Sequence[Point]) -> tuple[Point, ...]:
    """A line without the points on which it does not turn."""
    kept: list[Point] = []
    for point in points:
        if kept and _near(kept[-1], point):
            continue
        if len(kept) > 1 and any(
            abs(kept[-2][k] - point[k]) < SAME and abs(kept[-1][k] - point[k]) < SAME
            for k in (0, 1)
        ):
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < SAME and abs(one[1] - other[1]) < SAME


def parts_between(
    points: tuple[Point, ...], gaps: Sequence[tuple[float, float]]
) -> Iterator[tuple[Point, ...]]:
    """The parts of a line outside of gaps, which it crosses along."""
    part = [points[0]]
    for one, other in itertools.pairwise(points):
        onward = other[0] > one[0]
        for gap in gaps if onward else gaps[::-1]:
            low, high = gap
            if min(one[0], other[0]) < low and high < max(one[0], other[0]):
                enter, leave = (low, high) if onward else (high, low)
                yield (*part, (enter, one[1]))
                part = [(leave, one[1])]
        part.append(other)
    yield tuple(part)
