"""Course notes of a model, in the format of a file's ending."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack

from bptt_sym.documents.compose import MOST_DRAWN, Composer, Report
from bptt_sym.documents.document import Document, NotesSection, plain_words
from bptt_sym.documents.formats.cells import Cells
from bptt_sym.documents.formats.latex_notes import latex
from bptt_sym.documents.formats.macros import macros as define
from bptt_sym.documents.formats.macros import with_macros
from bptt_sym.documents.formats.markdown import QUARTO, markdown
from bptt_sym.documents.formats.notebook import notebook
from bptt_sym.documents.notes_request import NotesOptions, NotesRequest
from bptt_sym.documents.numbering import explained, numbered
from bptt_sym.documents.telling import glossary
from bptt_sym.figures.request import drawn
from bptt_sym.limits import DRAWN_IN_NOTES
from bptt_sym.model.model import Model
from bptt_sym.model.notations import in_notation
from bptt_sym.quoting import command_line, latex_file
from bptt_sym.render.pdflatex import pdf

Kind = Literal["fragment", "article", "slides"]


@dataclass(frozen=True)
class Notes:
    """Notes that can write themselves, with the figures that lie beside them.

    ``model`` is as it was declared, whatever the notation of the text: the code is its.
    """

    model: Model
    request: NotesRequest
    document: Document
    solutions: Document | None = None
    macros: str | None = None
    has_code: bool = True

    def tex(self, kind: Kind = "fragment", macros_file: str = "macros") -> str:
        r"""LaTeX: a fragment to \\input, an article, or beamer slides.

        Where the notes have ``macros``, an article and slides \\input them from ``macros_file``.
        """
        macros = latex_file(macros_file) if self.macros else None
        return latex(self.document, kind, macros, self.request.section_level)

    def markdown(self, prefix: str = "") -> str:
        """Markdown as GitHub renders it; ``figures`` lie beside it."""
        return markdown(self.document, prefix)

    def quarto(self, prefix: str = "") -> str:
        """Markdown for Quarto, with a front matter and anchors; ``figures`` lie beside it."""
        return markdown(self.document, prefix, QUARTO)

    def figures(self) -> dict[str, str]:
        """The figures of the Markdown by their names, as SVG."""
        return {drawing.name: drawing.figure.svg() for drawing in self.document.drawings}

    def notebook(self) -> str:
        """A Jupyter notebook that runs from top to bottom; its code names the equations.

        Where a gradient is left to the reader, and on a sheet, it has none: it would be the answer.
        """
        from bptt_sym.graph.build import build_program
        from bptt_sym.targets.numpy.module import numpy_module

        if not self.has_code:
            return notebook(self.document, None, None)
        program = build_program(self.model, {}, self.request.loss)
        numbers = {
            (("model",) if level == "model" else ()) + tuple(meaning): number
            for label, number in self.document.numbers.items()
            for kind, _, level, *meaning in [label.split(":")]
            if kind == "eq" and level in ("model", "adjoint")
        }
        source = numpy_module(program, "readable", numbers=numbers, script=False)
        return notebook(self.document, Cells(self.model, self.request), source)

    def pdf(self, kind: Kind = "article") -> bytes:
        """The article or the slides as PDF. Raises InputError without pdflatex."""
        return pdf(latex(self.document, "article" if kind == "fragment" else kind), runs=2)

    def told(self) -> Notes:
        """The solutions of the exercises as notes."""
        assert self.solutions is not None
        return replace(self, document=self.solutions, solutions=None, has_code=not self.has_code)


def notes(
    model: Model,
    steps: int = 3,
    *,
    notation: str | Path | None = None,
    report: Report = str,
    **options: Unpack[NotesOptions],
) -> Notes:
    """The derivation of a model's gradients as course notes, which can write themselves.

    ``notation`` is the name of a notation that ships, or the path of a notation file;
    ``NotesOptions`` tells what else can be asked for. It says to ``report`` which chapter it is at.
    Raises InputError for an unknown parameter,
    loss, notation or section level, and for a number that is not in its range.

    >>> from bptt_sym.model.library import load_model
    >>> print(notes(load_model("elman"), wrt="W_y", number_from=36).markdown().splitlines()[2])
    # Backpropagation through time: Elman network
    """
    request = NotesRequest(steps, **options).checked(model)
    model = request.masked_model(model)
    DRAWN_IN_NOTES.check(drawn(model, steps, labelled=True) * (1 + MOST_DRAWN))
    shown = model if notation is None else in_notation(model, notation)
    command = command_line(request.words(shown))
    defined = define(shown, command) if request.macros else None
    shown = request.marked(with_macros(shown) if request.macros else shown)
    composer = Composer(shown, request, report)
    subject = "Exercises" if request.sheet else "Backpropagation through time"
    document = _document(composer, subject, command, composer.sections())
    solutions = _document(composer, "Solutions", command, composer.solutions())
    return Notes(
        model,
        request,
        numbered(document, request.number_from),
        numbered(solutions) if solutions.sections else None,
        defined,
        has_code=not (request.exercise or request.sheet),
    )


def _document(
    composer: Composer, subject: str, command: str, sections: Iterable[NotesSection]
) -> Document:
    """Sections under a title, their signs explained."""
    model, request = composer.telling.model, composer.request
    title = f"{subject}: {plain_words(model.title)}"
    author, date = map(plain_words, (request.author, request.date))
    symbols = [entry.symbol for entry in model.declarations]
    plain = {composer.telling.math(symbol): symbol.name for symbol in symbols}
    document = Document(model.name, title, command, tuple(sections), author, date, plain=plain)
    return explained(document, glossary(model).sentence)
