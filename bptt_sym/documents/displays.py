"""Equations of a derivation as displays: one below the other, or side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bptt_sym.documents.document import Block, DisplayedFormula, Document, Equations
from bptt_sym.documents.facts.families import Alike
from bptt_sym.render.formulas import beside, stated_as
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.latex import EQUALS, LINE_WIDTH, lines, one_line, right_width
from bptt_sym.render.show import Show, sides
from bptt_sym.render.tex import tex
from bptt_sym.render.tex_width import width as tex_width

BETWEEN, BETWEEN_NUMBERS = 3.0, 2.0
"""The room between equations on one line, and between those of numbers."""


def displayed(
    equations: Sequence[Alike],
    show: Show,
    labels: Mapping[tuple[str, ...], str],
    glossary: Glossary,
) -> list[DisplayedFormula]:
    """Equations, aligned at their signs; those with a label have a number."""
    room = right_width([entry.equation for entry in equations], show)
    return [_formula(entry, show, room, labels, glossary) for entry in equations]


def _formula(
    entry: Alike,
    show: Show,
    room: float,
    labels: Mapping[tuple[str, ...], str],
    glossary: Glossary,
) -> DisplayedFormula:
    # Of several left sides the last stands before the sign that is aligned.
    *earlier, last = [e.left for e in (entry.equation, *entry.equals)]
    equation = replace(entry.equation, left=last)
    first, *more = lines(equation, show, room, entry.others)
    flat, width = one_line(equation, show, entry.others)
    equal = [show(left) for left in earlier if left is not None]
    before = "".join(stated_as(tex(box)) for box in equal)
    taken = sum(tex_width(box) + EQUALS for box in equal)
    return DisplayedFormula(
        (before + first, *more),
        labels.get(equation.meaning),
        signs=glossary.signs(sides([equation], show)),
        also=tuple(labels[e.meaning] for e in entry.equals if e.meaning in labels),
        flat=before + flat,
        width=taken + width,
        left=0 if equation.left is None else taken + tex_width(show(equation.left)),
    )


def packed(formulas: Sequence[DisplayedFormula], room: float) -> list[DisplayedFormula]:
    """The formulas, those that are narrow enough side by side, which have one number at most.

    The first signs of all lines stand below each other.
    """
    before_signs = max(formula.left for formula in formulas)
    found: list[DisplayedFormula] = []
    for formula in formulas:
        before = found[-1] if found else formula
        between = BETWEEN_NUMBERS if formula.rows else BETWEEN
        width = before.width + between + formula.width
        if (
            not found
            or len(before.lines) + len(formula.lines) > 2
            or before.rows != formula.rows
            or (before.label and formula.label)
            or before_signs + width - before.left > room
        ):
            found.append(formula)
            continue
        found[-1] = replace(
            before,
            lines=(beside(before.lines[0], formula.flat, numbers=formula.rows > 0),),
            flat=beside(before.flat, formula.flat, numbers=formula.rows > 0),
            width=width,
            label=before.label or formula.label,
            also=(*before.also, *formula.also),
            number=before.number or formula.number,
            signs=(*before.signs, *formula.signs),
        )
    return [*(row.ended(",") for row in found[:-1]), found[-1]]


def laid_out(document: Document, room: float) -> Document:
    """The document with the equations side by side that may be, on lines of some room."""

    def placed(block: Block) -> Block:
        if isinstance(block, Equations) and block.packs:
            return Equations(tuple(packed(block.formulas, room)))
        return block

    sections = (replace(s, blocks=tuple(map(placed, s.blocks))) for s in document.sections)
    return replace(document, sections=tuple(sections))


def with_one_number(formulas: Sequence[DisplayedFormula]) -> DisplayedFormula:
    """Formulas as one, on one line if they are narrow."""
    first, *more = formulas
    names = tuple(formula.label for formula in more if formula.label)
    rows = packed([first, *(replace(formula, label=None) for formula in more)], LINE_WIDTH)
    signs = [sign for formula in formulas for sign in formula.signs]
    lines = tuple(line for row in rows for line in row.lines)
    return replace(rows[0], lines=lines, also=names, signs=tuple(signs))
