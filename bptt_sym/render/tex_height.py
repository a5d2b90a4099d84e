"""How high a box is when TeX sets it as a display, which decides on the size of brackets around it.

Heights and depths are those of the TeXbook's appendix G with Computer Modern's parameters, in ems,
with roundings as in ``tex_width``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from bptt_sym.algebra.boxes import (
    AdjointOf,
    Big,
    Box,
    Brackets,
    Call,
    Cases,
    EntrySum,
    Fraction,
    Glyph,
    Matrix,
    Nabla,
    Ratio,
    Superscript,
    with_parts,
)
from bptt_sym.algebra.names import split_name

AXIS = 0.25
"""The height of the line on which fractions and brackets are centred."""


class Reach(NamedTuple):
    """How far something reaches above and below its line."""

    above: float
    below: float


class Fence(NamedTuple):
    """A round bracket: its command without a side, its height and depth together, its width."""

    command: str
    height: float
    width: float


FENCES = (
    Fence("", 1.0, 0.39),
    Fence("big", 1.2, 0.46),
    Fence("Big", 1.8, 0.6),
    Fence("bigg", 2.4, 0.74),
    Fence("Bigg", 3.0, 0.8),
    Fence("Bigg", 3.6, 0.88),
)
"""The brackets of plain TeX; still higher ones, which only ``\\left`` makes, are like the last."""

LETTER = Reach(0.69, 0.2)
_INDEXED = 0.25
_EXPONENT = 0.9
_STEP = 0.94
"""A raised time step in brackets."""

_STEP_AND_INDEX = Reach(1.04, 0.44)
_ACCENT = 0.14
_SMALL_LETTERS = frozenset("acegmnopqrsuvwxyz")
_ON_BRACKET = 0.27
"""What an exponent adds above a bracket."""

_OVER, _UNDER = 0.68, 0.69
"""How far the sides of a fraction are moved."""

_IN_TEXT = 0.75
"""A fraction within a fraction is smaller."""


def fence(box: Box) -> Fence:
    r"""What ``\left(`` and ``\right)`` become around a box."""
    above, below = reach(box)
    whole = 2 * max(above - AXIS, below + AXIS)
    needed = max(0.901 * whole, whole - 0.5)
    return next((one for one in FENCES if one.height >= needed), FENCES[-1])


@lru_cache(maxsize=4096)
def reach(box: Box) -> Reach:
    """How far a box reaches above and below its line."""
    match box:
        case Glyph():
            return _of_glyph(box)
        case AdjointOf(variable=variable, sign="overbar"):
            return Reach(reach(variable).above + 0.2, reach(variable).below)
        case Nabla(of=of, by=by):
            deep = reach(by).below
            dropped = 0.3 + deep if deep >= _STEP_AND_INDEX.below else _INDEXED
            return _highest(LETTER, reach(of), Reach(0, dropped))
        case Brackets(body=body):
            return _centred(fence(body).height)
        case Superscript(base=Brackets() as base):
            return Reach(reach(base).above + _ON_BRACKET, reach(base).below)
        case Superscript(base=base):
            return _highest(reach(base), Reach(_EXPONENT, 0))
        case Fraction(of=over, by=under) | Ratio(numerator=over, denominator=under):
            return Reach(_OVER + _inner(over).above, _UNDER + _inner(under).below)
        case Big(kind="sum", body=body):
            return _highest(Reach(1.83, 1.27), reach(body))
        case Big(body=body):
            return _highest(Reach(1.05, 1.43), reach(body))
        case EntrySum(body=body):
            return _highest(Reach(0.95, 0.45), reach(body))
        case Cases():
            return _centred(3.0)
        case Matrix(rows=rows):
            return _centred(1.2 * len(rows))
        case Call(function="sqrt", argument=argument):
            return Reach(reach(argument).above + 0.16, reach(argument).below)
        case Call(function="abs" | "norm" | "floor" | "ceil", argument=argument, axis=None):
            return _centred(fence(argument).height)
        case _:
            return _of_parts(box)


def _of_glyph(box: Glyph) -> Reach:
    letter, index = split_name(box.name)
    low = bool(index) and not box.latex
    above = LETTER.above
    if box.latex or (box.alphabet in ("bar", "arrow") and letter not in _SMALL_LETTERS):
        above += _ACCENT
    if box.time is None or box.place == "subscript":
        return Reach(above, _INDEXED if low or box.time else LETTER.below)
    if box.place == "superscript":
        return Reach(max(above, _EXPONENT), _INDEXED if low else LETTER.below)
    return _STEP_AND_INDEX if low else Reach(_STEP, LETTER.below)


def _inner(box: Box) -> Reach:
    """A side of a fraction."""
    size = _IN_TEXT if isinstance(box, Fraction | Ratio) else 1
    return Reach(size * reach(box).above, size * reach(box).below)


def _of_parts(box: Box) -> Reach:
    found = [LETTER]

    def look(part: Box) -> Box:
        found.append(reach(part))
        return part

    with_parts(box, look)
    return _highest(*found)


def _highest(*parts: Reach) -> Reach:
    return Reach(max(one.above for one in parts), max(one.below for one in parts))


def _centred(height: float) -> Reach:
    return Reach(height / 2 + AXIS, height / 2 - AXIS)
