"""The contributions to a gradient in numbers, their sum, and one entry followed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from bptt_sym.algebra.expressions import MatrixExpr
from bptt_sym.documents.document import Block, DisplayedFormula, Equations, Paragraph
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.by_hand_entry import Entry, Place, ProductOfEntries
from bptt_sym.documents.worked.calculation import NumericContribution
from bptt_sym.documents.worked.example import Example, largest, rounded
from bptt_sym.documents.worked.followed_entry import FollowedTerm, digits_of, followed, sums_are_off
from bptt_sym.documents.worked.number_widths import digits_width, in_lines
from bptt_sym.documents.worked.run_again import check
from bptt_sym.render.formulas import stated
from bptt_sym.render.latex import EQUALS, TEXT_WIDTH
from bptt_sym.render.number_formulas import (
    BESIDE,
    broken,
    calculated,
    difference_quotient,
    entry,
    matrix,
    named,
    remarked,
    side_to_side,
    sum_in_rows,
    summed,
    words,
)
from bptt_sym.render.tex_width import SCRIPT, SIGN, width
from bptt_sym.render.typeset import typeset

REMARK = 3.5
"""The width of a remark such as (step 2), in ems of what stands below a brace."""

BEHIND = 6.5
"""The width of such a remark behind numbers, with the room before it and a comma."""

NARROW_NUMBER = 10.0
"""Symbols of this width may stand below a number that is narrower."""

LONGEST_PART = 6.0
"""The width of the words that say which contribution it is."""


class ContributionsInNumbers:
    """What the gradient with respect to a parameter is the sum of, at the numbers of an example."""

    def __init__(self, telling: Telling, example: Example, name: str) -> None:
        self.telling, self.example, self.name = telling, example, name
        self.say = telling.sentences("example")
        self.every = example.contributions(name)
        self.gradient = example.gradient(name)

    @cached_property
    def there(self) -> list[NumericContribution]:
        """Those that are not zero."""
        return [found for found in self.every if largest(found.array)]

    @property
    def is_a_sum(self) -> bool:
        """Whether there are several, of which one at least is not zero."""
        return len(self.every) > 1 and bool(self.there)

    @property
    def sums_are_off(self) -> bool:
        """Whether some printed sum is not that of the printed terms."""
        return self.is_a_sum and sums_are_off(self.gradient, self.every)

    def blocks(self) -> Iterator[Block]:
        """The sum, what is zero in it, an entry, and its check."""
        say, parameter = self.say, self._math(self.example.model.parameters[self.name])
        with_braces = max(self._widths) <= TEXT_WIDTH - SIGN and all(
            self._symbols_width(c) <= max(digits_width(rounded(c.array)), NARROW_NUMBER)
            for c in self.every
        )
        lead = say.contributions_lead(parameter)
        yield Paragraph(say.contributions(with_braces), lead=lead)
        found = followed(self.example, self.gradient, self.there)
        alone = self.gradient.array.size == 1
        place = None if alone else found.place
        rows = Equations((self._in_rows(place),) if with_braces else self._lines(place))
        yield rows.ended(".")
        zero = [(c.step, self.example.zero_factor(c)) for c in self.every if c not in self.there]
        known = [(step, self._math(factor)) for step, factor in zero if factor is not None]
        numbers = indices(self.example, self.gradient.left, found.place)
        parts = [self._part(term) for term in found.terms]
        said = [say.zero(known)] if known else []
        said.append(say.follow(numbers, parts, found.digits))
        yield from told_check(
            self.telling, self.example, self.name, found.place, before=" ".join(said)
        )

    def _math(self, expression: MatrixExpr) -> str:
        return self.telling.math(expression, self.example.objective)

    # The sum.

    def _symbols_width(self, found: NumericContribution) -> float:
        box = typeset(found.expression, self.telling.model.notation, loss=self.example.objective)
        return width(box)

    @cached_property
    def _widths(self) -> list[float]:
        """The widths of the terms with their symbols below them, then that of their sum."""
        terms = [
            max(digits_width(rounded(c.array)), SCRIPT * self._symbols_width(c) + REMARK)
            for c in self.every
        ]
        return [*terms, digits_width(self.gradient.digits)]

    def _in_rows(self, place: Place | None) -> DisplayedFormula:
        """Side by side, as many on a line as it holds."""
        terms: list[str] = []
        rows: list[list[str]] = [[]]
        room = TEXT_WIDTH
        for found, taken in zip(self.every, self._widths, strict=False):
            if rows[-1] and taken > room:
                rows.append([])
                room = TEXT_WIDTH
            part = self.say.part(found.step, found.once)
            numbers = matrix(rounded(found.array), place)
            terms.append(named(numbers, self._math(found.expression), part))
            rows[-1].append(terms[-1])
            room -= taken + SIGN
        if self._widths[-1] > room:
            rows.append([])
        total = named(matrix(self.gradient.digits, place), self._math(self.gradient.left))
        return DisplayedFormula(
            tuple(sum_in_rows(rows, total)),
            flat=summed(terms, total),
            width=sum(self._widths) + SIGN * len(terms),
        )

    def _lines(self, place: Place | None) -> tuple[DisplayedFormula, ...]:
        """One below the other, behind its symbols where there is room for them."""
        symbols = max(map(self._symbols_width, self.every))
        numbers = max(digits_width(rounded(c.array)) for c in self.every)
        has_room = symbols + EQUALS + numbers + BEHIND <= TEXT_WIDTH
        rows = []
        for c in self.every:
            part = self.say.part(c.step, c.once)
            rows.append(
                (self._math(c.expression), c.array, part)
                if has_room
                else (words(part), c.array, "")
            )
        rows.append((self._math(self.gradient.left), self.gradient.array, "their sum"))
        room = TEXT_WIDTH - (symbols if has_room else LONGEST_PART) - EQUALS - BEHIND
        formulas = []
        for left, array, remark in rows:
            parts = in_lines(rounded(array), room)
            first, *more = broken(parts, place)
            *before, last = (stated(left, first), *more)
            formulas.append(DisplayedFormula((*before, remarked(last, remark))))
        return (*(formula.ended(",") for formula in formulas[:-1]), formulas[-1])

    # One entry.

    def _part(self, term: FollowedTerm) -> tuple[int | None, bool, str, str, str]:
        symbols = calculated([self._in_symbols(found) for found in term.products], BESIDE)
        numbers = calculated([self._in_numbers(found) for found in term.products])
        found = term.contribution
        # An entry that stands alone is its own result.
        shown = "" if numbers == term.digits else numbers
        return found.step, found.once, symbols, shown, term.digits

    def _in_symbols(self, found: ProductOfEntries) -> list[str]:
        return _with_number(found, [self._entry(one) for one in found.entries])

    def _in_numbers(self, found: ProductOfEntries) -> list[str]:
        return _with_number(found, [digits_of(self.example, one) for one in found.entries])

    def _entry(self, found: Entry) -> str:
        return entry(self._math(found.of), indices(self.example, found.of, found.place))


def _with_number(found: ProductOfEntries, factors: list[str]) -> list[str]:
    return factors if found.coefficient == 1 else [str(found.coefficient), *factors]


def indices(example: Example, symbol: MatrixExpr, place: Place) -> list[int]:
    """The indices of an entry, counted from 1: one for a vector, none for a number."""
    shape = example.shape(symbol)
    return [k + 1 for k, size in zip(place, shape, strict=True) if size > 1 or 1 not in shape]


def told_check(
    telling: Telling, example: Example, name: str, place: Place, before: str = ""
) -> Iterator[Block]:
    """The check of an entry of a gradient, behind what is said of this entry ``before``."""
    said, found = [before] if before else [], check(example, name, place)
    if found is not None:
        parameter = example.model.parameters[name]
        said.append(
            telling.sentences("example").check(
                telling.math(parameter),
                indices(example, parameter, place),
                bool(before),
                found.number,
                side_to_side(found.number, found.exponent),
                difference_quotient(telling.math(example.objective), found.exponent),
                found.slope,
                found.gradient,
            )
        )
    if said:
        yield Paragraph(" ".join(said))
