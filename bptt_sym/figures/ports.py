"""Where lines enter the nodes of a time step, and how much room nodes and their labels take."""

from __future__ import annotations

from collections.abc import Mapping

from bptt_sym.figures.layers import Layers
from bptt_sym.figures.measure import LabelSize, measured
from bptt_sym.figures.readings import SAME, Reading

FAR = 1e6


class Ports:
    """The ports at the bottom of each node: ``at``, to the right of its middle, and their sides.

    They follow the places ``x`` of nodes and ``trunk`` of trunks, which are changed elsewhere.
    """

    def __init__(
        self,
        layers: Layers,
        readings: Mapping[Reading, LabelSize],
        horizontal: frozenset[Reading],
        x: Mapping[str, float],
        trunk: Mapping[str, float],
    ) -> None:
        self.layers = layers
        self.readings = readings
        self.horizontal = horizontal
        self.x, self.trunk = x, trunk
        self.row = layers.row
        self.space = layers.scene.request.space
        self.folded = layers.scene.request.kind == "folded"
        self.at: dict[Reading, float] = {}
        self.sides: dict[Reading, int] = {}
        self.kept: dict[tuple[str, int], float] = {}
        self.widths: dict[str, float] = {}
        for item in layers.scene.items:
            width = measured(item.latex, self.space.node_points).width
            self.widths[item.node.name] = max(width, self.widths.get(item.node.name, 0))

    def source(self, reading: Reading) -> float:
        """From where a line comes to its reader: from a side, from a trunk or from a node."""
        if reading.lag:
            return FAR if (reading.lag > 0) == self.folded else -FAR
        above = self.row[reading.of] > self.row[reading.by] + 1
        return self.trunk[reading.by] if above else self.x[reading.by]

    def entering(self, of: str) -> list[Reading]:
        """What enters a node from below, from left to right."""
        found = [r for r in self.readings if r.of == of and r not in self.horizontal]
        order = {name: k for k, name in enumerate(self.layers.names)}
        return sorted(found, key=lambda r: (self.source(r), -self.row[r.by], order[r.by], r.lag))

    def place(self) -> None:
        """Puts all ports anew, for where lines come from now."""
        self.at.clear()
        self.sides.clear()
        for name in self.layers.names:
            found = self.entering(name)
            straight = [r for r in found if abs(self.source(r) - self.x[name]) < SAME]
            if straight or len(found) % 2:
                middle = found.index(straight[0]) if straight else len(found) // 2
                alone = middle == 0 and len(found) > 1
                self._put(found[middle], 0.0, -1 if alone else 1)
                left, right = found[:middle][::-1], found[middle + 1 :]
                between = 0.0 if alone else self.readings[found[middle]].width
                starts = -2 * self.space.port_gap, max(2 * self.space.port_gap, self._room(between))
            else:
                half = len(found) // 2
                left, right = found[:half][::-1], found[half:]
                starts = -self.space.port_gap, self.space.port_gap
            for sign, side, start in ((-1, left, starts[0]), (1, right, starts[1])):
                at = start
                for reading in side:
                    self._put(reading, at, sign)
                    at += sign * max(
                        2 * self.space.port_gap, self._room(self.readings[reading].width)
                    )
            self._straighten(found)
            self._clear(found)

    def _put(self, reading: Reading, at: float, side: int) -> None:
        self.at[reading] = at
        self.sides[reading] = side

    def _straighten(self, found: list[Reading]) -> None:
        """Moves a port right above what leads to it, where a line would turn by a little only."""
        for k, reading in enumerate(found):
            at = self.source(reading) - self.x[reading.of]
            if SAME < abs(at - self.at[reading]) < 2.4 * self.space.port_gap:
                low, high = -FAR, FAR
                if k:
                    low = self.at[found[k - 1]] + self._between(found[k - 1], reading)
                if k + 1 < len(found):
                    high = self.at[found[k + 1]] - self._between(reading, found[k + 1])
                if low - SAME <= at <= high + SAME:
                    self.at[reading] = at

    def _clear(self, found: list[Reading]) -> None:
        """Moves ports outward that are where lines to another step's node leave this step upward.

        Such a line of each step would lie on that of the step beside it.
        """
        for k, reading in enumerate(found):
            if not reading.lag or self.row[reading.of] != self.row[reading.by] + 1:
                continue
            beside = self.x[reading.of] + self.at[reading] - self.x[reading.by]
            if abs(beside) >= self.space.port_gap:
                continue
            sign = 1 if self.at[reading] >= 0 else -1
            for other in found[k:] if sign > 0 else found[: k + 1]:
                self.at[other] += sign * self.space.port_gap - beside

    def _between(self, left: Reading, right: Reading) -> float:
        """How far apart two neighbouring ports have to be."""
        room = self._room(self.readings[left].width) if self.sides[left] > 0 else 0.0
        room += self._room(self.readings[right].width) if self.sides[right] < 0 else 0.0
        return max(2 * self.space.port_gap, room)

    def label_side(self, reading: Reading) -> int:
        """On which side of its port a label stands: -1 is left, 1 right."""
        return self.sides[reading]

    def half_width(self, name: str, *, ports: bool = True) -> float:
        """Half the width of a node: its label needs room, and its ports where it reads others."""
        if self.layers.roles[name] == "copy":
            return max(self.space.half_copy, self.widths[name] / 2 + self.space.pad)
        places = [abs(at) for reading, at in self.at.items() if reading.of == name]
        widest = max(places, default=0.0) if ports else 0.0
        needed = max(self.space.radius, self.widths[name] / 2 + self.space.pad)
        return needed if widest < 0.8 * needed else max(needed, widest + self.space.clear)

    def half_height(self, name: str) -> float:
        """Half the height of a node."""
        return self.space.half_copy if self.layers.roles[name] == "copy" else self.space.radius

    def left(self, name: str) -> float:
        """How far a node and the labels at its ports reach to the left."""
        return self._reach(name, -1)

    def right(self, name: str) -> float:
        """How far they reach to the right."""
        return self._reach(name, 1)

    def _reach(self, name: str, side: int) -> float:
        reach = max(self.half_width(name), self.kept.get((name, side), 0.0))
        return max([reach, *(self.beyond(r, side) for r in self.at if r.of == name)])

    def beyond(self, reading: Reading, side: int) -> float:
        """How far a port and its label reach to a side of the middle of their node."""
        room = self._room(self.readings[reading].width)
        return side * self.at[reading] + (room if self.label_side(reading) == side else 0.0)

    def keep(self) -> None:
        """Keeps free from now on what has been reached once."""
        self.kept = {
            (name, side): self._reach(name, side) for name in self.layers.names for side in (-1, 1)
        }

    def _room(self, width: float) -> float:
        return width + 2 * self.space.pad if width else 0.0
