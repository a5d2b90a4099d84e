"""Matrix expressions over SymPy whose symbols carry a time index.

Row vectors are 1 x n matrices and scalars are 1 x 1 matrices, so every quantity of a recurrent
network is a ``MatrixExpr`` and ``subs``, ``doit`` and ``as_explicit`` work on it. The functions at
the end build expressions in one normal form and keep the author's order of terms and factors,
which SymPy's own operators do not.
"""

from __future__ import annotations

from typing import Any, Self

from sympy import (
    Add,
    DiagMatrix,
    Expr,
    HadamardProduct,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Rational,
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
)
from sympy.core.symbol import Str
from sympy.matrices.expressions.hadamard import HadamardPower

Shape = tuple[Expr, Expr]


class TimeStep(Symbol):
    """A symbol for a time step.

    To add a whole number to it is to add terms already in SymPy's order; that leaves out the import
    of SymPy's tensors, a twentieth of a second, with which ``Add`` begins.
    """

    def __new__(cls, name: str, **assumptions: bool) -> TimeStep:
        return super().__new__(cls, name, integer=True, **assumptions)

    def __add__(self, other: Any) -> Expr:
        if not isinstance(other, int | Integer):
            return super().__add__(other)
        return Add(Integer(other), self, evaluate=False) if other else self

    def __sub__(self, other: Any) -> Expr:
        return self + -other if isinstance(other, int | Integer) else super().__sub__(other)


TIME = TimeStep("t")
"""The time step of the model's equations."""

CONTRIBUTION_STEP = TimeStep("i")
"""The time step of a contribution: the index of the copy of the parameter."""


LAST_STEP = TimeStep("N", positive=True)
"""The number of time steps, where it is left symbolic."""


def dimension(name: str) -> Symbol:
    """The symbol of a dimension such as n, the number of hidden units."""
    return Symbol(name, integer=True, positive=True)


class Compound(MatrixExpr):
    """An expression made of others: ``args`` are its parts, in the order given."""

    def __new__(cls, *parts: Any) -> Self:
        return super().__new__(cls, *parts)


class _Named(MatrixExpr):
    """A matrix with a name: ``args`` are its name, rows, columns and what else tells it apart."""

    is_commutative = False

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def shape(self) -> Shape:
        return self.args[1], self.args[2]

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        marks = ",".join(str(arg) for arg in self.args[3:])
        return Symbol(f"{self.name}{'_' if marks else ''}{marks}[{i},{j}]", real=True)


class Parameter(_Named):
    """A weight matrix or vector, the same at every time step."""

    def __new__(cls, name: str | Str, rows: Expr, columns: Expr) -> Parameter:
        return super().__new__(cls, name_string(name), rows, columns)


class TotalLoss(_Named):
    """The sum of the losses of all time steps."""

    def __new__(cls, name: str | Str, *one_by_one: Expr) -> TotalLoss:
        return super().__new__(cls, name_string(name), S.One, S.One)


class Variable(_Named):
    """An input, target, state or other quantity at one time step, e.g. s_t of shape 1 x n."""

    def __new__(cls, name: str | Str, rows: Expr, columns: Expr, time: Expr) -> Variable:
        return super().__new__(cls, name_string(name), rows, columns, time)

    @property
    def time(self) -> Expr:
        return self.args[3]

    def at(self, time: Expr | int) -> Variable:
        """The same quantity at another time step."""
        name, rows, columns, _ = self.args
        return Variable(name, rows, columns, Integer(time) if isinstance(time, int) else time)


class Adjoint(MatrixExpr):
    """The total derivative of the loss with respect to a variable, of its shape."""

    variable = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        variable = self.variable
        return Symbol(f"adjoint_{variable.name}_{variable.time}[{i},{j}]", real=True)


class Gradient(MatrixExpr):
    """The derivative of a scalar with respect to a parameter or variable, in its shape."""

    of = property(lambda self: self.args[0])
    by = property(lambda self: self.args[1])
    shape = property(lambda self: self.args[1].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return Symbol(f"d{self.of}/d{self.by}[{i},{j}]", real=True)


class PartialDerivative(MatrixExpr):
    """A derivative that stands unevaluated in a chain of factors: du/dv, (size of u) x (size of v).

    It is *immediate* (all that u reads besides v is held constant) or *total* (through everything
    between v and u). The entries of a matrix v are counted row by row.
    """

    def __new__(cls, of: MatrixExpr, by: MatrixExpr, immediate: bool) -> PartialDerivative:
        return super().__new__(cls, of, by, S.true if immediate else S.false)

    of = property(lambda self: self.args[0])
    by = property(lambda self: self.args[1])

    @property
    def immediate(self) -> bool:
        return bool(self.args[2])

    @property
    def shape(self) -> Shape:
        return number_of_entries(self.of), number_of_entries(self.by)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        mark = "+" if self.immediate else ""
        return Symbol(f"d{mark}{self.of}/d{self.by}[{i},{j}]", real=True)


class SumOfEntries(MatrixExpr):
    """The sum of all entries of a matrix, as a 1 x 1 matrix."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (S.One, S.One))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        rows, columns = self.operand.shape
        return Add(*(self.operand[a, b] for a in range(rows) for b in range(columns)))


class Broadcast(MatrixExpr):
    """A scalar as a matrix with this scalar in each entry."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (self.args[1], self.args[2]))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[0, 0]


class Quotient(MatrixExpr):
    """The quotient entry by entry."""

    numerator = property(lambda self: self.args[0])
    denominator = property(lambda self: self.args[1])
    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.numerator[i, j] / self.denominator[i, j]


class Size(MatrixExpr):
    """A number of entries or of time steps, such as n or N, as a scalar."""

    number = property(lambda self: self.args[0])
    shape = property(lambda self: (S.One, S.One))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.number


def number_of_entries(matrix: MatrixExpr) -> Expr:
    """The number of entries; a square is written as one, which spares SymPy an addition."""
    rows, columns = matrix.shape
    return rows**2 if rows == columns else rows * columns


def name_string(name: str | Str) -> Str:
    """A name as SymPy holds it: no text that SymPy would parse."""
    return name if isinstance(name, Str) else Str(name)


def at_step(expression: MatrixExpr, index: Symbol, step: Expr | int) -> MatrixExpr:
    """The expression with a time index replaced, e.g. t by t + 1 or by 3."""
    step = Integer(step) if isinstance(step, int) else step
    # The neighbouring steps are looked up whole, which is faster than to add again.
    return expression.xreplace({index + shift: step + shift for shift in (0, -1, 1)})


def is_one(expression: Expr) -> bool:
    """Whether the expression is the number one, bare or spread over a matrix."""
    return isinstance(expression, OneMatrix) or expression == Identity(1)


def split_coefficient(expression: MatrixExpr) -> tuple[Rational, MatrixExpr]:
    """The number in front of an expression and the rest: -2 and X for -2 X."""
    if isinstance(expression, MatMul) and expression.args[0].is_Rational:
        rest = expression.args[1:]
        return expression.args[0], rest[0] if len(rest) == 1 else MatMul(*rest)
    return S.One, expression


def scale(number: Rational | int, expression: MatrixExpr) -> MatrixExpr:
    """A number times a matrix."""
    coefficient, rest = split_coefficient(expression)
    coefficient = S(number) * coefficient
    if coefficient == 0 or isinstance(rest, ZeroMatrix):
        return ZeroMatrix(*expression.shape)
    if coefficient == 1:
        return rest
    factors = rest.args if isinstance(rest, MatMul) else (rest,)
    return MatMul(coefficient, *factors)


def add(*terms: MatrixExpr, like: MatrixExpr | None = None) -> MatrixExpr:
    """The sum, its terms in the order given, equal ones counted together.

    ``like`` has the shape of a sum of no terms.
    """
    counted: dict[MatrixExpr, Rational] = {}
    for summand in terms:
        for term in summand.args if isinstance(summand, MatAdd) else (summand,):
            if not isinstance(term, ZeroMatrix):
                coefficient, rest = split_coefficient(term)
                counted[rest] = counted.get(rest, S.Zero) + coefficient
    flat = [scale(number, rest) for rest, number in counted.items() if number != 0]
    if not flat:
        return ZeroMatrix(*(like or terms[0]).shape)
    return flat[0] if len(flat) == 1 else MatAdd(*flat)


def product(*factors: MatrixExpr) -> MatrixExpr:
    """The matrix product, its factors in the order given, its numbers in front.

    Diagonal matrices that stand side by side are one.
    """
    coefficient: Rational = S.One
    flat: list[MatrixExpr] = []
    for factor in factors:
        number, rest = split_coefficient(factor)
        coefficient *= number
        flat.extend(rest.args if isinstance(rest, MatMul) else (rest,))
    if any(isinstance(factor, ZeroMatrix) for factor in flat):
        return ZeroMatrix(factors[0].shape[0], factors[-1].shape[1])
    kept: list[MatrixExpr] = []
    for factor in flat:
        if isinstance(factor, Identity) or factor == OneMatrix(1, 1):
            continue
        if kept and isinstance(factor, DiagMatrix) and kept[-1] == OneMatrix(1, factor.rows):
            entries = factor.args[0]
            kept[-1] = entries if entries.rows == 1 else transpose(entries)
            continue
        if kept and isinstance(factor, DiagMatrix) and isinstance(kept[-1], DiagMatrix):
            before, after = kept[-1].args[0], factor.args[0]
            if before.shape == after.shape:
                kept[-1] = DiagMatrix(hadamard(before, after))
                continue
        column = kept and isinstance(kept[-1], OneMatrix) and factor.rows == 1
        if column and isinstance(factor, OneMatrix):
            kept[-1] = OneMatrix(kept[-1].rows, factor.cols)
            continue
        kept.append(factor)
    if not kept:
        return scale(coefficient, Identity(factors[0].shape[0]))
    return scale(coefficient, kept[0] if len(kept) == 1 else MatMul(*kept))


def hadamard(*factors: MatrixExpr) -> MatrixExpr:
    """The elementwise product, its factors in the order given, its numbers in front."""
    coefficient: Rational = S.One
    flat: list[MatrixExpr] = []
    for factor in factors:
        number, rest = split_coefficient(factor)
        coefficient *= number
        flat.extend(rest.args if isinstance(rest, HadamardProduct) else (rest,))
    if any(isinstance(factor, ZeroMatrix) for factor in flat):
        return ZeroMatrix(*factors[0].shape)
    kept = [factor for factor in flat if not is_one(factor)]
    if not kept:
        return scale(coefficient, OneMatrix(*factors[0].shape))
    return scale(coefficient, kept[0] if len(kept) == 1 else HadamardProduct(*kept))


def power(base: MatrixExpr, exponent: Rational | int) -> MatrixExpr:
    """The elementwise power."""
    if exponent == 1:
        return base
    if exponent == 0:
        return OneMatrix(*base.shape)
    return HadamardPower(base, S(exponent))


def transpose(expression: MatrixExpr) -> MatrixExpr:
    """The transpose; a number in front stays in front."""
    coefficient, rest = split_coefficient(expression)
    if isinstance(rest, Transpose):
        return scale(coefficient, rest.arg)
    if isinstance(rest, ZeroMatrix):
        return ZeroMatrix(rest.cols, rest.rows)
    if isinstance(rest, Identity | DiagMatrix) or rest.shape == (1, 1):
        return expression
    if isinstance(rest, OneMatrix):
        return scale(coefficient, OneMatrix(rest.cols, rest.rows))
    if isinstance(rest, Broadcast):
        return scale(coefficient, Broadcast(rest.operand, rest.cols, rest.rows))
    return scale(coefficient, Transpose(rest))
