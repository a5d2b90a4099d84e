"""Course notes as data: sections of prose, equations, figures and tables, in no format yet.

Prose is plain words with formulas between dollar signs, in LaTeX, and references to equations as
[[label]]; a backslash outside a formula takes the next character as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bptt_sym.errors import InputError
from bptt_sym.figures.figure import Figure


@dataclass(frozen=True)
class Paragraph:
    """Prose; ``signs`` are those in its formulas that want an explanation.

    ``lead`` is a word or two in bold that it begins with, a heading within the line.
    """

    text: str
    signs: tuple[str, ...] = ()
    lead: str = ""


@dataclass(frozen=True)
class DisplayedFormula:
    """One equation, as lines of an ``aligned`` environment; it has a number if it has a label.

    ``also`` are labels of what has the same number; an ``optional`` number is given only where a
    text refers to it. ``signs`` are those in it that want an explanation. ``flat`` is the equation
    on one line without alignment, so ``width`` ems wide.
    """

    lines: tuple[str, ...]
    label: str | None = None
    number: int | None = None
    signs: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    optional: bool = False
    flat: str = ""
    width: float = 0.0

    def ended(self, mark: str) -> DisplayedFormula:
        """The same with a mark of punctuation at its end."""
        return replace(self, lines=(*self.lines[:-1], self.lines[-1] + mark))


@dataclass(frozen=True)
class Equations:
    """Equations below each other."""

    formulas: tuple[DisplayedFormula, ...]

    def ended(self, mark: str) -> Equations:
        """The same with a mark of punctuation behind the last: a sentence ends there or goes on."""
        *before, last = self.formulas
        return Equations((*before, last.ended(mark)))


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
    """A table of prose, with its title above it if it has one."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


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
    """

    name: str
    title: str
    command: str
    sections: tuple[NotesSection, ...]
    author: str = ""
    date: str = ""
    first: int = 1

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
        return found | {d.label: d.number for d in self.drawings if d.number}


def formulas(block: Block) -> Iterator[DisplayedFormula]:
    """The equations of a block, in order."""
    if isinstance(block, Equations):
        yield from block.formulas
    if isinstance(block, ToldContributions):
        for entry in block.entries:
            yield from entry.equations.formulas


def explained(document: Document, explain: Callable[[Iterable[str]], str]) -> Document:
    """The document with its signs explained where they first occur, below the equations.

    ``explain`` makes a sentence on signs that it was not yet asked for, or nothing.
    """
    sections = []
    for section in document.sections:
        blocks: list[Block] = []
        signs: list[str] = []
        for k, block in enumerate(section.blocks, 1):
            blocks.append(block)
            signs += [sign for formula in formulas(block) for sign in formula.signs]
            if isinstance(block, Paragraph):
                signs += block.signs
            if _goes_on(block, section.blocks[k : k + 1]):
                continue
            sentence = explain(signs)
            if sentence:
                blocks.append(Paragraph(sentence))
        sections.append(replace(section, blocks=tuple(blocks)))
    return replace(document, sections=tuple(sections))


def _texts(block: Block) -> Iterator[str]:
    """The prose of a block."""
    if isinstance(block, Paragraph):
        yield block.text
    elif isinstance(block, Items):
        yield from block.items
    elif isinstance(block, Drawing):
        yield block.caption
    elif isinstance(block, Table):
        yield from (block.caption, *(cell for row in block.rows for cell in row))
    elif isinstance(block, ToldContributions):
        yield from (entry.text.text for entry in block.entries)


def _goes_on(block: Block, following: Sequence[Block]) -> bool:
    """Whether a sentence that stands in a block ends below it."""
    if isinstance(block, Paragraph):
        return bool(following)
    return any(isinstance(b, Paragraph) and b.text[:1].islower() for b in following)


def numbered(document: Document, number_from: int | None = None) -> Document:
    """The document with its labelled equations counted, and its figures.

    The first equation of the derivation has ``number_from``, that of the document 1 without it.
    Raises InputError where the model's equations before it have no numbers then.
    """
    found = _counted(document, 1)
    if number_from is None:
        return found
    numbers = found.numbers.items()
    derived = (n for label, n in numbers if label.startswith(f"eq:{document.name}:chain:"))
    before = min(derived, default=1) - 1
    if number_from <= before:
        raise InputError(
            f"the first equation number must be at least {before + 1}: "
            f"{before} of the model come before it"
        )
    return _counted(document, number_from - before)


def _counted(document: Document, start: int) -> Document:
    """The document with its labelled equations counted from a number, and its figures from 1."""
    count, drawn = start - 1, 0
    cited = {
        label
        for section in document.sections
        for block in section.blocks
        for text in _texts(block)
        for label in re.findall(r"\[\[([^\]]*)\]\]", text)
    }

    def labelled(formula: DisplayedFormula) -> DisplayedFormula:
        if not formula.optional:
            return formula
        names = (formula.label, *formula.also)
        return replace(formula, label=next((n for n in names if n in cited), None))

    def counted(equations: Equations) -> Equations:
        nonlocal count
        found = []
        for formula in map(labelled, equations.formulas):
            count += formula.label is not None
            found.append(replace(formula, number=count if formula.label else None))
        return Equations(tuple(found))

    def placed(drawing: Drawing) -> Drawing:
        nonlocal drawn
        drawn += 1
        return replace(drawing, number=drawn)

    sections = []
    for section in document.sections:
        blocks: list[Block] = []
        for block in section.blocks:
            match block:
                case Equations():
                    blocks.append(counted(block))
                case Drawing():
                    blocks.append(placed(block))
                case Reserved(labels=labels):
                    first, count = count + 1, count + len(labels)
                    blocks.append(Reserved(labels, tuple(range(first, count + 1))))
                case ToldContributions(entries=entries):
                    made = tuple(replace(e, equations=counted(e.equations)) for e in entries)
                    shown = block.drawn and placed(block.drawn)
                    blocks.append(ToldContributions(made, shown))
                case _:
                    blocks.append(block)
        sections.append(replace(section, blocks=tuple(blocks)))
    return replace(document, sections=tuple(sections), first=start)


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
