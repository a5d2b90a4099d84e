"""A function with a derivative that the user declares, be it the function's own or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bptt_sym.algebra import layout as box
from bptt_sym.algebra.entrywise import entry_code
from bptt_sym.algebra.expressions import Compound, Expr, MatrixExpr, hadamard
from bptt_sym.algebra.operation import Apply, Operation, Print, Show
from bptt_sym.algebra.python import ADDITIVE, CALL, Code


class Declared(Compound):
    """A value, computed from an operand, with its declared derivative by the operand, per entry.

    ``args`` are the operand, the value and the derivative.
    """

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.args[1][i, j]


class Declaring(Operation):
    """The value of a function whose derivative is declared."""

    node = Declared
    definition = '''\
def declared(z, value, derivative):
    """The value, with a derivative by z that was declared: what a complex step sees of it."""
    if not np.iscomplexobj(z):
        return value
    return np.real(value) + 1j * np.imag(z) * np.real(derivative)
'''

    def vjp(self, node: Declared, cotangent: MatrixExpr) -> list[tuple[MatrixExpr, MatrixExpr]]:
        operand, _, derivative = node.args
        return [(operand, hadamard(cotangent, derivative))]

    def layout(self, node: Declared, show: Show) -> box.Layout:
        return show(node.args[1], box.SUM)

    def value(self, node: Declared, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return operands[1]

    def numpy(self, node: Declared, code: Print) -> Code:
        shown = ", ".join(entry_code(argument, code, ADDITIVE) for argument in node.args)
        return Code(f"declared({shown})", CALL)
