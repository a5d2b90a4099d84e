"""Matrices that depend on nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bptt_sym.algebra import boxes
from bptt_sym.algebra.entries import size as size_of
from bptt_sym.algebra.expressions import Expr, Identity, MatrixExpr, OneMatrix, S, Size, ZeroMatrix
from bptt_sym.algebra.operation import Apply, Operation, Pairs, Show


class Pi(MatrixExpr):
    """The number pi, as a scalar."""

    shape = (S.One, S.One)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return S.Pi


class ConstantOperation(Operation):
    """A matrix that depends on nothing."""

    def vjp(self, node: Any, cotangent: MatrixExpr) -> Pairs:
        return []


class IdentityMatrix(ConstantOperation):
    """The identity: the adjoint of the loss, the Jacobian of a sum."""

    node = Identity
    syntax = "eye"

    def build(self, number: Expr) -> MatrixExpr:
        return Identity(number)

    def box(self, node: Identity, show: Show) -> boxes.Box:
        return boxes.Constant("identity", show(node.args[0], boxes.SUM))

    def value(self, node: Identity, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.eye(int(operands[0]), dtype=int)


class OneNumber(ConstantOperation):
    """A matrix whose entries are all the same number; ``args`` are its rows and columns."""

    def transposed(self, node: Any, arguments: Sequence[Expr]) -> MatrixExpr:
        return node.func(*reversed(arguments))


class Ones(OneNumber):
    """A matrix of ones: a number spread over a vector."""

    node = OneMatrix

    def box(self, node: OneMatrix, show: Show) -> boxes.Box:
        return boxes.Number(1) if node.shape == (1, 1) else boxes.Constant("ones")

    def value(self, node: OneMatrix, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.ones([int(operand) for operand in operands], dtype=int)


class Zeros(OneNumber):
    """A matrix of zeros: the gradient with respect to what the loss does not depend on."""

    node = ZeroMatrix

    def box(self, node: ZeroMatrix, show: Show) -> boxes.Box:
        return boxes.Constant("zeros")

    def value(self, node: ZeroMatrix, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.zeros([int(operand) for operand in operands], dtype=int)


class CircleConstant(ConstantOperation):
    """The number pi."""

    node = Pi
    syntax = "pi"

    def transposed(self, node: Pi, arguments: Sequence[Expr]) -> MatrixExpr:
        return node

    def box(self, node: Pi, show: Show) -> boxes.Box:
        return boxes.Glyph("pi")

    def value(self, node: Pi, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.full((1, 1), np.pi)


class SizeOfSomething(ConstantOperation):
    """A size or a number of time steps as a scalar: what a mean divides by."""

    node = Size

    def rebuild(self, node: Size, arguments: Sequence[Expr]) -> MatrixExpr:
        return size_of(*arguments)

    def box(self, node: Size, show: Show) -> boxes.Box:
        return show(node.number, boxes.SUM)

    def value(self, node: Size, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.full((1, 1), operands[0])
