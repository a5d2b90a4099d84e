r"""A derivation as a LaTeX fragment to \input, or one formula for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.derivation.path_lists import MOST_LISTED
from bptt_sym.render.command import derive_command
from bptt_sym.render.digits import breakable_digits
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.line_breaking import Page, broken, width
from bptt_sym.render.show import (
    Show,
    conventions_of,
    functions_of,
    is_marked,
    sides,
    step_boxes,
    typesetter,
    words_of,
)
from bptt_sym.render.tex import tex, tex_in_line
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

LINE_WIDTH = 45.0
"""The room for an equation, in letters, on a line of LaTeX's article class."""

SPAN_WIDTH = 9.0
"""What the time steps for which an equation holds take of it."""

_PAGE = Page(
    write=tex,
    measure=width,
    minus="-",
    first_minus="- ",
    after_number="",
    operators={
        "matrix": r"\quad \cdot",
        "elementwise": r"\quad \odot",
        "circle": r"\quad \circ",
        "kronecker": r"\quad \otimes",
    },
)


def latex(derivation: Derivation, *, mark_immediate: bool = False) -> str:
    r"""The derivation as paragraphs and ``align`` environments; it needs amsmath.

    Equations carry ``\tag`` where a first number was asked for, else LaTeX numbers them; each has a
    ``\label`` that says what it is, e.g. eq:elman:chain:E_3:W_s:from:s_2.
    """
    marked = is_marked(derivation, asked=mark_immediate)
    whole = typesetter(derivation, mark_immediate=mark_immediate)

    def math(expression: Expr) -> str:
        return tex(whole(expression))

    def rows(section: Section) -> str:
        show = typesetter(derivation, section, mark_immediate=mark_immediate)
        # The right sides begin below each other.
        room = LINE_WIDTH - max(left_width(equation, show) for equation in section.lines)
        return " \\\\\n".join(_row(derivation, e, show, room) for e in section.lines)

    def step(line: DerivedEquation) -> str:
        """An equation of the model."""
        sides = " &= ".join(math(side) for side in (line.left, line.right) if side is not None)
        return sides + _span(line, whole)

    glossary = Glossary(derivation.model, lambda box: f"${tex_in_line(box)}$")

    def meaning(section: Section) -> str:
        show = typesetter(derivation, section, mark_immediate=mark_immediate)
        return glossary.explained(sides(section.lines, show))

    filters: dict[str, Callable[..., object]] = {
        "math": math,
        "meaning": meaning,
        "meaning_of_step": lambda it: glossary.explained(step_boxes(it, whole)),
        "rows": rows,
        "step": step,
        "words": latex_words,
        "digits": breakable_digits,
    }
    jinja = environment(filters)
    return jinja.get_template("derivation.tex.j2").render(
        **words_of(derivation, tex_in_line),
        derivation=derivation,
        model=derivation.model,
        conventions=conventions_of(derivation),
        functions=functions_of(derivation.model, tex_in_line),
        marked=marked,
        made_by=MADE_BY,
        command=derive_command(derivation, "latex", mark_immediate=mark_immediate),
        most_listed=MOST_LISTED,
    )


def displays(derivation: Derivation) -> list[str]:
    """The model, then each section, as displays for MathJax and KaTeX."""
    model = derivation.model
    written = [DerivedEquation((e.name,), e.variable, e.written) for e in model.all_equations]
    inner = [
        DerivedEquation((e.name,), e.variable, e.expression)
        for e in model.definitions
        if e not in model.all_equations
    ]
    rows = [_rows(written + inner, typesetter(derivation), LINE_WIDTH)]
    for section in derivation.sections:
        rows.append(_rows(section.lines, typesetter(derivation, section), LINE_WIDTH))
    return [_aligned(part) for part in rows if part]


def display(derivation: Derivation) -> str:
    """All equations as one display for MathJax and KaTeX, which have no cross-references."""
    rows = [
        row
        for section in derivation.sections
        for row in _rows(section.lines, typesetter(derivation, section), float("inf"))
    ]
    return _aligned(rows)


def _rows(equations: Sequence[DerivedEquation], show: Show, room: float) -> list[str]:
    widest = max((left_width(equation, show) for equation in equations), default=0)
    return [line for e in equations for line in lines(e, show, room - widest)]


def _aligned(rows: Sequence[str]) -> str:
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def label(derivation: Derivation, equation: DerivedEquation) -> str:
    """The label of an equation: what it is, not where it stands."""
    shown = derivation.line(equation)
    parts = ("eq", derivation.model.name, derivation.level, *shown.meaning)
    return ":".join(part.replace(" ", "") for part in parts)


def latex_words(words: str) -> str:
    """Plain text with LaTeX's special characters escaped."""
    return "".join(_ESCAPES.get(character, character) for character in words)


_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
}


def lines(equation: DerivedEquation, show: Show, room: float = LINE_WIDTH) -> list[str]:
    """The equation as lines of an ``aligned`` environment, each about ``room`` letters wide."""
    room -= SPAN_WIDTH * ((equation.span is not None) + (equation.layers is not None))
    first, *more = _right(equation, show, room)
    written = [f"{_left(equation, show)}{first}", *(rf"&\quad {line}" for line in more)]
    written[-1] += _span(equation, show)
    return written


def _row(derivation: Derivation, equation: DerivedEquation, show: Show, room: float) -> str:
    written = lines(equation, show, room)
    if equation.number is None:
        written[-1] += r" \notag"
    else:
        if derivation.number_from is not None:
            written[-1] += rf" \tag{{{equation.number}}}"
        written[-1] += rf" \label{{{label(derivation, equation)}}}"
    return " \\notag \\\\\n".join(written)


def _left(equation: DerivedEquation, show: Show) -> str:
    if equation.left is not None:
        return tex(show(equation.left)) + " &= "
    if equation.path:
        return rf"\text{{to step }} {equation.path[-1].time}\colon &\mathrel{{\phantom{{=}}}} "
    readers = ",".join(tex(show(reader)) for reader in equation.readers)
    return rf"\text{{from }} {readers}\colon &\mathrel{{\phantom{{=}}}} "


def left_width(equation: DerivedEquation, show: Show) -> float:
    """The width of what stands before the sign of equality."""
    if equation.left is not None:
        return width(show(equation.left))
    if equation.path:
        return 5
    return 3 + sum(width(show(reader)) for reader in equation.readers)


def _right(equation: DerivedEquation, show: Show, room: float) -> list[str]:
    return broken(show(equation.right), room, _PAGE)


def _span(equation: DerivedEquation, show: Show) -> str:
    """For which layers and time steps an equation holds."""
    held = []
    if equation.layers is not None:
        numbers = equation.layers.told(r"\dots")
        held.append(f"{tex(show(equation.layers.index))} = {numbers}")
    if equation.span is not None:
        span = equation.span
        ends = (span.last, span.first) if span.rising else (span.first, span.last)
        index, first, last = (tex(show(part)) for part in (span.index, *ends))
        steps = first if first == last else rf"{first}, \dots, {last}"
        held.append(f"{index} = {steps}")
    return "".join(rf", \qquad {words}" for words in held)
