r"""Notes as LaTeX: a fragment to \input, an article, or slides that uncover step by step."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.documents.document import DisplayedFormula, Document, Drawing, Equations, written
from bptt_sym.documents.markdown import reference
from bptt_sym.render.latex import latex_words
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY


def latex(document: Document, template: str, macros_file: str | None = None) -> str:
    """The document by a template: "fragment", "article" or "slides".

    ``macros_file`` defines the commands for its symbols, if it has any.
    """
    numbers = document.numbers if template == "slides" else {}

    def prose(text: str) -> str:
        return written(
            text,
            words=latex_words,
            math=lambda formula: f"${formula}$",
            reference=lambda label: (
                reference(label, numbers[label]) if label in numbers else _reference(label)
            ),
        )

    jinja = environment({"prose": prose, "rows": _rows, "lines": _lines, "tikz": _tikz})
    return jinja.get_template(f"notes/{template}.tex.j2").render(
        document=document, macros_file=macros_file, made_by=MADE_BY
    )


def _reference(label: str) -> str:
    return rf"\ref{{{label}}}" if label.startswith("fig:") else rf"\eqref{{{label}}}"


def _rows(equations: Equations) -> str:
    """The equations as rows of an ``align`` environment, numbered by LaTeX."""
    return " \\\\\n".join(map(_row, equations.formulas))


def _row(formula: DisplayedFormula) -> str:
    *before, last = formula.lines
    last += rf" \label{{{formula.label}}}" if formula.label else r" \notag"
    return " \\notag \\\\\n".join([*before, last])


def _lines(formulas: Sequence[DisplayedFormula]) -> str:
    """The equations as rows of an ``aligned`` environment, numbered by us."""
    return " \\\\\n".join(
        " \\\\\n".join(formula.lines) + (rf" \qquad ({formula.number})" if formula.number else "")
        for formula in formulas
    )


def _tikz(drawing: Drawing) -> str:
    return drawing.figure.tikz().rstrip()
