"""The lines of edges: one in the middle, or on several paths one for each, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bptt_sym.figures.picture import DrawnEdge, Picture, Point


@dataclass(frozen=True)
class Lane:
    """A line along points, ``width`` wide, with an arrowhead at its end or none (0, 0).

    It is on a ``path``, of the colour of this number, or on none.
    """

    points: tuple[Point, ...]
    path: int | None
    width: float
    head: tuple[float, float]


def nets(picture: Picture) -> Iterator[list[Lane]]:
    """Every line in the order in which they are drawn, what leaves one node together."""

    def net(edge: DrawnEdge) -> tuple[bool, str, Point]:
        return edge.on_path, edge.by.name, edge.points[0]

    for _, group in itertools.groupby(sorted(picture.edges, key=net), net):
        edges = list(group)
        passing = sorted({path for edge in edges for path in edge.paths})
        yield [lane for edge in edges for lane in _lanes(picture, edge, passing)]


def _lanes(picture: Picture, edge: DrawnEdge, passing: Sequence[int]) -> Iterator[Lane]:
    """The lines of an edge, beside those of all paths that pass its net."""
    space = picture.space
    if not edge.paths:
        head = (0.0, 0.0) if edge.to_gap else (space.head_length, space.head_width)
        yield Lane(edge.points, None, space.line, head)
        return
    alone = picture.colors == 1
    scale, thick = (1.35, 1.0) if alone else (0.9, 0.7)
    head = (scale * space.head_length, scale * space.head_width)
    for path in edge.paths:
        beside = (passing.index(path) - (len(passing) - 1) / 2) * space.lane
        # A path goes backward; beside the middle of a round node a line begins within it.
        points = _moved(edge.points, beside)[::-1]
        if not edge.to_gap and beside:
            points = (_before(points[0], points[1], space.radius / 2), *points[1:])
        yield Lane(points, path, thick * space.thick, (0.0, 0.0) if edge.from_gap else head)


def _before(start: Point, towards: Point, length: float) -> Point:
    whole = math.hypot(start[0] - towards[0], start[1] - towards[1]) or 1.0
    x, y = (start[0] - towards[0]) / whole, (start[1] - towards[1]) / whole
    return start[0] + length * x, start[1] + length * y


def _moved(points: tuple[Point, ...], beside: float) -> tuple[Point, ...]:
    """A line that keeps the same distance at its left; it runs along the axes."""
    ways = [_way(*ends) for ends in itertools.pairwise(points)]
    found = []
    for k, (x, y) in enumerate(points):
        near = dict.fromkeys(ways[max(k - 1, 0) : k + 1])
        found.append((x - beside * sum(b for _, b in near), y + beside * sum(a for a, _ in near)))
    return tuple(found)


def _way(start: Point, end: Point) -> tuple[int, int]:
    """The direction of a line along an axis."""
    x, y = end[0] - start[0], end[1] - start[1]
    return (_sign(x), 0) if abs(x) > abs(y) else (0, _sign(y))


def _sign(number: float) -> int:
    return 1 if number > 0 else -1
