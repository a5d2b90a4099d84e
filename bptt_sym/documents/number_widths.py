"""How wide numbers are when TeX sets them, in ems."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.algebra.expressions import Parameter, Variable
from bptt_sym.documents.example import Example
from bptt_sym.errors import InputError
from bptt_sym.render.latex import TEXT_WIDTH

WIDTHS = {".": 0.28, "-": 0.78}
"""The widths of what numbers are written with besides digits, in ems."""

DIGIT, BETWEEN_COLUMNS, BRACKETS = 0.5, 1.0, 1.4
"""The widths of a digit, of the room between columns, and of the brackets of a matrix."""

LEFT = 3.0
"""The width of what most numbers are of."""

BESIDE = 2.6
"""The width of an equals sign, and of a comma with the room behind it."""


def digits_width(digits: Sequence[Sequence[str]]) -> float:
    """The width of a number or a matrix of them, in ems."""
    columns = [max(map(_width_of, column)) for column in zip(*digits, strict=True)]
    brackets = BRACKETS if len(columns) > 1 or len(digits) > 1 else 0
    return brackets + sum(columns) + BETWEEN_COLUMNS * (len(columns) - 1)


def _width_of(number: str) -> float:
    return sum(WIDTHS.get(sign, DIGIT) for sign in number)


def check_width(example: Example) -> None:
    """Raises InputError for a matrix that is wider than a page."""
    for symbol, value in example.printed.items():
        if digits_width(value.digits) + BESIDE + LEFT > TEXT_WIDTH:
            name = next(iter(symbol.atoms(Parameter, Variable))).name
            raise InputError(
                f"the numbers of '{name}' are too wide for a page: take smaller sizes, or numbers "
                "with fewer digits"
            )
