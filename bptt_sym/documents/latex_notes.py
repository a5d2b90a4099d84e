r"""Notes as LaTeX: a fragment to \input, an article, or slides that uncover step by step."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.choices import SectionLevel
from bptt_sym.documents.document import DisplayedFormula, Document, Drawing, Equations, written
from bptt_sym.documents.markdown import numbered_reference
from bptt_sym.render.formulas import NEXT_LINE, labelled_row, numbered_row, reference
from bptt_sym.render.latex_words import latex_words
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY


def latex(
    document: Document,
    template: str,
    macros_file: str | None = None,
    level: SectionLevel = "subsection",
) -> str:
    """The document by a template: "fragment", "article" or "slides".

    ``macros_file`` defines the commands for its symbols, if it has any; ``level`` is that of the
    headings of a fragment.
    """
    numbers = document.numbers if template == "slides" else {}

    def prose(text: str) -> str:
        return written(
            text,
            words=latex_words,
            math=lambda formula: f"${formula}$",
            reference=lambda label: (
                numbered_reference(label, numbers[label]) if label in numbers else reference(label)
            ),
        )

    jinja = environment({"prose": prose, "rows": _rows, "lines": _lines, "tikz": _tikz})
    return jinja.get_template(f"notes/{template}.tex.j2").render(
        document=document, macros_file=macros_file, level=level, made_by=MADE_BY
    )


def _rows(equations: Equations) -> str:
    """The equations as rows of an ``align`` environment, numbered by LaTeX."""
    return NEXT_LINE.join(labelled_row(f.lines, f.label) for f in equations.formulas)


def _lines(formulas: Sequence[DisplayedFormula]) -> str:
    """The equations as rows of an ``aligned`` environment, numbered by us."""
    return NEXT_LINE.join(numbered_row(f.lines, f.number) for f in formulas)


def _tikz(drawing: Drawing) -> str:
    return drawing.figure.tikz().rstrip()
