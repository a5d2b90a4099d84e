"""What goes wrong in a derivation: expressions with one mistake, as one is easily made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sympy import HadamardProduct, MatAdd, MatMul, Transpose

from bptt_sym.algebra.expressions import (
    Adjoint,
    Expr,
    MatrixExpr,
    Parameter,
    Variable,
    add,
    hadamard,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operations import is_leaf, operation_of

Mistake = Literal["transpose", "term", "factor", "derivative", "step", "another", "sign"]


@dataclass(frozen=True)
class WrongStep:
    """An expression with one ``mistake``, and what it was made at."""

    mistake: Mistake
    expression: MatrixExpr
    at: MatrixExpr


def wrong_steps(expression: MatrixExpr, adjoints: Sequence[Adjoint]) -> Iterator[WrongStep]:
    """The expression with each mistake that keeps its shape.

    A transpose, a term, or a factor of an elementwise product is lost, a function stands for its
    derivative, a time step is off by one, one of the ``adjoints`` stands for another, or a sign is
    wrong. Which of them make a difference is for numbers to say.
    """
    if split_coefficient(expression)[0] < 0:
        yield WrongStep("sign", scale(-1, expression), expression)
    if isinstance(expression, MatAdd):
        for position, term in enumerate(expression.args):
            rest = [*expression.args[:position], *expression.args[position + 1 :]]
            yield WrongStep("term", add(*rest), term)
    for inner in _within(expression, adjoints):
        if inner.expression.shape == expression.shape and inner.expression != expression:
            yield inner


def _within(node: Any, adjoints: Sequence[Adjoint]) -> Iterator[WrongStep]:
    """The mistakes at a node, then those within its arguments."""
    yield from _at(node, adjoints)
    if is_leaf(node):
        return
    for position, argument in enumerate(node.args):
        if not isinstance(argument, MatrixExpr):
            continue
        for found in _within(argument, adjoints):
            if found.expression.shape != argument.shape and not isinstance(node, MatMul):
                continue
            arguments = list(node.args)
            arguments[position] = found.expression
            yield WrongStep(found.mistake, operation_of(node).rebuild(node, arguments), found.at)


def _at(node: Expr, adjoints: Sequence[Adjoint]) -> Iterator[WrongStep]:
    match node:
        case Transpose() if isinstance(node.arg, Parameter):
            yield WrongStep("transpose", node.arg, node)
        case HadamardProduct():
            for position, factor in enumerate(node.args):
                rest = [*node.args[:position], *node.args[position + 1 :]]
                yield WrongStep("factor", hadamard(*rest), factor)
        case Elementwise() if node.order:
            yield WrongStep("derivative", Elementwise(node.function, node.operand), node)
        case Adjoint():
            yield from (
                WrongStep("another", other, node)
                for other in adjoints
                if other.shape == node.shape
                and other.variable.name != node.variable.name
                and other.variable.time == node.variable.time
            )
            for shift in (1, -1):
                moved = Adjoint(node.variable.at(node.variable.time + shift))
                yield WrongStep("step", moved, node)
        case Variable():
            for shift in (1, -1):
                yield WrongStep("step", node.at(node.time + shift), node)
