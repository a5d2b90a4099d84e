"""What text is written for: how wide its lines are, its signs, and whether it has colour."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from bptt_sym.algebra.boxes import Box
from bptt_sym.render.page import HOLE, Page
from bptt_sym.render.plain import ASCII, UNICODE, between, plain_text

EQUATIONS = 96
"""The width of equations where none is told."""

NARROWEST = 40
"""Lines are not made shorter than this."""

_PUNCTUATION = str.maketrans({
    "×": "x", "−": "-", "…": "...", "≥": ">=", "·": ".", "⎡": "[", "⎢": "[", "⎣": "[", "⎤": "]",
    "⎥": "]", "⎦": "]",
})  # fmt: skip
_CODES = {"heading": "1", "number": "2", "note": "2", "wrong": "1;31"}


@dataclass(frozen=True)
class Medium:
    """A terminal or a file. Without a ``width`` prose is not wrapped."""

    width: int | None = None
    ascii: bool = False
    color: bool = False

    def math(self, box: Box) -> str:
        """A box in the signs that may be used."""
        return plain_text(box, ASCII if self.ascii else UNICODE)

    def plain(self, text: str) -> str:
        """A text whose formulas are written already: its other signs, and a user's words."""
        if not self.ascii:
            return text
        return text.translate(_PUNCTUATION).encode("ascii", "backslashreplace").decode()

    def style(self, text: str, name: str) -> str:
        """A text that stands out, where there is colour."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.color and text else text

    @property
    def columns(self) -> int:
        """The width of equations."""
        return EQUATIONS if self.width is None else max(self.width, NARROWEST)

    @property
    def page(self) -> Page:
        """How equations are broken."""
        signs = ASCII if self.ascii else UNICODE
        operators = {kind: sign.strip() for kind, sign in signs.operators.items()}

        def around(box: Box, _inner: Box) -> tuple[str, str]:
            begin, _, end = self.math(box).partition(self.math(HOLE))
            return begin, end

        return Page(
            write=self.math,
            measure=lambda box: cells(self.math(box)),
            gap=lambda before, factor, kind: cells(between(before, factor, kind, signs)),
            around=around,
            cases=None,
            brace=0,
            minus=signs.minus,
            sign=3,
            begin=2,
            comma=2,
            operators={**operators, "matrix": signs.between_derivatives.strip()},
            indent="  ",
            step=2,
        )

    def listing(self, text: str) -> str:
        """Lines of a program below headings, each broken to the width."""
        lines = map(self.prose, self.plain(text).splitlines(), itertools.repeat("    "))
        return "".join(
            (line if line.startswith(" ") else self.style(line, "heading")) + "\n" for line in lines
        )

    def prose(self, text: str, indent: str = "  ") -> str:
        """Words broken to the width, the lines after the first one indented."""
        if self.width is None:
            return text
        return "\n".join(_wrapped(text, self.columns, indent))


ANYWHERE = Medium()
"""What a text is written for where nothing is known of it."""


def cells(text: str) -> int:
    """The columns that a text takes up on a terminal."""
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    if cells(text) <= width:
        yield text
        return
    begin = text[: len(text) - len(text.lstrip())]
    line = begin
    for word in text.strip().split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if cells(longer) > width and line.strip():
            yield line.rstrip()
            longer = begin + indent + word
        line = longer
    yield line.rstrip()
