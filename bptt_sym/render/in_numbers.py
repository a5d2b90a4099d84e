"""What writes numbers below equations, loaded with NumPy where there are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bptt_sym.render.medium import Medium
from bptt_sym.render.page import Page

if TYPE_CHECKING:
    from bptt_sym.derivation.derivation_values import DerivationValues
    from bptt_sym.render.number_latex import NumberLatex
    from bptt_sym.render.number_text import NumberText


def text_of_numbers(values: DerivationValues | None, medium: Medium) -> NumberText | None:
    """What writes them for a terminal or a file."""
    if values is None:
        return None
    from bptt_sym.render.number_text import NumberText

    return NumberText(values, medium)


def latex_of_numbers(
    values: DerivationValues | None, page: Page, room: float
) -> NumberLatex | None:
    """What writes them in LaTeX, whose lines are so wide."""
    if values is None:
        return None
    from bptt_sym.render.number_latex import NumberLatex

    return NumberLatex(values, page, room)
