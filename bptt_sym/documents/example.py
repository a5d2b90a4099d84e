"""A gradient with numbers: two time steps, small sizes, every intermediate value."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Symbol

from bptt_sym.algebra.evaluate import Functions, evaluate
from bptt_sym.algebra.expressions import (
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
from bptt_sym.derivation.derivation import Equation, Loss
from bptt_sym.derivation.derive import derive
from bptt_sym.model.model import Declaration, Model
from bptt_sym.program.functions import with_functions

STEPS = 2

MOST_ENTRIES = 16
"""Of more entries than this in all parameters of size 2, all sizes are 1."""

NUMBERS = (1.0, -0.5, 0.5, 2.0, -1.0, 0.0)
POSITIVE = (1.0, 0.5, 2.0)


@dataclass(frozen=True)
class Value:
    """What a symbol is: LaTeX of its number or matrix, and the array. ``parameter`` names what a
    gradient is by.
    """

    left: MatrixExpr
    array: Any
    parameter: str = ""

    @property
    def number(self) -> str:
        """The array in LaTeX, entries with up to four digits."""
        rows = [" & ".join(map(_digits, row)) for row in np.atleast_2d(self.array)]
        if np.size(self.array) == 1:
            return rows[0]
        return r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}"


def _digits(number: float) -> str:
    text = f"{float(number):.4g}"
    if "e" in text:
        digits, _, power = text.partition("e")
        return rf"{digits} \cdot 10^{{{int(power)}}}"
    return "0" if text == "-0" else text


class Example:
    """A model's gradients over two time steps, its symbolic functions being those of its file.

    Sizes are 2, or 1 for a model with many parameters; the entries of what is given are taken in
    turn from a few whole numbers and halves.
    """

    def __init__(self, model: Model, loss: Loss) -> None:
        self.model = with_functions(model, model.functions)
        self.values: dict[Expr, Any] = {}
        size = 2 if self._entries(2) <= MOST_ENTRIES else 1
        self.sizes = {entry.name: size for entry in model.dimensions}
        self.values |= {dimension(name): number for name, number in self.sizes.items()}
        self.turn = itertools.cycle(NUMBERS)
        self.given = list(self._given())
        self.forward = list(self._forward())
        derivation = derive(self.model, steps=STEPS, level="adjoint", loss=loss)
        parts = [part for part in derivation.sections if not part.general]
        self.adjoints = [
            self._of(e) for part in parts if part.topic == "adjoints" for e in part.equations
        ]
        self.gradients = [
            self._of(e) for part in parts if part.topic == "gradients" for e in part.equations
        ]

    def _entries(self, size: int) -> int:
        sizes = {dimension(entry.name): size for entry in self.model.dimensions}
        shapes = [entry.symbol.shape for entry in self.model.declared("parameter")]
        return sum(
            int(evaluate(rows, sizes, {})) * int(evaluate(columns, sizes, {}))
            for rows, columns in shapes
        )

    def _shape(self, symbol: MatrixExpr) -> tuple[int, int]:
        rows, columns = (int(evaluate(size, self.values, {})) for size in symbol.shape)
        return rows, columns

    def _given(self) -> Iterator[Value]:
        for entry in (*self.model.declared("parameter"), *self.model.declared("constant")):
            yield self._drawn(entry, entry.symbol)
        for entry in self.model.declared("state"):
            for lag in range(1, self.model.depth(entry.name) + 1):
                time = Integer(STEPS + lag if entry.reverse else 1 - lag)
                yield self._first(entry, entry.symbol.at(time))
        for entry in (*self.model.declared("input"), *self.model.declared("target")):
            before = range(1 - self.model.depth(entry.name), 1)
            for time in [*before, *range(1, STEPS + 1)]:
                symbol = entry.symbol.at(Integer(time))
                yield self._first(entry, symbol) if time < 1 else self._drawn(entry, symbol)

    def _first(self, entry: Declaration, symbol: MatrixExpr) -> Value:
        if entry.initial is None:
            return self._drawn(entry, symbol)
        return self._set(symbol, self._explicit(entry.initial))

    def _drawn(self, entry: Declaration, symbol: MatrixExpr) -> Value:
        rows, columns = self._shape(symbol)
        if entry.mask:
            return self._set(symbol, np.ones((rows, columns)))
        if entry.labels:
            vector = np.zeros(rows * columns)
            vector[len(self.values) % vector.size] = 1
            return self._set(symbol, vector.reshape(rows, columns))
        turn = itertools.cycle(POSITIVE) if entry.positive else self.turn
        numbers = [next(turn) for _ in range(rows * columns)]
        return self._set(symbol, np.array(numbers).reshape(rows, columns))

    def _forward(self) -> Iterator[Value]:
        # Scans in reverse wait for later steps: whatever can be computed is, in turns.
        waiting = [
            (definition.variable.at(Integer(time)), at_step(definition.expression, TIME, time))
            for time in range(1, STEPS + 1)
            for definition in self.model.definitions
        ]
        while waiting:
            symbol, expression = next(pair for pair in waiting if self._is_known(pair[1]))
            waiting.remove((symbol, expression))
            yield self._set(symbol, self._explicit(expression))

    def _is_known(self, expression: MatrixExpr) -> bool:
        return all(leaf in self.values for leaf in expression.atoms(Variable, Parameter))

    def _of(self, equation: Equation) -> Value:
        assert equation.left is not None
        array = self._explicit(equation.right)
        self.values[equation.left] = array
        return Value(equation.left, array, equation.meaning[-1])

    def _explicit(self, expression: MatrixExpr) -> Any:
        shape = self._shape(expression)
        return np.array(np.broadcast_to(evaluate(expression, self.values, _KNOWN), shape), float)

    def _set(self, symbol: MatrixExpr, array: Any) -> Value:
        self.values[symbol] = array
        return Value(symbol, array)


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
