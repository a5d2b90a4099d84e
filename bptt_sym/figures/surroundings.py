"""The parts of a chain that lie outside of its steps: their boxes, what is above and below."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.cell_drawing import simple
from bptt_sym.figures.measure import measured
from bptt_sym.figures.picture import (
    Dots,
    DrawnEdge,
    DrawnNode,
    Frame,
    Label,
    Picture,
    Point,
    Rectangle,
)
from bptt_sym.figures.pieces import Piece, Pieces
from bptt_sym.figures.readings import label_size
from bptt_sym.figures.scene import role_of
from bptt_sym.figures.trimming import trimmed

STEP = "step@"
"""The name of a step that is a box; no variable has it."""

ROUND = 0.12
"""The corners of a box."""


class Surroundings:
    """What is drawn outside of the steps of a chain, and where all that is drawn is gathered."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces, self.space = pieces, pieces.space
        self.nodes: list[DrawnNode] = []
        self.edges: list[DrawnEdge] = []
        self.tags: list[Label] = []
        self.dots: list[Dots] = []
        self.frames: list[Frame] = []

    def picture(self, title: str, description: str) -> Picture:
        """All that has been drawn."""
        drawn = Picture(
            width=0,
            height=0,
            nodes=tuple(self.nodes),
            edges=tuple(self.edges),
            delays=(),
            dots=tuple(self.dots),
            space=self.space,
            colors=0,
            title=title,
            description=description,
            frames=tuple(self.frames),
            tags=tuple(self.tags),
        )
        return trimmed(drawn)

    def label(self, latex: str, x: float, y: float) -> Label:
        """A label of a line, its middle at a place."""
        size = label_size(latex, self.space)
        return Label(latex, Rectangle(x, y, *size), self.space.edge_points)

    def above_line(self, latex: str, x: float, y: float) -> Label:
        """A label of a level line, above it."""
        half = label_size(latex, self.space).height / 2
        return self.label(latex, x, y + self.space.pad / 2 + half)

    def node(self, name: str, time: int, x: float, y: float, half: float) -> None:
        """A variable at its place, twice ``half`` wide."""
        latex, space = self.pieces.tex_of(name, time), self.space
        size = measured(latex, space.node_points)
        label = Label(latex, Rectangle(x, y, *size), space.node_points)
        node = Vertex(name, time)
        role = role_of(self.pieces.model, node)
        box = Rectangle(x, y, 2 * half, 2 * space.radius)
        self.nodes.append(DrawnNode(node, role, box, space.radius, label))

    def frame(self, piece: Piece) -> None:
        """The frame of the step that is drawn with its inside."""
        label, space = None, self.space
        if not self.pieces.alone:
            latex = self.pieces.step_label(piece.time)
            width, height = label_size(latex, space)
            right, bottom = piece.x + piece.width, piece.bottom
            x, y = right - 2 * space.pad - width / 2, bottom + space.pad + height / 2
            label = self.label(latex, x, y)
        self.frames.append(Frame(piece.box, label))

    def box(self, piece: Piece) -> None:
        """A step as a box, with the lines into it from below and out of it upward."""
        latex, time, space = self.pieces.step_label(piece.time), piece.time, self.space
        box, step = piece.box, Vertex(STEP, time)
        size = measured(latex, space.node_points)
        label = Label(latex, Rectangle(box.x, box.y, *size), space.node_points)
        self.nodes.append(DrawnNode(step, "step", box, ROUND, label))
        for standing in piece.below:
            x = piece.x + standing.x
            points = ((x, standing.y + space.radius), (x, piece.bottom))
            self.edges.append(DrawnEdge(step, Vertex(standing.name, time), points))
        if piece.above:
            self.rise(piece, 0, step, [(piece.x + piece.above[0].x, piece.top)])

    def standing(self, piece: Piece) -> None:
        """What stands above, below and beside a step, and the lines between these."""
        for one in (*piece.below, *piece.above, *piece.beside):
            self.node(one.name, piece.time, piece.x + one.x, one.y, one.half)
        for k, below in enumerate(piece.above[:-1], 1):
            start = (piece.x + below.x, below.y + self.space.radius)
            self.rise(piece, k, Vertex(below.name, piece.time), [start])
        for one in piece.beside:
            reader = next(other for other in piece.above if other.y == one.y)
            left, right = reader.x + reader.half + piece.x, one.x - one.half + piece.x
            latex = self.pieces.names(one.parameters)
            middle = (left + right + self.space.head) / 2
            label = self.above_line(latex, middle, one.y) if latex else None
            of, by = Vertex(reader.name, piece.time), Vertex(one.name, piece.time)
            self.edges.append(DrawnEdge(of, by, ((right, one.y), (left, one.y)), label))

    def rise(
        self, piece: Piece, k: int, by: Vertex, points: Sequence[Point], port: float = 0.0
    ) -> None:
        """A line up to one of the nodes above a step, with the parameters on its way."""
        to, space = piece.above[k], self.space
        x, y = piece.x + to.x + port, to.y - space.radius
        latex = self.pieces.names(to.parameters)
        size = label_size(latex, space)
        label = None
        if latex:
            label = self.label(
                latex, x + space.pad + size.width / 2, y - space.head - size.height / 2
            )
        line = simple([*points, (x, y)], 0.0)
        self.edges.append(DrawnEdge(Vertex(to.name, piece.time), by, line, label))
