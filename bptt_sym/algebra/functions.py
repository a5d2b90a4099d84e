"""Functions of one real variable that act on each entry: symbolic ones and a table of known ones.

To add a function, add a row to ``FUNCTIONS``; its test is driven from the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Function, Integer, MatrixExpr, OneMatrix, S, Symbol, ZeroMatrix
from sympy.core.symbol import Str

from bptt_sym.algebra.expressions import (
    add,
    hadamard,
    name_string,
    power,
    quotient,
    scale,
)


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
    an emitted module must define for it. ``shown`` is the name with a number of primes under which
    it is printed, where it is not its own. A function that is ``inner`` occurs in derivatives
    alone and is no word of the equation language.
    """

    scalar: Callable[[Expr], Expr]
    derivative: Callable[[MatrixExpr, MatrixExpr], MatrixExpr]
    numpy: str
    definition: str = ""
    shown: tuple[str, int] | None = None
    inner: bool = False


def _ones(expression: MatrixExpr) -> MatrixExpr:
    return OneMatrix(*expression.shape)


def _zeros(expression: MatrixExpr) -> MatrixExpr:
    return ZeroMatrix(*expression.shape)


def _one_minus(expression: MatrixExpr) -> MatrixExpr:
    return add(_ones(expression), scale(-1, expression))


_ERFC = '''\
ERFC_COEFFICIENTS = (
    0.5770337386164697, 0.3554369212704985, 0.06509515882878653,
    0.003671142395836639, -0.0011128447433526325, -0.0001607582991537808,
    3.278031574173137e-05, 5.442441645505016e-06, -1.5154665553171482e-06,
    -1.4297608181169865e-07, 8.234608827419493e-08, -1.2962846852306563e-09,
    -4.154721631015199e-09, 6.347058278362811e-10, 1.4320822712256225e-10,
    -6.160390105204585e-11, 2.0612138554721698e-12, 3.5714931488477042e-12,
    -8.586422843251796e-13, -6.14560021379063e-14, 7.418725748596617e-14,
    -1.2895042755032325e-14, -2.358726385710632e-15, 1.5729349381685912e-15,
    -2.2782966239546465e-16, -6.31233045075643e-17, 3.5916763531814925e-17,
    -5.049809149847729e-18,
)


def erfc_of_positive(z):
    """1 - erf(z) for z >= 0: t exp(-z^2) times a Chebyshev series in t = 2 / (2 + z)."""
    t = 2 / (2 + z)
    last, sum_ = 0, 0
    for coefficient in ERFC_COEFFICIENTS[:0:-1]:
        last, sum_ = sum_, (4 * t - 2) * sum_ - last + coefficient
    return t * np.exp(-(z**2)) * ((2 * t - 1) * sum_ - last + ERFC_COEFFICIENTS[0])
'''
"""The coefficients are those of exp(z^2) erfc(z) / t, computed with 60 digits."""


FUNCTIONS: dict[str, ElementwiseFunction] = {
    "identity": ElementwiseFunction(
        scalar=lambda z: z,
        derivative=lambda z, value: _ones(z),
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
    """The logistic function 1 / (1 + exp(-z)), to its last digits and without overflow."""
    negative = np.real(z) < 0
    small = np.exp(np.where(negative, z, -z))
    return np.where(negative, small, 1) / (1 + small)
''',
    ),
    "relu": ElementwiseFunction(
        scalar=lambda z: sympy.Max(z, 0),
        derivative=lambda z, value: Elementwise("step", z),
        numpy="relu({})",
        definition='''\
def relu(z):
    """The larger of z and 0; its derivative at 0 is taken as 0."""
    return np.where(np.real(z) <= 0, 0, z)
''',
    ),
    "step": ElementwiseFunction(
        scalar=lambda z: sympy.Piecewise((1, z > 0), (0, True)),
        derivative=lambda z, value: _zeros(z),
        numpy="heaviside({})",
        definition='''\
def heaviside(z):
    """1 where z > 0 and 0 elsewhere: the derivative of relu."""
    return np.where(np.real(z) > 0, z.dtype.type(1), z.dtype.type(0))
''',
        shown=("relu", 1),
        inner=True,
    ),
    "softplus": ElementwiseFunction(
        scalar=lambda z: sympy.log(1 + sympy.exp(z)),
        derivative=lambda z, value: Elementwise("sigmoid", z),
        numpy="softplus({})",
        definition='''\
def softplus(z):
    """log(1 + exp(z)), written so that it cannot overflow."""
    positive = np.real(z) > 0
    return np.where(positive, z, 0) + np.log1p(np.exp(np.where(positive, -z, z)))
''',
    ),
    "log_sigmoid": ElementwiseFunction(
        scalar=lambda z: -sympy.log(1 + sympy.exp(-z)),
        derivative=lambda z, value: Elementwise("sigmoid", scale(-1, z)),
        numpy="log_sigmoid({})",
        definition='''\
def log_sigmoid(z):
    """The logarithm of the logistic function."""
    return -softplus(-z)
''',
    ),
    "exp": ElementwiseFunction(
        scalar=sympy.exp,
        derivative=lambda z, value: value,
        numpy="np.exp({})",
    ),
    "log": ElementwiseFunction(
        scalar=sympy.log,
        derivative=lambda z, value: quotient(_ones(z), z),
        numpy="np.log({})",
    ),
    "sqrt": ElementwiseFunction(
        scalar=sympy.sqrt,
        derivative=lambda z, value: quotient(_ones(z), scale(2, value)),
        numpy="np.sqrt({})",
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
    "abs": ElementwiseFunction(
        scalar=sympy.Abs,
        derivative=lambda z, value: Elementwise("sign", z),
        numpy="absolute({})",
        definition='''\
def absolute(z):
    """The absolute value, which a complex step passes; its derivative at 0 is taken as 0."""
    return z * np.sign(np.real(z))
''',
    ),
    "sign": ElementwiseFunction(
        scalar=sympy.sign,
        derivative=lambda z, value: _zeros(z),
        numpy="np.sign(np.real({}))",
    ),
    "erf": ElementwiseFunction(
        scalar=sympy.erf,
        derivative=lambda z, value: Elementwise("erf_slope", z),
        numpy="erf({})",
        definition='''\
def erf(z):
    """The error function."""
    tail = erfc_of_positive(np.where(np.real(z) < 0, -z, z))
    return np.where(np.real(z) < 0, tail - 1, 1 - tail)
''',
    ),
    "erf_slope": ElementwiseFunction(
        scalar=lambda z: 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(z**2)),
        derivative=lambda z, value: scale(-2, hadamard(z, value)),
        numpy="(2 / math.sqrt(math.pi) * np.exp(-({}) ** 2))",
        shown=("erf", 1),
        inner=True,
    ),
    "normal_cdf": ElementwiseFunction(
        scalar=lambda z: (1 + sympy.erf(z / sympy.sqrt(2))) / 2,
        derivative=lambda z, value: Elementwise("normal_pdf", z),
        numpy="normal_cdf({})",
        definition='''\
def normal_cdf(z):
    """The distribution function of the standard normal, at full accuracy in both tails."""
    tail = 0.5 * erfc_of_positive(np.where(np.real(z) < 0, -z, z) * math.sqrt(0.5))
    return np.where(np.real(z) < 0, tail, 1 - tail)
''',
        shown=("Phi", 0),
        inner=True,
    ),
    "normal_pdf": ElementwiseFunction(
        scalar=lambda z: sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi),
        derivative=lambda z, value: scale(-1, hadamard(z, value)),
        numpy="normal_pdf({})",
        definition='''\
def normal_pdf(z):
    """The density of the standard normal."""
    return np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
''',
        shown=("Phi", 1),
        inner=True,
    ),
    "gelu": ElementwiseFunction(
        scalar=lambda z: z * (1 + sympy.erf(z / sympy.sqrt(2))) / 2,
        derivative=lambda z, value: add(
            Elementwise("normal_cdf", z), hadamard(z, Elementwise("normal_pdf", z))
        ),
        numpy="gelu({})",
        definition='''\
def gelu(z):
    """z times the distribution function of the standard normal (Hendrycks and Gimpel 2016)."""
    return z * normal_cdf(z)
''',
    ),
    "silu": ElementwiseFunction(
        scalar=lambda z: z / (1 + sympy.exp(-z)),
        derivative=lambda z, value: add(
            Elementwise("sigmoid", z), hadamard(value, _one_minus(Elementwise("sigmoid", z)))
        ),
        numpy="silu({})",
        definition='''\
def silu(z):
    """z times the logistic function."""
    return z * sigmoid(z)
''',
    ),
    "elu": ElementwiseFunction(
        scalar=lambda z: sympy.Piecewise((z, z > 0), (sympy.exp(z) - 1, True)),
        # The difference is exact: z - z, or exp(z) - 1 alone.
        derivative=lambda z, value: add(value, scale(-1, Elementwise("relu", z)), _ones(z)),
        numpy="elu({})",
        definition='''\
def elu(z):
    """z where it is positive, exp(z) - 1 elsewhere."""
    return np.where(np.real(z) > 0, z, np.expm1(np.where(np.real(z) > 0, 0, z)))
''',
    ),
    "hard_sigmoid": ElementwiseFunction(
        scalar=lambda z: sympy.Min(sympy.Max(z / 6 + sympy.Rational(1, 2), 0), 1),
        derivative=lambda z, value: scale(
            sympy.Rational(1, 6),
            hadamard(
                Elementwise("step", add(z, scale(3, _ones(z)))),
                Elementwise("step", add(scale(3, _ones(z)), scale(-1, z))),
            ),
        ),
        numpy="hard_sigmoid({})",
        definition='''\
def hard_sigmoid(z):
    """z / 6 + 1 / 2 between 0 and 1; its derivative at the corners is taken as 0."""
    return np.where(np.real(z) <= -3, 0, np.where(np.real(z) >= 3, 1, z / 6 + 0.5))
''',
    ),
}

HELPERS = {
    "erfc_of_positive": _ERFC,
}
"""What several definitions share."""

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
