"""Numbers below equations, as text: matrices with their rows one under the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bptt_sym.algebra.boxes import Box, Glyph, Matrix, with_parts
from bptt_sym.algebra.expressions import LAST_STEP, Expr, dimension
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.derivation_values import DerivationValues
from bptt_sym.errors import listed
from bptt_sym.render.line_breaking import broken
from bptt_sym.render.medium import Medium, cells
from bptt_sym.render.number_boxes import (
    array_box,
    equation_in_numbers,
    fitted,
)
from bptt_sym.render.show import Show
from bptt_sym.render.typeset import typeset

_FIRST = 0xE000
"""The first of the characters of Unicode that nothing writes: each stands for a matrix."""

_PLACES = re.compile(r"([\ue000-\uf8ff])\1*")


class NumberText:
    """Writes numbers for a medium; ``is_wide`` tells whether a matrix had no room."""

    def __init__(self, values: DerivationValues, medium: Medium) -> None:
        self.values, self.medium = values, medium
        self.is_wide = False

    def sizes(self) -> str:
        """The numbers of steps and of what dimensions count."""
        numbers = {LAST_STEP: self.values.network.steps} | {
            dimension(name): size for name, size in self.values.sizes.items()
        }
        told = (
            f"{self.medium.math(self._name(symbol))} = {number}"
            for symbol, number in numbers.items()
        )
        return ", ".join(told)

    def origin(self) -> str:
        """Where the numbers come from."""
        values = self.values
        if not values.drawn:
            return "All are given"
        if not values.given:
            return f"Drawn with seed {values.seed}"
        return f"Given: {listed(values.given)}; the others are drawn with seed {values.seed}"

    def below_section(self, section: Section, show: Show, place: int, indent: int) -> list[str]:
        """The lines below a line of a section, whose right side begins ``indent`` columns in."""
        instances = self.values.instances(section, place)
        return list(self._below(instances, section.lines[place], show, indent))

    def _below(
        self, equations: Sequence[DerivedEquation], line: DerivedEquation, show: Show, indent: int
    ) -> Iterator[str]:
        for equation in equations:
            begin, at = " = ", indent - 3
            if (equation.left, equation.right) != (line.left, line.right):
                assert equation.left is not None
                begin, at = f"{self.medium.math(show(equation.left))} = ", min(indent - 3, 6)
            for numbers in equation_in_numbers(equation, self.values):
                if numbers.shape is not None:
                    name = self.medium.math(show(numbers.shape))
                    begin, at = f"in the shape of {name}: ", indent
                room = self.medium.columns - max(at + cells(begin) if at < indent else 0, indent)
                written = [self._kept(box, room - 2) for box in numbers.boxes]
                yield from self._equal(begin, written, at)

    def quantities(self, *, computed: bool) -> str:
        """What is given, or computed from it, several side by side where they have room."""
        named = [
            (self.medium.math(self._name(symbol)), array_box(self.values.value(symbol)))
            for symbol in self.values.quantities(computed=computed)
        ]
        return "\n".join(self._side_by_side(named))

    def _side_by_side(self, named: Sequence[tuple[str, Box]]) -> Iterator[str]:
        rows: list[list[tuple[str, Box]]] = []
        taken = 0
        for name, box in named:
            kept = self._kept(box, self.medium.columns - cells(name) - 5)
            width = cells(name) + 3 + self._width(kept)
            if not rows or taken + 4 + width > self.medium.columns:
                rows.append([])
                taken = 0
            rows[-1].append((name, kept))
            taken += 2 + width if len(rows[-1]) == 1 else 4 + width
        for row in rows:
            matrices: list[Matrix] = []
            parts = [f"{name} = {self._placed(box, matrices)[1]}" for name, box in row]
            yield from _spread("  " + "    ".join(parts), matrices, self.medium)

    def _equal(self, begin: str, written: Sequence[Box], indent: int) -> Iterator[str]:
        """Boxes that are equal, with what stands before the first, on one line if that has room."""
        matrices: list[Matrix] = []
        placed = [self._placed(box, matrices) for box in written]
        before = " " * indent + begin
        whole = " = ".join(text for _, text in placed)
        if cells(before) + cells(whole) > self.medium.columns and begin.endswith(": "):
            yield before.rstrip()
            before = " " * (indent + 2)
        if cells(before) + cells(whole) <= self.medium.columns:
            yield from _spread(before + whole, matrices, self.medium)
            return
        for box, _ in placed:
            for text in broken(box, self.medium.columns - cells(before), self.medium.page):
                yield from _spread(before + text, matrices, self.medium)
                before = " " * cells(before)
            before = f"{before[:-3]} = "

    def _name(self, symbol: Expr) -> Box:
        return typeset(symbol, self.values.derivation.model.notation)

    def _kept(self, box: Box, room: int) -> Box:
        """The box, the matrices that no line has room for by their sizes."""
        kept, has_wide = fitted(box, room, self._width)
        self.is_wide |= has_wide
        return kept

    def _placed(self, box: Box, matrices: list[Matrix]) -> tuple[Box, str]:
        """The box with characters in the places of its matrices, which are added to those known."""

        def placed(part: Box) -> Box:
            if isinstance(part, Matrix) and part.numbers:
                matrices.append(part)
                return Glyph(chr(_FIRST + len(matrices) - 1) * self._width(part))
            inner: Box = with_parts(part, placed)
            return inner

        found = placed(box)
        return found, self.medium.math(found)

    def _width(self, box: Box) -> int:
        if isinstance(box, Matrix) and box.numbers:
            return cells(_rows(box, self.medium)[0])
        return cells(self.medium.math(box))


def _rows(matrix: Matrix, medium: Medium) -> list[str]:
    """The rows of a matrix of numbers, all of one width."""
    written = [[medium.math(entry) for entry in row] for row in matrix.rows]
    widths = [max(map(cells, column)) for column in zip(*written, strict=True)]
    lines = ["  ".join(e.rjust(w) for e, w in zip(row, widths, strict=True)) for row in written]
    if len(lines) == 1:
        return [f"[ {lines[0]} ]"]
    first, *between, last = lines
    return [f"⎡ {first} ⎤", *(f"⎢ {line} ⎥" for line in between), f"⎣ {last} ⎦"]


def _spread(line: str, matrices: Sequence[Matrix], medium: Medium) -> list[str]:
    """A line with its matrices in their places, their middles in the row of the line."""
    found = list(_PLACES.finditer(line))
    rows = {place: _rows(matrices[ord(place[1]) - _FIRST], medium) for place in found}
    height = max(map(len, rows.values()), default=1)
    middle = (height - 1) // 2
    lines = []
    for k in range(height):
        text, end = "", 0
        for place, own in rows.items():
            between = line[end : place.start()]
            text += between if k == middle else " " * cells(between)
            row = k - (middle - (len(own) - 1) // 2)
            text += own[row] if 0 <= row < len(own) else " " * (place.end() - place.start())
            end = place.end()
        lines.append((text + (line[end:] if k == middle else "")).rstrip())
    return lines
