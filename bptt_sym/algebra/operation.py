"""What the program knows of an operation: the form of an entry in the table of operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from sympy import Rational

from bptt_sym.algebra import boxes
from bptt_sym.algebra.entries import joint_size, spread
from bptt_sym.algebra.expressions import Expr, MatrixExpr, Shape

Show = Callable[[Expr, int], boxes.Box]
"""Lays an operand out, in brackets if it binds less tightly than asked."""

Apply = Callable[[str, Any, int], Any]
"""The value of a function of each entry: by its name, for an argument and an order."""


Pairs = list[tuple[MatrixExpr, MatrixExpr]]
"""Operands with their adjoints."""


class ShapeError(ValueError):
    """Operands whose shapes do not fit; the message states what the operation asks for."""


class Operation:
    """What the program knows of one kind of expression.

    ``syntax`` is its name in the equation language, where it has one.
    """

    node: ClassVar[type[Expr]]
    syntax: ClassVar[str] = ""

    def vjp(self, node: Any, cotangent: MatrixExpr) -> Pairs:
        """Each operand with its adjoint, given the adjoint of the value."""
        raise NotImplementedError(type(node).__name__)

    def rebuild(self, node: Any, arguments: Sequence[Any]) -> MatrixExpr:
        """The expression with other arguments, in the normal form."""
        return node.func(*arguments)

    def transposed(self, node: Any, arguments: Sequence[Any]) -> MatrixExpr:
        """The transpose of the expression, given the transposes of its arguments."""
        return self.rebuild(node, arguments)

    def jacobian(self, node: Any, position: int, reached: MatrixExpr) -> MatrixExpr:
        """J with vec(value) = seed J, for an expression linear in its argument at ``position``.

        ``reached`` is the J of this argument.
        """
        raise TypeError(f"not linear in its seed: {type(node).__name__}")

    def applied(self, node: Any, position: int, reached: MatrixExpr) -> MatrixExpr:
        """The expression with ``reached`` as its argument at ``position``, as a product."""
        arguments = list(node.args)
        arguments[position] = reached
        return self.rebuild(node, arguments)

    def box(self, node: Any, show: Show) -> boxes.Box:
        """How the expression is laid out."""
        raise NotImplementedError(type(node).__name__)

    def value(self, node: Any, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        """The value for NumPy matrices, one for each of ``node.args``."""
        raise NotImplementedError(type(node).__name__)


def shape_text(shape: Shape) -> str:
    """A shape as messages print it: m x n."""
    return f"{shape[0]} x {shape[1]}"


def is_vector(shape: Shape) -> bool:
    """Whether a shape is that of a row, a column or a scalar."""
    return 1 in shape


def one_shape(operands: Sequence[MatrixExpr | Rational]) -> list[MatrixExpr]:
    """Operands of an entrywise operation, spread over each other's shape as NumPy broadcasts them.

    Raises ShapeError where two have different sizes, neither of which is one.
    """
    shapes = [operand.shape for operand in operands if isinstance(operand, MatrixExpr)]
    rows, columns = (joint_size(shape[axis] for shape in shapes) for axis in (0, 1))
    if rows is None or columns is None:
        raise ShapeError("both sides must have the same shape, or sizes of one where they differ")
    return [spread(operand, (rows, columns)) for operand in operands]


def number_box(number: Rational) -> boxes.Box:
    """The box of a number."""
    shown = boxes.Number(abs(int(number.p)), int(number.q))
    return boxes.Negative(shown) if number < 0 else shown
