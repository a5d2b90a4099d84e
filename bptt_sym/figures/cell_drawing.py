"""A time step with its inside: its nodes and lines, in a frame, from what it is handed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.flow import Flow
from bptt_sym.figures.inside import Inner, InnerLine, inside
from bptt_sym.figures.levels import EnteringLine, SizedNode
from bptt_sym.figures.measure import LabelSize, measured
from bptt_sym.figures.picture import DrawnEdge, DrawnNode, Label, Point, Rectangle, Role
from bptt_sym.figures.ranks import Station
from bptt_sym.figures.readings import label_size
from bptt_sym.figures.readout import Register, StepParts
from bptt_sym.figures.routes import simplified
from bptt_sym.figures.scene import role_of
from bptt_sym.limits import DRAWN_OPERATIONS

SIGNS = ("+", r"\odot", r"\circ", r"\times")
"""What stands in a round node."""

CORNER = 0.07
"""Of the box of a function."""


class CellDrawing:
    """The inside of step ``time``, its frame's left end at 0.

    ``above`` are the equations of the readout of which the first reads the cell; ``name`` is the
    LaTeX of a value so many steps before.
    """

    def __init__(
        self,
        parts: StepParts,
        time: int,
        written: Expr,
        name: Callable[[str, int], str],
        above: Sequence[tuple[str, int]],
        *,
        whole: bool,
    ) -> None:
        self.parts, self.time, self.name = parts, time, name
        self.space = parts.request.space
        self.model = parts.request.model
        self.inside = inside(self.model, parts.cell, written, whole=whole)
        DRAWN_OPERATIONS.check(len(self.inside.nodes))
        self.lines = {node.key: _united(node.lines) for node in self.inside.nodes}
        registers = parts.registers
        self.left = {self._key(r.name, r.lag): r for r in registers}
        self.leaving = {f"{r.name}>{r.lag}": self._key(r.name, before(r)) for r in registers}
        below = [self._key(name, 0) for name in parts.inputs]
        self.above = {self._key(name, lag): (name, lag) for name, lag in above}
        self.flow = Flow(
            [self._block(node) for node in self.inside.nodes],
            [*reversed(self.left)],
            below,
            self.leaving,
            [*self.above],
            self.space,
        )
        low, high = self.flow.levels.reach()
        self.bottom = low - 2 * self.space.pad - label_size("t = 1", self.space).height
        self.top = high + self.space.pad

    def _key(self, name: str, lag: int) -> str:
        return self.inside.values.get(name, f"{name}@0") if lag == 0 else f"{name}@{lag}"

    # Sizes.

    def _block(self, node: Inner) -> SizedNode:
        entries = tuple(
            EnteringLine(line.by, *label_size(line.latex, self.space))
            for line in self.lines[node.key]
        )
        behind = self._named(node)
        size = label_size(self.name(behind, 0), self.space) if behind else LabelSize(0, 0)
        width, height = self._size(node)
        is_round = node.kind == "value" or node.latex in SIGNS
        radius = min(width, height) / 2 if is_round else CORNER
        return SizedNode(node.key, width, height, radius, entries, size)

    def _named(self, node: Inner) -> str:
        """The name of the value that stands behind a node, of one that is not within it."""
        return "" if node.kind == "value" else node.named

    def _size(self, node: Inner) -> tuple[float, float]:
        space, size = self.space, measured(node.latex, self.space.node_points)
        labels = (label_size(line.latex, space).height for line in self.lines[node.key])
        between = sorted(max(h + space.pad if h else 0.0, 2 * space.port_gap) for h in labels)
        ports = sum(between[1:])
        if node.latex in SIGNS and node.kind == "operation":
            return 2 * space.sign, max(2 * space.sign, ports + space.sign)
        least = space.radius if node.kind == "value" else 0.0
        return (
            max(size.width + 3 * space.pad, 2 * least),
            max(size.height + 2 * space.pad, 2 * least, ports + max(3 * space.pad, least)),
        )

    # What is drawn.

    def vertex(self, key: str) -> Vertex:
        """The vertex of what has a key: a value of this step or another, or an operation."""
        if key in self.inside.given:
            variable = self.inside.given[key]
            return Vertex(variable.name, self.time - int(key.rpartition("@")[2]))
        name, at, lag = key.partition("@")
        if at:
            return Vertex(name, self.time - int(lag))
        named = self.inside.node[key].named
        return Vertex(named, self.time) if named else Vertex(key, self.time)

    def nodes(self, right: float) -> Iterator[DrawnNode]:
        """The nodes, moved so far to the right."""
        for node in self.inside.nodes:
            block = self.flow.block[node.key]
            x, y = self.flow.middle(node.key)
            box = Rectangle(x + right, y, block.width, block.height)
            size = measured(node.latex, self.space.node_points)
            label = Label(node.latex, Rectangle(box.x, box.y, *size), self.space.node_points)
            vertex, role = self.vertex(node.key), self._role(node)
            yield DrawnNode(vertex, role, box, block.radius, label)

    def _role(self, node: Inner) -> Role:
        if node.kind != "value":
            return "operation"
        return role_of(self.model, Vertex(node.named, self.time))

    def edges(self, right: float, start: float, below: float) -> Iterator[DrawnEdge]:
        """The lines into the nodes; from the left they begin at ``start``."""
        for node in self.inside.nodes:
            for line in self.lines[node.key]:
                place = Station(node.key, self.flow.stacks.rank[node.key])
                points = self.flow.line(line.by, place, below, start - right)
                label = self._label(node.key, line, points[-1], right)
                yield DrawnEdge(
                    self.vertex(node.key), self.vertex(line.by), simple(points, right), label
                )

    def _label(self, key: str, line: InnerLine, end: Point, right: float) -> Label | None:
        if not line.latex:
            return None
        size = label_size(line.latex, self.space)
        side = self.flow.middle(key)[0] - self.flow.block[key].width / 2
        x = min(end[0] - self.space.head, side - self.space.pad) + right - size.width / 2
        y = end[1] + self.space.pad / 2 + size.height / 2
        return Label(line.latex, Rectangle(x, y, *size), self.space.edge_points)

    def tags(self, right: float) -> Iterator[Label]:
        """The names of values, behind the operations that make them."""
        for node in self.inside.nodes:
            name = self._named(node)
            if name:
                latex = self.name(name, 0)
                x, y = self.flow.middle(node.key)
                size = label_size(latex, self.space)
                x += right + self.flow.block[node.key].width / 2 + self.space.pad + size.width / 2
                box = Rectangle(x, y + self.space.pad / 2 + size.height / 2, *size)
                yield Label(latex, box, self.space.edge_points)

    # Lines from and to elsewhere.

    def enters(self, register: Register) -> float:
        """At which height a value comes from the step before."""
        return self.flow.y[Station(self._key(register.name, register.lag), 0)]

    def leaves(self, register: Register) -> float:
        """At which height a value goes to the next step."""
        return self.flow.y[Station(f"{register.name}>{register.lag}", self.flow.last)]

    def leaving_line(
        self, register: Register, right: float, start: float, below: float, end: float
    ) -> tuple[Vertex, tuple[Point, ...]]:
        """What leaves to the next step, and its line up to ``end``."""
        name = f"{register.name}>{register.lag}"
        points = self.flow.line(
            self.leaving[name], Station(name, self.flow.last), below, start - right
        )
        return self.vertex(self.leaving[name]), simple(
            [*points, (end - right, points[-1][1])], right
        )

    def rising(self) -> list[tuple[float, str]]:
        """The tracks, from the left, of what is read above the cell."""
        found = []
        for key in self.above:
            track = self.flow.track_x(key, self.flow.stacks.rank[key])
            assert track is not None
            found.append((track, key))
        return sorted(found)

    def rising_line(self, key: str, right: float, start: float, below: float) -> list[Point]:
        """The line of a value up to the top of the frame."""
        points = self.flow.upward(key, self.top, below, start - right)
        return [(x + right, y) for x, y in points]

    def track_below(self, name: str) -> float:
        """Where an input comes in from below."""
        track = self.flow.track_x(f"{name}@0", 0)
        assert track is not None
        return track


def before(register: Register) -> int:
    """How many steps before the one that hands it on a value is of."""
    return register.lag - (1 if register.lag > 0 else -1)


def _united(lines: Sequence[InnerLine]) -> list[InnerLine]:
    """One line for each value that is read, with all that multiplies it."""
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(line.by, []).append(line.latex)
    return [InnerLine(by, ",".join(filter(None, latex))) for by, latex in found.items()]


def simple(points: Sequence[Point], right: float) -> tuple[Point, ...]:
    """A line moved to the right, without the points on which it does not turn."""
    return simplified([(x + right, y) for x, y in points])
