"""The steps of a chain: which are drawn, how large they are and what stands above and below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bptt_sym.algebra.expressions import TIME, Expr, Integer, Parameter, Variable
from bptt_sym.figures.cell_drawing import CellDrawing
from bptt_sym.figures.measure import measured
from bptt_sym.figures.picture import Rectangle
from bptt_sym.figures.readings import label_size
from bptt_sym.figures.readout import Register, StepParts
from bptt_sym.figures.request import Request
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset


@dataclass(frozen=True)
class Standing:
    """A node above or below a step, with its place to the right of the step's left end."""

    name: str
    x: float
    y: float
    half: float
    parameters: tuple[str, ...] = ()


@dataclass
class Piece:
    """A step: its box, what stands above and below it, and at which heights lines come and go."""

    time: int
    width: float
    bottom: float
    top: float
    below: list[Standing]
    above: list[Standing]
    beside: list[Standing]
    enters: dict[Register, float]
    leaves: dict[Register, float]
    x: float = 0.0

    @property
    def right(self) -> float:
        """The right end of its box."""
        return self.x + self.width

    @property
    def box(self) -> Rectangle:
        """Its box, or the frame around its inside."""
        height = self.top - self.bottom
        return Rectangle(self.x + self.width / 2, self.bottom + height / 2, self.width, height)

    @property
    def reach(self) -> tuple[float, float]:
        """How far it reaches, to the right of its left end."""
        standing = (*self.below, *self.above, *self.beside)
        return (
            min([0.0, *(s.x - s.half for s in standing)]),
            max([self.width, *(s.x + s.half for s in standing)]),
        )


def shown_around(request: Request) -> tuple[list[int], int]:
    """The steps of a chain that are drawn, and the one that is large."""
    if request.kind == "cell":
        return [1], 1
    last = request.steps
    center = max(1, last - 1) if last != 2 else 2
    return [time for time in (center - 1, center, center + 1) if 1 <= time <= last], center


class Pieces:
    """The steps of a chain of which one is drawn with its inside, the ``cell``."""

    def __init__(self, request: Request) -> None:
        self.request, self.space, self.model = request, request.space, request.model
        self.shown, self.center = shown_around(request)
        center = self.center
        self.alone = request.kind == "cell"
        self.parts = StepParts(request)
        above = [(name, lag) for name, lag, _ in self.first(center)]
        self.cell = CellDrawing(
            self.parts,
            center,
            self._time(center),
            lambda name, lag: self.tex_of(name, center - lag),
            above,
            whole=request.whole,
        )

    def _time(self, time: int) -> Expr:
        """A time step as it is written: as seen from t, or a number."""
        return TIME + (time - self.center) if self.alone else Integer(time)

    def tex_of(self, name: str, time: int) -> str:
        symbol = self.model.symbol(name)
        assert isinstance(symbol, Variable)
        return tex(typeset(symbol.at(self._time(time)), self.model.notation))

    def names(self, parameters: Sequence[str]) -> str:
        symbols = (self.model.symbol(name) for name in parameters)
        return ",".join(
            tex(typeset(s, self.model.notation)) for s in symbols if isinstance(s, Parameter)
        )

    def step_label(self, time: int) -> str:
        return f"{tex(typeset(TIME, self.model.notation))} = {time}"

    def half(self, name: str, time: int) -> float:
        width = measured(self.tex_of(name, time), self.space.node_points).width
        return max(self.space.radius, width / 2 + self.space.pad)

    def gap(self) -> float:
        """The room between two steps, for the names of what is handed on."""
        names = [self.tex_of(r.name, self.center - r.lag) for r in self.parts.registers]
        widths = [label_size(latex, self.space).width for latex in names]
        return max([0.0, *widths]) + self.space.head + 3 * self.space.pad

    def readout(self, time: int) -> list[str]:
        """What stands above a step: a chain of values up to the loss, or its end alone."""
        names = self.parts.readout(None if self.alone else time)
        return names if self.parts.is_chain(names) else names[-1:]

    def first(self, time: int) -> list[tuple[str, int, tuple[str, ...]]]:
        """What the first of the readout reads of the cell, through what is not drawn, too."""
        readout, names = self.readout(time), self.parts.readout(None if self.alone else time)
        if readout and readout == names:
            return self.parts.within(readout[0])
        found = ((n, lag) for name in names for n, lag, _ in self.parts.within(name))
        return [(name, lag, ()) for name, lag in dict.fromkeys(found)]

    def _stand(self, time: int, middle: float, top: float) -> tuple[list[Standing], list[Standing]]:
        """What stands above a step and beside that."""
        above, beside = [], []
        y, space = top, self.space
        readout, first = self.readout(time), self.first(time)
        for k, name in enumerate(readout):
            parameters: tuple[str, ...] = ()
            if k:
                read = next(p for (n, _), p in self.parts.reads[name] if n == readout[k - 1])
                parameters = read
            elif len(first) == 1:
                parameters = first[0][2]
            label = label_size(self.names(parameters), space)
            y += max(space.row_gap, label.height + space.head + 2 * space.pad)
            y += space.radius
            half = self.half(name, time)
            if not k and time == self.center and len(first) > 2:
                # Many lines come from the inside, each to its own place.
                half = max(half, (len(first) - 1) * space.port_gap + space.radius)
            above.append(Standing(name, middle, y, half, parameters))
            for given, p in self.parts.beside(name)[:1]:
                other = self.half(given, time)
                width = label_size(self.names(p), space).width
                x = middle + half + max(space.beside, width + space.head + space.pad) + other
                beside.append(Standing(given, x, y, other, p))
            y += space.radius
        return above, beside

    def all(self) -> list[Piece]:
        """The steps that are drawn, each in its place."""
        found = [self._center() if time == self.center else self._box(time) for time in self.shown]
        at = 0.0
        for k, piece in enumerate(found):
            left, right = piece.reach
            at += max(self.gap(), self.space.apart) if k else 0.0
            piece.x = round(at - left, 2)
            at = piece.x + right
        return found

    def _center(self) -> Piece:
        cell, space = self.cell, self.space
        rising = [x for x, _ in cell.rising()]
        top = cell.top + space.track * max(0, len(rising) - 1)
        above, beside = self._stand(self.center, median(rising) if rising else 0.0, top)
        tracks = sorted((cell.track_below(name), name) for name in self.parts.inputs)
        y = cell.bottom - space.row_gap - space.track * max(0, len(tracks) - 1) - space.radius
        below: list[Standing] = []
        for track, name in tracks:
            half = self.half(name, self.center)
            x = track
            if below:
                x = max(x, below[-1].x + below[-1].half + space.apart + half)
            below.append(Standing(name, x, y, half))
        registers = self.parts.registers
        return Piece(
            self.center,
            round(cell.flow.width + 0.01, 2),
            cell.bottom,
            cell.top,
            below,
            above,
            beside,
            {register: cell.enters(register) for register in registers},
            {register: cell.leaves(register) for register in registers},
        )

    def _box(self, time: int) -> Piece:
        cell, space = self.cell, self.space
        side = cell.enters if time < self.center else cell.leaves
        heights = {register: side(register) for register in self.parts.registers}
        label = measured(self.step_label(time), space.node_points)
        halves = [self.half(name, time) for name in self.parts.inputs]
        across = sum(2 * half for half in halves) + space.apart * max(0, len(halves) - 1)
        width = max(label.width + 4 * space.pad, across)
        least = label.height / 2 + 3 * space.pad
        middle = (min(heights.values()) + max(heights.values())) / 2 if heights else 0.0
        bottom = min([middle - least, *(y - 2 * space.pad for y in heights.values())])
        top = max([middle + least, *(y + 2 * space.pad for y in heights.values())])
        x = (width - across) / 2
        below = []
        for name, half in zip(self.parts.inputs, halves, strict=True):
            y = bottom - space.row_gap - space.radius
            below.append(Standing(name, x + half, y, half))
            x += 2 * half + space.apart
        above, beside = self._stand(time, width / 2, top)
        return Piece(
            time, round(width + 0.01, 2), bottom, top, below, above, beside, heights, heights
        )
