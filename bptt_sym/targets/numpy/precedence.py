"""Pieces of Python code that know how tightly they bind, and where their lines may be broken."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from bptt_sym.algebra.evaluate import LARGEST_EXACT

ADDITIVE, MULTIPLICATIVE, UNARY, POWER, CALL = 1, 3, 5, 6, 7


MANY = 8
"""More names than these in a call are written one behind the other."""


@dataclass(frozen=True)
class Code:
    """The code of an expression and how tightly its outermost operator binds.

    Where its line is too long it is broken: into ``items``, each behind what stands before it,
    between ``opening`` and ``closing``. Those of a call end in commas.
    """

    text: str
    binding: int = CALL
    items: tuple[tuple[str, Code], ...] = ()
    opening: str = "("
    closing: str = ")"

    def __str__(self) -> str:
        return self.text

    @property
    def is_of_names(self) -> bool:
        """Whether it is made of many names."""
        return len(self.items) > MANY and all(code.text.isidentifier() for _, code in self.items)

    def within(self, binding: int) -> Code:
        """The code, in brackets if it binds less tightly than asked."""
        if self.binding >= binding:
            return self
        return replace(self, text=f"({self.text})", binding=CALL)

    def then(self, suffix: str) -> Code:
        """The code of a call or a name with an index or an attribute behind it."""
        return replace(self, text=f"{self.text}{suffix}", closing=f"{self.closing}{suffix}")

    def lines(self, before: str, width: int, after: str = "", *, packed: bool = True) -> list[str]:
        """The code between what stands before it and after it, in lines of a width if they can.

        ``packed``, many names in a call stand one behind the other, else one a line.
        """
        line = f"{before}{self.text}{after}"
        if len(line) <= width or not self.items:
            return [line]
        comma = "" if self.opening == "(" else ","
        inside = ", ".join(f"{item}{code}" for item, code in self.items)
        if comma and len(inside) <= width - 4:
            inner = [inside]
        elif packed and comma and self.is_of_names:
            inner = textwrap.wrap(f"{inside},", width - 4)
        else:
            inner = [
                piece for item, code in self.items for piece in code.lines(item, width - 4, comma)
            ]
        indented = (f"    {piece}" for piece in inner)
        return [f"{before}{self.opening}", *indented, f"{self.closing}{after}"]


def call(opening: str, arguments: Iterable[Code | str], closing: str = ")") -> Code:
    """A call of a function, which may be broken between its arguments."""
    items = tuple(("", Code(a) if isinstance(a, str) else a) for a in arguments)
    text = f"{opening}{', '.join(str(code) for _, code in items)}{closing}"
    return Code(text, CALL, items, opening, closing)


def chain(terms: Iterable[tuple[str, Code]], binding: int) -> Code:
    """Terms that operators join, each with the operator that stands before it."""
    terms = tuple(terms)
    text = " ".join(f"{operator}{term}" for operator, term in terms)
    return Code(text, binding, terms)


def number_code(number: Fraction) -> str:
    """A number as a Python literal: an int where it is whole, else the nearest float."""
    whole = number.denominator == 1 and abs(number) < LARGEST_EXACT
    return str(int(number)) if whole else repr(float(number))
