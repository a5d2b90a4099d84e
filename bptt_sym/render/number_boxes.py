"""Expressions in numbers, as boxes: a matrix of numbers in the place of each part.

Of a sum, of a product and of one entry by entry the parts are shown; all else is one number or
matrix: a quantity, its transpose, a function of it, a diagonal matrix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from bptt_sym.algebra import boxes
from bptt_sym.algebra.expressions import (
    Broadcast,
    HadamardProduct,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Parameter,
    Variable,
)
from bptt_sym.algebra.operation import number_box
from bptt_sym.algebra.operations import operation_of
from bptt_sym.algebra.school_form import school_form
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.derivation_values import DerivationValues, source_of
from bptt_sym.render.tex import MOST_COLUMNS

Array = Any

DECIMALS = 4
"""Numbers are rounded to so many decimals."""

PLAIN = (1e-3, 1e5)
"""A matrix whose largest entry is in this range has no powers of ten."""

_ROUNDING = 1e-14
"""What is so small beside the terms that it is the sum of is rounding."""

_SHOWN = MatAdd | MatMul | HadamardProduct


def digits(array: Array, largest: float = 0.0) -> list[list[str]]:
    """The entries of a matrix as they are written, row by row.

    All of them exactly, where they have few decimals; a zero is exact in any case. ``largest`` is
    an entry of another matrix beside which it stands, if that is larger.

    >>> digits([[0.5, -2.0]]), digits([[0.123456, 0.0]])
    ([['0.5', '-2']], [['0.1235', '0']])
    """
    entries = np.atleast_2d(array)
    size = float(np.max(np.abs(entries), initial=largest))
    exact = bool(np.all(entries == np.round(entries, DECIMALS))) and size < PLAIN[1]
    return [[_written(float(entry), size, exact=exact) for entry in row] for row in entries]


def _written(number: float, size: float, *, exact: bool) -> str:
    if number == 0 or exact:
        return f"{number + 0.0:.12g}"
    if not math.isfinite(number):
        return str(number)
    if number == round(number) and PLAIN[0] <= size < PLAIN[1]:
        return str(int(number))
    if PLAIN[0] <= size < PLAIN[1]:
        text = f"{number:.{DECIMALS}f}"
        return text.removeprefix("-") if float(text) == 0 else text
    mantissa, _, exponent = f"{number:.{DECIMALS - 1}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def array_box(array: Array, largest: float = 0.0) -> boxes.Box:
    """A matrix of numbers, or one number; as ``digits`` writes them."""
    rows = tuple(tuple(map(_entry, row)) for row in digits(array, largest))
    return rows[0][0] if len(rows) == len(rows[0]) == 1 else boxes.Matrix(rows, numbers=True)


def _entry(text: str) -> boxes.Box:
    number = boxes.Number(0, decimal=text.removeprefix("-"))
    return boxes.Negative(number) if text.startswith("-") else number


def expression_box(expression: MatrixExpr, values: DerivationValues) -> boxes.Box:
    """An expression with its parts in numbers."""

    def shown(node: Any) -> boxes.Box:
        if node.is_Rational:
            return number_box(node)
        if isinstance(node, _SHOWN) or _is_spread(node):
            return operation_of(node).box(node, show)
        return array_box(values.value(node))

    def show(node: Any, binding: int) -> boxes.Box:
        return boxes.bracketed(shown(node), binding)

    return _apart(shown(school_form(expression)))


def settled(expression: MatrixExpr, values: DerivationValues) -> Array:
    """The value of an expression, where what is no more than the rounding of its terms is 0."""

    def magnitude(node: Any) -> Array:
        """The value where every part counts with its absolute value."""
        if node.is_Rational:
            return abs(float(node))
        if not isinstance(node, _SHOWN):
            return np.abs(values.value(node))
        parts = list(map(magnitude, node.args))
        if isinstance(node, MatAdd):
            return sum(parts[1:], parts[0])
        if isinstance(node, HadamardProduct):
            return math.prod(parts[1:], start=parts[0])
        return reduce(lambda a, b: a @ b if np.ndim(a) and np.ndim(b) else a * b, parts)

    value = values.value(expression)
    with np.errstate(all="ignore"):
        noise = np.abs(value) <= _ROUNDING * np.broadcast_to(magnitude(expression), value.shape)
    return np.where(noise, 0.0, value)


def _is_spread(node: MatrixExpr) -> bool:
    """Whether it is a number or scalar in each entry, which is written once."""
    return isinstance(node, Broadcast) and isinstance(node.operand, OneMatrix)


def _apart(box: boxes.Box) -> boxes.Box:
    """A product in which no two numbers stand side by side without brackets, and a sum that begins
    with the sign of its first number.
    """
    if isinstance(box, boxes.Matrix):
        return box
    inner: boxes.Box = boxes.with_parts(box, _apart)
    match inner:
        case boxes.Factors(factors=(first, *more)):
            kept = (boxes.Brackets(f) if isinstance(f, boxes.Number) else f for f in more)
            return replace(inner, factors=(first, *kept))
        case boxes.Terms(terms=((1, boxes.Brackets(boxes.Negative(first))), *others)):
            return replace(inner, terms=((-1, first), *others))
    return inner


class InNumbers(NamedTuple):
    """Boxes that are equal, in the ``shape`` of a parameter or input, where that is told."""

    boxes: list[boxes.Box]
    shape: Parameter | Variable | None = None


def equation_in_numbers(equation: DerivedEquation, values: DerivationValues) -> list[InNumbers]:
    """What stands below an equation: its right side in numbers and the result, if these differ.

    Of a gradient that is the sum of contributions the terms are these. What is a row and belongs to
    a matrix is in the shape of this, too.
    """
    by, value = source_of(equation), settled(equation.right, values)
    shaped = values.in_shape(equation, value)
    differs = shaped.shape != value.shape and 1 not in shaped.shape
    if _is_of_contributions(equation):
        parts = [values.in_shape(equation, settled(e, values)) for e in equation.right.args]
        largest = float(max(np.max(np.abs(part)) for part in parts))
        terms = _sum([array_box(part, largest) for part in parts])
        return [InNumbers([terms, array_box(shaped, largest)], by if differs else None)]
    numbers, result = expression_box(equation.right, values), array_box(value)
    found = [InNumbers([result] if numbers == result else [numbers, result])]
    return [*found, InNumbers([array_box(shaped)], by)] if differs else found


def _is_of_contributions(equation: DerivedEquation) -> bool:
    """Whether the terms of a gradient stand above it, one by one."""
    several = len(equation.factors) > 1 and equation.contribution is None
    return several and isinstance(equation.right, MatAdd) and source_of(equation) is not None


def _sum(terms: Sequence[boxes.Box]) -> boxes.Box:
    return _apart(boxes.Terms(tuple((1, boxes.bracketed(term, boxes.PRODUCT)) for term in terms)))


def fitted(
    box: boxes.Box, room: float, measure: Callable[[boxes.Box], float]
) -> tuple[boxes.Box, bool]:
    """The box with each matrix of numbers that is wider than a line made small, and the size of one
    that is wider still in its place; and whether there is such a one.
    """
    left_out = []

    def changed(part: boxes.Box) -> boxes.Box:
        if not isinstance(part, boxes.Matrix):
            inner: boxes.Box = boxes.with_parts(part, changed)
            return inner
        wide = len(part.rows[0]) > MOST_COLUMNS or measure(part) > room
        small = replace(part, small=wide)
        if measure(small) <= room:
            return small
        left_out.append(part)
        return size_box(part)

    return changed(box), bool(left_out)


def size_box(matrix: boxes.Matrix) -> boxes.Box:
    """What stands for a matrix that has no room in a line: its numbers of rows and columns."""
    rows, columns = len(matrix.rows), len(matrix.rows[0])
    return boxes.Glyph(f"[{rows} × {columns}]", latex=rf"[{rows} \times {columns}]")
