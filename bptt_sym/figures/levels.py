"""The heights of a graph that runs from left to right, so that its lines turn little."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bptt_sym.figures.ranks import Stacks, Station
from bptt_sym.figures.spacing import Spacing

TURNS = 12
FAR = 1e6

SNAP = 0.3
"""By so much a node is moved to make a line straight."""


@dataclass(frozen=True)
class EnteringLine:
    """A line into a node: what it comes from, and the size of its label."""

    by: str
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True)
class SizedNode:
    """A node, round at its corners, the lines into it from the left, and the label behind it."""

    key: str
    width: float
    height: float
    radius: float
    entries: tuple[EnteringLine, ...]
    behind: tuple[float, float] = (0.0, 0.0)


class Levels:
    """The height ``y`` of each place, and of each line into a node above its middle: its ``port``.

    What is ``below`` enters from below. A place is put in the ``middle`` of those that lines lead
    from and to.
    """

    def __init__(
        self,
        block: Mapping[str, SizedNode],
        stacks: Stacks,
        below: Collection[str],
        space: Spacing,
        middle: Callable[[list[float]], float],
    ) -> None:
        self.block, self.stacks, self.below, self.space = block, stacks, below, space
        self.order, self.last = stacks.stacks, stacks.last
        self.near: dict[Station, list[Station]] = {}
        for one, other in self.stacks.joined:
            self.near.setdefault(one, []).append(other)
            self.near.setdefault(other, []).append(one)
        self.y: dict[Station, float] = {}
        self.port: dict[tuple[str, str], float] = {}
        self._pack()
        self._place(middle)
        self._snap()
        self._straighten()

    def reach(self) -> tuple[float, float]:
        """The lowest and the highest place that is taken."""
        lows, highs = zip(
            *((self.y[p] - self._reach(p)[0], self.y[p] + self._reach(p)[1]) for p in self.y),
            strict=True,
        )
        return min(lows), max(highs)

    @property
    def height(self) -> float:
        """The height of all together."""
        low, high = self.reach()
        return high - low

    def is_node(self, place: Station) -> bool:
        """Whether a node stands there, and no line passes."""
        return place.key in self.block and self.stacks.rank[place.key] == place.rank

    def comes_from(self, place: Station, by: str) -> float:
        """The height from which a line comes to a place."""
        before = Station(by, place.rank - 1)
        return -FAR if before.rank == 0 and by in self.below else self.y[before]

    def _put_ports(self) -> None:
        space = self.space
        for place in self.y:
            if not self.is_node(place):
                continue
            block = self.block[place.key]
            entries = {entry.by: entry for entry in block.entries}
            found = sorted(entries.values(), key=lambda e: self.comes_from(place, e.by))
            if not found:
                continue
            at, heights = 0.0, []
            for one in [None, *found[:-1]]:
                if one is not None:
                    at += max(2 * space.port_gap, one.height + space.pad)
                heights.append(at)
            for entry, height in zip(found, heights, strict=True):
                self.port[place.key, entry.by] = height - (heights[0] + heights[-1]) / 2

    def _reach(self, place: Station) -> tuple[float, float]:
        """How far a place reaches down and up, its labels among it."""
        if not self.is_node(place):
            outer = place.rank in (0, self.last)
            half = self.space.radius if outer else self.space.pad
            return half, half
        block = self.block[place.key]
        ups = [block.height / 2, block.behind[1] + self.space.pad if block.behind[1] else 0.0]
        downs = [block.height / 2]
        for entry in block.entries:
            at = self.port[place.key, entry.by]
            ups.append(at + entry.height + self.space.pad)
            downs.append(-at + self.space.pad)
        return max(downs), max(ups)

    def _pack(self) -> None:
        """Puts each stack as close together as may be, its middle at 0."""
        self.y = {place: float(k) for stack in self.order.values() for k, place in enumerate(stack)}
        self.port = {}
        self._put_ports()
        for stack in self.order.values():
            heights = self._apart(stack, [0.0] * len(stack))
            self.y |= zip(stack, heights, strict=True)

    def _place(self, middle: Callable[[list[float]], float]) -> None:
        for turn in range(2 * TURNS):
            self._put_ports()
            both = turn >= TURNS
            forward = turn % 2 == 0
            for r in sorted(self.order, reverse=not forward):
                stack = self.order[r]
                wanted = []
                for place in stack:
                    side = [n for n in self.near.get(place, ()) if both or (n.rank < r) == forward]
                    wanted.append(
                        middle([self._facing(place, n) for n in side]) if side else self.y[place]
                    )
                for place, y in zip(stack, self._apart(stack, wanted), strict=True):
                    self.y[place] = y

    def _facing(self, place: Station, other: Station) -> float:
        """Where a place would have to be for the line between it and another one to be straight."""
        if other.rank < place.rank:
            if other.rank == 0 and other.key in self.below:
                return self.y[place]
            return self.y[other] - self.port.get((place.key, other.key), 0.0) * self.is_node(place)
        if not self.is_node(other):
            return self.y[other]
        return self.y[other] + self.port.get((other.key, place.key), 0.0)

    def _apart(self, stack: Sequence[Station], wanted: Sequence[float]) -> list[float]:
        """Heights near those wanted, in the order of the stack and as far apart as needed."""
        base, at = [], 0.0
        for k, place in enumerate(stack):
            if k:
                at += self._reach(stack[k - 1])[1] + self._reach(place)[0] + self.space.port_gap
            base.append(at)
        # Those that would come too near are moved together (pool adjacent violators).
        pools: list[tuple[float, int]] = []
        for y, b in zip(wanted, base, strict=True):
            pools.append((y - b, 1))
            while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
                (a, m), (c, n) = pools[-2:]
                pools[-2:] = [((a * m + c * n) / (m + n), m + n)]
        moved = [value for value, count in pools for _ in range(count)]
        return [value + b for value, b in zip(moved, base, strict=True)]

    def _snap(self) -> None:
        """Moves each place to where one of its lines is straight, if it is nearly so."""
        self._put_ports()
        for r in sorted(self.order):
            for k, place in enumerate(self.order[r]):
                y = self.y[place]
                facing = [self._facing(place, other) for other in self.near.get(place, ())]
                low, high = self._room(self.order[r], k)
                free = [at for at in facing if low <= at <= high and abs(at - y) < SNAP]
                self.y[place] = min(free, key=lambda at: abs(at - y), default=y)

    def _room(self, stack: Sequence[Station], k: int) -> tuple[float, float]:
        """Between which heights a place may be moved."""
        low, high, place = -FAR, FAR, stack[k]
        if k:
            low = self.y[stack[k - 1]] + self._reach(stack[k - 1])[1] + self._reach(place)[0]
        if k + 1 < len(stack):
            high = self.y[stack[k + 1]] - self._reach(stack[k + 1])[0] - self._reach(place)[1]
        return low, high

    def _straighten(self) -> None:
        """Moves ports and what passes a little, where a line would turn by little only."""
        self._put_ports()
        for r in range(1, self.last + 1):
            for k, place in enumerate(self.order[r]):
                before = [n for n in self.near.get(place, ()) if n.rank < r]
                if self.is_node(place):
                    self._straighten_ports(place)
                elif len(before) == 1 and not (r == 1 and place.key in self.below):
                    low, high = self._room(self.order[r], k)
                    if low <= self.y[before[0]] <= high:
                        self.y[place] = self.y[before[0]]

    def _straighten_ports(self, place: Station) -> None:
        block, space = self.block[place.key], self.space
        entries = sorted(block.entries, key=lambda e: self.port[place.key, e.by])
        ports = [self.port[place.key, entry.by] for entry in entries]
        most = block.height / 2 - space.pad
        for k, entry in enumerate(entries):
            at = self.comes_from(place, entry.by) - self.y[place]
            low, high = -most, most
            if k:
                low = ports[k - 1] + max(2 * space.port_gap, entries[k - 1].height + space.pad)
            if k + 1 < len(ports):
                high = ports[k + 1] - max(2 * space.port_gap, entry.height + space.pad)
            if low <= at <= high:
                ports[k] = self.port[place.key, entry.by] = at
