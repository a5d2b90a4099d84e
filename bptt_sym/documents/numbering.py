"""What is known of a document only as a whole: its numbers, and which signs are new in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from bptt_sym.documents.document import (
    Block,
    DisplayedFormula,
    Document,
    Drawing,
    Equations,
    Items,
    Paragraph,
    Reserved,
    Table,
    ToldContributions,
    formulas,
)
from bptt_sym.errors import InputError


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
                blocks.append(Paragraph(sentence, aside=True))
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
    cited = {
        label
        for section in document.sections
        for block in section.blocks
        for text in _texts(block)
        for label in re.findall(r"\[\[([^\]]*)\]\]", text)
    }
    count = _Count(cited, start)
    sections = tuple(
        replace(section, blocks=tuple(map(count.block, section.blocks)))
        for section in document.sections
    )
    return replace(document, sections=sections, first=start)


class _Count:
    """Counts what has a number; a text refers to the labels ``cited``."""

    def __init__(self, cited: Collection[str], start: int) -> None:
        self.cited = cited
        self.equation, self.figure, self.table = start - 1, 0, 0

    def block(self, block: Block) -> Block:
        """A block with its numbers."""
        match block:
            case Equations():
                return self.equations(block)
            case Drawing():
                return self.drawing(block)
            case Table(caption=caption) if caption:
                self.table += 1
                return replace(block, number=self.table)
            case Reserved(labels=labels):
                first = self.equation + 1
                self.equation += len(labels)
                return Reserved(labels, tuple(range(first, self.equation + 1)))
            case ToldContributions(entries=entries):
                made = tuple(replace(e, equations=self.equations(e.equations)) for e in entries)
                return ToldContributions(made, block.drawn and self.drawing(block.drawn))
            case _:
                return block

    def equations(self, equations: Equations) -> Equations:
        """Equations with the numbers of those that have a label."""
        found = []
        for formula in map(self.labelled, equations.formulas):
            self.equation += formula.label is not None
            found.append(replace(formula, number=self.equation if formula.label else None))
        return replace(equations, formulas=tuple(found))

    def labelled(self, formula: DisplayedFormula) -> DisplayedFormula:
        """A formula without its label where this is optional and nothing refers to it."""
        if not formula.optional:
            return formula
        names = (formula.label, *formula.also)
        return replace(formula, label=next((n for n in names if n in self.cited), None))

    def drawing(self, drawing: Drawing) -> Drawing:
        """A figure with its number."""
        self.figure += 1
        return replace(drawing, number=self.figure)
