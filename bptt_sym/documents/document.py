"""Course notes as data: sections of prose, equations, figures and tables, in no format yet.

Prose is plain words with formulas between dollar signs, in LaTeX, and references to equations as
[[label]]; a backslash outside a formula takes the next character as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bptt_sym.figures.figure import Figure
from bptt_sym.render.formulas import is_number


@dataclass(frozen=True)
class Paragraph:
    """Prose; ``signs`` are those in its formulas that want an explanation.

    ``lead`` is a word or two in bold that it begins with, a heading within the line. An ``aside``
    explains signs, and may be left out of slides.
    """

    text: str
    signs: tuple[str, ...] = ()
    lead: str = ""
    aside: bool = False


@dataclass(frozen=True)
class DisplayedFormula:
    """One equation, as lines of an ``aligned`` environment; it has a number if it has a label.

    ``also`` are labels of what has the same number; an ``optional`` number is given only where a
    text refers to it. ``signs`` are those in it that want an explanation. ``flat`` is the equation
    on one line without alignment, so ``width`` ems wide, of which ``left`` are before its sign;
    ``rows`` are those of the matrices of numbers in it.
    """

    lines: tuple[str, ...]
    label: str | None = None
    number: int | None = None
    signs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    optional: bool = False
    flat: str = ""
    width: float = 0.0
    left: float = 0.0
    rows: int = 0

    def ended(self, mark: str) -> DisplayedFormula:
        """The same with a mark of punctuation at its end."""
        flat = self.flat + mark if self.flat else ""
        return replace(self, lines=(*self.lines[:-1], self.lines[-1] + mark), flat=flat)

    def within(self, room: float) -> tuple[str, ...]:
        """Its lines where nothing stands below or above it: one, if this has room."""
        if len(self.lines) > 1 and self.flat and self.width <= room:
            return (f"&{self.flat}",)
        return self.lines


@dataclass(frozen=True)
class Equations:
    """Equations below each other, or side by side where they are narrow and ``packs`` says so."""

    formulas: tuple[DisplayedFormula, ...]
    packs: bool = False

    def ended(self, mark: str) -> Equations:
        """The same with a mark of punctuation behind the last: a sentence ends there or goes on."""
        *before, last = self.formulas
        return replace(self, formulas=(*before, last.ended(mark)))


@dataclass(frozen=True)
class Drawing:
    """A figure; its name is that of its file, its label what a text refers to it by."""

    name: str
    figure: Figure
    caption: str
    label: str
    number: int | None = None


@dataclass(frozen=True)
class Table:
    """A table of prose; with a caption it has a number, and a label if a text refers to it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    label: str = ""
    number: int | None = None

    @property
    def is_right(self) -> list[bool]:
        """Whether a column ends at the right: one of numbers."""
        return [all(map(is_number, column)) for column in zip(*self.rows, strict=True)]


@dataclass(frozen=True)
class Items:
    """Sentences, each of which stands for itself."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class ToldContribution:
    """What one copy of a parameter contributes: where from, how much, and its path."""

    text: Paragraph
    equations: Equations
    drawing: Drawing


@dataclass(frozen=True)
class ToldContributions:
    """What the copies of a parameter contribute, one after the other; ``drawn`` is one's path."""

    entries: tuple[ToldContribution, ...]
    drawn: Drawing | None = None


@dataclass(frozen=True)
class Reserved:
    """Labels of equations that have a number and are not written."""

    labels: tuple[str, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Space:
    """Room to write in."""


Block = Paragraph | Equations | Drawing | Table | Items | ToldContributions | Reserved | Space


@dataclass(frozen=True)
class NotesSection:
    """Blocks under a heading, which is prose; ``name`` tells the section from all others."""

    name: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A derivation as one reads it. ``command`` makes it again.

    Title, author and date are prose. The first numbered equation has the number ``first``.
    ``plain`` has the names of symbols by their formulas, for where a formula cannot stand.
    """

    name: str
    title: str
    command: str
    sections: tuple[NotesSection, ...]
    author: str = ""
    date: str = ""
    first: int = 1
    plain: Mapping[str, str] = field(default_factory=dict)

    @property
    def drawings(self) -> list[Drawing]:
        """The figures that stand in the text, each once."""
        found: dict[str, Drawing] = {}
        for section in self.sections:
            for block in section.blocks:
                drawing = block.drawn if isinstance(block, ToldContributions) else block
                if isinstance(drawing, Drawing):
                    found[drawing.name] = drawing
        return list(found.values())

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers of equations and figures by their labels."""
        found = {
            name: formula.number
            for section in self.sections
            for block in section.blocks
            for formula in formulas(block)
            if formula.label and formula.number
            for name in (formula.label, *formula.also)
        }
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Reserved):
                    found |= dict(zip(block.labels, block.numbers, strict=True))
            for block in section.blocks:
                if isinstance(block, Table) and block.label and block.number:
                    found[block.label] = block.number
        return found | {d.label: d.number for d in self.drawings if d.number}


def formulas(block: Block) -> Iterator[DisplayedFormula]:
    """The equations of a block, in order."""
    if isinstance(block, Equations):
        yield from block.formulas
    if isinstance(block, ToldContributions):
        for entry in block.entries:
            yield from entry.equations.formulas


_PIECE = re.compile(
    r"\$(?P<math>[^$]*)\$|\[\[(?P<label>[^\]]*)\]\]|\\(?P<sign>.)|(?P<words>[^$\[\\]+|\[)",
    re.DOTALL,
)


def written(
    text: str,
    words: Callable[[str], str],
    math: Callable[[str], str],
    reference: Callable[[str], str],
) -> str:
    """Prose in a format, piece by piece."""
    parts = []
    for found in _PIECE.finditer(text):
        if found["math"] is not None:
            parts.append(math(found["math"]))
        elif found["label"] is not None:
            parts.append(reference(found["label"]))
        else:
            parts.append(words(found["sign"] or found["words"]))
    return "".join(parts)


def plain_words(text: str) -> str:
    """Words of a user as they stand in prose."""
    return re.sub(r"([\\$\[])", r"\\\1", text)
