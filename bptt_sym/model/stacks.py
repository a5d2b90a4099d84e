"""What operators of the equation language mean for quantities with heads: each head by itself.

A name of three sizes, H x r x c, has H heads, each a matrix r x c. The algebra has it as a matrix
of H r rows (``algebra/heads.py``); here stands what NumPy's rules for arrays of three axes make of
operators between such a stack, another one, and what all heads share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Rational, S

from bptt_sym.algebra.arithmetic import Addition, Division, ElementwiseProduct, Power
from bptt_sym.algebra.entries import joint_size
from bptt_sym.algebra.expressions import MatrixExpr, Shape, scale
from bptt_sym.algebra.heads import head_product, head_transpose
from bptt_sym.algebra.operation import ShapeError, shape_text
from bptt_sym.algebra.spread_over import spread_over
from bptt_sym.model.words import Word


@dataclass(frozen=True)
class Stack:
    """A matrix whose rows are those of so many heads, one below the other."""

    matrix: MatrixExpr
    heads: Expr

    @property
    def shape(self) -> Shape:
        """Rows and columns of one head."""
        return self.matrix.rows / self.heads, self.matrix.cols

    @property
    def turned(self) -> Stack:
        """The transpose of each head."""
        return Stack(head_transpose(self.matrix, self.heads), self.heads)


Value: TypeAlias = "Stack | MatrixExpr | Rational"


def with_heads(matrix: MatrixExpr, heads: Expr | None) -> MatrixExpr | Stack:
    """A matrix as that of so many heads, where it has some."""
    return matrix if heads is None else Stack(matrix, heads)


def without_heads(value: Value) -> MatrixExpr | Rational:
    """A value as the algebra has it."""
    return value.matrix if isinstance(value, Stack) else value


def negative(value: Value) -> Value:
    """A value with the other sign."""
    if isinstance(value, Stack):
        return Stack(scale(-1, value.matrix), value.heads)
    return scale(-1, value) if isinstance(value, MatrixExpr) else -value


def shared(matrix: MatrixExpr, heads: Expr) -> Stack:
    """A matrix that all heads have."""
    return Stack(spread_over(matrix, S.One, heads, *matrix.shape), heads)


def heads_of(operands: Sequence[Value]) -> Expr | None:
    """How many heads operands have, or None where none has any.

    Raises ShapeError where they have different numbers of them.
    """
    found = {operand.heads for operand in operands if isinstance(operand, Stack)}
    if len(found) > 1:
        raise ShapeError("both sides must have the same number of heads")
    return found.pop() if found else None


def matrix_product(left: Value, right: Value, heads: Expr) -> Stack:
    """The product head by head; what all heads share stands on either side."""
    _check_inner(left.shape, right.shape)
    left, right = (
        side if isinstance(side, Stack) else shared(side, heads) for side in (left, right)
    )
    return Stack(head_product(left.matrix, right.matrix, heads), heads)


EXPONENT = "the exponent must be a number; of others, a ** b is exp(b * log(a))"


def stacked(sign: str, left: Value, right: Value) -> Stack | None:
    """What an operator makes of operands of which one has heads, or None where none has."""
    heads = heads_of((left, right))
    if heads is None:
        return None
    if sign == "@":
        return matrix_product(left, right, heads)
    if sign == "**":
        if not isinstance(left, Stack) or isinstance(right, Stack | MatrixExpr):
            raise ShapeError(EXPONENT)
        return Stack(Power().build(left.matrix, right), heads)
    return entrywise(_ENTRYWISE[sign], (left, right), heads)


def word_of(word: Word, operands: Sequence[Value]) -> MatrixExpr | Stack:
    """What a word makes of its operands, of which some may have heads.

    Raises ShapeError for a word that takes a vector or a matrix alone.
    """
    heads = heads_of(operands)
    if heads is None:
        return word.build(*operands)
    if word.entrywise:
        return entrywise(word.build, operands, heads)
    if word.over_all:
        return word.build(*map(without_heads, operands))
    raise ShapeError("it is of a quantity without heads")


NUMBER = "a number"
"""What messages print in the place of a number's shape."""


def shape_of(value: Value) -> str:
    """The shape as messages print it, of a stack with its heads in front: H x r x c."""
    if not isinstance(value, Stack | MatrixExpr):
        return NUMBER
    heads = f"{value.heads} x " if isinstance(value, Stack) else ""
    return heads + shape_text(value.shape)


def _difference(left: MatrixExpr | Rational, right: MatrixExpr | Rational) -> MatrixExpr:
    return Addition().build(left, without_heads(negative(right)))


_ENTRYWISE: dict[str, Callable[..., MatrixExpr]] = {
    "+": Addition().build,
    "-": _difference,
    "*": ElementwiseProduct().build,
    "/": Division().build,
}


def _check_inner(left: Shape, right: Shape) -> None:
    if left[1] != right[0]:
        raise ShapeError(
            "the columns of a head on the left must equal the rows of one on the right"
        )


def entrywise(build: Callable[..., MatrixExpr], operands: Sequence[Value], heads: Expr) -> Stack:
    """An operation of each entry, its operands spread over heads, rows and columns."""
    shapes = [o.shape for o in operands if not _is_plain_scalar(o)]
    sizes = heads, *(_joint(shape[axis] for shape in shapes) for axis in (0, 1))
    return Stack(build(*(_grown(operand, sizes) for operand in operands)), heads)


def _is_plain_scalar(operand: Value) -> bool:
    return not isinstance(operand, Stack) and getattr(operand, "shape", (1, 1)) == (1, 1)


def _joint(sizes: Iterable[Expr]) -> Expr:
    joint = joint_size(sizes)
    if joint is None:
        raise ShapeError("the heads of both sides must have the same shape, or sizes of one")
    return joint


def _grown(operand: Value, sizes: tuple[Expr, ...]) -> MatrixExpr | Rational:
    """An operand spread over heads, rows and columns, of which it has one or as many."""
    if isinstance(operand, Stack):
        return spread_over(operand.matrix, operand.heads, *sizes)
    return operand if _is_plain_scalar(operand) else spread_over(operand, S.One, *sizes)
