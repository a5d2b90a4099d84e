"""Functions of one real variable that act on each entry: symbolic ones and a table of known ones.

To add a function, add a row to ``FUNCTIONS`` and one to the spellings of each target; its tests are
driven from the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Function, Integer, MatrixExpr, OneMatrix, S, Symbol, ZeroMatrix
from sympy.core.symbol import Str

from bptt_sym.algebra.entries import quotient
from bptt_sym.algebra.expressions import add, hadamard, name_string, power, scale


class FunctionValue(Function):
    """A function left symbolic, or its derivative of some order, at a real scalar argument."""

    nargs = 3
    is_real = True

    def fdiff(self, argindex: int = 3) -> Expr:
        name, order, argument = self.args
        return FunctionValue(name, order + 1, argument)


class Elementwise(MatrixExpr):
    """A function of one real variable applied to each entry: phi(z), or phi'(z) at order 1."""

    def __new__(
        cls, function: str | Str, operand: MatrixExpr, order: int | Expr = 0
    ) -> Elementwise:
        return super().__new__(cls, name_string(function), operand, S(order))

    function = property(lambda self: str(self.args[0].name))
    operand = property(lambda self: self.args[1])
    order = property(lambda self: int(self.args[2]))
    shape = property(lambda self: self.args[1].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        argument = self.operand[i, j]
        if self.function not in FUNCTIONS:
            return FunctionValue(Symbol(self.function), Integer(self.order), argument)
        variable = Symbol("z", real=True)
        value = FUNCTIONS[self.function].scalar(variable)
        return value.diff(variable, self.order).xreplace({variable: argument})


@dataclass(frozen=True)
class KnownFunction:
    """A known function: its value as a scalar, and its derivative.

    ``derivative`` takes the operand and the value, so that it can be written by either:
    tanh' = 1 - tanh^2. ``shown`` is the name with a number of primes under which it is printed,
    where it is not its own. A function that is ``inner`` occurs in derivatives alone and is no word
    of the equation language.
    """

    scalar: Callable[[Expr], Expr]
    derivative: Callable[[MatrixExpr, MatrixExpr], MatrixExpr]
    shown: tuple[str, int] | None = None
    inner: bool = False


def _ones(expression: MatrixExpr) -> MatrixExpr:
    return OneMatrix(*expression.shape)


def _zeros(expression: MatrixExpr) -> MatrixExpr:
    return ZeroMatrix(*expression.shape)


def _one_minus(expression: MatrixExpr) -> MatrixExpr:
    return add(_ones(expression), scale(-1, expression))


def _one_over(expression: MatrixExpr) -> MatrixExpr:
    return quotient(_ones(expression), expression)


def _sigmoid(z: MatrixExpr) -> MatrixExpr:
    return Elementwise("sigmoid", z)


def _half_to_even(z: Expr) -> Expr:
    """The nearest whole number, of two the even one."""
    quarter = (2 * z - 1) / 4
    return sympy.floor(z + S.Half) + sympy.ceiling(quarter) - sympy.floor(quarter) - 1


def _within_corners(z: MatrixExpr) -> MatrixExpr:
    """1 where -3 < z < 3, and 0 elsewhere."""
    three = scale(3, _ones(z))
    below, above = add(z, three), add(three, scale(-1, z))
    return hadamard(Elementwise("step", below), Elementwise("step", above))


FUNCTIONS: dict[str, KnownFunction] = {
    "identity": KnownFunction(lambda z: z, lambda z, y: _ones(z)),
    "tanh": KnownFunction(sympy.tanh, lambda z, y: _one_minus(power(y, 2))),
    "sigmoid": KnownFunction(
        lambda z: 1 / (1 + sympy.exp(-z)), lambda z, y: hadamard(y, _one_minus(y))
    ),
    "relu": KnownFunction(lambda z: sympy.Max(z, 0), lambda z, y: Elementwise("step", z)),
    "step": KnownFunction(
        lambda z: sympy.Piecewise((1, z > 0), (0, True)),
        lambda z, y: _zeros(z),
        shown=("relu", 1),
        inner=True,
    ),
    "softplus": KnownFunction(lambda z: sympy.log(1 + sympy.exp(z)), lambda z, y: _sigmoid(z)),
    "log_sigmoid": KnownFunction(
        lambda z: -sympy.log(1 + sympy.exp(-z)), lambda z, y: _sigmoid(scale(-1, z))
    ),
    "exp": KnownFunction(sympy.exp, lambda z, y: y),
    "log": KnownFunction(sympy.log, lambda z, y: _one_over(z)),
    "sqrt": KnownFunction(sympy.sqrt, lambda z, y: quotient(_ones(z), scale(2, y))),
    "leaky_relu": KnownFunction(
        lambda z: sympy.Piecewise((z, z > 0), (z / 100, True)),
        lambda z, y: Elementwise("leaky_slope", z),
    ),
    "leaky_slope": KnownFunction(
        lambda z: sympy.Piecewise((1, z > 0), (sympy.Rational(1, 100), True)),
        lambda z, y: _zeros(z),
        shown=("leaky_relu", 1),
        inner=True,
    ),
    "sin": KnownFunction(sympy.sin, lambda z, y: Elementwise("cos", z)),
    "cos": KnownFunction(sympy.cos, lambda z, y: scale(-1, Elementwise("sin", z))),
    "arctan": KnownFunction(sympy.atan, lambda z, y: _one_over(add(_ones(z), power(z, 2)))),
    "sinh": KnownFunction(sympy.sinh, lambda z, y: Elementwise("cosh", z)),
    "cosh": KnownFunction(sympy.cosh, lambda z, y: Elementwise("sinh", z)),
    "abs": KnownFunction(sympy.Abs, lambda z, y: Elementwise("sign", z)),
    "sign": KnownFunction(sympy.sign, lambda z, y: _zeros(z)),
    "floor": KnownFunction(sympy.floor, lambda z, y: _zeros(z)),
    "ceil": KnownFunction(sympy.ceiling, lambda z, y: _zeros(z)),
    "round": KnownFunction(_half_to_even, lambda z, y: _zeros(z)),
    "erf": KnownFunction(sympy.erf, lambda z, y: Elementwise("erf_slope", z)),
    "erf_slope": KnownFunction(
        lambda z: 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(z**2)),
        lambda z, y: scale(-2, hadamard(z, y)),
        shown=("erf", 1),
        inner=True,
    ),
    "normal_cdf": KnownFunction(
        lambda z: (1 + sympy.erf(z / sympy.sqrt(2))) / 2,
        lambda z, y: Elementwise("normal_pdf", z),
        shown=("Phi", 0),
        inner=True,
    ),
    "normal_pdf": KnownFunction(
        lambda z: sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi),
        lambda z, y: scale(-1, hadamard(z, y)),
        shown=("Phi", 1),
        inner=True,
    ),
    "gelu": KnownFunction(
        lambda z: z * (1 + sympy.erf(z / sympy.sqrt(2))) / 2,
        lambda z, y: add(Elementwise("normal_cdf", z), hadamard(z, Elementwise("normal_pdf", z))),
    ),
    "silu": KnownFunction(
        lambda z: z / (1 + sympy.exp(-z)),
        lambda z, y: add(_sigmoid(z), hadamard(y, _one_minus(_sigmoid(z)))),
    ),
    "elu": KnownFunction(
        lambda z: sympy.Piecewise((z, z > 0), (sympy.exp(z) - 1, True)),
        # The difference is exact: z - z, or exp(z) - 1 alone.
        lambda z, y: add(y, scale(-1, Elementwise("relu", z)), _ones(z)),
    ),
    "hard_sigmoid": KnownFunction(
        lambda z: sympy.Min(sympy.Max(z / 6 + sympy.Rational(1, 2), 0), 1),
        lambda z, y: scale(sympy.Rational(1, 6), _within_corners(z)),
    ),
}
"""The known functions: value z -> y as a scalar, derivative with respect to z and y."""

WORDS = tuple(name for name, function in FUNCTIONS.items() if not function.inner)
"""The known functions that a model may name."""


def derivative(value: Elementwise) -> MatrixExpr:
    """The entrywise derivative phi'(z) of phi(z): by its rule where phi is known, else symbolic.

    >>> from bptt_sym.algebra.expressions import Variable, TIME, dimension
    >>> z = Variable("z", S.One, dimension("n"), TIME)
    >>> derivative(Elementwise("phi", z)).order
    1
    """
    known = FUNCTIONS.get(value.function)
    if known is None or value.order > 0:
        return Elementwise(value.function, value.operand, value.order + 1)
    return known.derivative(value.operand, value)
