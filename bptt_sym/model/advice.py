"""What to write instead of an operator whose operands do not fit: in the user's own words."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sympy import Rational

from bptt_sym.algebra.expressions import MatrixExpr, Shape
from bptt_sym.algebra.operation import is_vector
from bptt_sym.errors import cut
from bptt_sym.model.equation_text import EquationText

LONGEST_OPERAND = 40

_SCALAR = (1, 1)


@dataclass(frozen=True)
class Side:
    """An operand as it is written, with its shape."""

    text: str
    shape: Shape

    @property
    def turned(self) -> Side:
        """Its transpose."""
        bare = self.text.removesuffix(".T")
        text = bare if bare != self.text else f"{self.text}.T"
        return Side(text, (self.shape[1], self.shape[0]))


def instead(
    text: EquationText, node: ast.BinOp, left: MatrixExpr | Rational, right: MatrixExpr | Rational
) -> str:
    """What a message adds: what fits and is likely meant, at most two ways; else nothing."""
    if not isinstance(left, MatrixExpr) or not isinstance(right, MatrixExpr):
        return ""
    one, other = _side(text, node.left, left), _side(text, node.right, right)
    matrices = isinstance(node.op, ast.MatMult)
    ways = _products(one, other) if matrices else _with_turned(type(node.op), one, other)
    found = list(dict.fromkeys(ways))[:2]
    return f"; write {' or '.join(found)}" if found else ""


def _side(text: EquationText, node: ast.expr, value: MatrixExpr) -> Side:
    """The operand of an operator, in brackets where another operator would take it apart."""
    written = cut(" ".join(text.source(node).split()), LONGEST_OPERAND)
    return Side(
        f"({written})" if isinstance(node, ast.BinOp | ast.UnaryOp) else written, value.shape
    )


def _with_turned(operator: type[ast.operator], left: Side, right: Side) -> Iterator[str]:
    if operator in _ENTRYWISE and left.shape == right.turned.shape:
        yield f"{left.text} {_ENTRYWISE[operator]} {right.turned.text}"


_ENTRYWISE = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def _products(left: Side, right: Side) -> Iterator[str]:
    if _SCALAR in (left.shape, right.shape):
        yield f"{left.text} * {right.text}"
    elif is_vector(left.shape) and is_vector(right.shape):
        if set(left.shape) == set(right.shape):
            yield f"dot({left.text}, {right.text}) for a number"
        yield f"outer({left.text}, {right.text}) for a matrix"
    elif is_vector(left.shape) or is_vector(right.shape):
        matrix, vector = (right, left) if is_vector(left.shape) else (left, right)
        # NumPy's A @ v, where v has no orientation, is v @ A.T of a row; its v @ A of a column is
        # A.T @ v.
        yield from islice(_fitting([(vector, matrix.turned), (matrix.turned, vector)]), 1)
        yield from islice(_fitting([(vector, matrix), (matrix, vector)]), 1)
    else:
        yield from _fitting([(left, right.turned), (left.turned, right), (right, left)])


def _fitting(pairs: Iterable[tuple[Side, Side]]) -> Iterator[str]:
    fits = ((one, other) for one, other in pairs if one.shape[1] == other.shape[0])
    return (f"{one.text} @ {other.text}" for one, other in fits)
