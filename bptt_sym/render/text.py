"""A derivation as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bptt_sym.algebra.boxes import Box, Matrix
from bptt_sym.algebra.expressions import Expr, Parameter
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.derivation.path_lists import MOST_LISTED
from bptt_sym.model.model import ARGUMENT, Model
from bptt_sym.quoting import shown_path
from bptt_sym.render.digits import digits
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.line_breaking import Page, broken
from bptt_sym.render.plain import unicode_text
from bptt_sym.render.show import Show, conventions_of, is_marked, sides, typesetter, words_of
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment

WIDTH = 96
"""What does not fit into so many columns is broken before its signs and between its factors."""

_PAGE = Page(
    write=unicode_text,
    measure=lambda box: len(unicode_text(box)),
    minus="−",
    first_minus="−",
    after_number=" ",
    operators={"matrix": "·", "elementwise": "⊙", "circle": "∘", "kronecker": "⊗"},
)

AS_NAMED = Parameter(ARGUMENT.name, ARGUMENT.rows, ARGUMENT.cols)
"""The variable of a formula without a time step."""

Style = Callable[[str, str], str]

_STYLES = {"heading": "1", "number": "2", "note": "2"}


def text(derivation: Derivation, *, color: bool = False, mark_immediate: bool = False) -> str:
    """The derivation as lines of Unicode; with ``color``, headings stand out on a terminal."""
    whole = typesetter(derivation, mark_immediate=mark_immediate)

    def math(expression: Expr) -> str:
        return unicode_text(whole(expression))

    def style(words: str, name: str) -> str:
        return f"\x1b[{_STYLES[name]}m{words}\x1b[0m" if color else words

    def step(line: DerivedEquation) -> str:
        """An equation of the model."""
        sides = " = ".join(math(side) for side in (line.left, line.right) if side is not None)
        return f"{sides}{_span(line, whole, style)}"

    def rows(section: Section) -> str:
        show = typesetter(derivation, section, mark_immediate=mark_immediate)
        return _rows(section.lines, show, style)

    glossary = Glossary(derivation.model, unicode_text)

    def meaning(section: Section) -> str:
        show = typesetter(derivation, section, mark_immediate=mark_immediate)
        return glossary.explained(sides(section.lines, show))

    filters: dict[str, Callable[..., object]] = {
        "math": math,
        "meaning": meaning,
        "meaning_of_sides": lambda pairs: glossary.explained(whole(s) for p in pairs for s in p),
        "style": style,
        "rows": rows,
        "step": step,
        "digits": digits,
        "path": shown_path,
    }
    jinja = environment(filters)
    return jinja.get_template("derivation.txt.j2").render(
        **words_of(derivation, unicode_text),
        derivation=derivation,
        model=derivation.model,
        conventions=conventions_of(derivation),
        marked=is_marked(derivation, asked=mark_immediate),
        most_listed=MOST_LISTED,
    )


def model_text(model: Model) -> str:
    """A model's equations and shapes as lines of Unicode."""

    def show(expression: Expr) -> Box:
        return typeset(expression, model.notation)

    def math(expression: Expr) -> str:
        return unicode_text(show(expression))

    written = (side for e in model.definitions for side in (e.written, e.expression))
    initial = (entry.initial for entry in model.declarations if entry.initial is not None)
    formulas = (f for f in model.functions.values() if not isinstance(f, str))
    of_functions = (side for f in formulas for side in (f.value, f.slope))
    printed = map(show, (*initial, *written, *of_functions))
    signs = Glossary(model, unicode_text).explained(printed)
    filters = {
        "math": math,
        "initial": lambda symbol: symbol.at(0),
        "formula": lambda value: math(value.xreplace({ARGUMENT: AS_NAMED})),
    }
    return environment(filters).get_template("model.txt.j2").render(model=model, signs=signs)


def _rows(equations: Sequence[DerivedEquation], show: Show, style: Style) -> str:
    """Equations one under the other, their signs of equality in one column."""
    lefts = [_left(equation, show) for equation in equations]
    width = max(map(len, lefts), default=0)
    digits = max(
        (len(str(equation.number)) for equation in equations if equation.number), default=0
    )
    lines = []
    for equation, left in zip(equations, lefts, strict=True):
        number = "" if equation.number is None else f"({equation.number})"
        head = f"  {style(number.rjust(digits + 2), 'number')}  {left.rjust(width)}"
        indent = " " * (digits + width + 7)
        first, *more = _broken(show(equation.right), WIDTH - len(indent) - 2)
        sign = ":  " if equation.left is None else " = "
        lines.append(f"{head}{sign}{first}{_span(equation, show, style) if not more else ''}")
        lines += [f"{indent}{line}" for line in more]
        if more:
            lines[-1] += _span(equation, show, style)
    return "\n".join(lines)


def _left(equation: DerivedEquation, show: Show) -> str:
    if equation.left is not None:
        return unicode_text(show(equation.left))
    if equation.path:
        return f"to step {equation.path[-1].time}"
    return "from " + ", ".join(unicode_text(show(reader)) for reader in equation.readers)


def _span(equation: DerivedEquation, show: Show, style: Style) -> str:
    """For which layers and time steps an equation holds."""
    held = []
    if equation.layers is not None:
        held.append(f"{unicode_text(show(equation.layers.index))} = {equation.layers.told('…')}")
    if equation.span is not None:
        span = equation.span
        ends = (span.last, span.first) if span.rising else (span.first, span.last)
        index, first, last = (unicode_text(show(part)) for part in (span.index, *ends))
        held.append(f"{index} = {first}" if first == last else f"{index} = {first}, …, {last}")
    return "   " + style(f"for {' and '.join(held)}", "note") if held else ""


def _broken(box: Box, width: int) -> list[str]:
    return _matrix(box) if isinstance(box, Matrix) else broken(box, width, _PAGE)


def _matrix(box: Matrix) -> list[str]:
    """A matrix with its rows one under the other."""
    rows = [[unicode_text(entry) for entry in row] for row in box.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(entry.ljust(width) for entry, width in zip(row, widths, strict=True))
        for row in rows
    ]
    if len(lines) == 1:
        return [f"[ {lines[0]} ]"]
    first, *between, last = lines
    return [f"⎡ {first} ⎤", *(f"⎢ {line} ⎥" for line in between), f"⎣ {last} ⎦"]
