"""Functions of one real variable that act on each entry: symbolic ones and a table of known ones.

To add a function, add a row to ``FUNCTIONS``; its test is driven from the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Function, Integer, MatrixExpr, OneMatrix, S, Symbol
from sympy.core.symbol import Str

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
class ElementwiseFunction:
    """A known function: its value as a scalar, its derivative, its NumPy code.

    ``derivative`` takes the operand and the value, so that it can be written by either:
    tanh' = 1 - tanh^2. ``numpy`` is the code, with ``{}`` for the operand; ``definition`` is what
    an emitted module must define for it.
    """

    scalar: Callable[[Expr], Expr]
    derivative: Callable[[MatrixExpr, MatrixExpr], MatrixExpr]
    numpy: str
    definition: str = ""


def _one_minus(expression: MatrixExpr) -> MatrixExpr:
    return add(OneMatrix(*expression.shape), scale(-1, expression))


FUNCTIONS: dict[str, ElementwiseFunction] = {
    "identity": ElementwiseFunction(
        scalar=lambda z: z,
        derivative=lambda z, value: OneMatrix(*z.shape),
        numpy="{}",
    ),
    "tanh": ElementwiseFunction(
        scalar=sympy.tanh,
        derivative=lambda z, value: _one_minus(power(value, 2)),
        numpy="np.tanh({})",
    ),
    "sigmoid": ElementwiseFunction(
        scalar=lambda z: 1 / (1 + sympy.exp(-z)),
        derivative=lambda z, value: hadamard(value, _one_minus(value)),
        numpy="sigmoid({})",
        definition='''\
def sigmoid(z):
    """The logistic function 1 / (1 + exp(-z)), written so that it cannot overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * z)
''',
    ),
    "exp": ElementwiseFunction(
        scalar=sympy.exp,
        derivative=lambda z, value: value,
        numpy="np.exp({})",
    ),
    "sin": ElementwiseFunction(
        scalar=sympy.sin,
        derivative=lambda z, value: Elementwise("cos", z),
        numpy="np.sin({})",
    ),
    "cos": ElementwiseFunction(
        scalar=sympy.cos,
        derivative=lambda z, value: scale(-1, Elementwise("sin", z)),
        numpy="np.cos({})",
    ),
}


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
