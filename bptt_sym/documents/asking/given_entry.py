"""One entry of a contribution, from numbers of the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bptt_sym.algebra.expressions import LAST_STEP, Adjoint, MatrixExpr, dimension
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, said
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.by_hand_entry import ProductOfEntries
from bptt_sym.documents.worked.calculation import Calculation, NumericContribution
from bptt_sym.documents.worked.contributions_in_numbers import indices
from bptt_sym.documents.worked.example import LEGIBLE, Example, Value
from bptt_sym.documents.worked.followed_entry import FollowedEntry, digits_of, followed
from bptt_sym.documents.worked.number_rows import number_rows
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.small_numbers import small_numbers, small_sizes
from bptt_sym.render.number_formulas import BESIDE, calculated, entry

STEPS = 2
"""Over so many time steps the numbers are."""

MOST_DRAWN = 4
"""So many times numbers are drawn where no entry can be asked for."""

MOST_FACTORS = 4
"""More numbers than this are not multiplied and added."""

MOST_SHOWN = 8
"""More symbols than this are not given in numbers."""


@dataclass(frozen=True)
class EntryAsked:
    """An entry of one of the contributions to the gradient with respect to a parameter."""

    example: Example
    name: str
    contribution: NumericContribution
    found: FollowedEntry
    contributions: int

    @property
    def products(self) -> tuple[ProductOfEntries, ...]:
        """What the entry is calculated from."""
        (term,) = self.found.terms
        return term.products

    @property
    def given(self) -> list[Value]:
        """What the contribution of this step reads, and the same of other steps."""
        names = {_named(one.of) for product in self.products for one in product.entries}
        return [value for left, value in self.example.printed.items() if _named(left) in names]

    @property
    def is_of_a_matrix(self) -> bool:
        """Whether the entry has a row and a column."""
        return 1 not in self.contribution.array.shape


def _named(symbol: MatrixExpr) -> tuple[type[MatrixExpr], str]:
    """What a symbol is called, at whatever step."""
    inner = symbol.variable if isinstance(symbol, Adjoint) else symbol
    return type(symbol), str(getattr(inner, "name", symbol))


def given_entry(asking: Asking) -> Exercise | None:
    """The entry, whose factors stand among the numbers."""
    asked = entry_asked(asking)
    return None if asked is None else _exercise(asking, asking.over(STEPS), asked)


def entry_asked(asking: Asking) -> EntryAsked | None:
    """An entry that is a product of numbers, or a sum of such, and not small."""
    random, telling = asking.random("entry"), asking.over(STEPS)
    calculation = Calculation(telling.model, telling.loss, STEPS)
    sizes = small_sizes(calculation.known)
    if most_entries(calculation.known, sizes) > EXAMPLE_ENTRIES.most:
        return None
    for _ in range(MOST_DRAWN):
        numbers = np.random.default_rng(random.randrange(2**32))
        with np.errstate(all="ignore"):
            given = small_numbers(calculation.known, STEPS, sizes, numbers, {})
        example = Example(calculation, given)
        if not example.is_finite:
            continue
        names = [parameter.name for parameter in asking.parameters]
        found = [*_entries(example, random.sample(names, len(names)))]
        if found:
            # Of a matrix, and of several steps, there is more to choose from.
            return max(found, key=lambda it: (it.is_of_a_matrix, it.contributions > 1))
    return None


def _entries(example: Example, names: list[str]) -> Iterator[EntryAsked]:
    for name in names:
        every = example.contributions(name)
        if any(contribution.step is None for contribution in every):
            continue
        for contribution in every:
            whole = Value(contribution.expression, contribution.array)
            found = followed(example, whole, [contribution])
            asked = EntryAsked(example, name, contribution, found, len(every))
            factors = sum(len(product.entries) for product in asked.products)
            legible = abs(float(found.digits)) > LEGIBLE
            short = 1 < factors <= MOST_FACTORS and len(asked.given) <= MOST_SHOWN
            if short and legible:
                yield asked


def _exercise(asking: Asking, telling: Telling, asked: EntryAsked) -> Exercise:
    say, example, found = asking.say, asked.example, asked.found
    sizes = {LAST_STEP: STEPS} | {dimension(name): size for name, size in example.sizes.items()}
    known = [f"${telling.math(symbol)} = {size}$" for symbol, size in sizes.items()]
    whole = example.gradient(asked.name)
    gradient = f"${telling.math(whole.left)}$"
    place = indices(example, example.model.parameters[asked.name], found.place)
    values = [([value.left], value) for value in asked.given]
    rows = [block.ended(".") for block in number_rows(telling, values, example.objective)]
    symbols, numbers = _calculated(telling, asked)
    row, column = found.place
    told = say.entry_solution(
        f"${symbols} = {numbers} = {found.digits}$",
        f"${telling.math(asked.contribution.expression, example.objective)}$",
        gradient,
        whole.digits[row][column] if asked.contributions > 1 else None,
    )
    step = asked.contribution.step
    return Exercise(
        (
            said(say.entry_given(known, telling.told_objective())),
            *rows,
            said(say.entry_asked(place, step, gradient)),
        ),
        (said(told),),
        marks=2,
        hidden=(numbers,),
    )


def _calculated(telling: Telling, asked: EntryAsked) -> tuple[str, str]:
    """What the entry is calculated from, in symbols and in numbers."""
    example = asked.example
    symbols, numbers = [], []
    for found in asked.products:
        number = [] if found.coefficient == 1 else [str(found.coefficient)]
        entries = [
            entry(telling.math(one.of, example.objective), indices(example, one.of, one.place))
            for one in found.entries
        ]
        symbols.append([*number, *entries])
        numbers.append([*number, *(digits_of(example, one) for one in found.entries)])
    return calculated(symbols, BESIDE), calculated(numbers)
