"""The remainder of a division, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Expr, Mod, Rational

from bptt_sym.algebra import boxes
from bptt_sym.algebra.entries import quotient
from bptt_sym.algebra.entrywise import entry_box
from bptt_sym.algebra.expressions import Compound, MatrixExpr, hadamard, scale
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operation import Apply, Operation, Pairs, ShapeError, Show, one_shape


class Modulo(Compound):
    """a mod b = a - b floor(a / b), entry by entry: of the sign of b, as Python's and NumPy's."""

    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        dividend, divisor = self.args
        return Mod(dividend[i, j], divisor[i, j])


class Remainder(Operation):
    """The remainder; d(a mod b)/da = 1 and d(a mod b)/db = -floor(a / b), at the jumps too."""

    node = Modulo
    syntax = "mod"

    def build(self, dividend: MatrixExpr | Rational, divisor: MatrixExpr | Rational) -> MatrixExpr:
        if divisor == 0:
            raise ShapeError("a division by zero has no remainder")
        return Modulo(*one_shape((dividend, divisor)))

    def vjp(self, node: Modulo, cotangent: MatrixExpr) -> Pairs:
        dividend, divisor = node.args
        whole = Elementwise("floor", quotient(dividend, divisor))
        return [(dividend, cotangent), (divisor, scale(-1, hadamard(cotangent, whole)))]

    def box(self, node: Modulo, show: Show) -> boxes.Box:
        dividend, divisor = node.args
        left = entry_box(dividend, show, boxes.PRODUCT)
        return boxes.ModuloOf(left, entry_box(divisor, show, boxes.POWER))

    def value(self, node: Modulo, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        dividend, divisor = operands
        real = np.real(dividend), np.real(divisor)
        if not (np.iscomplexobj(dividend) or np.iscomplexobj(divisor)):
            return np.mod(*real)
        moved = np.imag(dividend) - np.floor_divide(*real) * np.imag(divisor)
        return np.mod(*real) + 1j * moved
