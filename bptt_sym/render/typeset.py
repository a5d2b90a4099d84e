"""From expressions to boxes of notation: leaves here, operations as their table says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sympy import Add, Mul, Pow, Symbol

from bptt_sym.algebra import layout as box
from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.expressions import (
    Adjoint,
    Expr,
    Gradient,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TotalLoss,
    Variable,
)
from bptt_sym.algebra.operation import number_layout
from bptt_sym.algebra.operations import operation_of

NO_NAMES: Mapping[str, str] = {}


def typeset(
    expression: Expr, *, mark_immediate: bool = False, latex: Mapping[str, str] = NO_NAMES
) -> box.Layout:
    """The box of an expression; ``mark_immediate`` asks for a mark on immediate derivatives.

    ``latex`` is the notation of names that have one of their own.
    """

    def glyph(node: Variable | Parameter | TotalLoss, time: box.Layout | None = None) -> box.Layout:
        vector = not isinstance(node, TotalLoss) and _is_vector(node)
        return box.Glyph(node.name, vector, time, latex.get(node.name, ""))

    def show(node: Expr, binding: int) -> box.Layout:
        return box.bracketed(shown(node), binding)

    def shown(node: Expr) -> box.Layout:
        match node:
            case StateTuple():
                return box.Tuple(tuple(map(shown, node.components)))
            case Variable():
                return glyph(node, shown(node.time))
            case Parameter() | TotalLoss():
                return glyph(node)
            case Adjoint():
                return box.AdjointOf(shown(node.variable))
            case Gradient():
                return box.Fraction(shown(node.of), shown(node.by))
            case PartialDerivative():
                marked = mark_immediate and node.immediate
                return box.Fraction(shown(node.of), shown(node.by), marked)
            case Symbol():
                return box.Glyph(node.name)
            case Add() if not isinstance(node, MatrixExpr):
                return _index(node, shown)
            case Mul() if not isinstance(node, MatrixExpr):
                return box.Factors(tuple(map(shown, node.args)))
            case Pow() if not isinstance(node, MatrixExpr):
                return box.Superscript(shown(node.base), shown(node.exp))
            case _ if node.is_Rational:
                return number_layout(node)
            case _:
                return operation_of(node).layout(node, show)

    return shown(expression)


def _index(node: Add, shown: Callable[[Expr], box.Layout]) -> box.Layout:
    """A time index or a size such as t - 1 or m + n: symbols first, then the number."""
    number, symbols = node.as_coeff_Add()
    parts = list(symbols.args if isinstance(symbols, Add) else (symbols,))
    terms = [(-1 if part.could_extract_minus_sign() else 1, part) for part in parts]
    boxes = [(sign, shown(-part if sign < 0 else part)) for sign, part in terms]
    if number:
        boxes.append((-1 if number < 0 else 1, box.Number(abs(int(number)))))
    return box.Terms(tuple(boxes))


def _is_vector(symbol: Variable | Parameter) -> bool:
    return bool(1 in symbol.shape and symbol.shape != (1, 1))
