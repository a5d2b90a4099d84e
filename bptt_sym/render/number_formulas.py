"""Formulas with numbers in LaTeX: entries, products, and matrices with what they are below them."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.render.formulas import array

BESIDE = r" \, "
"""What stands between the symbols of a product."""

LEARNING_RATE = r"\alpha"


def matrix(digits: Sequence[Sequence[str]], marked: tuple[int, int] | None = None) -> str:
    """A matrix of numbers as they are written, or a number alone; an entry may be ``marked``."""
    shown = [list(row) for row in digits]
    if len(shown) == 1 and len(shown[0]) == 1:
        return shown[0][0]
    if marked is not None:
        row, column = marked
        shown[row][column] = rf"\mathbf{{{shown[row][column]}}}"
    return array(shown)


def named(formula: str, name: str, words: str = "") -> str:
    """A formula above what it is, which words may follow."""
    said = rf"\ \text{{({words})}}" if words else ""
    return rf"\underbrace{{{formula}}}_{{{name}{said}}}"


def remarked(formula: str, words: str) -> str:
    """A formula with words behind it."""
    return rf"{formula} \quad \text{{({words})}}"


def sum_in_rows(rows: Sequence[Sequence[str]], total: str) -> list[str]:
    """Terms and their sum as aligned lines, of which the last has the sum at its end.

    The terms are all but the last entry of ``rows``, which may be empty: the sum stands alone then.
    """
    lines = [f"& {'+ ' * (k > 0)}{' + '.join(terms)}" for k, terms in enumerate(rows) if terms]
    return [*lines[:-1], f"{lines[-1]} = {total}"] if rows[-1] else [*lines, f"& = {total}"]


def equal(left: str, right: str) -> str:
    """An equation that is aligned with others at its sign."""
    return f"{left} &= {right}"


def words(text: str) -> str:
    """Words in the place of symbols."""
    return rf"\text{{{text}}}"


def entry(symbol: str, indices: Sequence[int]) -> str:
    """An entry of a vector or a matrix, its indices counted from 1; without any, a number."""
    return rf"({symbol})_{{{','.join(map(str, indices))}}}" if indices else symbol


def calculated(products: Sequence[Sequence[str]], between: str = r" \cdot ") -> str:
    """A sum of products, numbers below zero in brackets behind another factor."""
    found = ""
    for factors in products:
        first, *rest = factors
        if found:
            sign, first = ("-", first[1:]) if first.startswith("-") else ("+", first)
            found += f" {sign} "
        found += first
        for factor in rest:
            found += between + (f"({factor})" if factor.startswith("-") else factor)
    return found


def side_to_side(number: str, exponent: int) -> str:
    """A number changed by a power of ten to both sides."""
    return rf"{number} \pm 10^{{-{exponent}}}"


def difference_quotient(loss: str, exponent: int) -> str:
    """The difference of two losses over that of the entries that they are of."""
    return rf"({{{loss}}}^{{+}} - {{{loss}}}^{{-}}) / (2 \cdot 10^{{-{exponent}}})"
