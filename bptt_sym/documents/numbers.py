"""The worked example as blocks: what is given, the forward pass, adjoints and gradients."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bptt_sym.algebra.boxes import Call, Terms
from bptt_sym.algebra.expressions import LAST_STEP, Expr, dimension
from bptt_sym.documents.document import Block, DisplayedFormula, Equations, Paragraph
from bptt_sym.documents.example import STEPS, Example, Value
from bptt_sym.documents.telling import Telling
from bptt_sym.render.formulas import side_by_side
from bptt_sym.render.latex import TEXT_WIDTH
from bptt_sym.render.tex import tex
from bptt_sym.render.tex_width import width
from bptt_sym.render.typeset import typeset

WIDTHS = {".": 0.28, "-": 0.78}
"""The widths of what numbers are written with besides digits, in ems."""

DIGIT, BETWEEN_COLUMNS, AROUND = 0.5, 1.0, 4.0
"""The widths of a digit, of the room between columns, and of brackets, equals sign and quad."""


def told(telling: Telling, example: Example, shown: Collection[str]) -> Iterator[Block]:
    """An example with the gradients that are ``shown``; without any, the forward pass alone."""
    say = telling.sentences("example")
    sizes = {LAST_STEP: STEPS} | {dimension(name): size for name, size in example.sizes.items()}
    known = [f"${telling.math(symbol)} = {size}$" for symbol, size in sizes.items()]
    known += [rf"${name} = {function}$" for name, function in _known_functions(telling)]
    yield Paragraph(say.example(known))
    yield from values(telling, example.given)
    yield Paragraph(say.forward())
    yield from values(telling, example.forward)
    if shown:
        yield from results(telling, example, shown)


def results(telling: Telling, example: Example, shown: Collection[str]) -> Iterator[Block]:
    """The adjoints of an example, and the gradients that are ``shown``."""
    say = telling.sentences("example")
    yield Paragraph(say.backward())
    yield from values(telling, example.adjoints, example.objective)
    yield Paragraph(say.results())
    found = [value for value in example.gradients if value.parameter in shown]
    yield from values(telling, found, example.objective)


def values(telling: Telling, entries: Sequence[Value], loss: Expr | None = None) -> Iterator[Block]:
    """What symbols are, several on a line where they are narrow and of one height."""
    lines: list[list[Value]] = []
    room = 0.0
    lefts = [width(typeset(e.left, telling.model.notation, loss=loss)) for e in entries]
    for entry, left in zip(entries, lefts, strict=True):
        taken = left + _number_width(entry)
        if not lines or taken > room or entry.array.shape[0] != lines[-1][0].array.shape[0]:
            lines.append([])
            # The signs of equality that come first stand below each other.
            room = TEXT_WIDTH - (max(lefts) - left)
        lines[-1].append(entry)
        room -= taken
    formulas = []
    for line in lines:
        sides = [(telling.math(value.left, loss), value.number) for value in line]
        formulas.append(DisplayedFormula((side_by_side(*sides),)))
    if formulas:
        yield Equations(tuple(formulas))


def _number_width(entry: Value) -> float:
    """The width of a number or matrix with what is around it, in ems."""
    columns = [max(map(_digits_width, column)) for column in zip(*entry.digits, strict=True)]
    return AROUND + sum(columns) + BETWEEN_COLUMNS * (len(columns) - 1)


def _digits_width(digits: str) -> float:
    return sum(WIDTHS.get(sign, DIGIT) for sign in digits)


def _known_functions(telling: Telling) -> Iterator[tuple[str, str]]:
    """The symbolic functions with those that stand for them, in LaTeX."""

    def name_of(function: str) -> str:
        return tex(Call(function, Terms(()))).partition("(")[0]

    for name, of in telling.model.functions.items():
        if isinstance(of, str):
            yield name_of(telling.model.notation.function(name)), name_of(of)
