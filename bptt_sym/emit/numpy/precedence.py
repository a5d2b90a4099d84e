"""Pieces of Python code that know how tightly they bind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sympy import Expr, Rational

ADDITIVE, MULTIPLICATIVE, UNARY, POWER, CALL = 1, 3, 5, 6, 7


@dataclass(frozen=True)
class Code:
    """The code of an expression and how tightly its outermost operator binds."""

    text: str
    binding: int

    def within(self, binding: int) -> str:
        """The code, in brackets if it binds less tightly than asked."""
        return self.text if self.binding >= binding else f"({self.text})"


Print = Callable[[Expr, int], str]
"""The code of an operand, in brackets if it binds less tightly than asked."""


def number_code(number: Rational | Fraction) -> str:
    """A number as a Python literal: an int where it is whole, else the nearest float."""
    return str(int(number)) if number.denominator == 1 else repr(float(number))
