"""Chains of relations between formulas, and measured numbers, in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from bptt_sym.algebra.boxes import Box, Glyph
from bptt_sym.render.tex import tex

Relation = Literal["equal", "at most"]

_SIGNS = {"equal": "=", "at most": r"\le"}

DOTS = Glyph("dots", latex=r"\cdots")
"""What stands for the factors between two of them."""

SMALLEST = 1e-3
"""Of a smaller number it is said that it is smaller."""

LARGEST = 1e5
"""A number from this on is written with a power of ten."""


PER_CENT = r"\,\%"
"""What stands behind a number of per cent."""


def related(left: Box, chain: Sequence[tuple[Relation, Box]]) -> str:
    """A chain of relations on one line, aligned at its first sign."""
    return f"{tex(left)} &" + " ".join(f"{_SIGNS[sign]} {tex(right)}" for sign, right in chain)


def two_digits(number: float) -> str:
    """A number that is not negative, with two significant digits."""
    if number in (0, 1):
        return f"{number:.0f}"
    if number < SMALLEST:
        return f"<{SMALLEST}"
    mantissa, _, power = f"{number:.1e}".partition("e")
    if number >= LARGEST:
        return rf"{mantissa} \cdot 10^{{{int(power)}}}"
    return f"{float(f'{mantissa}e{power}'):.{max(1 - int(power), 0)}f}"


def per_cent(share: float) -> str:
    r"""A share in per cent, with two significant digits: 0.96 \%."""
    return two_digits(100 * share) + PER_CENT
