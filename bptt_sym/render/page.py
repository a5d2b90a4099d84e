"""What breaking a long equation into lines must know of the language that it is written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bptt_sym.algebra.boxes import Box, Number

Kind = Literal["matrix", "elementwise", "circle", "kronecker"]

HOLE = Number(0, decimal="\0")
"""Stands for what is broken in what is around it: no language writes this character."""


@dataclass(frozen=True)
class Page:
    """How a language writes a box, measures it and begins a line.

    ``gap`` is the width between two factors of a product, ``sign`` that of a plus or minus with its
    spaces, ``begin`` that of a sign that begins a line, ``comma`` that of a comma, and ``step``
    that of an ``indent``. ``operators`` begin a line inside a product. ``around`` is what is
    written before and behind the hole in a box where that holds several lines, or None where it
    cannot. ``cases`` writes those of a function in the rows of one display, from the lines of what
    is chosen, of the condition and of the other; with None they are lines in brackets. ``brace`` is
    the width of what such a display adds.
    """

    write: Callable[[Box], str]
    measure: Callable[[Box], float]
    gap: Callable[[Box, Box, Kind], float]
    around: Callable[[Box, Box], tuple[str, str] | None]
    cases: Callable[[Sequence[str], Sequence[str], Sequence[str]], str] | None
    brace: float
    minus: str
    sign: float
    begin: float
    comma: float
    operators: Mapping[str, str]
    indent: str
    step: float
