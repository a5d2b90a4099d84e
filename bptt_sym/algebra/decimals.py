"""Numbers as they were written: 0.9 and not 9/10, 1e-5, but 1/2 where nobody wrote 0.5."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from sympy import Rational

from bptt_sym.algebra import boxes

MOST_DIGITS = 17
"""A decimal of more digits than a double has is written as a fraction."""

LARGEST = 10**7
"""A whole number from here on is written with a power of ten, where it was."""


def with_decimals(box: boxes.Box, written: Collection[Rational]) -> boxes.Box:
    """The box with its numbers as decimals: those ``written`` so, and what is made of them.

    A fraction whose denominator is a power of two is a decimal only where it was written as one,
    every other one wherever it is finite.
    """

    def shown(part: boxes.Box) -> boxes.Box:
        if isinstance(part, boxes.Number):
            text = _decimal(Rational(part.numerator, part.denominator), written)
            return boxes.Number(part.numerator, part.denominator, text)
        changed: boxes.Box = boxes.with_parts(part, shown)
        return changed

    return shown(box)


def _decimal(number: Rational, written: Collection[Rational]) -> str:
    """How a number is written as a decimal, or nothing where it is not."""
    if number.q == 1:
        return _shortest(Decimal(int(number))) if number >= LARGEST and number in written else ""
    if number not in written and not (written and number.q % 5 == 0):
        return ""
    if int(number.q) != _part(int(number.q), 2) * _part(int(number.q), 5):
        return ""
    text = _shortest(Decimal(int(number.p)) / Decimal(int(number.q)))
    return text if Rational(text) == number else ""


def _part(number: int, prime: int) -> int:
    """The largest power of a prime that divides a number."""
    power = 1
    while number % (power * prime) == 0:
        power *= prime
    return power


def _shortest(number: Decimal) -> str:
    """Plainly, with a power of ten where that is shorter."""
    sign, digits, exponent = number.normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    if len(text) > MOST_DIGITS:
        return format(number, "f")
    first = exponent + len(text) - 1
    if -5 < first < 7:
        return format(number.normalize(), "f")
    mantissa = text[0] + (f".{text[1:]}" if len(text) > 1 else "")
    return f"{'-' * sign}{mantissa}e{first}"
