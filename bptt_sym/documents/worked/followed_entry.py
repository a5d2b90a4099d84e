"""One entry of a gradient, followed through the contributions that it is the sum of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

import numpy as np

from bptt_sym.documents.worked.by_hand_entry import Entry, Place, ProductOfEntries, products_of
from bptt_sym.documents.worked.calculation import NumericContribution
from bptt_sym.documents.worked.example import DECIMALS, Example, Value, rounded


@dataclass(frozen=True)
class FollowedTerm:
    """The entry of a contribution as it is printed.

    ``products`` is what it is calculated from, where that can be said; with the numbers as they are
    printed it gives the ``digits``.
    """

    contribution: NumericContribution
    digits: str
    products: tuple[ProductOfEntries, ...]


@dataclass(frozen=True)
class FollowedEntry:
    """An entry of the gradient with respect to a parameter, by its place, and its terms."""

    place: Place
    terms: tuple[FollowedTerm, ...]
    digits: str

    @property
    def adds_up(self) -> bool:
        """Whether the printed terms have the printed sum."""
        return sum(Decimal(term.digits) for term in self.terms) == Decimal(self.digits)


def followed(
    example: Example, gradient: Value, contributions: Sequence[NumericContribution]
) -> FollowedEntry:
    """The entry that is best followed: its arithmetic comes out as printed, no number is small."""
    rows, columns = gradient.array.shape

    def rank(entry: FollowedEntry) -> tuple[bool, bool, int, float]:
        terms = [term.digits for term in entry.terms]
        least = min(abs(float(digits)) for digits in (*terms, entry.digits))
        written = sum(bool(term.products) for term in entry.terms)
        return least > 0, entry.adds_up, written, least

    every = product(range(rows), range(columns))
    return max((_entry(example, gradient, contributions, place) for place in every), key=rank)


def _entry(
    example: Example, gradient: Value, contributions: Sequence[NumericContribution], place: Place
) -> FollowedEntry:
    row, column = place
    terms = []
    for contribution in contributions:
        digits = rounded(contribution.array)[row][column]
        found = products_of(contribution.expression, place, example.shape) or []
        right = all(e.of in example.printed for p in found for e in p.entries)
        if right:
            total = sum((_in_numbers(example, p) for p in found), start=Decimal(0))
            right = total.quantize(Decimal(1).scaleb(-DECIMALS)) == Decimal(digits)
        terms.append(FollowedTerm(contribution, digits, tuple(found) if right else ()))
    return FollowedEntry(place, tuple(terms), gradient.digits[row][column])


def _in_numbers(example: Example, product: ProductOfEntries) -> Decimal:
    found = Decimal(int(product.coefficient.p)) / Decimal(int(product.coefficient.q))
    for entry in product.entries:
        found *= Decimal(digits_of(example, entry))
    return found


def digits_of(example: Example, entry: Entry) -> str:
    """An entry of what is printed, as it is printed."""
    row, column = entry.place
    return example.printed[entry.of].digits[row][column]


def sums_are_off(gradient: Value, contributions: Sequence[NumericContribution]) -> bool:
    """Whether some printed entry is not the sum of the printed entries of the contributions."""
    printed = [rounded(contribution.array) for contribution in contributions]
    rows, columns = gradient.array.shape
    return any(
        sum(Decimal(digits[row][column]) for digits in printed)
        != Decimal(gradient.digits[row][column])
        for row, column in product(range(rows), range(columns))
    )


def largest_place(gradient: Value) -> Place:
    """Where the largest entry stands."""
    row, column = np.unravel_index(np.argmax(np.abs(gradient.array)), gradient.array.shape)
    return int(row), int(column)
