"""The unfolded network in scalars: what SymPy's own ``diff`` says of the loss."""

from __future__ import annotations

import math
import random
from collections import ChainMap
from collections.abc import Iterable, Mapping

import numpy as np
import sympy
from sympy import Integer, MatrixExpr, Symbol

from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import TIME, Parameter, Variable, at_step, dimension
from bptt_sym.algebra.functions import FunctionValue
from bptt_sym.model.model import Model

SIZE = 2


class Scalars:
    """Every variable of N time steps as an array of scalars, for all sizes equal to two.

    With ``untied``, each time step i has its own copy W^(i) of every parameter.
    """

    def __init__(self, model: Model, steps: int, loss: str, *, untied: bool = False) -> None:
        self.functions = {
            name: np.vectorize(
                lambda z, order, name=name: FunctionValue(Symbol(name), Integer(order), z),
                otypes=[object],
            )
            for name in model.functions
        }
        self.values: dict[MatrixExpr, np.ndarray] = {
            dimension(entry.name): SIZE for entry in model.dimensions
        }
        half = sympy.Rational(1, 2)
        self.values[half] = half
        self.steps = steps
        self.definitions = {d.variable.name: d.expression for d in model.definitions}
        self.untied = tuple(model.parameters.values()) if untied else ()
        losses = [steps] if loss == "last" else range(1, steps + 1)
        self.loss = sum(self.value(model.loss.variable.at(time))[0, 0] for time in losses)

    def value(self, leaf: MatrixExpr) -> np.ndarray:
        """A variable by its equation, in whatever order those are read; else symbols."""
        if leaf not in self.values:
            time = getattr(leaf, "time", TIME)  # in a sum over time its index
            of_step = time.is_Integer and 1 <= time <= self.steps
            if of_step and leaf.name in self.definitions:
                copies = {p: self.symbols(copy_of(p, time)) for p in self.untied}
                expression = at_step(self.definitions[leaf.name], TIME, time)
                self.values[leaf] = self.explicit(expression, copies)
            else:
                self.values[leaf] = self.symbols(leaf)
        return self.values[leaf]

    def explicit(self, expression: MatrixExpr, more: Mapping | None = None) -> np.ndarray:
        """The expression in scalars, every variable replaced by what it is."""
        for leaf in expression.atoms(Variable, Parameter):
            self.value(leaf)
        return evaluate(
            expression, ChainMap({} if more is None else more, self.values), self.functions
        )

    def tied(self, gradient: np.ndarray, parameters: Iterable[Parameter], steps: int) -> np.ndarray:
        """A gradient of the untied loss with the copies of each parameter made one again."""
        same = {
            copied: original
            for parameter in parameters
            for time in range(1, steps + 1)
            for copied, original in zip(
                self.symbols(copy_of(parameter, time)).flat,
                self.symbols(parameter).flat,
                strict=True,
            )
        }
        return np.vectorize(lambda entry: entry.xreplace(same), otypes=[object])(gradient)

    def symbols(self, leaf: MatrixExpr) -> np.ndarray:
        """The entries of a leaf as real symbols."""
        rows, columns = (evaluate(size, self.values, {}) for size in leaf.shape)
        entries = [[leaf[i, j] for j in range(columns)] for i in range(rows)]
        return np.array(entries, dtype=object)

    def gradient(self, by: MatrixExpr) -> np.ndarray:
        """The derivative of the loss with respect to each entry, by SymPy's scalar ``diff``."""
        return np.vectorize(lambda symbol: sympy.diff(self.loss, symbol), otypes=[object])(
            self.symbols(by)
        )


def copy_of(parameter: Parameter, time: int) -> Parameter:
    """The copy W^(i) of a parameter that time step i uses."""
    return Parameter(f"{parameter.name}^{time}", *parameter.shape)


def equal(one: np.ndarray, other: np.ndarray, *, expand: bool = True) -> bool:
    """Whether two arrays of scalars are the same function, exactly.

    Each outermost function value, the same on both sides, counts as one unknown, so that the
    difference is a polynomial. Expanded, it must vanish; where that takes too long, it must vanish
    at a random point modulo a large prime, which a polynomial of degree d other than zero does with
    a chance of at most d in 2^61 (Schwartz and Zippel).
    """
    assert one.shape == other.shape
    pairs = zip(one.flat, other.flat, strict=True)
    differences = [sympy.sympify(left) - right for left, right in pairs]
    if expand:
        return all(sympy.expand(_as_polynomial(entry)) == 0 for entry in differences)
    point = _RandomPoint()
    return all(point.value(entry) == 0 for entry in differences)


def _as_polynomial(expression: sympy.Expr) -> sympy.Expr:
    if isinstance(expression, FunctionValue):
        # The same function value gives the same symbol, on both sides.
        return sympy.Symbol(f"unknown_{hash(expression)}")
    if not expression.args:
        return expression
    return expression.func(*map(_as_polynomial, expression.args))


class _RandomPoint:
    """The values of polynomials at one random point, modulo a prime."""

    PRIME = 2**61 - 1

    def __init__(self) -> None:
        self.random = random.Random(1)
        self.known: dict[sympy.Expr, int] = {}

    def value(self, expression: sympy.Expr) -> int:
        if expression not in self.known:
            self.known[expression] = self._value(expression) % self.PRIME
        return self.known[expression]

    def _value(self, expression: sympy.Expr) -> int:
        match expression:
            case sympy.Rational():
                return int(expression.p) * pow(int(expression.q), -1, self.PRIME)
            case sympy.Add():
                return sum(map(self.value, expression.args))
            case sympy.Mul():
                return math.prod(map(self.value, expression.args))
            case sympy.Pow():
                base, exponent = expression.args
                return pow(self.value(base), int(exponent), self.PRIME)
            case _:
                return self.random.randrange(self.PRIME)
