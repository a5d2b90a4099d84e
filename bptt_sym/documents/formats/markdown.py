"""Notes as Markdown: for GitHub, for Quarto, and for the cells of a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bptt_sym.documents.displays import laid_out
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
from bptt_sym.quoting import label_name, link, markup_comment
from bptt_sym.render.formulas import display
from bptt_sym.render.latex import ARTICLE_WIDTH, LINE_WIDTH
from bptt_sym.render.mathjax import for_github, for_mathjax
from bptt_sym.render.relations import PER_CENT
from bptt_sym.version import MADE_BY


@dataclass(frozen=True)
class Dialect:
    """One kind of Markdown: what it does to a formula, and whether it has the anchors of Quarto."""

    formula: Callable[[str], str]
    anchors: bool = False


GITHUB = Dialect(for_github)
QUARTO = Dialect(for_mathjax, anchors=True)
JUPYTER = Dialect(for_mathjax)


def markdown(document: Document, prefix: str = "", dialect: Dialect = GITHUB) -> str:
    """The whole document; its figures lie beside it as NAME.svg, after a prefix."""
    writer = MarkdownWriter(document, dialect, link(prefix))
    parts = [writer.head(), *map(writer.section, document.sections)]
    return "\n\n".join(parts) + "\n"


class MarkdownWriter:
    """Writes the parts of a document in a dialect; files of figures begin with a prefix."""

    def __init__(self, document: Document, dialect: Dialect, prefix: str) -> None:
        self.document = document = laid_out(document, LINE_WIDTH)
        self.dialect, self.prefix = dialect, prefix
        self.numbers = document.numbers

    def head(self) -> str:
        """What made the document, and its title."""
        if self.dialect.anchors:
            return self._front_matter()
        return f"<!-- {MADE_BY}: {markup_comment(self.document.command)} -->\n\n{self.title()}"

    def title(self) -> str:
        """The title, and below it author and date."""
        below = [self.prose(t) for t in (self.document.author, self.document.date) if t]
        return "\n\n".join(
            [f"# {self.prose(self.document.title)}", *filter(None, [", ".join(below)])]
        )

    def _front_matter(self) -> str:
        document = self.document
        texts = {"title": document.title, "author": document.author, "date": document.date}
        told = (f"{key}: {_quoted(self.prose(text))}" for key, text in texts.items() if text)
        made = f"# {MADE_BY}: {document.command}"
        return "\n".join(["---", made, *told, "format: html", "number-sections: true", "---"])

    def section(self, section: NotesSection) -> str:
        """A section under its heading."""
        heading = f"## {self.prose(section.heading)}{self._anchor('sec', section.name)}"
        return "\n\n".join([heading, *(t for block in section.blocks for t in self.block(block))])

    def prose(self, text: str) -> str:
        """Words and formulas of a paragraph."""
        return written(text, _words, self._in_line, self._reference)

    def _in_line(self, formula: str) -> str:
        """A formula within a sentence; Markdown takes the backslash of a sign of per cent."""
        number = formula.removesuffix(PER_CENT)
        return f"${self.dialect.formula(number)}$" + (" %" * (number != formula))

    def _reference(self, label: str) -> str:
        shown = numbered_reference(label, self.numbers[label])
        kind, _, name = label.partition(":")
        return f"[{shown}](#{kind}-{label_name(name)})" if self.dialect.anchors else shown

    def _anchor(self, kind: str, name: str) -> str:
        return f" {{#{kind}-{label_name(name)}}}" if self.dialect.anchors else ""

    def block(self, block: Block) -> Iterator[str]:
        """A block as paragraphs of Markdown."""
        match block:
            case Paragraph(text=text, lead=lead):
                yield (f"**{self.prose(lead)}** " if lead else "") + self.prose(text)
            case Equations(formulas=formulas):
                yield from self._displays(formulas)
            case Drawing():
                yield from self._drawing(block)
            case ToldContributions(entries=entries, drawn=drawn):
                for entry in entries:
                    yield from self.block(entry.text)
                    yield from self.block(entry.equations)
                if drawn:
                    yield from self.block(drawn)
            case Table():
                yield from self._table(block)
            case Items(items=items):
                yield "\n".join(f"- {self.prose(item)}" for item in items)
            case Reserved(labels=labels):
                yield from self._anchors(labels)
            case _:
                yield "\n".join(["<br>"] * 6)

    def _drawing(self, drawing: Drawing) -> Iterator[str]:
        caption, file = self.prose(drawing.caption), f"{self.prefix}{drawing.name}.svg"
        about = drawing.figure.picture.title
        if self.dialect.anchors:
            name = label_name(drawing.label.partition(":")[2])
            yield f"![{caption}]({file}){{#fig-{name} fig-alt={_quoted(about)}}}"
        else:
            yield f"![{_words(about)}]({file})"
            yield f"*Figure {drawing.number}. {caption}*"

    def _table(self, table: Table) -> Iterator[str]:
        rules = ["--:" if right else ":--" for right in table.is_right]
        head, *rows = (list(map(self.prose, row)) for row in (table.head, *table.rows))
        lines = [f"| {' | '.join(row)} |" for row in (head, rules, *rows)]
        caption = self.prose(table.caption)
        if caption and self.dialect.anchors:
            name = table.label.partition(":")[2] or str(table.number)
            lines += ["", f": {caption}{self._anchor('tbl', name)}"]
        elif caption:
            yield f"*Table {table.number}. {caption}*"
        yield "\n".join(lines)

    def _displays(self, formulas: tuple[DisplayedFormula, ...]) -> Iterator[str]:
        """Each numbered equation as a display of its own, since a display has one number."""
        if all(formula.number is None for formula in formulas) and len(formulas) > 1:
            yield self._display([line for formula in formulas for line in formula.lines])
            return
        for formula in formulas:
            yield from self._anchors(name for name in (formula.label, *formula.also) if name)
            yield self._display(formula.within(ARTICLE_WIDTH), formula.number)

    def _anchors(self, labels: Iterable[str]) -> Iterator[str]:
        """What references to equations lead to."""
        names = (label.partition(":")[2] for label in labels)
        found = "".join(f"[]{self._anchor('eq', name).strip()}" for name in names)
        if self.dialect.anchors and found:
            yield found

    def _display(self, lines: Sequence[str], number: int | None = None) -> str:
        return f"$$\n{self.dialect.formula(display(lines, number))}\n$$"


def numbered_reference(label: str, number: int) -> str:
    """A reference with its number: of an equation in brackets."""
    return f"({number})" if label.startswith("eq:") else str(number)


def _quoted(text: str) -> str:
    """A text between quotes, as YAML and attributes have it."""
    return json.dumps(text, ensure_ascii=False)


def _words(text: str) -> str:
    """Plain words with Markdown's and HTML's special characters escaped."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]#|$~])", r"\\\1", text)
