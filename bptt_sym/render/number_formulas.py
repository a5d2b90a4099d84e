"""Formulas with numbers in LaTeX: entries, products, and matrices with what they are below them."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.render.formulas import array

BESIDE = r" \, \allowbreak "
"""What stands between the symbols of a product."""

LEARNING_RATE = r"\alpha"


def written(digits: str) -> str:
    """A number as it stands in a formula."""
    mantissa, _, exponent = digits.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def bold(number: str) -> str:
    """A number that one is to look at."""
    return rf"\mathbf{{{number}}}"


def matrix(digits: Sequence[Sequence[str]], marked: tuple[int, int] | None = None) -> str:
    """A matrix of numbers as they are written, or a number alone; an entry may be ``marked``."""
    shown = [[*map(written, row)] for row in digits]
    if len(shown) == 1 and len(shown[0]) == 1:
        return shown[0][0]
    if marked is not None:
        row, column = marked
        shown[row][column] = bold(shown[row][column])
    return array(shown)


def broken(
    parts: Sequence[Sequence[Sequence[str]]], marked: tuple[int, int] | None = None
) -> list[str]:
    """A matrix of numbers by groups of its columns, one for each line; one alone is whole."""
    if len(parts) == 1:
        return [matrix(parts[0], marked)]
    lines, before = [], 0
    for k, part in enumerate(parts):
        row, column = (-1, -1) if marked is None else (marked[0], marked[1] - before)
        before += len(part[0])
        rows = r" \\ ".join(
            " & ".join(
                bold(written(digits)) if (i, j) == (row, column) else written(digits)
                for j, digits in enumerate(entries)
            )
            for i, entries in enumerate(part)
        )
        left, right = "." if k else "[", "]" if k == len(parts) - 1 else "."
        body = rf"\left{left} \begin{{matrix}} {rows} \end{{matrix}} \right{right}"
        lines.append(rf"&\quad {body}" if k else body)
    return lines


def named(formula: str, name: str, words: str = "") -> str:
    """A formula above what it is, which words may follow."""
    said = rf"\ \text{{({words})}}" if words else ""
    return rf"\underbrace{{{formula}}}_{{{name}{said}}}"


def remarked(formula: str, words: str) -> str:
    """A formula with words behind it, if there are any."""
    return rf"{formula} \quad \text{{({words})}}" if words else formula


def summed(terms: Sequence[str], total: str) -> str:
    """Terms and their sum."""
    return f"{' + '.join(terms)} = {total}"


def sum_in_rows(rows: Sequence[Sequence[str]], total: str) -> list[str]:
    """Terms and their sum as aligned lines, of which the last has the sum at its end.

    The terms are all but the last entry of ``rows``, which may be empty: the sum stands alone then.
    """
    lines = [f"& {'+ ' * (k > 0)}{' + '.join(terms)}" for k, terms in enumerate(rows) if terms]
    return [*lines[:-1], f"{lines[-1]} = {total}"] if rows[-1] else [*lines, f"& = {total}"]


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
