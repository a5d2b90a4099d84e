"""Course notes of a model, in the format of a file's ending."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bptt_sym.choices import LOSSES, Loss
from bptt_sym.derivation.derive import check_choice, check_number
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.sources import choose_parameters
from bptt_sym.documents.compose import MOST_DRAWN, Composer
from bptt_sym.documents.document import (
    Document,
    NotesSection,
    explained,
    numbered,
    plain_words,
)
from bptt_sym.documents.latex_notes import latex
from bptt_sym.documents.macros import macros as define
from bptt_sym.documents.macros import with_macros
from bptt_sym.documents.markdown import markdown
from bptt_sym.documents.notebook import notebook
from bptt_sym.documents.telling import glossary
from bptt_sym.errors import InputError
from bptt_sym.figures.request import drawn
from bptt_sym.limits import DRAWN_IN_NOTES
from bptt_sym.model.model import Model
from bptt_sym.model.notations import in_notation
from bptt_sym.quoting import command_line, latex_file
from bptt_sym.render.command import notation_words
from bptt_sym.render.pdflatex import pdf

Kind = Literal["fragment", "article", "slides"]

MOST_STEPS = 12
"""The most time steps that notes are written for: each contribution is told."""


@dataclass(frozen=True)
class Notes:
    """Notes that can write themselves, with the figures that lie beside them.

    ``model`` is as it was declared, whatever the notation of the text: the code is its.
    """

    model: Model
    loss: Loss
    document: Document
    solutions: Document | None = None
    macros: str | None = None

    def tex(self, kind: Kind = "fragment", macros_file: str = "macros") -> str:
        r"""LaTeX: a fragment to \\input, an article, or beamer slides.

        Where the notes have ``macros``, an article and slides \\input them from ``macros_file``.
        """
        return latex(self.document, kind, latex_file(macros_file) if self.macros else None)

    def markdown(self, prefix: str = "") -> str:
        """Markdown with formulas between dollar signs; ``figures`` lie beside it."""
        return markdown(self.document, prefix)

    def figures(self) -> dict[str, str]:
        """The figures of the Markdown by their names, as SVG."""
        return {drawing.name: drawing.figure.svg() for drawing in self.document.drawings}

    def notebook(self) -> str:
        """A Jupyter notebook that runs from top to bottom; its code names the equations.

        A sheet of exercises has no code: it would be their answer.
        """
        from bptt_sym.graph.build import build_program
        from bptt_sym.targets.numpy.module import numpy_module

        if self.solutions is not None:
            return notebook(self.document, None)
        program = build_program(self.model, {}, self.loss)
        numbers = {
            (("model",) if level == "model" else ()) + tuple(meaning): number
            for label, number in self.document.numbers.items()
            for kind, _, level, *meaning in [label.split(":")]
            if kind == "eq" and level in ("model", "adjoint")
        }
        source = numpy_module(program, "readable", numbers=numbers, script=False)
        return notebook(self.document, source)

    def pdf(self, kind: Kind = "article") -> bytes:
        """The article or the slides as PDF. Raises InputError without pdflatex."""
        return pdf(latex(self.document, "article" if kind == "fragment" else kind), runs=2)

    def told(self) -> Notes:
        """The solutions of the exercises as notes."""
        assert self.solutions is not None
        return replace(self, document=self.solutions, solutions=None)


def notes(
    model: Model,
    steps: int = 3,
    *,
    wrt: str | Iterable[str] | None = None,
    loss: Loss = "last",
    exercise: Sequence[str] = (),
    notation: str | Path | None = None,
    macros: bool = False,
    full: bool = False,
) -> Notes:
    """The derivation of a model's gradients as course notes, which can write themselves.

    ``wrt`` names the parameters (all, if None). The gradients with respect to those of ``exercise``
    are left to the reader, and told in ``solutions``. ``notation`` is the name of a notation that
    ships, or the path of a notation file. With ``macros``, LaTeX has a command for each symbol,
    which the text in ``macros`` defines. In ``full`` each gradient is derived for itself, where
    else one stands for others like it. Raises InputError for an unknown parameter, loss or
    notation, and for a number of steps that is not 1 to 12.
    """
    check_choice("loss", loss, LOSSES)
    loss = reduction_of(model, loss).name
    check_number("number of steps of notes", steps, 1, MOST_STEPS)
    parameters = choose_parameters(model, wrt)
    DRAWN_IN_NOTES.check(drawn(model, steps, labelled=True) * (1 + MOST_DRAWN))
    left = [parameter.name for parameter in choose_parameters(model, exercise)]
    if others := [name for name in left if name not in {entry.name for entry in parameters}]:
        raise InputError(f"the exercise {others[0]!a} is not among the parameters asked for")
    shown = model if notation is None else in_notation(model, notation)
    words = ["notes", model.reference, "--steps", str(steps), "--loss", loss]
    if wrt is not None:
        words += [word for parameter in parameters for word in ("--wrt", parameter.name)]
    words += [word for name in left for word in ("--exercise", name)]
    words += notation_words(shown) + ["--macros"] * macros + ["--full"] * full
    command = command_line(words)
    defined = define(shown, command) if macros else None
    shown = with_macros(shown) if macros else shown
    told = choose_parameters(shown, wrt)
    asked = [parameter for parameter in told if parameter.name in left]
    composer = Composer(shown, steps, loss, told, asked, full=full)
    document = _document(shown, "Backpropagation through time", command, composer.sections())
    solutions = _document(shown, "Solutions", command, composer.solutions()) if asked else None
    return Notes(model, loss, document, solutions, defined)


def _document(
    model: Model, subject: str, command: str, sections: Iterable[NotesSection]
) -> Document:
    """Sections under a title, their signs explained and their equations numbered."""
    title = f"{subject}: {plain_words(model.title)}"
    document = Document(model.name, title, command, tuple(sections))
    return numbered(explained(document, glossary(model).sentence))
