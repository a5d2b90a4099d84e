"""From expressions to boxes of notation: leaves here, operations as their table says.

This is where a notation enters: the boxes that leave it say all that the writers need to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sympy import Add, Mul, Pow, Symbol

from bptt_sym.algebra import boxes
from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.decimals import with_decimals
from bptt_sym.algebra.expressions import (
    Adjoint,
    Expr,
    Gradient,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TimeStep,
    TotalLoss,
    Variable,
)
from bptt_sym.algebra.operation import number_box
from bptt_sym.algebra.operations import operation_of
from bptt_sym.algebra.school_form import school_form
from bptt_sym.model.conventions import COURSE, Alphabet, Notation, Total, total_of


def typeset(
    expression: Expr,
    notation: Notation = COURSE,
    *,
    mark_immediate: bool = False,
    loss: Expr | None = None,
) -> boxes.Box:
    """The box of an expression; ``mark_immediate`` asks for a mark on immediate derivatives.

    ``loss`` is what adjoints are derivatives of, which some notations write.
    """
    whole = _Typesetter(notation, mark_immediate, loss).shown(school_form(expression))
    if notation.decimals:
        whole = with_decimals(whole, notation.decimals)
    return _signed(whole, notation) if notation.has_own_signs else whole


@dataclass(frozen=True)
class _Typesetter:
    notation: Notation
    mark_immediate: bool
    loss: Expr | None

    def shown(self, node: Expr) -> boxes.Box:
        match node:
            case StateTuple():
                return boxes.Tuple(tuple(map(self.shown, node.components)))
            case Variable():
                return self.glyph(node, self.shown(node.time))
            case Parameter() | TotalLoss():
                return self.glyph(node)
            case Adjoint():
                return self.total(self.notation.adjoint, self.loss, node.variable)
            case Gradient():
                return self.total(self.notation.gradient, node.of, node.by)
            case PartialDerivative():
                marked = self.mark_immediate and node.immediate
                return self.fraction(node.of, node.by, marked=marked)
            case TimeStep():
                return boxes.Glyph(self.notation.index(node.name))
            case Symbol():
                macro = self.notation.macros.get(node.name, "")
                return boxes.Glyph(self.notation.name(node.name), macro=macro)
            case Add() if not isinstance(node, MatrixExpr):
                return _index(node, self.shown)
            case Mul() if not isinstance(node, MatrixExpr):
                return boxes.Factors(tuple(map(self.shown, node.args)))
            case Pow() if not isinstance(node, MatrixExpr):
                return boxes.Superscript(self.shown(node.base), self.shown(node.exp))
            case _ if node.is_Rational:
                return number_box(node)
            case _:
                return operation_of(node).box(node, self.show)

    def show(self, node: Expr, binding: int) -> boxes.Box:
        return boxes.bracketed(self.shown(node), binding)

    def glyph(
        self, node: Variable | Parameter | TotalLoss, time: boxes.Box | None = None
    ) -> boxes.Box:
        notation = self.notation
        key = total_of(node.name) if isinstance(node, TotalLoss) else node.name
        return boxes.Glyph(
            name=notation.name(node.name),
            alphabet=_alphabet(node, notation),
            time=time,
            latex=notation.latex.get(node.name, ""),
            place=notation.time,
            macro=notation.macros.get(key, ""),
        )

    def fraction(self, of: Expr, by: Expr, *, marked: bool = False) -> boxes.Box:
        mark = self.notation.immediate if marked else ""
        return boxes.Fraction(self.shown(of), self.shown(by), mark, self.notation.derivative)

    def total(self, look: Total, of: Expr | None, by: Expr) -> boxes.Box:
        if look == "fraction" and of is not None:
            return self.fraction(of, by)
        if look == "nabla" and of is not None:
            return boxes.Nabla(self.shown(of), self.shown(by))
        return boxes.AdjointOf(self.shown(by), look if look in ("d", "overbar") else "delta")


def _signed(whole: boxes.Box, notation: Notation) -> boxes.Box:
    """The box with the signs of the notation in the place of those that operations put."""

    def signed(part: boxes.Box) -> boxes.Box:
        inner: boxes.Box = boxes.with_parts(part, signed)
        match inner:
            case boxes.Factors(kind="elementwise") if notation.product == "circ":
                return replace(inner, kind="circle")
            case boxes.Call(function=function) | boxes.Application(function=function):
                return replace(inner, function=notation.function(function))
            case boxes.Superscript(base=base, exponent=exponent):
                kept = exponent is None and not inner.inverse and _takes_transpose(base)
                base = base if kept or not _is_raised(base) else boxes.Brackets(base)
                return replace(inner, base=base, transpose=notation.transpose)
            case _:
                return inner

    return signed(whole)


def _is_raised(base: boxes.Box) -> bool:
    """Whether the box ends in an exponent."""
    match base:
        case boxes.Glyph(time=time, place=place):
            return time is not None and place != "subscript"
        case boxes.AdjointOf(variable=variable):
            return _is_raised(variable)
        case _:
            return False


def _takes_transpose(base: boxes.Box) -> bool:
    """Whether a time step in brackets takes the sign of a transpose beside it."""
    return isinstance(base, boxes.Glyph) and base.place in ("parentheses", "angle")


def _alphabet(symbol: Variable | Parameter | TotalLoss, notation: Notation) -> Alphabet:
    if isinstance(symbol, TotalLoss) or symbol.shape == (1, 1):
        return "plain"
    return notation.vector if 1 in symbol.shape else notation.matrix


def _index(node: Add, shown: Callable[[Expr], boxes.Box]) -> boxes.Box:
    """A time index or a size such as t - 1, N - i or m + n: symbols first, then the number."""
    number, symbols = node.as_coeff_Add()
    parts = list(symbols.args if isinstance(symbols, Add) else (symbols,))
    terms = [(-1 if part.could_extract_minus_sign() else 1, part) for part in parts]
    terms.sort(key=lambda term: term[0] < 0)
    shown_terms = [(sign, shown(-part if sign < 0 else part)) for sign, part in terms]
    if number:
        shown_terms.append((-1 if number < 0 else 1, boxes.Number(abs(int(number)))))
    return boxes.Terms(tuple(shown_terms))
