"""Numbers below equations, as rows of LaTeX's ``align`` environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.boxes import Box, Matrix
from bptt_sym.algebra.expressions import LAST_STEP, Expr, dimension
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.derivation_values import DerivationValues
from bptt_sym.errors import listed
from bptt_sym.render.formulas import side_by_side
from bptt_sym.render.line_breaking import broken
from bptt_sym.render.number_boxes import (
    array_box,
    equation_in_numbers,
    fitted,
)
from bptt_sym.render.page import Page
from bptt_sym.render.show import Show
from bptt_sym.render.tex import tex
from bptt_sym.render.tex_width import width
from bptt_sym.render.typeset import typeset

EQUALS = 1.34
"""The width of a sign of equality with its spaces."""

GAP = 1.0
"""That of a quad."""

SHAPE = 9.0
"""That of the words about a shape, with what is around them."""


class NumberLatex:
    """Writes numbers for a page of LaTeX; ``is_wide`` tells whether a matrix had no room."""

    def __init__(self, values: DerivationValues, page: Page, room: float) -> None:
        """The ``room`` is the width of a line, in ems."""
        self.values, self.page, self.room = values, page, room
        self.is_wide = False

    def sizes(self) -> str:
        """The numbers of steps and of what dimensions count, as formulas in a sentence."""
        numbers = {LAST_STEP: self.values.network.steps} | {
            dimension(name): size for name, size in self.values.sizes.items()
        }
        told = (f"${tex(self._name(s))} = {number}$" for s, number in numbers.items())
        return ", ".join(told)

    def origin(self) -> str:
        """Where the numbers come from."""
        values = self.values
        if not values.drawn:
            return "All are given"
        if not values.given:
            return f"They are drawn with seed {values.seed}"
        return f"Given are {listed(values.given)}; the others are drawn with seed {values.seed}"

    def quantities(self, *, computed: bool) -> str:
        """What is given, or computed from it, several on a line where they have room."""
        lines: list[list[tuple[str, str]]] = []
        taken, height = 0.0, 0
        for symbol in self.values.quantities(computed=computed):
            left, right = (
                self._name(symbol),
                self._kept(array_box(self.values.value(symbol)), self.room),
            )
            own = width(left) + width(right) + EQUALS + GAP
            rows = len(right.rows) if isinstance(right, Matrix) else 1
            if not lines or taken + own > self.room or rows != height:
                lines.append([])
                taken, height = 0.0, rows
            lines[-1].append((tex(left), tex(right)))
            taken += own
        return " \\\\\n".join(side_by_side(*line) for line in lines)

    def below(self, section: Section, place: int, show: Show, room: float) -> list[str]:
        """The rows below a line of a section, without numbers of equations."""
        instances = self.values.instances(section, place)
        line = section.lines[place]
        return [row for e in instances for row in self._rows(e, line, show, room)]

    def _rows(
        self, equation: DerivedEquation, line: DerivedEquation, show: Show, room: float
    ) -> Iterator[str]:
        begin = "&= "
        if (equation.left, equation.right) != (line.left, line.right):
            assert equation.left is not None
            begin = f"{tex(show(equation.left))} &= "
        for numbers in equation_in_numbers(equation, self.values):
            written = [self._kept(box, room) for box in numbers.boxes]
            if numbers.shape is not None:
                words = rf"\text{{in the shape of }} {tex(show(numbers.shape))}\colon"
                begin = rf"&\quad {words} \quad "
                if SHAPE + width(show(numbers.shape)) + _together(written) > room:
                    yield rf"&\quad {words}"
                    begin = r"&\quad "
            yield from self._equal(begin, written, room)

    def _equal(self, begin: str, written: Sequence[Box], room: float) -> Iterator[str]:
        """Boxes that are equal, with what stands before the first, on one line if that has room."""
        if _together(written) <= room:
            yield begin + " = ".join(map(tex, written))
            return
        for box in written:
            first, *more = broken(box, room, self.page)
            yield begin + first
            yield from (rf"&\quad {row}" for row in more)
            begin = "&= "

    def _name(self, symbol: Expr) -> Box:
        return typeset(symbol, self.values.derivation.model.notation)

    def _kept(self, box: Box, room: float) -> Box:
        """The box, the matrices that no line has room for by their sizes."""
        kept, has_wide = fitted(box, room - 2, width)
        self.is_wide |= has_wide
        return kept


def _together(written: Sequence[Box]) -> float:
    """The width of boxes with signs of equality between them."""
    return sum(map(width, written)) + EQUALS * (len(written) - 1)
