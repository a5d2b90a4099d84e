"""A chain of time steps: one is large, with its operations, its neighbours are small boxes.

What a step hands on runs through the chain from left to right; inputs are below, losses above.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.cell_drawing import before, simple
from bptt_sym.figures.picture import Dots, DrawnEdge, Picture, Point
from bptt_sym.figures.pieces import Piece, Pieces
from bptt_sym.figures.surroundings import STEP, Surroundings


def chain_picture(pieces: Pieces, title: str, description: str) -> Picture:
    """The picture of some steps, one of which is drawn with its inside, or of this alone."""
    return _Chain(pieces).picture(title, description)


class _Chain:
    def __init__(self, pieces: Pieces) -> None:
        self.pieces, self.space, self.cell = pieces, pieces.space, pieces.cell
        self.drawn = Surroundings(pieces)
        self.registers = pieces.parts.registers

    def picture(self, title: str, description: str) -> Picture:
        pieces = self.pieces.all()
        for piece in pieces:
            self.drawn.standing(piece)
            if piece.time == self.pieces.center:
                self.drawn.frame(piece)
                self.drawn.nodes += self.cell.nodes(piece.x)
                self.drawn.tags += self.cell.tags(piece.x)
            else:
                self.drawn.box(piece)
        self._begin(pieces[0])
        for one, other in itertools.pairwise(pieces):
            self._join(one, other)
        if self.pieces.alone:
            self._leave(pieces[0], pieces[0].right + self.pieces.gap())
        return self.drawn.picture(title, description)

    def _begin(self, piece: Piece) -> None:
        """What comes from before the first step that is drawn: first values, or dots."""
        start = piece.x - self.pieces.gap()
        for register in self.registers:
            y = piece.enters[register]
            time = piece.time - register.lag
            if piece.time == 1 and not self.pieces.alone:
                half = self.pieces.half(register.name, time)
                self.drawn.node(register.name, time, start - half, y, half)
            else:
                self._name(register.name, time, start, piece.x, y)
            if piece.time > 1:
                self.drawn.dots.append(Dots((start - self.space.dots / 2, y)))
        self._enter(piece, start, from_gap=piece.time > 1)

    def _join(self, one: Piece, other: Piece) -> None:
        """The lines of what a step hands on to the next one that is drawn."""
        for register in self.registers:
            time = one.time - before(register)
            self._name(register.name, time, one.right, other.x, one.leaves[register])
        if one.time == self.pieces.center:
            self._leave(one, other.x, named=False)
        else:
            self._enter(other, one.right)

    def _enter(self, piece: Piece, start: float, *, from_gap: bool = False) -> None:
        """The lines into a step from its left."""
        if piece.time == self.pieces.center:
            self._inner(piece, start)
            return
        for register in self.registers:
            y = piece.enters[register]
            by = Vertex(register.name, piece.time - register.lag)
            ends = ((start, y), (piece.x, y))
            edge = DrawnEdge(Vertex(STEP, piece.time), by, ends, from_gap=from_gap)
            self.drawn.edges.append(edge)

    def _name(self, name: str, time: int, start: float, end: float, y: float) -> None:
        """The name of what a step is handed, above its line."""
        latex = self.pieces.tex_of(name, time)
        middle = (start + end - self.space.head) / 2
        self.drawn.tags.append(self.drawn.above_line(latex, middle, y))

    def _inner(self, piece: Piece, start: float) -> None:
        """The lines within the large step, and from it upward."""
        self.start = start
        for edge in self.cell.edges(piece.x, start, piece.bottom):
            self.drawn.edges.append(self._from_below(edge, piece))
        rising = self.cell.rising()
        ports = [
            piece.x + piece.above[0].x + (k - (len(rising) - 1) / 2) * 2 * self.space.port_gap
            for k in range(len(rising))
        ]
        # What goes to the right turns the higher the farther left it is, and the other way round.
        onward = sum(piece.x + x < port for (x, _), port in zip(rising, ports, strict=True))
        for k, (_, key) in enumerate(rising):
            points = self.cell.rising_line(key, piece.x, start, piece.bottom)
            x = ports[k]
            if abs(points[-1][0] - x) > 1e-6:
                turn = onward - 1 - k if k < onward else k - onward
                level = piece.top + self.space.track * (turn + 0.5)
                points = [*points[:-1], (points[-1][0], level), (x, level)]
            by = self.cell.vertex(key)
            line = self._from_below(DrawnEdge(by, by, tuple(points)), piece)
            self.drawn.rise(piece, 0, by, line.points, x - piece.x - piece.above[0].x)

    def _from_below(self, edge: DrawnEdge, piece: Piece) -> DrawnEdge:
        """A line that comes in from below, from its very beginning."""
        names = [standing.name for standing in piece.below]
        if edge.by.time != piece.time or edge.by.name not in names:
            return edge
        k = names.index(edge.by.name)
        x, after = piece.x + piece.below[k].x, len(names) - k
        turn = piece.bottom - self.space.track * after
        start: list[Point] = [(x, piece.below[k].y + self.space.radius)]
        if abs(x - edge.points[0][0]) > 1e-6:
            start += [(x, turn), (edge.points[0][0], turn)]
        return replace(edge, points=simple([*start, *edge.points], 0.0))

    def _leave(self, piece: Piece, end: float, *, named: bool = True) -> None:
        """The lines of what the large step hands on."""
        to = Vertex(STEP, piece.time + 1)
        for register in self.registers:
            by, points = self.cell.leaving_line(register, piece.x, self.start, piece.bottom, end)
            self.drawn.edges.append(self._from_below(DrawnEdge(to, by, points), piece))
            if named:
                time, y = piece.time - before(register), piece.leaves[register]
                self._name(register.name, time, piece.right, end, y)
