"""A derivation in numbers as one formula for a notebook."""

from __future__ import annotations

from math import inf

from bptt_sym.derivation.derivation_values import DerivationValues
from bptt_sym.render.latex import PAGE, lines
from bptt_sym.render.number_latex import NumberLatex
from bptt_sym.render.show import typesetter


def number_display(values: DerivationValues) -> str:
    """All equations, each with its numbers below it, as a display for MathJax and KaTeX."""
    numbers = NumberLatex(values, PAGE, inf)
    rows = []
    for section in values.derivation.sections:
        show = typesetter(values.derivation, section)
        for place, equation in enumerate(section.lines):
            rows += lines(equation, show, inf)
            rows += numbers.below(section, place, show, inf)
    return "$$\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}$$"
