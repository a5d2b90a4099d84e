"""Small numbers for what a model is given, with which one can calculate by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import (
    Expr,
    Integer,
    MatrixExpr,
    Variable,
    dimension,
)
from bptt_sym.algebra.numeric_functions import NUMERIC_FUNCTIONS
from bptt_sym.model.model import Declaration, Model
from bptt_sym.model.starts import starts_at

if TYPE_CHECKING:
    import numpy as np

Numbers = dict[Expr, Any]
"""Matrices by their symbols, those that vary at their steps, and sizes by their dimensions."""


FEW = 8
"""Of more parameters than this, the arrays are to be small above all."""


def small_sizes(model: Model, turn: int = 0) -> dict[str, int]:
    """Sizes from 2 on for the dimensions that occur, all different.

    Those of which other sizes are multiples are the smallest, and of a model with many parameters
    then those that most arrays have; a ``turn`` moves the sizes on.
    """
    sizes = [size for entry in model.declarations for size in entry.shape]
    sizes += [size for equation in model.computed for size in equation.variable.shape]

    def multiple(name: str) -> int:
        coefficients = (size.coeff(dimension(name)).as_coeff_Add()[0] for size in sizes)
        return max(map(int, coefficients), default=0)

    def order(name: str) -> tuple[int, int]:
        times = sum(dimension(name) in size.free_symbols for size in sizes)
        return multiple(name), times if len(model.parameters) > FEW else 0

    names = [entry.name for entry in model.dimensions if _occurs(model, entry.name)]
    names.sort(key=order, reverse=True)
    return {name: 2 + (k + turn) % len(names) for k, name in enumerate(names)}


def _occurs(model: Model, name: str) -> bool:
    """Whether a shape or an equation has a dimension in it."""
    shapes = (size for entry in model.declarations for size in entry.shape)
    equations = (definition.expression for definition in model.computed)
    return any(dimension(name) in part.free_symbols for part in (*shapes, *equations))


def small_numbers(
    model: Model,
    steps: int,
    sizes: Mapping[str, int],
    random: np.random.Generator,
    own: Mapping[Expr, Any],
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Numbers:
    """Numbers for all that a model of known functions is given over some time steps.

    They are tenths between -1 and 1, those of a target positive shares of 1 in hundredths, or
    others within its ``bounds`` where these exclude some; a mask is 1. What a model makes up
    itself, the initial values of states, is computed. ``own`` numbers stand in the place of those
    that would be drawn.
    """
    numbers: Numbers = {dimension(name): size for name, size in sizes.items()}
    for entry, symbol, initial in _given(model, steps):
        if initial is not None:
            numbers[symbol] = value(initial, numbers)
            continue
        # What is not used is drawn all the same: the other numbers do not depend on it.
        drawn = _drawn(model, entry, shape(symbol, numbers), random)
        if bounds and entry.name in bounds and not (entry.labels or entry.mask):
            drawn = _within(drawn, *bounds[entry.name])
        numbers[symbol] = own.get(symbol, drawn)
    return numbers


def _given(model: Model, steps: int) -> Iterator[tuple[Declaration, MatrixExpr, MatrixExpr | None]]:
    """What numbers are for, and where it is not given the expression that it is the value of."""
    for entry in model.declarations:
        if entry.is_timeless and entry.kind != "regularizer":
            yield entry, entry.symbol, None
    for symbol, initial in starts_at(model, steps):
        yield model.declaration(symbol.name), symbol, initial
    for entry in model.given:
        assert isinstance(entry.symbol, Variable)
        for time in range(1, steps + 1):
            yield entry, entry.symbol.at(Integer(time)), None


def shape(symbol: MatrixExpr, numbers: Mapping[Expr, Any]) -> tuple[int, int]:
    """The rows and columns of a symbol."""
    rows, columns = (int(evaluate(size, numbers, {})) for size in symbol.shape)
    return rows, columns


def value(expression: MatrixExpr, numbers: Mapping[Expr, Any]) -> Any:
    """The matrix that an expression of known functions is. Raises KeyError for an unknown leaf."""
    import numpy as np

    found = evaluate(expression, numbers, NUMERIC_FUNCTIONS)
    return np.array(np.broadcast_to(found, shape(expression, numbers)), float)


def _drawn(
    model: Model, entry: Declaration, of: tuple[int, int], random: np.random.Generator
) -> Any:
    import numpy as np

    rows, columns = of
    size = rows * columns
    if entry.mask:
        numbers: Any = np.ones(size)
    elif entry.labels:
        numbers = np.eye(size)[random.integers(size)]
    elif model.role(entry) == "target":
        width = size if 1 in of else columns
        numbers = np.concatenate([_shares(width, random) for _ in range(size // width)])
    elif entry.positive:
        numbers = random.integers(2, 16, size) / 10
    else:
        numbers = random.choice([-1, 1], size) * random.integers(1, 10, size) / 10
    return numbers.reshape(rows, columns)


def _within(shares: Any, low: float, high: float) -> Any:
    """Shares of 1 as they are, or moved between two bounds that do not both leave room for them."""
    if low <= 0 and high >= 1:
        return shares
    if low > -math.inf and high < math.inf:
        shares = low + shares * (high - low)
    else:
        shares = high - shares if low == -math.inf else low + shares
    return shares.round(4)


def _shares(count: int, random: np.random.Generator) -> Any:
    """Positive hundredths with the sum 1; of one alone, a number between 0 and 1."""
    import numpy as np

    if count == 1:
        return random.integers(1, 10, 1) / 10
    parts = random.permutation(np.arange(1, count + 1))
    hundredths = 100 * parts // parts.sum()
    hundredths[np.argmax(parts)] += 100 - hundredths.sum()
    return hundredths / 100
