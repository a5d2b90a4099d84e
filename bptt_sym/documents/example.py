"""A gradient with numbers: two time steps, small sizes, every intermediate value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from sympy import Symbol

from bptt_sym.algebra.evaluate import Functions, evaluate
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    Variable,
    at_step,
    dimension,
)
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.choices import Loss
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.derive import derive
from bptt_sym.derivation.reduction import Reduction
from bptt_sym.documents.facts import starts
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.known import with_functions
from bptt_sym.model.model import Declaration, Model
from bptt_sym.render.formulas import array

STEPS = 2

DECIMALS = 4
"""Computed numbers are rounded to so many decimals."""

MOST_DRAWS = 24
"""So many times numbers are drawn where a gradient is too small to be read."""

LEGIBLE = 0.005
"""What has an entry above this can be read: a loss, a gradient."""

DRAWS_PER_SIZES = 4
"""After so many draws the dimensions change their sizes."""


@dataclass(frozen=True)
class Value:
    """What a symbol is: LaTeX of its number or matrix, and the array.

    ``parameter`` names what a gradient is taken with respect to. What is ``given`` is exact, the
    rest is rounded.
    """

    left: MatrixExpr
    array: Any
    parameter: str = ""
    given: bool = False

    @property
    def digits(self) -> list[list[str]]:
        """The entries as they are written, row by row."""
        written = _exact if self.given else _rounded
        return [[written(number) for number in row] for row in np.atleast_2d(self.array)]

    @property
    def number(self) -> str:
        """The array in LaTeX."""
        return self.digits[0][0] if np.size(self.array) == 1 else array(self.digits)


def _exact(number: float) -> str:
    return f"{float(number):.12g}"


def _rounded(number: float) -> str:
    if number == 0:
        return "0"
    text = f"{float(number):.{DECIMALS}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def worked_example(model: Model, loss: Loss, wanted: Collection[str]) -> Example | None:
    """Numbers from which the loss and each of the ``wanted`` gradients can be read.

    The best of some draws, where a gradient stays small; None if the numbers of none are finite
    and the loss and some gradient large enough.
    """
    known = with_functions(model, model.functions)
    derivation = derive(known, steps=STEPS, level="adjoint", loss=loss)
    parts = [part for part in derivation.sections if not part.general]
    adjoints, gradients = (
        [e for part in parts if part.topic == topic for e in part.equations]
        for topic in ("adjoints", "gradients")
    )
    objective = derivation.objective()
    drawn = []
    for draw in range(MOST_DRAWS):
        sizes = _sizes(known, draw // DRAWS_PER_SIZES)
        if most_entries(known, sizes) > EXAMPLE_ENTRIES.most:
            continue
        found = Example(known, derivation.reduction, objective, adjoints, gradients, sizes, draw)
        of_loss, *of_gradients = found.magnitudes(wanted)
        if found.is_finite and min(of_loss, max(of_gradients, default=of_loss)) > LEGIBLE:
            drawn.append(found)
            if min(of_gradients, default=of_loss) > LEGIBLE:
                break
    # A gradient that is zero in every draw is so for a reason; one that is in some is not.
    return max(drawn, key=lambda example: _legibility(example.magnitudes(wanted)), default=None)


def _legibility(magnitudes: Sequence[float]) -> tuple[int, float]:
    there = [magnitude for magnitude in magnitudes if magnitude]
    return len(there), min(there)


def _sizes(model: Model, turn: int) -> dict[str, int]:
    """All different, those of which others are multiples the smallest; a turn moves them on."""
    sizes = {size for entry in model.declarations for size in entry.shape}

    def multiple(name: str) -> int:
        coefficients = (size.coeff(dimension(name)).as_coeff_Add()[0] for size in sizes)
        return max(map(int, coefficients), default=0)

    names = [entry.name for entry in model.dimensions if _occurs(model, entry.name)]
    names.sort(key=multiple, reverse=True)
    return {name: 2 + (k + turn) % len(names) for k, name in enumerate(names)}


def _occurs(model: Model, name: str) -> bool:
    """Whether a shape or an equation has a dimension in it."""
    shapes = (size for entry in model.declarations for size in entry.shape)
    equations = (definition.expression for definition in model.computed)
    return any(dimension(name) in part.free_symbols for part in (*shapes, *equations))


class Example:
    """A model's gradients over two time steps, with drawn numbers.

    The sizes differ from each other and are at least 2. The entries of what is given are tenths,
    those of a target are positive shares of 1, which outputs of any usual range come near to.
    ``given`` and ``forward`` hold what the loss depends on and nothing else.
    """

    def __init__(
        self,
        model: Model,
        reduction: Reduction,
        objective: MatrixExpr,
        adjoints: Sequence[DerivedEquation],
        gradients: Sequence[DerivedEquation],
        sizes: Mapping[str, int],
        draw: int,
    ) -> None:
        self.model, self.reduction, self.objective = model, reduction, objective
        self.random = np.random.default_rng(draw)
        self.sizes = sizes
        self.values: dict[Expr, Any] = {dimension(n): size for n, size in self.sizes.items()}
        with np.errstate(all="ignore"):
            given = list(self._given())
            needed, computed = self._needed()
            self.given = [value for value in given if value.left in needed]
            self.forward = list(self._forward(computed))
            self.adjoints = [self._of(equation) for equation in adjoints]
            self.gradients = [self._of(equation) for equation in gradients]

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are."""
        values = (*self.forward, *self.adjoints, *self.gradients)
        return all(np.all(np.isfinite(value.array)) for value in values)

    def magnitudes(self, wanted: Collection[str]) -> list[float]:
        """The largest entry of the loss and of each of the ``wanted`` gradients."""
        shown = [value for value in self.gradients if value.parameter in wanted]
        return [float(np.max(np.abs(v.array), initial=0)) for v in (self.forward[-1], *shown)]

    def _shape(self, symbol: MatrixExpr) -> tuple[int, int]:
        rows, columns = (int(evaluate(size, self.values, {})) for size in symbol.shape)
        return rows, columns

    # What is given.

    def _given(self) -> Iterator[Value]:
        for entry in (entry for entry in self.model.declarations if entry.is_timeless):
            yield self._drawn(entry, entry.symbol)
        for symbol, initial in starts(self.model):
            first = symbol.at(symbol.time.subs(LAST_STEP, STEPS))
            if initial is None:
                yield self._drawn(self.model.declaration(symbol.name), first)
            else:
                yield self._set(first, self._explicit(initial), given=not initial.atoms(Parameter))
        for entry in self.model.given:
            for time in range(1, STEPS + 1):
                yield self._drawn(entry, entry.symbol.at(Integer(time)))

    def _drawn(self, entry: Declaration, symbol: MatrixExpr) -> Value:
        rows, columns = self._shape(symbol)
        size = rows * columns
        if entry.mask:
            numbers = np.ones(size)
        elif entry.labels:
            numbers = np.eye(size)[self.random.integers(size)]
        elif self.model.role(entry) == "target":
            width = size if 1 in (rows, columns) else columns
            numbers = np.concatenate([self._shares(width) for _ in range(size // width)])
        elif entry.positive:
            numbers = self.random.integers(2, 16, size) / 10
        else:
            numbers = self.random.choice([-1, 1], size) * self.random.integers(1, 10, size) / 10
        return self._set(symbol, numbers.reshape(rows, columns), given=True)

    def _shares(self, count: int) -> Any:
        """Positive hundredths with the sum 1; of one alone, a number between 0 and 1."""
        if count == 1:
            return self.random.integers(1, 10, 1) / 10
        parts = self.random.permutation(np.arange(1, count + 1))
        hundredths = 100 * parts // parts.sum()
        hundredths[np.argmax(parts)] += 100 - hundredths.sum()
        return hundredths / 100

    # What is computed.

    @cached_property
    def _losses(self) -> list[MatrixExpr]:
        times = self.reduction.losses(STEPS)
        return [self.model.loss.variable.at(time) for time in times]

    @cached_property
    def _added(self) -> list[MatrixExpr]:
        """The terms of the loss that are added once."""
        return [entry.left_at(STEPS) for entry in self.model.added]

    def _needed(self) -> tuple[set[MatrixExpr], dict[MatrixExpr, MatrixExpr]]:
        """All that the loss depends on, and of this what is computed, with its expression."""
        computed = {
            definition.variable.at(time): at_step(definition.expression, TIME, time)
            for time in range(1, STEPS + 1)
            for definition in self.model.definitions
        }
        computed |= {e.left: e.expression for e in self.model.added if e.timeless}
        waiting = [*self._losses, *self._added]
        needed = set(waiting)
        while waiting:
            expression = computed.get(waiting.pop())
            leaves = expression.atoms(Variable, Parameter) if expression is not None else set()
            waiting += leaves - needed
            needed |= leaves
        return needed, {symbol: e for symbol, e in computed.items() if symbol in needed}

    def _forward(self, waiting: dict[MatrixExpr, MatrixExpr]) -> Iterator[Value]:
        # Scans in reverse wait for later steps: whatever can be computed is, in turns.
        while waiting:
            symbol = next(symbol for symbol, e in waiting.items() if self._is_known(e))
            yield self._set(symbol, self._explicit(waiting.pop(symbol)))
        if self.objective not in self._losses:
            total = sum(self.values[symbol] for symbol in self._losses)
            total = total / (STEPS if self.reduction.mean else 1)
            yield Value(self.objective, sum((self.values[e] for e in self._added), start=total))

    def _is_known(self, expression: MatrixExpr) -> bool:
        return all(leaf in self.values for leaf in expression.atoms(Variable, Parameter))

    def _of(self, equation: DerivedEquation) -> Value:
        assert equation.left is not None
        array = self._explicit(equation.right)
        self.values[equation.left] = array
        return Value(equation.left, array, equation.meaning[-1])

    def _explicit(self, expression: MatrixExpr) -> Any:
        shape = self._shape(expression)
        return np.array(np.broadcast_to(evaluate(expression, self.values, _KNOWN), shape), float)

    def _set(self, symbol: MatrixExpr, array: Any, *, given: bool = False) -> Value:
        self.values[symbol] = array
        return Value(symbol, array, given=given)


class _Known(dict[str, Any]):
    """The functions of the table, by name, for an argument and the order of a derivative."""

    def __missing__(self, name: str) -> Any:
        def value(argument: Any, order: int) -> Any:
            return np.vectorize(lambda z: float(_scalar(name, order, float(z))), otypes=[float])(
                argument
            )

        return value


@lru_cache(maxsize=1000)
def _scalar(name: str, order: int, argument: float) -> Any:
    variable = Symbol("z", real=True)
    return FUNCTIONS[name].scalar(variable).diff(variable, order).subs(variable, argument).evalf()


_KNOWN: Functions = _Known()
