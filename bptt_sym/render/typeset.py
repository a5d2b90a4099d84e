"""From expressions to boxes of notation: leaves here, operations as their table says."""

from __future__ import annotations

from sympy import Add, Symbol

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


def typeset(expression: Expr, *, mark_immediate: bool = False) -> box.Layout:
    """The box of an expression; ``mark_immediate`` asks for a mark on immediate derivatives."""

    def show(node: Expr, binding: int) -> box.Layout:
        return box.bracketed(shown(node), binding)

    def shown(node: Expr) -> box.Layout:
        match node:
            case StateTuple():
                return box.Tuple(tuple(map(shown, node.components)))
            case Variable():
                return box.Glyph(node.name, _is_vector(node), shown(node.time))
            case Parameter():
                return box.Glyph(node.name, _is_vector(node))
            case TotalLoss():
                return box.Glyph(node.name)
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
                return _index(node)
            case _ if node.is_Rational:
                return number_layout(node)
            case _:
                return operation_of(node).layout(node, show)

    return shown(expression)


def _index(node: Add) -> box.Layout:
    """A time index such as t - 1: the symbol first, then the number."""
    number, symbol = node.as_coeff_Add()
    sign = -1 if number < 0 else 1
    return box.Terms(((1, box.Glyph(str(symbol))), (sign, box.Number(abs(int(number))))))


def _is_vector(symbol: Variable | Parameter) -> bool:
    return bool(symbol.shape[0] == 1 and symbol.shape[1] != 1)
