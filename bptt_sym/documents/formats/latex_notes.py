r"""Notes as LaTeX: a fragment to \input, an article, or slides that uncover step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bptt_sym.choices import SectionLevel
from bptt_sym.documents.displays import laid_out
from bptt_sym.documents.document import DisplayedFormula, Document, Drawing, Equations, written
from bptt_sym.documents.formats.markdown import numbered_reference
from bptt_sym.documents.formats.slides import frames
from bptt_sym.render.formulas import NEXT_LINE, in_bookmark, labelled_row, numbered_row, reference
from bptt_sym.render.latex import ARTICLE_WIDTH, LINE_WIDTH
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

    def prose(text: str, math: Callable[[str], str] = "${}$".format) -> str:
        return written(
            text,
            words=latex_words,
            math=math,
            reference=lambda label: (
                numbered_reference(label, numbers[label]) if label in numbers else reference(label)
            ),
        )

    def bookmarked(text: str) -> str:
        def either(formula: str) -> str:
            return in_bookmark(f"${formula}$", latex_words(document.plain.get(formula, "")))

        return prose(text, either)

    room = ARTICLE_WIDTH if template == "article" else LINE_WIDTH
    document = laid_out(document, room)
    jinja = environment(
        {
            "prose": prose,
            "heading": bookmarked,
            "rows": lambda equations: _rows(equations, room),
            "lines": _lines,
            "columns": lambda table: "".join("lr"[right] for right in table.is_right),
            "tikz": _tikz,
        }
    )
    return jinja.get_template(f"notes/{template}.tex.j2").render(
        document=document,
        frames=frames(document) if template == "slides" else (),
        macros_file=macros_file,
        level=level,
        made_by=MADE_BY,
    )


def _rows(equations: Equations, room: float) -> str:
    """The equations as rows of an ``align`` environment, numbered by LaTeX."""
    formulas = equations.formulas
    if len(formulas) == 1:
        (alone,) = formulas
        return labelled_row(alone.within(room), alone.label)
    return NEXT_LINE.join(labelled_row(f.lines, f.label) for f in formulas)


def _lines(formulas: Sequence[DisplayedFormula]) -> str:
    """The equations as rows of an ``aligned`` environment, numbered by us."""
    return NEXT_LINE.join(numbered_row(f.lines, f.number) for f in formulas)


def _tikz(drawing: Drawing) -> str:
    return drawing.figure.tikz().rstrip()
