"""A graph from left to right: nodes in ranks, lines along tracks in the channels between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from statistics import median, median_high, median_low

from bptt_sym.figures.channels import Channels
from bptt_sym.figures.levels import Levels, SizedNode
from bptt_sym.figures.picture import Point
from bptt_sym.figures.ranks import Station, stacked
from bptt_sym.figures.spacing import Spacing


class Flow:
    """Where everything lies, from 0 at the left; heights are about 0.

    ``given`` enters from the left, ``below`` from below. ``leaving`` leaves to the right, by the
    name of the place where it does, and ``above`` upward.
    """

    def __init__(
        self,
        blocks: Sequence[SizedNode],
        given: Sequence[str],
        below: Sequence[str],
        leaving: Mapping[str, str],
        above: Collection[str],
        space: Spacing,
    ) -> None:
        self.space, self.below, self.above = space, tuple(below), tuple(above)
        self.block = {block.key: block for block in blocks}
        reads = {block.key: [entry.by for entry in block.entries] for block in blocks}
        self.stacks = stacked(reads, [*below, *given], below, leaving)
        self.last = self.stacks.last
        found = []
        for middle in (median, median_low, median_high):
            levels = Levels(self.block, self.stacks, self.below, space, middle)
            found.append((levels, Channels(levels, self.above)))
        self.levels, channels = min(found, key=lambda pair: round(pair[0].height, 6))
        self.tracks = channels.tracks

    @property
    def y(self) -> Mapping[Station, float]:
        """The height of each place."""
        return self.levels.y

    @cached_property
    def columns(self) -> list[tuple[float, float]]:
        """The left and right end of each rank; the last one is where lines leave."""
        space, found, at = self.space, [(0.0, 0.0)], 0.0
        for r in range(1, self.last + 1):
            before = [
                self.block[p.key] for p in self.stacks.stacks[r - 1] if self.levels.is_node(p)
            ]
            half = (found[-1][1] - found[-1][0]) / 2
            behind = [
                b.width / 2 + b.behind[0] + 2 * space.pad - half for b in before if b.behind[0]
            ]
            at += max([space.pad, *behind])
            self._track_left.append(at)
            at += space.track * (len(self.tracks[r - 1]) + 0.5)
            nodes = [self.block[p.key] for p in self.stacks.stacks[r] if self.levels.is_node(p)]
            widths = [e.width + 2 * space.pad for b in nodes for e in b.entries if e.width]
            at += max([0.0, *widths]) + (space.head if r < self.last else space.pad)
            width = max([0.0, *(block.width for block in nodes)])
            found.append((at, at + width))
            at += width
        return found

    @cached_property
    def _track_left(self) -> list[float]:
        return []

    def track_x(self, key: str, r: int) -> float | None:
        """Where the track of a value lies in the channel behind a rank, if it has one."""
        tracks = self.tracks[r]
        if key not in tracks:
            return None
        _ = self.columns
        return self._track_left[r] + (tracks.index(key) + 0.5) * self.space.track

    def middle(self, key: str) -> Point:
        """The middle of a node."""
        r = self.stacks.rank[key]
        return sum(self.columns[r]) / 2, self.y[Station(key, r)]

    @property
    def width(self) -> float:
        return self.columns[-1][1]

    # Lines.

    def line(self, by: str, to: Station, below: float, start: float = 0.0) -> list[Point]:
        """The points from a node, from the left end (at ``start``) or from ``below`` to a place."""
        rank = self.stacks.rank[by]
        points: list[Point] = []
        if by in self.block:
            x, y = self.middle(by)
            points.append((x + self.block[by].width / 2, y))
        elif by in self.below:
            track = self.track_x(by, 0)
            assert track is not None
            points.append((track, below))
        else:
            points.append((start, self.y[Station(by, 0)]))
        for r in range(rank, to.rank):
            here = Station(by, r + 1) if r + 1 < to.rank else to
            y = self.y[here]
            if self.levels.is_node(here):
                y += self.levels.port[here.key, by]
            track = self.track_x(by, r)
            if track is not None:
                points += [(track, points[-1][1]), (track, y)]
            if r + 1 == to.rank:
                points.append((self._left_of(to, y), y))
            else:
                points.append((self.columns[r + 1][1], y))
        return points

    def upward(self, by: str, top: float, below: float, start: float = 0.0) -> list[Point]:
        """The points from a node or from the left end upward, along the track behind it."""
        r = self.stacks.rank[by]
        track = self.track_x(by, r)
        assert track is not None
        if by in self.below:
            return [(track, below), (track, top)]
        x, y = start, self.y[Station(by, r)]
        if by in self.block:
            x = self.middle(by)[0] + self.block[by].width / 2
        return [(x, y), (track, y), (track, top)]

    def _left_of(self, place: Station, y: float) -> float:
        """Where a line meets the left side of a node, round at its ends, or the right end."""
        if not self.levels.is_node(place):
            return self.columns[place.rank][0]
        block = self.block[place.key]
        x, middle = self.middle(place.key)
        radius = block.radius
        beyond = max(0.0, abs(y - middle) - (block.height / 2 - radius))
        return x - block.width / 2 + radius - max(radius**2 - beyond**2, 0.0) ** 0.5
