"""A gradient with numbers: a few time steps, small sizes, every intermediate value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bptt_sym.algebra.expressions import Expr, MatrixExpr, Parameter, Variable, dimension
from bptt_sym.documents.worked.calculation import Calculation, NumericContribution
from bptt_sym.model.model import Model
from bptt_sym.model.small_numbers import shape

DECIMALS = 4
"""Computed numbers are rounded to so many decimals."""

LEGIBLE = 0.005
"""What has an entry above this can be read: a loss, a gradient, a contribution."""

LARGE = 1e6
"""Numbers from this on are written with a power of ten."""

NOISE = 1e-12
"""What is smaller is what rounding leaves of zero."""


@dataclass(frozen=True)
class Value:
    """What a symbol is: its number or matrix.

    ``parameter`` names what a gradient is taken with respect to. What is ``given`` is written as it
    is where it is short, the rest is rounded.
    """

    left: MatrixExpr
    array: Any
    parameter: str = ""
    given: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether it is written as it is."""
        return self.given and all(map(_is_short, np.ravel(self.array).tolist()))

    @property
    def digits(self) -> list[list[str]]:
        """The entries as they are written, row by row."""
        return exact(self.array) if self.given else rounded(self.array)


def exact(array: Any) -> list[list[str]]:
    """What is given, row by row; a number that is not short is rounded as well."""
    return [
        [f"{number:.12g}" if _is_short(number) else _rounded(number) for number in row]
        for row in np.atleast_2d(array).tolist()
    ]


def _is_short(number: float) -> bool:
    return number == round(number, DECIMALS) and abs(number) < LARGE


def rounded(array: Any) -> list[list[str]]:
    """What is computed, row by row; where it is zero but for rounding, as 0."""
    return [[_rounded(float(number)) for number in row] for row in np.atleast_2d(array)]


def _rounded(number: float) -> str:
    if abs(number) < NOISE:
        return "0"
    if abs(number) >= LARGE:
        return f"{number:.{DECIMALS}e}"
    text = f"{number:.{DECIMALS}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def largest(array: Any) -> float:
    """The largest absolute value of an entry."""
    return float(np.max(np.abs(array), initial=0))


class Example:
    """A model's gradients at some numbers.

    ``given`` and ``forward`` hold what the loss depends on and nothing else.
    """

    def __init__(self, calculation: Calculation, given: Mapping[Expr, Any]) -> None:
        self.calculation, self.given_numbers = calculation, given
        self.numbers = calculation.run(given)
        needed, order = calculation.forward.needed, calculation.forward.order
        # Initial values that parameters make up are computed first.
        made = [(symbol, e) for symbol, e in calculation.made_starts if symbol in needed]
        needed = needed.union(*(e.atoms(Parameter) for _, e in made))
        computed = {symbol for symbol, _ in (*made, *order)}
        self.given = [
            self._value(symbol, given=True)
            for symbol in given
            if isinstance(symbol, Parameter | Variable) and symbol in needed - computed
        ]
        self.forward = [self._value(symbol) for symbol, _ in (*made, *order)]
        if self.objective != order[-1][0]:
            self.forward.append(self._value(self.objective))
        self.adjoints = [self._value(e.left) for e in calculation.adjoints if e.left is not None]
        self.gradients = [
            self._value(e.left, parameter=e.meaning[-1])
            for e in calculation.gradients
            if e.left is not None
        ]

    @property
    def model(self) -> Model:
        return self.calculation.model

    @property
    def objective(self) -> MatrixExpr:
        """The loss that is derived, as a symbol."""
        return self.calculation.objective

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the dimensions that occur."""
        names = (entry.name for entry in self.model.dimensions)
        return {n: self.numbers[dimension(n)] for n in names if dimension(n) in self.numbers}

    def _value(self, symbol: MatrixExpr, *, given: bool = False, parameter: str = "") -> Value:
        return Value(symbol, self.numbers[symbol], parameter, given)

    @cached_property
    def printed(self) -> dict[MatrixExpr, Value]:
        """All values by their symbols."""
        every = (*self.given, *self.forward, *self.adjoints, *self.gradients)
        return {value.left: value for value in every}

    def shape(self, symbol: MatrixExpr) -> tuple[int, int]:
        """The rows and columns of an expression."""
        return shape(symbol, self.numbers)

    @property
    def loss(self) -> float:
        return float(self.numbers[self.objective].item())

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are."""
        values = (*self.forward, *self.adjoints, *self.gradients)
        return all(np.all(np.isfinite(value.array)) for value in values)

    def magnitudes(self, wanted: Collection[str]) -> list[float]:
        """The largest entry of the loss and of each of the ``wanted`` gradients."""
        shown = [value for value in self.gradients if value.parameter in wanted]
        return [abs(self.loss), *(largest(value.array) for value in shown)]

    def contributions(self, name: str) -> list[NumericContribution]:
        """The terms of the gradient with respect to a parameter, the latest first."""
        return self.calculation.contributions(self.model.parameters[name], self.numbers)

    def gradient(self, name: str) -> Value:
        """The gradient with respect to a parameter."""
        return next(value for value in self.gradients if value.parameter == name)

    def needing_time(self, names: Collection[str]) -> str | None:
        """The parameter whose contributions are told, of some by their names; None without any.

        It is one that has most of them that are not zero; of these rather a matrix than a vector,
        and then one whose contributions hold values of other steps.
        """

        def rank(name: str) -> tuple[int, bool, bool]:
            parameter = self.model.parameters[name]
            legible = [c for c in self.contributions(name) if largest(c.array) > LEGIBLE]
            of_steps = sum(c.step is not None for c in legible)
            across = self.calculation.reads_earlier(parameter)
            return of_steps, 1 not in self.shape(parameter), across

        return max((n for n in self.model.parameters if n in names), key=rank, default=None)

    def zero_factor(self, contribution: NumericContribution) -> MatrixExpr | None:
        """The one given value of which a contribution is zero because it is; None without such."""
        if np.any(contribution.array):
            return None
        leaves = contribution.expression.atoms(Variable)
        zero = [leaf for leaf in leaves if leaf in self.numbers and not np.any(self.numbers[leaf])]
        given = [leaf for leaf in zero if leaf in {value.left for value in self.given}]
        return given[0] if len(given) == 1 else None
