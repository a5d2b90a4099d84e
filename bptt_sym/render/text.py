"""A derivation as text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bptt_sym.algebra.boxes import Box, Matrix
from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.derivation import Derivation, DerivedEquation, Section
from bptt_sym.derivation.path_lists import MOST_LISTED
from bptt_sym.model.model import Model
from bptt_sym.quoting import shown_path
from bptt_sym.render.digits import digits
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.in_numbers import text_of_numbers
from bptt_sym.render.line_breaking import broken
from bptt_sym.render.medium import ANYWHERE, Medium, cells
from bptt_sym.render.show import (
    Show,
    conventions_of,
    function_boxes,
    functions_of,
    given_from_above,
    is_marked,
    sides,
    step_boxes,
    typesetter,
    words_of,
)
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment

if TYPE_CHECKING:
    from bptt_sym.derivation.derivation_values import DerivationValues

WIDEST_LEFT = 0.4
"""What stands before the signs of equality takes at most so much of the width."""


def text(
    derivation: Derivation,
    medium: Medium = ANYWHERE,
    *,
    mark_immediate: bool = False,
    values: DerivationValues | None = None,
) -> str:
    """The derivation as lines for a medium; with ``values``, in numbers, too."""
    numbers = text_of_numbers(values, medium)
    whole = typesetter(derivation, mark_immediate=mark_immediate)

    def of(section: Section) -> Show:
        return typesetter(derivation, section, mark_immediate=mark_immediate)

    def rows(section: Section) -> str:
        below = partial(numbers.below_section, section, of(section)) if numbers else None
        return _rows(section.lines, of(section), medium, below)

    glossary = Glossary(derivation.model, medium.math)
    filters: dict[str, Callable[..., object]] = {
        "math": lambda expression: medium.math(whole(expression)),
        "meaning": lambda section: glossary.explained(sides(section.lines, of(section))),
        "meaning_of_step": lambda it: glossary.explained(step_boxes(it, whole)),
        "style": medium.style,
        "wrapped": partial(_wrapped, medium),
        "rows": rows,
        "step": lambda line: _step(line, whole, medium),
        "digits": digits,
        "path": shown_path,
    }
    written = (
        environment(filters)
        .get_template("derivation.txt.j2")
        .render(
            **words_of(derivation, medium.math),
            derivation=derivation,
            model=derivation.model,
            conventions=conventions_of(derivation),
            functions=functions_of(derivation.model, medium.math),
            given=given_from_above(derivation.model, medium.math),
            marked=is_marked(derivation, asked=mark_immediate),
            most_listed=MOST_LISTED,
            numbers=numbers,
        )
    )
    return medium.plain(written)


def _step(line: DerivedEquation, show: Show, medium: Medium) -> str:
    """An equation of the model."""
    assert line.left is not None
    return _equation(show(line.left), show(line.right), medium, _span(line, show, medium))


def model_text(model: Model, medium: Medium = ANYWHERE) -> str:
    """A model's equations and shapes as lines for a medium."""

    def show(expression: Expr) -> Box:
        return typeset(expression, model.notation)

    def math(expression: Expr) -> str:
        return medium.math(show(expression))

    def equation(left: Expr, right: Expr) -> str:
        return _equation(show(left), show(right), medium)

    written = (side for e in model.computed for side in (e.written, e.expression))
    initial = (entry.initial for entry in model.declarations if entry.initial is not None)
    printed = (*map(show, (*initial, *written)), *function_boxes(model))
    signs = Glossary(model, medium.math).explained(printed)
    names = {entry.symbol: math(entry.symbol) for entry in model.declarations}
    widest = max(map(cells, names.values()), default=0)
    filters: dict[str, Callable[..., object]] = {
        "math": math,
        "column": lambda symbol: names[symbol] + " " * (widest - cells(names[symbol])),
        "wrapped": partial(_wrapped, medium),
        "style": medium.style,
        "initial": lambda symbol: symbol.at(0),
    }
    template = environment(filters).get_template("model.txt.j2")
    functions = functions_of(model, medium.math)
    return medium.plain(
        template.render(model=model, functions=functions, signs=signs, made=equation)
    )


def _wrapped(medium: Medium, text: str) -> str:
    """Lines of prose, each broken to the width."""
    return "\n".join(map(medium.prose, text.split("\n")))


def _equation(left: Box, right: Box, medium: Medium, span: str = "") -> str:
    """An equation of a model, as it stands two columns in."""
    head = f"{medium.math(left)} = "
    indent = " " * cells(head)
    first, *more = _right(right, span, medium.columns - cells(head) - 2, medium)
    return "\n".join([head + first, *(f"  {indent}{line}" for line in more)])


def _rows(
    equations: Sequence[DerivedEquation],
    show: Show,
    medium: Medium,
    below: Callable[[int, int], Iterable[str]] | None = None,
) -> str:
    """Equations one under the other, their signs of equality in one column.

    What stands ``below`` one is told by its place and by where its right side begins.

    A left side that would leave too little room stands on a line of its own.
    """
    lefts = [_left(equation, show, medium) for equation in equations]
    numbers = ["" if e.number is None else f"({e.number})" for e in equations]
    before = max(map(len, ["()", *numbers])) + 4
    numbers = [number.rjust(before - 4) for number in numbers]
    most = round(WIDEST_LEFT * medium.columns) - before
    width = max((cells(left) for left in lefts if cells(left) <= most), default=0)
    indent = " " * (before + width + 3)
    lines = []
    for k, (equation, number, left) in enumerate(zip(equations, numbers, lefts, strict=True)):
        styled = medium.style(number, "number")
        head = f"  {number}  {' ' * (width - cells(left))}{left}"
        sign = ":  " if equation.left is None else " = "
        if cells(left) > most:
            whole = _hung(equation, f"  {number}  ", left, show, medium)
            lines.append(whole.replace(number, styled, 1))
            head, sign = indent[:-3], sign.replace(":", " ")
        span = _span(equation, show, medium)
        room = medium.columns - len(indent)
        first, *more = _right(show(equation.right), span, room, medium)
        lines.append(f"{head.replace(number, styled, 1)}{sign}{first}")
        lines += [f"{indent}{line}" for line in more]
        lines += [] if below is None else below(k, len(indent))
    return "\n".join(lines)


def _hung(equation: DerivedEquation, before: str, left: str, show: Show, medium: Medium) -> str:
    """A left side that stands above its equation, with its number ``before`` it."""
    indent = " " * len(before)
    if equation.left is None:
        return medium.prose(f"{before}{left}:", indent)
    room = medium.columns - len(before) - 2
    return before + f"\n{indent}  ".join(broken(show(equation.left), room, medium.page))


def _right(right: Box, span: str, room: int, medium: Medium) -> list[str]:
    """A right side in lines, and behind it, or below it, for which steps it holds."""
    written = (
        _matrix(right, medium) if isinstance(right, Matrix) else broken(right, room, medium.page)
    )
    if not span:
        return written
    *before, last = written
    beside = f"{last}   {span}"
    lines = [*before, beside] if cells(beside) <= room else [*written, span]
    return [line.replace(span, medium.style(span, "note")) for line in lines]


def _left(equation: DerivedEquation, show: Show, medium: Medium) -> str:
    if equation.left is not None:
        return medium.math(show(equation.left))
    if equation.path:
        return f"to step {equation.path[-1].time}"
    return "from " + ", ".join(medium.math(show(reader)) for reader in equation.readers)


def _span(equation: DerivedEquation, show: Show, medium: Medium) -> str:
    """For which layers and time steps an equation holds."""
    held = []
    if equation.layers is not None:
        held.append(f"{medium.math(show(equation.layers.index))} = {equation.layers.told('…')}")
    if equation.span is not None:
        span = equation.span
        ends = (span.last, span.first) if span.rising else (span.first, span.last)
        index, first, last = (medium.math(show(part)) for part in (span.index, *ends))
        held.append(f"{index} = {first}" if first == last else f"{index} = {first}, …, {last}")
    return f"for {' and '.join(held)}" if held else ""


def _matrix(box: Matrix, medium: Medium) -> list[str]:
    """A matrix with its rows one under the other."""
    rows = [[medium.math(entry) for entry in row] for row in box.rows]
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            entry + " " * (width - cells(entry)) for entry, width in zip(row, widths, strict=True)
        )
        for row in rows
    ]
    if len(lines) == 1:
        return [f"[ {lines[0]} ]"]
    first, *between, last = lines
    return [f"⎡ {first} ⎤", *(f"⎢ {line} ⎥" for line in between), f"⎣ {last} ⎦"]
