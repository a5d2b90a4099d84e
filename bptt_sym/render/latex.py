r"""A derivation as a LaTeX fragment to \input, or one formula for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING

from bptt_sym.algebra.boxes import Box, Matrix
from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.derivation.path_lists import MOST_LISTED
from bptt_sym.render.command import derive_command
from bptt_sym.render.digits import breakable_digits
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.in_numbers import latex_of_numbers
from bptt_sym.render.latex_words import latex_words
from bptt_sym.render.line_breaking import broken, filled
from bptt_sym.render.page import HOLE, Page
from bptt_sym.render.show import (
    Show,
    conventions_of,
    functions_of,
    given_from_above,
    is_marked,
    sides,
    step_boxes,
    typesetter,
    words_of,
)
from bptt_sym.render.tex import matrix, small_matrix, tex, tex_in_line
from bptt_sym.render.tex_height import fence
from bptt_sym.render.tex_width import (
    COMMA,
    GAPS,
    NUMBER,
    SIGN,
    THICK,
    matrix_width,
    width,
)
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

if TYPE_CHECKING:
    from bptt_sym.derivation.derivation_values import DerivationValues
    from bptt_sym.render.number_latex import NumberLatex

TEXT_WIDTH = 34.5
"""The width of a line of LaTeX's article class, in ems of its mathematics."""

EXACTNESS = 0.96
"""An estimate of a width may be wrong by the rest."""

EQUALS = 0.78 + 2 * THICK
"""The width of a sign of equality with its spaces; later lines are indented by less."""

_OPERATORS = {
    "matrix": r"\cdot",
    "elementwise": r"\odot",
    "circle": r"\circ",
    "kronecker": r"\otimes",
}

ARTICLE_WIDTH = EXACTNESS * (45.5 - NUMBER)
"""The width of an equation on a line of an article of notes, which is wider."""

WIDEST_LEFT = 0.3 * TEXT_WIDTH
"""A left side that is wider stands on a line of its own."""

LINE_WIDTH = EXACTNESS * (TEXT_WIDTH - NUMBER)
"""The room for an equation with its number."""

READERS_WIDTH = TEXT_WIDTH - 6
"""The room for the variables that a contribution is from."""

SPAN_WIDTH = 6.5
"""The width of what stands around the letters that say for which time steps an equation holds."""

MATRIX_STYLES = {r"\displaystyle ": 1.0, "": 0.8}
"""How large fractions are in a matrix in the styles of TeX."""


def _around(box: Box, inner: Box) -> tuple[str, str] | None:
    """What is before and behind the hole, with brackets of one size in both lines."""
    size = fence(inner).command or "big"
    begin, _, end = tex(box).partition(tex(HOLE))
    # Within braces a line cannot end.
    if begin.count("{") != begin.count("}"):
        return None
    return begin.replace(r"\left", rf"\{size}l"), end.replace(r"\right", rf"\{size}r")


def _cases(chosen: Sequence[str], condition: Sequence[str], other: Sequence[str]) -> str:
    """Cases whose lines are rows; one that goes on with the row before it is indented."""
    first, *more = condition
    rows = [*_continued(chosen, f" & {first}"), *(rf"& \quad {line}" for line in more)]
    rows += _continued(other, r" & \text{else}")
    return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"


def _continued(lines: Sequence[str], behind: str) -> list[str]:
    *rows, last = [lines[0], *(rf"\quad {line}" for line in lines[1:])]
    return [*rows, last + behind]


PAGE = Page(
    write=tex,
    measure=width,
    gap=lambda _before, _factor, kind: GAPS[kind],
    around=_around,
    cases=_cases,
    brace=1.9,
    minus="-",
    sign=SIGN,
    begin=SIGN,
    comma=COMMA,
    operators=_OPERATORS,
    indent=r"\quad ",
    step=1.0,
)


def latex(
    derivation: Derivation,
    *,
    mark_immediate: bool = False,
    values: DerivationValues | None = None,
) -> str:
    r"""The derivation as paragraphs and ``align`` environments; with ``values`` in numbers, too.

    It needs amsmath. Equations carry ``\tag`` where a first number was asked for, else LaTeX
    numbers them; each has a ``\label`` that says what it is: eq:elman:chain:E_3:W_s:from:s_2.
    """
    whole = typesetter(derivation, mark_immediate=mark_immediate)
    numbers = latex_of_numbers(values, PAGE, EXACTNESS * TEXT_WIDTH)

    glossary = Glossary(derivation.model, lambda box: f"${tex_in_line(box)}$")

    def of(section: Section) -> Show:
        return typesetter(derivation, section, mark_immediate=mark_immediate)

    filters: dict[str, Callable[..., object]] = {
        "math": lambda expression: tex(whole(expression)),
        "meaning": lambda section: glossary.explained(sides(section.lines, of(section))),
        "meaning_of_step": lambda it: glossary.explained(step_boxes(it, whole)),
        "rows": lambda section: _rows_of(derivation, section, of(section), numbers),
        "steps": lambda equations: " \\\\\n".join(_rows(equations, whole)),
        "words": latex_words,
        "digits": breakable_digits,
    }
    more = () if values is None else values.words
    return (
        environment(filters)
        .get_template("derivation.tex.j2")
        .render(
            **words_of(derivation, tex_in_line),
            derivation=derivation,
            model=derivation.model,
            conventions=conventions_of(derivation),
            functions=functions_of(derivation.model, tex_in_line),
            given=given_from_above(derivation.model, lambda box: f"${tex_in_line(box)}$"),
            marked=is_marked(derivation, asked=mark_immediate),
            made_by=MADE_BY,
            command=derive_command(derivation, "latex", mark_immediate=mark_immediate, more=more),
            most_listed=MOST_LISTED,
            numbers=numbers,
        )
    )


def _rows_of(
    derivation: Derivation, section: Section, show: Show, numbers: NumberLatex | None
) -> str:
    """The lines of a section, each with its numbers below it."""
    room = right_width(section.lines, show)
    found = []
    for place, equation in enumerate(section.lines):
        below = [] if numbers is None else numbers.below(section, place, show, room)
        found += [_row(derivation, equation, show, room), *(rf"{row} \notag" for row in below)]
    return " \\\\\n".join(found)


def displays(derivation: Derivation) -> list[str]:
    """The model, then each section, as displays for MathJax and KaTeX."""
    model = derivation.model
    written = [DerivedEquation((e.name,), e.left, e.written) for e in model.written_equations]
    inner = [
        DerivedEquation((e.name,), e.variable, e.expression)
        for e in model.definitions
        if e not in model.all_equations
    ]
    rows = [_rows(written + inner, typesetter(derivation))]
    for section in derivation.sections:
        rows.append(_rows(section.lines, typesetter(derivation, section)))
    return [_aligned(part) for part in rows if part]


def display(derivation: Derivation) -> str:
    """All equations as one display for MathJax and KaTeX, which have no cross-references."""
    rows = [
        row
        for section in derivation.sections
        for equation in section.lines
        for row in lines(equation, typesetter(derivation, section), inf)
    ]
    return _aligned(rows)


def _rows(equations: Sequence[DerivedEquation], show: Show) -> list[str]:
    room = right_width(equations, show)
    return [line for e in equations for line in lines(e, show, room)]


def _aligned(rows: Sequence[str]) -> str:
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"


def label(derivation: Derivation, equation: DerivedEquation) -> str:
    """The label of an equation: what it is, not where it stands."""
    shown = derivation.line(equation)
    parts = ("eq", derivation.model.name, derivation.level, *shown.meaning)
    return ":".join(part.replace(" ", "") for part in parts)


def right_width(equations: Sequence[DerivedEquation], show: Show) -> float:
    """The room for the right sides of equations, which begin below each other."""
    lefts = [_left_width(e, show) for e in equations]
    left = max((taken for taken in lefts if taken <= WIDEST_LEFT), default=0)
    return EXACTNESS * (TEXT_WIDTH - left - EQUALS - NUMBER)


def lines(
    equation: DerivedEquation, show: Show, room: float, others: Sequence[Expr] = ()
) -> list[str]:
    """The equation as lines of an ``aligned`` environment, which fill the ``room`` on the right.

    ``others`` are variables of which the same holds.
    """
    right = show(equation.right)
    hung = _left_width(equation, show) > WIDEST_LEFT
    if hung:
        room -= 1
    written = _broken(right, room)
    span, taken = _span(equation, show, others)
    if span:
        beside = _broken(right, room - taken)
        has_room = len(beside) > 1 or width(right) + taken <= room
        if has_room and len(beside) == len(written):
            written = [*beside[:-1], f"{beside[-1]}, \\qquad {span}"]
        else:
            written = [*written[:-1], f"{written[-1]},", rf"\qquad {span}"]
    first, *more = written
    (left, *others), sign = _left(equation, show, room - 1 if hung else inf)
    if hung:
        before = [f"&{left}", *(rf"&\quad {line}" for line in others)]
        return [*before, rf"&\quad {sign}{first}", *(rf"&\quad \quad {line}" for line in more)]
    return [f"{left} &{sign}{first}", *(rf"&\quad {line}" for line in more)]


def one_line(
    equation: DerivedEquation, show: Show, others: Sequence[Expr] = ()
) -> tuple[str, float]:
    """The equation without alignment, however wide it is, and its width in ems."""
    span, taken = _span(equation, show, others)
    (left, *_), sign = _left(equation, show, inf)
    right = show(equation.right)
    if isinstance(right, Matrix):
        taken += matrix_width(right, 1.0)
        written = matrix(right.rows, style=r"\displaystyle ")
    else:
        taken += width(right)
        written = tex(right)
    behind = rf", \quad {span}" if span else ""
    return f"{left} {sign}{written}{behind}", _left_width(equation, show) + EQUALS + taken


def _broken(right: Box, room: float) -> list[str]:
    if isinstance(right, Matrix):
        for style, size in MATRIX_STYLES.items():
            if matrix_width(right, size) <= room:
                return [matrix(right.rows, style=style)]
        return [small_matrix(right.rows)]
    return broken(right, room, PAGE)


def _row(derivation: Derivation, equation: DerivedEquation, show: Show, room: float) -> str:
    written = lines(equation, show, room)
    if equation.number is None:
        written[-1] += r" \notag"
    else:
        if derivation.number_from is not None:
            written[-1] += rf" \tag{{{equation.number}}}"
        written[-1] += rf" \label{{{label(derivation, equation)}}}"
    return " \\notag \\\\\n".join(written)


def _left(equation: DerivedEquation, show: Show, room: float) -> tuple[list[str], str]:
    """A left side, in lines where it has no room or many parts, and the sign between the two."""
    if equation.left is not None:
        first, *more = broken(show(equation.left), room, PAGE)
        return [first, *(rf"\quad {line}" for line in more)], "= "
    unsigned = r"\mathrel{\phantom{=}} "
    if equation.path:
        return [rf"\text{{to step }} {equation.path[-1].time}\colon"], unsigned
    if not equation.readers:
        return [""], ""
    readers = [show(reader) for reader in equation.readers]
    gaps = [COMMA] * (len(readers) - 1)
    parts = filled([width(reader) for reader in readers], gaps, READERS_WIDTH, 0, 0)
    lines = [",".join(map(tex, readers[start:stop])) + "," for start, stop in parts]
    lines[0] = rf"\text{{from }} {lines[0]}"
    lines[-1] = lines[-1].removesuffix(",") + r"\colon"
    return lines, unsigned


def _left_width(equation: DerivedEquation, show: Show) -> float:
    """The width of what stands before the sign of equality."""
    if equation.left is not None:
        return width(show(equation.left))
    if equation.path:
        return 4.0
    if not equation.readers:
        return 0.0
    return 2.8 + sum(width(show(reader)) + COMMA for reader in equation.readers)


def _span(equation: DerivedEquation, show: Show, others: Sequence[Expr] = ()) -> tuple[str, float]:
    """For which layers, time steps and variables an equation holds, and how wide this is."""
    held = []
    taken = 0.0
    if equation.layers is not None:
        numbers = equation.layers.told(r"\dots")
        held.append(f"{tex(show(equation.layers.index))} = {numbers}")
        taken += SPAN_WIDTH + len(equation.layers.told("..")) / 2
    if equation.span is not None:
        span = equation.span
        ends = (span.last, span.first) if span.rising else (span.first, span.last)
        shown = [show(part) for part in (span.index, *ends)]
        index, first, last = map(tex, shown)
        steps = first if first == last else rf"{first}, \dots, {last}"
        held.append(f"{index} = {steps}")
        taken += SPAN_WIDTH + sum(map(width, shown))
    if others:
        named = [show(variable) for variable in others]
        held.append(rf"\text{{likewise }} {', '.join(map(tex, named))}")
        taken += SPAN_WIDTH + sum(width(box) + COMMA for box in named)
    return r", \qquad ".join(held), taken
