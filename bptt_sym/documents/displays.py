"""Equations of a derivation as displays: one below the other, or side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bptt_sym.documents.document import DisplayedFormula
from bptt_sym.documents.families import Alike
from bptt_sym.render.formulas import beside
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.latex import LINE_WIDTH, lines, one_line, right_width
from bptt_sym.render.show import Show, sides

BETWEEN = 3.0
"""The room between equations on one line."""


def displayed(
    equations: Sequence[Alike],
    show: Show,
    labels: Mapping[tuple[str, ...], str],
    glossary: Glossary,
) -> list[DisplayedFormula]:
    """Equations, aligned at their signs; those with a label have a number."""
    room = right_width([entry.equation for entry in equations], show)
    found = []
    for entry in equations:
        flat, width = one_line(entry.equation, show, entry.others)
        formula = DisplayedFormula(
            tuple(lines(entry.equation, show, room, entry.others)),
            labels.get(entry.equation.meaning),
            signs=glossary.signs(sides([entry.equation], show)),
            flat=flat,
            width=width,
        )
        found.append(formula)
    return found


def packed(formulas: Sequence[DisplayedFormula]) -> list[DisplayedFormula]:
    """The formulas, those that are narrow enough side by side, with the label of the first."""
    rows: list[DisplayedFormula] = []
    for formula in formulas:
        before = rows[-1] if rows else formula
        width = before.width + BETWEEN + formula.width
        if not rows or len(before.lines) + len(formula.lines) > 2 or width > LINE_WIDTH:
            rows.append(formula)
            continue
        rows[-1] = replace(
            before,
            lines=(beside(before.lines[0], formula.flat),),
            flat=beside(before.flat, formula.flat),
            width=width,
            also=(*before.also, *([formula.label] if formula.label else [])),
            signs=(*before.signs, *formula.signs),
        )
    return rows


def with_one_number(formulas: Sequence[DisplayedFormula]) -> DisplayedFormula:
    """Formulas as one, on one line if they are narrow."""
    first, *more = packed(formulas)
    rows = [line for formula in (first, *more) for line in formula.ended(",").lines]
    rows[-1] = (more or [first])[-1].lines[-1]
    names = [formula.label for formula in formulas[1:] if formula.label]
    signs = [sign for formula in formulas for sign in formula.signs]
    return replace(first, lines=tuple(rows), also=tuple(names), signs=tuple(signs))
