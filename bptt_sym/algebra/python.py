"""Pieces of Python code that know how tightly they bind."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Add, Expr, Mul, Pow, Rational

ADDITIVE, MULTIPLICATIVE, UNARY, POWER, CALL = 1, 3, 5, 6, 7


@dataclass(frozen=True)
class Code:
    """The code of an expression and how tightly its outermost operator binds."""

    text: str
    binding: int

    def within(self, binding: int) -> str:
        """The code, in brackets if it binds less tightly than asked."""
        return self.text if self.binding >= binding else f"({self.text})"


def number_code(number: Rational) -> str:
    """A rational as a Python literal: an int where it is whole, else the nearest float."""
    return str(int(number)) if number.is_Integer else repr(float(number))


def size_code(size: Expr) -> str:
    """A size as Python code, such as n, 4*n or m + n; the number of time steps N is T.

    A sum of products is written with " + " and "*" alone.
    """
    if isinstance(size, Add):
        return " + ".join(map(size_code, size.args))
    if isinstance(size, Mul):
        return "*".join(map(size_code, size.args))
    if isinstance(size, Pow):
        return "*".join([size_code(size.base)] * int(size.exp))
    return "T" if str(size) == "N" else str(size)
