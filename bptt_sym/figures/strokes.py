"""The shapes that every writer draws alike: lines with round corners, arrowheads, colours."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from bptt_sym.figures.lanes import Lane, nets
from bptt_sym.figures.picture import Dots, DrawnNode, Picture, Point, Role

_ARC = 0.5523
"""Where the control points of a Bezier curve stand that is nearly a quarter of a circle."""

LINE = 0.028
HALO = 0.13
"""The width of the white below a line."""

DOT = 0.028


@dataclass(frozen=True)
class Segment:
    """A part of an outline: where it goes, by a straight line or by a curve of Bezier."""

    kind: Literal["move", "line", "curve"]
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Look:
    """Colours as RRGGBB and the width of an outline."""

    fill: str
    border: str
    width: float


# Okabe and Ito, Color Universal Design (2008): told apart by all kinds of colour vision. The fills
# are the same hues, pale; the widths of the borders tell states and losses apart without colour.
INK = "000000"
PATHS = ("D55E00", "0072B2", "009E73", "CC79A7", "E69F00")
LOOKS: dict[Role, Look] = {
    "input": Look("F2F2F2", "777777", LINE),
    "target": Look("F2F2F2", "777777", LINE),
    "state": Look("D6ECF9", "0072B2", 0.05),
    "value": Look("FFFFFF", INK, LINE),
    "output": Look("D5EEE6", "009E73", LINE),
    "loss": Look("FAE8C2", "9C6C00", 0.05),
    "copy": Look("FAF7C4", "8A8000", LINE),
    "operation": Look("FFFFFF", INK, LINE),
    "step": Look("F7F7F7", "777777", LINE),
}
FRAME_CORNER = 0.15
DELAY_LOOK = Look("FFFFFF", INK, LINE)
QUIET = "555555"
"""The colour of lines that are not on the path."""


@dataclass(frozen=True)
class Stroke:
    """A line to draw: with a halo below it, so that lines which cross are seen to pass."""

    segments: tuple[Segment, ...]
    color: str
    width: float


def strokes(picture: Picture) -> Iterator[Stroke]:
    """Every line in the order in which they are drawn, what leaves one node together."""
    corner = picture.space.corner
    for net in nets(picture):
        drawn = [(lane, rounded(shortened(lane), corner)) for lane in net]
        whole = _united(line for _, line in drawn)
        yield Stroke(whole, "FFFFFF", HALO)
        for path in dict.fromkeys(lane.path for lane in net):
            lines = [(lane.width, line) for lane, line in drawn if lane.path == path]
            yield Stroke(_united(line for _, line in lines), _color(path), lines[0][0])


def _color(path: int | None) -> str:
    return QUIET if path is None else PATHS[path]


def _united(lines: Iterable[tuple[Segment, ...]]) -> tuple[Segment, ...]:
    """Lines that run along the axes, each part once: drawn twice it would look darker."""
    runs: dict[tuple[int, float], list[tuple[float, float]]] = {}
    curves: dict[tuple[Segment, Segment], None] = {}
    for line in lines:
        for before, segment in itertools.pairwise(line):
            start, end = before.points[-1], segment.points[-1]
            if segment.kind == "curve":
                curves[Segment("move", (start,)), segment] = None
            else:
                along = 0 if abs(start[0] - end[0]) > abs(start[1] - end[1]) else 1
                low, high = sorted((start[along], end[along]))
                runs.setdefault((along, round(start[1 - along], 4)), []).append((low, high))
    found = []
    for (along, across), parts in runs.items():
        for low, high in _merged(parts):
            ends = [(x, across) if along == 0 else (across, x) for x in (low, high)]
            found += [Segment("move", (ends[0],)), Segment("line", (ends[1],))]
    return (*found, *itertools.chain.from_iterable(curves))


def _merged(parts: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The union of intervals, those that touch as one."""
    found: list[tuple[float, float]] = []
    for low, high in sorted(parts):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def heads(picture: Picture) -> Iterator[tuple[tuple[Point, Point, Point], str]]:
    """Every arrowhead as a triangle, with its colour."""
    for net in nets(picture):
        for lane in net:
            if any(lane.head):
                before, tip = lane.points[-2:]
                yield _head(before, tip, *lane.head), _color(lane.path)


def shortened(lane: Lane) -> tuple[Point, ...]:
    """The line without the place of its arrowhead."""
    (x, y), (end_x, end_y) = lane.points[-2:]
    length = math.hypot(end_x - x, end_y - y)
    part = max(0.0, 1 - 0.8 * lane.head[0] / length) if length else 0.0
    return (*lane.points[:-1], (x + part * (end_x - x), y + part * (end_y - y)))


def _head(before: Point, tip: Point, back: float, wide: float) -> tuple[Point, Point, Point]:
    length = math.hypot(tip[0] - before[0], tip[1] - before[1]) or 1.0
    x, y = (tip[0] - before[0]) / length, (tip[1] - before[1]) / length
    half = wide / 2
    base = tip[0] - back * x, tip[1] - back * y
    return tip, (base[0] - half * y, base[1] + half * x), (base[0] + half * y, base[1] - half * x)


def look_of(picture: Picture, node: DrawnNode) -> Look:
    """How a node looks: on a path its border has its colour, of several at their ends alone."""
    look = LOOKS[node.role]
    if len(node.paths) != 1 or (picture.colors > 1 and node.role != "copy"):
        return look
    return Look(look.fill, PATHS[node.paths[0]], picture.space.thick)


def dots_color(dots: Dots) -> str:
    """The colour of three dots."""
    return PATHS[dots.paths[0]] if len(dots.paths) == 1 else QUIET


def rounded(points: tuple[Point, ...], corner_radius: float) -> tuple[Segment, ...]:
    """A line along points with its corners rounded."""
    found = [Segment("move", (points[0],))]
    for before, corner, behind in zip(points, points[1:], points[2:], strict=False):
        radius = min(corner_radius, _distance(before, corner) / 2, _distance(corner, behind) / 2)
        start, end = _towards(corner, before, radius), _towards(corner, behind, radius)
        near = radius * (1 - _ARC)
        found.append(Segment("line", (start,)))
        controls = _towards(corner, before, near), _towards(corner, behind, near)
        found.append(Segment("curve", (*controls, end)))
    return (*found, Segment("line", (points[-1],)))


def box_outline(
    left: float, bottom: float, right: float, top: float, radius: float
) -> tuple[Segment, ...]:
    """A box with round corners, begun in the middle of its lower side."""
    middle = (left + right) / 2
    corners = ((right, bottom), (right, top), (left, top), (left, bottom))
    points = ((middle, bottom), *corners, (middle, bottom))
    found = [Segment("move", (points[0],))]
    for before, corner, behind in zip(points, points[1:], points[2:], strict=False):
        start, end = _towards(corner, before, radius), _towards(corner, behind, radius)
        near = radius * (1 - _ARC)
        found.append(Segment("line", (start,)))
        controls = _towards(corner, before, near), _towards(corner, behind, near)
        found.append(Segment("curve", (*controls, end)))
    return tuple(found)


def _distance(one: Point, other: Point) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])


def _towards(start: Point, end: Point, length: float) -> Point:
    distance = _distance(start, end) or 1.0
    return (
        start[0] + (end[0] - start[0]) / distance * length,
        start[1] + (end[1] - start[1]) / distance * length,
    )
