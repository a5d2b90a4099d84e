"""Where the columns of time steps stand, with the gaps and the room for labels between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.heights import Heights
from bptt_sym.figures.measure import measured
from bptt_sym.figures.plan import Plan
from bptt_sym.figures.readings import SAME, Reading
from bptt_sym.figures.scene import Arrow, Scene
from bptt_sym.figures.tracks import Track


@dataclass
class Column:
    """A time step: its middle, how far it reaches, and the dots before it, from left to right."""

    time: int
    left: float
    right: float
    outside: bool
    middle: float = 0.0
    dots_before: tuple[float, float] | None = None
    labels_before: tuple[float, float] = (0.0, 0.0)
    labels_behind_dots: tuple[float, float] = (0.0, 0.0)


class Columns:
    """The columns ``at`` their time steps, from left to right."""

    def __init__(self, scene: Scene, plan: Plan, heights: Heights) -> None:
        self.scene = scene
        self.space = space = scene.request.space
        self.plan = plan
        self.heights = heights
        inside = set(self.scene.shown)
        times = sorted(inside | {item.node.time for item in self.scene.items})
        self.at = {time: self._made(time, time not in inside) for time in times}
        onward, backward = plan.gutter(True), plan.gutter(False)
        gap = self.delay_width() + 2 * space.delay_line if plan.folded else space.track
        self.gutter_x = {key: (k + 1) * gap for k, key in enumerate(onward)}
        self.gutter_x |= {key: -(k + 1) * gap for k, key in enumerate(backward)}
        widths = [plan.readings[r].width for r in plan.horizontal if r.lag]
        zone = max(
            [space.side_gap, *(width + space.head + 3 * space.pad for width in widths if width)]
        )
        for before, column in itertools.pairwise(self.at.values()):
            at = before.middle + before.right + len(onward) * space.track
            if self._leaves_out(before, column):
                if any(r.lag < 0 for r in plan.horizontal):
                    column.labels_behind_dots = (at, at + zone)
                    at += zone
                at += 2 * space.pad
                column.dots_before = (at, at + space.dots)
                at += space.dots + space.pad
            column.labels_before = (at, at + zone)
            at += zone + len(backward) * space.track
            column.middle = at + column.left

    def _leaves_out(self, before: Column, column: Column) -> bool:
        return column.time > before.time + 1 and not (before.outside and column.outside)

    def _made(self, time: int, outside: bool) -> Column:
        plan = self.plan
        names = [item.node.name for item in self.scene.items if item.node.time == time]
        if outside:
            nodes = [Vertex(name, time) for name in names]
            lefts = [self._reach(node, -1) - self._x(node.name, time) for node in nodes]
            rights = [self._reach(node, 1) + self._x(node.name, time) for node in nodes]
            within = {arrow.by.name for arrow in self._within[time]}
            trunks = [x for name, x in plan.trunk.items() if name in within]
            lefts += [2 * self.space.pad - x for x in trunks]
            rights += [2 * self.space.pad + x for x in trunks]
        else:
            # What stands beside the loss does not hold the other columns apart.
            here = [
                name for name in plan.layers.names if name != plan.layers.beside or name in names
            ]
            lefts = [plan.ports.left(name) - plan.x[name] for name in here]
            rights = [plan.ports.right(name) + plan.x[name] for name in here]
            lefts += [2 * self.space.pad - x for x in plan.trunk.values()]
            rights += [2 * self.space.pad + x for x in plan.trunk.values()]
        return Column(time, max(lefts), max(rights), outside)

    def _reach(self, node: Vertex, side: int) -> float:
        """How far a node outside the steps reaches to a side, with labels of what it reads."""
        found = (Reading(a.of.name, a.by.name, 0) for a in self._within[node.time] if a.of == node)
        return max([self.half(node), *(self.plan.ports.beyond(r, side) for r in found)])

    def delay_width(self) -> float:
        """The width of the box of a delay."""
        return measured("t-1", self.space.edge_points).width + 2 * self.space.pad

    @cached_property
    def _outside_times(self) -> dict[int, bool]:
        """For each time outside the steps whether its nodes may all stand in the middle."""
        found: dict[int, list[Vertex]] = {}
        for item in self.scene.items:
            if item.node.time not in self.scene.shown:
                found.setdefault(item.node.time, []).append(item.node)
        return {
            time: len({self.plan.row[node.name] for node in nodes}) == len(nodes)
            and all(self._fits_in_middle(arrow, nodes) for arrow in self._within[time])
            for time, nodes in found.items()
        }

    @cached_property
    def _within(self) -> dict[int, list[Arrow]]:
        """For each time the edges between two nodes of it."""
        found: dict[int, list[Arrow]] = {node.time: [] for node in self.scene.item}
        for arrow in self.scene.arrows:
            if not arrow.lag:
                found[arrow.of.time].append(arrow)
        return found

    def _fits_in_middle(self, arrow: Arrow, nodes: Sequence[Vertex]) -> bool:
        """Whether a line leads from a node to a reader right above it as it does elsewhere.

        On its way it must pass beside the ``nodes`` between them.
        """
        plan = self.plan
        reading = Reading(arrow.of.name, arrow.by.name, 0)
        passed = range(plan.row[reading.by] + 1, plan.row[reading.of])
        halves = [self.half(node) for node in nodes if plan.row[node.name] in passed]
        trunk = plan.trunk[reading.by] if plan.leaves_track(reading.by) else 0.0
        if halves and abs(trunk) < max(halves) + self.space.clear:
            return False
        if (plan.row[reading.of], Track(reading.by, 0)) in self.heights.track_y:
            return True
        return reading.by not in plan.trunk and abs(plan.ports.at[reading]) < SAME

    def _x(self, name: str, time: int) -> float:
        """Where a node stands in its column."""
        return 0.0 if self._outside_times.get(time) else self.plan.x[name]

    def half(self, node: Vertex) -> float:
        """Half the width of a node; one that reads nothing needs no room for it."""
        return self.plan.ports.half_width(node.name, ports=node in self._reading)

    @cached_property
    def _reading(self) -> frozenset[Vertex]:
        return frozenset(arrow.of for arrow in self.scene.arrows)

    def node_x(self, node: Vertex) -> float:
        """Where a node stands."""
        return self.at[node.time].middle + self._x(node.name, node.time)
