"""Notes as Markdown for Quarto, MyST and GitHub, with formulas between dollar signs."""

from __future__ import annotations

import re
from collections.abc import Callable

from bptt_sym.documents.document import (
    Block,
    DisplayedFormula,
    Document,
    Drawing,
    Equations,
    Items,
    NotesSection,
    Paragraph,
    Reserved,
    Table,
    ToldContributions,
    written,
)
from bptt_sym.quoting import link, markup_comment
from bptt_sym.render.formulas import display, without_bars
from bptt_sym.version import MADE_BY


def markdown(document: Document, prefix: str = "") -> str:
    """The whole document; its figures lie beside it as NAME.svg, after a prefix."""
    parts = [f"<!-- {MADE_BY}: {markup_comment(document.command)} -->"]
    parts.append(title(document))
    beside = link(prefix)
    parts += [section_text(section, document.numbers, beside) for section in document.sections]
    return "\n\n".join(parts) + "\n"


def title(document: Document) -> str:
    """The title, and below it author and date."""
    below = [prose(text, document.numbers) for text in (document.author, document.date) if text]
    head = [f"# {prose(document.title, document.numbers)}", *([", ".join(below)] if below else [])]
    return "\n\n".join(head)


def section_text(section: NotesSection, numbers: dict[str, int], prefix: str = "") -> str:
    """A section under its heading; the files of its figures begin with a prefix."""
    blocks = [text for block in section.blocks for text in block_texts(block, numbers, prefix)]
    return "\n\n".join([f"## {prose(section.heading, numbers)}", *blocks])


def prose(text: str, numbers: dict[str, int], math: Callable[[str], str] = "${}$".format) -> str:
    """Words and formulas of a paragraph."""
    return written(
        text,
        words=_words,
        math=math,
        reference=lambda label: numbered_reference(label, numbers[label]),
    )


def numbered_reference(label: str, number: int) -> str:
    """A reference with its number: of an equation in brackets."""
    return str(number) if label.startswith("fig:") else f"({number})"


def block_texts(block: Block, numbers: dict[str, int], prefix: str) -> list[str]:
    """A block as paragraphs of Markdown."""
    match block:
        case Paragraph(text=text, lead=lead):
            return [(f"**{prose(lead, numbers)}** " if lead else "") + prose(text, numbers)]
        case Equations(formulas=formulas):
            return displays(formulas)
        case Drawing():
            caption = prose(block.caption, numbers)
            return [
                f"![{_words(block.figure.picture.title)}]({prefix}{block.name}.svg)",
                f"*Figure {block.number}. {caption}*",
            ]
        case ToldContributions(entries=entries, drawn=drawn):
            texts = []
            for entry in entries:
                texts += block_texts(entry.text, numbers, prefix)
                texts += displays(entry.equations.formulas)
            return texts + (block_texts(drawn, numbers, prefix) if drawn else [])
        case Table():
            return _table(block, numbers)
        case Items(items=items):
            return ["\n".join(f"- {prose(item, numbers)}" for item in items)]
        case Reserved():
            return []
        case _:
            return ["\n".join(["<br>"] * 6)]


def _table(table: Table, numbers: dict[str, int]) -> list[str]:
    """A table with its title above it; a bar within a cell would end it."""
    rules = tuple("--:" if right else ":--" for right in table.is_right)
    rows = [
        [prose(cell, numbers, lambda formula: f"${without_bars(formula)}$") for cell in row]
        for row in (table.head, *table.rows)
    ]
    lines = [f"| {' | '.join(row)} |" for row in (rows[0], rules, *rows[1:])]
    title = [f"*Table {table.number}. {prose(table.caption, numbers)}*"] if table.number else []
    return [*title, "\n".join(lines)]


def displays(formulas: tuple[DisplayedFormula, ...]) -> list[str]:
    """Each numbered equation as a display of its own, since a display has one number."""
    if all(formula.number is None for formula in formulas):
        lines = [line for formula in formulas for line in formula.lines]
        return [display(lines)]
    return [display(formula.lines, formula.number) for formula in formulas]


def _words(text: str) -> str:
    """Plain words with Markdown's and HTML's special characters escaped."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|$~])", r"\\\1", text)
