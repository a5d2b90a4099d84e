"""A picture as data: where each node, edge and label lies, in centimetres, y upwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.spacing import Spacing

Role = Literal["input", "target", "state", "value", "output", "loss", "copy", "operation", "step"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Rectangle:
    """A box by its middle and its size."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Rectangle) -> bool:
        return (
            2 * abs(self.x - other.x) < self.width + other.width - 1e-6
            and 2 * abs(self.y - other.y) < self.height + other.height - 1e-6
        )

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y - self.height / 2

    @property
    def top(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Label:
    """Mathematics in the middle of a box, its font of so many points."""

    latex: str
    box: Rectangle
    points: float


@dataclass(frozen=True)
class DrawnNode:
    """A variable, or a copy of a parameter, at a time step; its corners are round by ``radius``.

    ``paths`` are the colours of the paths that pass."""

    node: Vertex
    role: Role
    box: Rectangle
    radius: float
    label: Label
    paths: tuple[int, ...] = ()


@dataclass(frozen=True)
class DrawnEdge:
    """``of`` reads ``by``: lines along points from ``by`` to ``of``.

    Where steps are left out, a line ends at the gap or begins there. On the path the arrow goes
    backward, to ``by``.
    """

    of: Vertex
    by: Vertex
    points: tuple[Point, ...]
    label: Label | None = None
    paths: tuple[int, ...] = ()
    from_gap: bool = False
    to_gap: bool = False

    @property
    def on_path(self) -> bool:
        """Whether a path passes."""
        return bool(self.paths)


@dataclass(frozen=True)
class Delay:
    """The box of a delay, on the loop of a folded model."""

    box: Rectangle
    label: Label


@dataclass(frozen=True)
class Dots:
    """Three dots on a line, where steps are left out."""

    middle: Point
    paths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Frame:
    """A time step whose inside is drawn: the box around it, and its label."""

    box: Rectangle
    label: Label | None = None


@dataclass(frozen=True)
class Picture:
    """All that is drawn, from (0, 0) to (width, height), and what it shows in words.

    Its paths have so many ``colors``. The ``tags`` are names of values, above their lines."""

    width: float
    height: float
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    delays: tuple[Delay, ...]
    dots: tuple[Dots, ...]
    space: Spacing
    colors: int
    title: str
    description: str
    frames: tuple[Frame, ...] = ()
    tags: tuple[Label, ...] = ()

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Every label, of nodes, edges, frames and delays."""
        found = [node.label for node in self.nodes]
        found += [edge.label for edge in self.edges if edge.label]
        found += [frame.label for frame in self.frames if frame.label]
        found += self.tags
        return (*found, *(delay.label for delay in self.delays))
