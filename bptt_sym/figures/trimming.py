"""A picture moved to its place: from (0, 0), no larger than what is drawn and a margin."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bptt_sym.figures.picture import (
    Delay,
    Dots,
    DrawnEdge,
    DrawnNode,
    Frame,
    Label,
    Picture,
    Point,
    Rectangle,
)


def trimmed(picture: Picture) -> Picture:
    """The picture with its size, moved there; it may have been drawn anywhere."""
    boxes = [node.box for node in picture.nodes] + [delay.box for delay in picture.delays]
    boxes += [frame.box for frame in picture.frames]
    boxes += [label.box for label in picture.labels]
    half = picture.space.dots / 2
    boxes += [Rectangle(*dots.middle, 2 * half, 0.0) for dots in picture.dots]
    xs = [x for edge in picture.edges for x, _ in edge.points]
    ys = [y for edge in picture.edges for _, y in edge.points]
    margin = picture.space.margin
    left = min([box.left for box in boxes] + xs) - margin
    bottom = min([box.bottom for box in boxes] + ys) - margin
    right = max([box.right for box in boxes] + xs) + margin
    top = max([box.top for box in boxes] + ys) + margin
    move = _Move(-left, -bottom)
    return replace(
        picture,
        width=_rounded(right - left),
        height=_rounded(top - bottom),
        nodes=tuple(map(move.node, picture.nodes)),
        edges=tuple(map(move.edge, picture.edges)),
        delays=tuple(map(move.delay, picture.delays)),
        dots=tuple(dict.fromkeys(map(move.dots, picture.dots))),
        frames=tuple(map(move.frame, picture.frames)),
        tags=tuple(map(move.label, picture.tags)),
    )


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

    def dots(self, dots: Dots) -> Dots:
        return Dots(self.point(dots.middle), dots.paths)

    def frame(self, frame: Frame) -> Frame:
        return Frame(self.box(frame.box), self.label(frame.label) if frame.label else None)

    def delay(self, delay: Delay) -> Delay:
        return Delay(self.box(delay.box), self.label(delay.label))


def _rounded(number: float) -> float:
    return round(number, 3) + 0.0
