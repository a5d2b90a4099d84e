"""How wide numbers are when TeX sets them, in ems."""

from __future__ import annotations

from collections.abc import Sequence

WIDTHS = {".": 0.28, "-": 0.78, "e": 2.2}
"""The widths of what numbers are written with besides digits, in ems: "e" is a power of ten."""

MOST_COLUMNS = 10
"""A matrix of LaTeX has no more columns."""

DIGIT, BETWEEN_COLUMNS, BRACKETS = 0.5, 1.0, 1.4
"""The widths of a digit, of the room between columns, and of the brackets of a matrix."""


def digits_width(digits: Sequence[Sequence[str]]) -> float:
    """The width of a number or a matrix of them, in ems."""
    columns = [max(map(_width_of, column)) for column in zip(*digits, strict=True)]
    brackets = BRACKETS if len(columns) > 1 or len(digits) > 1 else 0
    return brackets + sum(columns) + BETWEEN_COLUMNS * (len(columns) - 1)


def _width_of(number: str) -> float:
    return sum(WIDTHS.get(sign, DIGIT) for sign in number)


def in_lines(digits: Sequence[Sequence[str]], room: float) -> list[list[list[str]]]:
    """A matrix by groups of its columns, each of which has room on a line; one group, if it can."""
    count = len(digits[0])
    for lines in range(1, count + 1):
        size = -(-count // lines)
        groups = [[[*row[k : k + size]] for row in digits] for k in range(0, count, size)]
        if size <= MOST_COLUMNS and max(map(digits_width, groups)) <= room:
            break
    return groups
