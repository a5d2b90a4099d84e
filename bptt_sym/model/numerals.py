"""Numbers and sizes in an equation."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import partial

from sympy import Add, Expr, Integer, Rational, S, expand

from bptt_sym.errors import listed
from bptt_sym.limits import SIZE, SIZE_FACTORS, SIZE_TERMS
from bptt_sym.model.equation_text import EquationText
from bptt_sym.quoting import shortened

MOST_DIGITS = 15
SMALLEST, LARGEST = Rational(1, 10**30), Integer(10**30)
SMALLEST_TEXT, LARGEST_TEXT = "1e-30", "1e30"


def in_range(number: Rational) -> bool:
    """Whether a number is zero or of a size that code can hold."""
    return bool(number == 0 or SMALLEST <= abs(number) <= LARGEST)


OUT_OF_RANGE = f"a number lies between {SMALLEST_TEXT} and {LARGEST_TEXT}"


def read_number(text: EquationText, node: ast.Constant) -> Rational:
    """A number as it is written, exactly."""
    value = node.value
    assert isinstance(value, int | float)
    digits = text.source(node)
    if len(digits) > MOST_DIGITS or "_" in digits or not set(digits) <= set("0123456789.e-+"):
        raise text.error(node, f"a number is written plainly, in at most {MOST_DIGITS} digits")
    if isinstance(value, int):
        return S(value)
    exponent = re.fullmatch(r"[0-9.]+(?:e[+-]?([0-9]{1,2}))?", digits)
    if not exponent:
        raise text.error(node, OUT_OF_RANGE)
    exact = Fraction(digits)
    if not in_range(exact):
        raise text.error(node, OUT_OF_RANGE)
    return Rational(exact.numerator, exact.denominator)


def read_size(text: EquationText, node: ast.expr, dimensions: Mapping[str, Expr]) -> Expr:
    """A number of entries: sums, differences and products of dimensions and whole numbers.

    It is multiplied out. Raises InputError for what is no size, or a larger one than the limits.
    """
    size = expand(_combined(text, node, dimensions))
    terms = Add.make_args(size)
    place = partial(text.place_of, node)
    SIZE_TERMS.check(len(terms), place)
    for term in terms:
        SIZE.check(abs(int(term.as_coeff_Mul()[0])), place)
        powers = term.as_powers_dict().items()
        SIZE_FACTORS.check(sum(int(power) for base, power in powers if base.is_Symbol), place)
    return size


def _combined(text: EquationText, node: ast.expr, dimensions: Mapping[str, Expr]) -> Expr:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return S(number)
        case ast.Name(id=name) if name in dimensions:
            return dimensions[name]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return read_size(text, left, dimensions) + read_size(text, right, dimensions)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return read_size(text, left, dimensions) - read_size(text, right, dimensions)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return read_size(text, left, dimensions) * read_size(text, right, dimensions)
        case _:
            raise text.error(
                node,
                f"not a size: {shortened(text.source(node))}; a size is made of "
                f"{listed([*dimensions, 'whole numbers'])}, +, - and *",
            )
