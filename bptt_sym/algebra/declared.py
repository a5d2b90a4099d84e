"""A function with a derivative that the user declares, be it the function's own or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bptt_sym.algebra import boxes
from bptt_sym.algebra.expressions import Compound, Expr, MatrixExpr, hadamard
from bptt_sym.algebra.operation import Apply, Operation, Pairs, Show


class Declared(Compound):
    """A value, computed from an operand, with its declared derivative, per entry.

    ``args`` are the operand, the value and the derivative.
    """

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.args[1][i, j]


class Declaring(Operation):
    """The value of a function whose derivative is declared."""

    node = Declared

    def vjp(self, node: Declared, cotangent: MatrixExpr) -> Pairs:
        operand, _, derivative = node.args
        return [(operand, hadamard(cotangent, derivative))]

    def box(self, node: Declared, show: Show) -> boxes.Box:
        return show(node.args[1], boxes.SUM)

    def value(self, node: Declared, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[1]
