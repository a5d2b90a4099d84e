"""From a scene to a picture: columns of time steps, lines along tracks, labels in their places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bptt_sym.derivation.unfolding import Node
from bptt_sym.figures.describe import description, title
from bptt_sym.figures.measure import LabelSize, measured
from bptt_sym.figures.picture import (
    Delay,
    Dots,
    DrawnEdge,
    DrawnNode,
    Label,
    Picture,
    Point,
    Rectangle,
)
from bptt_sym.figures.plan import (
    EDGE_POINTS,
    NODE_POINTS,
    PAD,
    SAME,
    Plan,
    Reading,
    Track,
    label_size,
    leaving_track,
)
from bptt_sym.figures.scene import Arrow, Scene

MARGIN = 0.25
TRACK = 0.24
HEAD = 0.3
"""The room of an arrowhead."""

ROW_GAP = 0.75
"""Between a row and the one below it, at least."""

SIDE_GAP = 0.7
"""The length of a line from step to step, at least."""

DOTS = 0.7
"""The width of three dots."""

DELAY_HEIGHT = 0.42
DELAY_LINE = 0.3
"""The line before the box of a delay and behind it."""


@dataclass
class _Column:
    """A time step: its middle, how far it reaches, and the dots before it, from left to right."""

    time: int
    left: float
    right: float
    outside: bool
    middle: float = 0.0
    dots_before: tuple[float, float] | None = None
    labels_before: tuple[float, float] = (0.0, 0.0)
    labels_behind_dots: tuple[float, float] = (0.0, 0.0)


def picture(scene: Scene) -> Picture:
    """The picture of a scene."""
    return _Placement(scene).picture()


class _Placement:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.plan = Plan(scene)
        self._place_rows()
        self._place_columns()

    # Upward.

    def _place_rows(self) -> None:
        plan = self.plan
        self.y: dict[int, float] = {}
        self.track_y: dict[tuple[int, Track], float] = {}
        self.label_y: dict[int, float] = {}
        at = 0.0
        for row, names in enumerate(plan.rows):
            tracks = plan.tracks.get(row, [])
            bottom = at
            if tracks and self.scene.request.kind == "path":
                at += HEAD
            for track in tracks:
                at += TRACK
                self.track_y[row, track] = at
            sizes = [plan.readings[r].height for r in plan.ports if plan.row[r.of] == row]
            label = max(sizes, default=0.0)
            if row or sizes:
                at += PAD
                self.label_y[row] = at + label / 2
                at = max(at + label + HEAD, bottom + ROW_GAP)
                self.label_y[row] = at - HEAD - label / 2
            half = max(map(plan.half_height, names))
            self.y[row] = at + half
            above = [plan.readings[r].height for r in plan.horizontal if plan.row[r.of] == row]
            at += half + max(half, max(above, default=0.0) + 2 * PAD)
        # What leaves the uppermost row upward runs above it.
        for track in plan.tracks.get(len(plan.rows), []):
            at += TRACK
            self.track_y[len(plan.rows), track] = at
        self.height = at

    # To the right.

    def _place_columns(self) -> None:
        plan = self.plan
        inside = set(self.scene.shown)
        times = sorted(inside | {item.node.time for item in self.scene.items})
        self.columns = {time: self._column(time, time not in inside) for time in times}
        onward, backward = plan.gutter(True), plan.gutter(False)
        gap = self._delay_width() + 2 * DELAY_LINE if plan.folded else TRACK
        self.gutter_x = {key: (k + 1) * gap for k, key in enumerate(onward)}
        self.gutter_x |= {key: -(k + 1) * gap for k, key in enumerate(backward)}
        widths = [plan.readings[r].width for r in plan.horizontal if r.lag]
        zone = max([SIDE_GAP, *(width + HEAD + 3 * PAD for width in widths if width)])
        for before, column in itertools.pairwise(self.columns.values()):
            at = before.middle + before.right + len(onward) * TRACK
            if self._leaves_out(before, column):
                if any(r.lag < 0 for r in plan.horizontal):
                    column.labels_behind_dots = (at, at + zone)
                    at += zone
                at += 2 * PAD
                column.dots_before = (at, at + DOTS)
                at += DOTS + PAD
            column.labels_before = (at, at + zone)
            at += zone + len(backward) * TRACK
            column.middle = at + column.left

    def _leaves_out(self, before: _Column, column: _Column) -> bool:
        return column.time > before.time + 1 and not (before.outside and column.outside)

    def _column(self, time: int, outside: bool) -> _Column:
        plan = self.plan
        names = [item.node.name for item in self.scene.items if item.node.time == time]
        if outside:
            lefts = [self._half(Node(name, time)) - self._x(name, time) for name in names]
            rights = [self._half(Node(name, time)) + self._x(name, time) for name in names]
            within = {arrow.by.name for arrow in self._within[time]}
            trunks = [x for name, x in plan.trunk.items() if name in within]
            lefts += [2 * PAD - x for x in trunks]
            rights += [2 * PAD + x for x in trunks]
        else:
            # What stands beside the loss does not hold the other columns apart.
            here = [name for name in plan.names if name != plan.beside or name in names]
            lefts = [plan.left(name) - plan.x[name] for name in here]
            rights = [plan.right(name) + plan.x[name] for name in here]
            lefts += [2 * PAD - x for x in plan.trunk.values()]
            rights += [2 * PAD + x for x in plan.trunk.values()]
        return _Column(time, max(lefts), max(rights), outside)

    def _delay_width(self) -> float:
        return measured("t-1", EDGE_POINTS).width + 2 * PAD

    @cached_property
    def _outside_times(self) -> dict[int, bool]:
        """For each time outside the steps whether its nodes may all stand in the middle."""
        found: dict[int, list[int]] = {}
        for item in self.scene.items:
            if item.node.time not in self.scene.shown:
                found.setdefault(item.node.time, []).append(self.plan.row[item.node.name])
        return {
            time: len(set(rows)) == len(rows) and all(map(self._fits_in_middle, self._within[time]))
            for time, rows in found.items()
        }

    @cached_property
    def _within(self) -> dict[int, list[Arrow]]:
        """For each time the edges between two nodes of it."""
        found: dict[int, list[Arrow]] = {node.time: [] for node in self.scene.item}
        for arrow in self.scene.arrows:
            if not arrow.lag:
                found[arrow.of.time].append(arrow)
        return found

    def _fits_in_middle(self, arrow: Arrow) -> bool:
        """Whether a line leads from a node to a reader right above it as it does elsewhere."""
        plan = self.plan
        reading = Reading(arrow.of.name, arrow.by.name, 0)
        if (plan.row[reading.of], Track(reading.by, 0)) in self.track_y:
            return True
        return reading.by not in plan.trunk and abs(plan.ports[reading]) < SAME

    def _x(self, name: str, time: int) -> float:
        """Where a node stands in its column."""
        return 0.0 if self._outside_times.get(time) else self.plan.x[name]

    def _half(self, node: Node) -> float:
        """Half the width of a node; one that reads nothing needs no room for it."""
        return self.plan.half_width(node.name, ports=node in self._reading)

    @cached_property
    def _reading(self) -> frozenset[Node]:
        return frozenset(arrow.of for arrow in self.scene.arrows)

    def node_x(self, node: Node) -> float:
        return self.columns[node.time].middle + self._x(node.name, node.time)

    # Lines.

    def line(self, arrow: Arrow) -> tuple[Point, ...]:
        """The points of an edge from what is read, or from a gap, to its reader, or to a gap."""
        plan = self.plan
        reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
        if reading in plan.horizontal:
            return self._horizontal(arrow)
        if plan.folded or arrow.by.time in self.columns:
            points = list(self._start(reading, 1 if plan.folded else arrow.by.time))
        else:
            points = [(self._gap_x(arrow), 0.0)]
        x = points.pop()[0]
        if arrow.of.time not in self.columns:
            channel = self._channel(arrow)
            return _simplified([*points, (x, channel), (self._gap_x(arrow), channel)])
        port = self.node_x(arrow.of) + plan.ports[reading]
        if abs(port - x) > SAME:
            points += [(x, self._channel(arrow)), (port, self._channel(arrow))]
        return _simplified([*points, (port, self.bottom(reading.of, plan.ports[reading]))])

    def _start(self, reading: Reading, time: int) -> Iterator[Point]:
        """The points from a node to where its line enters the channel of the reader, and that."""
        plan, by = self.plan, reading.by
        x, y = self.node_x(Node(by, time)), self.y[plan.row[by]]
        top = (x, y + plan.half_height(by))
        above = plan.row[by] + 1
        if reading.lag == 0:
            yield top
            if plan.row[reading.of] > above and plan.leaves_track(by):
                trunk = self.columns[time].middle + plan.trunk[by]
                yield x, self.track_y[above, Track(by, 0)]
                yield trunk, self.track_y[above, Track(by, 0)]
                x = trunk
            yield x, 0.0
        elif plan.enters_above(reading):
            yield top
            yield x, 0.0
        else:
            column, sign = self.columns[time], 1 if plan.onward(reading.lag) else -1
            gutter = column.middle + self.gutter_x[plan.gutter_key(reading)]
            gutter += column.right if sign > 0 else -column.left
            if plan.leaves_by_side(by, reading.lag):
                yield x + sign * self._half(Node(by, time)), y
                yield gutter, y
            else:
                yield top
                yield x, self.track_y[above, leaving_track(reading)]
                yield gutter, self.track_y[above, leaving_track(reading)]
            yield gutter, 0.0

    def _channel(self, arrow: Arrow) -> float:
        """The height of the track on which a line comes to its reader."""
        remainder = 0 if self.plan.folded or not arrow.lag else arrow.by.time % abs(arrow.lag)
        track = Track(arrow.by.name, arrow.lag, remainder)
        return self.track_y[self.plan.row[arrow.of.name], track]

    def _horizontal(self, arrow: Arrow) -> tuple[Point, ...]:
        plan = self.plan
        y = self.y[plan.row[arrow.of.name]]
        sign = -1 if arrow.lag < 0 or arrow.lag == 0 else 1
        ends = []
        for node, side in ((arrow.by, sign), (arrow.of, -sign)):
            if node.time in self.columns:
                ends.append((self.node_x(node) + side * self._half(node), y))
            else:
                ends.append((self._gap_x(arrow), y))
        return tuple(ends)

    def _gap_x(self, arrow: Arrow) -> float:
        """The edge, at the dots, of the gap between a step that is drawn and one that is not."""
        shown, hidden = arrow.of.time, arrow.by.time
        leaves = shown not in self.columns
        if leaves:
            shown, hidden = hidden, shown
        later = [c for c in self.columns.values() if c.dots_before and c.time > min(shown, hidden)]
        earlier = [c for c in later if c.time <= max(shown, hidden)]
        if hidden < shown:
            gaps = [c for c in self.columns.values() if c.dots_before and c.time <= shown]
            dots = (earlier or gaps)[-1].dots_before
        else:
            dots = later[0].dots_before
        assert dots is not None
        return dots[1] if hidden < shown else dots[0]

    def bottom(self, name: str, offset: float) -> float:
        """Where a line meets the lower side of a node, which is round at its ends."""
        plan = self.plan
        half = plan.half_height(name)
        if plan.roles[name] == "copy":
            return self.y[plan.row[name]] - half
        beyond = max(0.0, abs(offset) - (plan.half_width(name) - half))
        return self.y[plan.row[name]] - max(half**2 - beyond**2, 0.0) ** 0.5

    # The picture.

    def picture(self) -> Picture:
        nodes = [self._node(item.node) for item in self.scene.items]
        edges: list[DrawnEdge] = []
        dots: list[Dots] = []
        for arrow in self.scene.arrows:
            for edge in self._edges(arrow):
                edges.append(edge)
                dots += self._dots(edge)
        delays = list(self._delays(edges))
        boxes = [node.box for node in nodes] + [delay.box for delay in delays]
        boxes += [edge.label.box for edge in edges if edge.label]
        xs = [x for edge in edges for x, _ in edge.points]
        ys = [y for edge in edges for _, y in edge.points]
        left = min([box.left for box in boxes] + xs) - MARGIN
        bottom = min([box.bottom for box in boxes] + ys) - MARGIN
        right = max([box.right for box in boxes] + xs) + MARGIN
        top = max([box.top for box in boxes] + ys) + MARGIN
        move = _Move(-left, -bottom)
        return Picture(
            width=_rounded(right - left),
            height=_rounded(top - bottom),
            nodes=tuple(map(move.node, nodes)),
            edges=tuple(map(move.edge, edges)),
            delays=tuple(map(move.delay, delays)),
            dots=tuple(dict.fromkeys(Dots(move.point(d.middle), d.on_path) for d in dots)),
            title=title(self.scene),
            description=description(self.scene),
        )

    def _node(self, node: Node) -> DrawnNode:
        plan, item = self.plan, self.scene.item[node]
        half = self._half(node), plan.half_height(node.name)
        x, y = self.node_x(node), self.y[plan.row[node.name]]
        box = Rectangle(x, y, 2 * half[0], 2 * half[1])
        size = measured(item.latex, NODE_POINTS)
        label = Label(item.latex, Rectangle(x, y, *size), NODE_POINTS)
        radius = 0.06 if item.role == "copy" else half[1]
        return DrawnNode(node, item.role, box, radius, label, item.on_path)

    def _edges(self, arrow: Arrow) -> Iterator[DrawnEdge]:
        """The edge, or its parts on both sides of each gap that it crosses."""
        points = self.line(arrow)
        whole = arrow.of.time in self.columns and arrow.by.time in self.columns
        label = self._label(arrow)
        if not whole and not self.plan.folded:
            hidden = arrow.of.time not in self.columns
            yield DrawnEdge(arrow.of, arrow.by, points, label, arrow.on_path, not hidden, hidden)
            return
        gaps = [c.dots_before for c in self.columns.values() if c.dots_before]
        parts = list(_cut(points, gaps))
        for k, part in enumerate(parts):
            last = k == len(parts) - 1
            yield DrawnEdge(
                arrow.of, arrow.by, part, label if last else None, arrow.on_path, k > 0, not last
            )

    def _dots(self, edge: DrawnEdge) -> Iterator[Dots]:
        for at_gap, (x, y) in ((edge.from_gap, edge.points[0]), (edge.to_gap, edge.points[-1])):
            for column in self.columns.values():
                if at_gap and column.dots_before and x in column.dots_before:
                    yield Dots((sum(column.dots_before) / 2, y), edge.on_path)

    def _label(self, arrow: Arrow) -> Label | None:
        if not arrow.latex or (arrow.of.time not in self.columns):
            return None
        plan = self.plan
        reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
        size = label_size(arrow.latex)
        row = plan.row[arrow.of.name]
        if reading not in plan.horizontal:
            port = self.node_x(arrow.of) + plan.ports[reading]
            x = port + plan.label_side(reading) * (PAD + size.width / 2)
            return _label_at(arrow.latex, x, self.label_y[row], size)
        y = self.y[row] + PAD + size.height / 2
        if arrow.lag == 0:
            ends = [self.node_x(node) for node in (arrow.of, arrow.by)]
            return _label_at(arrow.latex, sum(ends) / 2, y, size)
        times = list(self.columns)
        if arrow.lag > 0:
            zone = self.columns[arrow.of.time].labels_before
            return _label_at(arrow.latex, (zone[0] + zone[1] - HEAD) / 2, y, size)
        behind = self.columns[times[times.index(arrow.of.time) + 1]]
        zone = behind.labels_behind_dots if behind.dots_before else behind.labels_before
        return _label_at(arrow.latex, (zone[0] + zone[1] + HEAD) / 2, y, size)

    def _delays(self, edges: Sequence[DrawnEdge]) -> Iterator[Delay]:
        """The boxes on the loops of a folded model, one for each lag of a name."""
        seen = set()
        for edge in edges if self.plan.folded else ():
            lag = edge.of.time - edge.by.time
            if lag and (edge.by.name, lag) not in seen:
                seen.add((edge.by.name, lag))
                # On the line out of the column, before it branches.
                reading = Reading(edge.of.name, edge.by.name, lag)
                column = self.columns[1]
                x = column.middle + self.gutter_x[self.plan.gutter_key(reading)]
                x += column.right - DELAY_LINE if lag > 0 else DELAY_LINE - column.left
                x -= (1 if lag > 0 else -1) * self._delay_width() / 2
                y = edge.points[0][1]
                if not self.plan.leaves_by_side(edge.by.name, lag):
                    y = edge.points[1][1]
                latex = f"t{-lag:+d}"
                label = _label_at(latex, x, y, label_size(latex))
                yield Delay(Rectangle(x, y, self._delay_width(), DELAY_HEIGHT), label)


def _label_at(latex: str, x: float, y: float, size: LabelSize) -> Label:
    return Label(latex, Rectangle(x, y, *size), EDGE_POINTS)


def _simplified(points: Sequence[Point]) -> tuple[Point, ...]:
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


def _cut(
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


@dataclass(frozen=True)
class _Move:
    """Moves what is drawn, and rounds to a hundredth of a millimetre."""

    right: float
    up: float

    def point(self, point: Point) -> Point:
        return _rounded(point[0] + self.right), _rounded(point[1] + self.up)

    def box(self, box: Rectangle) -> Rectangle:
        return Rectangle(*self.point((box.x, box.y)), _rounded(box.width), _rounded(box.height))

    def label(self, label: Label) -> Label:
        return replace(label, box=self.box(label.box))

    def node(self, node: DrawnNode) -> DrawnNode:
        return replace(
            node, box=self.box(node.box), label=self.label(node.label), radius=_rounded(node.radius)
        )

    def edge(self, edge: DrawnEdge) -> DrawnEdge:
        label = self.label(edge.label) if edge.label else None
        return replace(edge, points=tuple(map(self.point, edge.points)), label=label)

    def delay(self, delay: Delay) -> Delay:
        return Delay(self.box(delay.box), self.label(delay.label))


def _rounded(number: float) -> float:
    return round(number, 3) + 0.0
