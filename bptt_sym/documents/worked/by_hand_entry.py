"""One entry of a sum of products of matrices, as one calculates it by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

from sympy import HadamardProduct, MatAdd, MatMul, Rational, S, Transpose

from bptt_sym.algebra.expressions import MatrixExpr, split_coefficient
from bptt_sym.algebra.operations import is_leaf

MOST_PRODUCTS = 4
"""More products of numbers than this are not written out."""

MOST_FACTORS = 6
"""Nor are products of more numbers than this, counted together."""

Place = tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """The entry of a symbol in a row and a column, both counted from 0."""

    of: MatrixExpr
    place: Place


@dataclass(frozen=True)
class ProductOfEntries:
    """A number times entries of symbols."""

    coefficient: Rational
    entries: tuple[Entry, ...]

    def times(self, other: ProductOfEntries) -> ProductOfEntries:
        """The product of both."""
        return ProductOfEntries(
            self.coefficient * other.coefficient, (*self.entries, *other.entries)
        )


def products_of(
    expression: MatrixExpr, place: Place, shape: Callable[[MatrixExpr], tuple[int, int]]
) -> list[ProductOfEntries] | None:
    """The entry of an expression as a sum of products of entries of its symbols.

    None for one that is more than sums and products, transposes and numbers in front, or takes more
    than MOST_PRODUCTS or MOST_FACTORS. ``shape`` tells the size of a matrix.
    """
    found = _products(expression, place, shape)
    if found is None or len(found) > MOST_PRODUCTS:
        return None
    return found if sum(len(one.entries) for one in found) <= MOST_FACTORS else None


def _products(
    expression: MatrixExpr, place: Place, shape: Callable[[MatrixExpr], tuple[int, int]]
) -> list[ProductOfEntries] | None:
    coefficient, rest = split_coefficient(expression)
    if coefficient != 1:
        inner = _products(rest, place, shape)
        number = ProductOfEntries(coefficient, ())
        return None if inner is None else [number.times(one) for one in inner]
    if is_leaf(expression):
        return [ProductOfEntries(S.One, (Entry(expression, place),))]
    row, column = place
    match expression:
        case Transpose():
            return _products(expression.arg, (column, row), shape)
        case MatAdd():
            return _joined(_products(term, place, shape) for term in expression.args)
        case HadamardProduct():
            return _multiplied(_products(factor, place, shape) for factor in expression.args)
        case MatMul():
            inner_sizes = [shape(factor)[1] for factor in expression.args[:-1]]
            ways = product(*(range(size) for size in inner_sizes))
            return _joined(
                _multiplied(
                    _products(factor, at, shape)
                    for factor, at in zip(
                        expression.args, zip((row, *way), (*way, column), strict=True), strict=True
                    )
                )
                for way in ways
            )
    return None


def _joined(
    parts: Iterable[list[ProductOfEntries] | None],
) -> list[ProductOfEntries] | None:
    found: list[ProductOfEntries] = []
    for part in parts:
        if part is None or len(found) > MOST_PRODUCTS:
            return None
        found += part
    return found


def _multiplied(
    parts: Iterable[list[ProductOfEntries] | None],
) -> list[ProductOfEntries] | None:
    found = [ProductOfEntries(S.One, ())]
    for part in parts:
        if part is None or len(part) * len(found) > MOST_PRODUCTS:
            return None
        found = [one.times(other) for one in found for other in part]
    return found
