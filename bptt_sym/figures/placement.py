"""From a scene to a picture: columns of time steps, lines along tracks, labels in their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.columns import Columns
from bptt_sym.figures.describe import description, title
from bptt_sym.figures.heights import Heights
from bptt_sym.figures.measure import LabelSize, measured
from bptt_sym.figures.picture import (
    Delay,
    Dots,
    DrawnEdge,
    DrawnNode,
    Label,
    Picture,
    Rectangle,
)
from bptt_sym.figures.plan import Plan
from bptt_sym.figures.readings import Reading, label_size
from bptt_sym.figures.routes import Routes, parts_between
from bptt_sym.figures.scene import Arrow, Scene
from bptt_sym.figures.trimming import trimmed


def picture(scene: Scene) -> Picture:
    """The picture of a scene."""
    return _Placement(scene).picture()


class _Placement:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.space = scene.request.space
        self.plan = Plan(scene)
        self.heights = Heights(self.plan)
        self.columns = Columns(scene, self.plan, self.heights)
        self.routes = Routes(self.plan, self.heights, self.columns)

    def picture(self) -> Picture:
        nodes = [self._node(item.node) for item in self.scene.items]
        edges: list[DrawnEdge] = []
        dots: list[Dots] = []
        for arrow in self.scene.arrows:
            for edge in self._edges(arrow):
                edges.append(edge)
                dots += self._dots(edge)
        delays = list(self._delays(edges))
        drawn = Picture(
            width=0,
            height=0,
            nodes=tuple(nodes),
            edges=tuple(edges),
            delays=tuple(delays),
            dots=tuple(dots),
            space=self.space,
            colors=self.scene.coloured.count,
            title=title(self.scene),
            description=description(self.scene),
        )
        return trimmed(drawn)

    def _node(self, node: Vertex) -> DrawnNode:
        plan, item = self.plan, self.scene.item[node]
        half = self.columns.half(node), plan.ports.half_height(node.name)
        x, y = self.columns.node_x(node), self.heights.y[plan.row[node.name]]
        box = Rectangle(x, y, 2 * half[0], 2 * half[1])
        size = measured(item.latex, self.space.node_points)
        label = Label(item.latex, Rectangle(x, y, *size), self.space.node_points)
        radius = 0.06 if item.role == "copy" else half[1]
        return DrawnNode(node, item.role, box, radius, label, item.paths)

    def _edges(self, arrow: Arrow) -> Iterator[DrawnEdge]:
        """The edge, or its parts on both sides of each gap that it crosses."""
        points = self.routes.line(arrow)
        whole = arrow.of.time in self.columns.at and arrow.by.time in self.columns.at
        label = self._label(arrow)
        if not whole and not self.plan.folded:
            hidden = arrow.of.time not in self.columns.at
            yield DrawnEdge(arrow.of, arrow.by, points, label, arrow.paths, not hidden, hidden)
            return
        gaps = [c.dots_before for c in self.columns.at.values() if c.dots_before]
        parts = list(parts_between(points, gaps))
        for k, part in enumerate(parts):
            last = k == len(parts) - 1
            yield DrawnEdge(
                arrow.of, arrow.by, part, label if last else None, arrow.paths, k > 0, not last
            )

    def _dots(self, edge: DrawnEdge) -> Iterator[Dots]:
        for at_gap, (x, y) in ((edge.from_gap, edge.points[0]), (edge.to_gap, edge.points[-1])):
            for column in self.columns.at.values():
                if at_gap and column.dots_before and x in column.dots_before:
                    yield Dots((sum(column.dots_before) / 2, y), edge.paths)

    def _label(self, arrow: Arrow) -> Label | None:
        if not arrow.latex or (arrow.of.time not in self.columns.at):
            return None
        plan = self.plan
        reading = Reading(arrow.of.name, arrow.by.name, arrow.lag)
        size = label_size(arrow.latex, self.space)
        row = plan.row[arrow.of.name]
        if reading not in plan.horizontal:
            port = self.columns.node_x(arrow.of) + plan.ports.at[reading]
            x = port + plan.ports.label_side(reading) * (self.space.pad + size.width / 2)
            return self._label_at(arrow.latex, x, self.heights.label_y[row], size)
        y = self.heights.y[row] + self.space.pad + size.height / 2
        if arrow.lag == 0:
            left = self.columns.node_x(arrow.of) + self.columns.half(arrow.of)
            right = self.columns.node_x(arrow.by) - self.columns.half(arrow.by)
            return self._label_at(arrow.latex, (left + right + self.space.head) / 2, y, size)
        times = list(self.columns.at)
        if arrow.lag > 0:
            zone = self.columns.at[arrow.of.time].labels_before
            return self._label_at(arrow.latex, (zone[0] + zone[1] - self.space.head) / 2, y, size)
        behind = self.columns.at[times[times.index(arrow.of.time) + 1]]
        zone = behind.labels_behind_dots if behind.dots_before else behind.labels_before
        return self._label_at(arrow.latex, (zone[0] + zone[1] + self.space.head) / 2, y, size)

    def _delays(self, edges: Sequence[DrawnEdge]) -> Iterator[Delay]:
        """The boxes on the loops of a folded model, one for each lag of a name."""
        seen, line = set(), self.space.delay_line
        for edge in edges if self.plan.folded else ():
            lag = edge.of.time - edge.by.time
            if lag and (edge.by.name, lag) not in seen:
                seen.add((edge.by.name, lag))
                # On the line out of the column, before it branches.
                reading = Reading(edge.of.name, edge.by.name, lag)
                column = self.columns.at[1]
                x = column.middle + self.columns.gutter_x[self.plan.gutter_key(reading)]
                x += column.right - line if lag > 0 else line - column.left
                x -= (1 if lag > 0 else -1) * self.columns.delay_width() / 2
                y = edge.points[0][1]
                if not self.plan.leaves_by_side(edge.by.name, lag):
                    y = edge.points[1][1]
                latex = f"t{-lag:+d}"
                label = self._label_at(latex, x, y, label_size(latex, self.space))
                yield Delay(
                    Rectangle(x, y, self.columns.delay_width(), self.space.delay_height), label
                )

    def _label_at(self, latex: str, x: float, y: float, size: LabelSize) -> Label:
        return Label(latex, Rectangle(x, y, *size), self.space.edge_points)
