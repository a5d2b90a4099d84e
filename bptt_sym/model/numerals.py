"""Numbers and sizes in an equation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import partial

from sympy import Add, Expr, Integer, Rational, S, expand

from bptt_sym.errors import listed
from bptt_sym.limits import SIZE, SIZE_FACTORS, SIZE_TERMS
from bptt_sym.model.equation_text import EquationText
from bptt_sym.quoting import shortened

MOST_DIGITS = 17
LONGEST = 40
SMALLEST, LARGEST = Rational(1, 10**300), Integer(10**300)
SMALLEST_TEXT, LARGEST_TEXT = "1e-300", "1e300"

_NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3}))?")
_IN_TEXT = re.compile(rf"(?<![\w.]){_NUMBER.pattern}(?![\w.])")


def in_range(number: Rational) -> bool:
    """Whether a number is zero or of a size that code can hold."""
    return bool(number == 0 or SMALLEST <= abs(number) <= LARGEST)


OUT_OF_RANGE = f"a number lies between {SMALLEST_TEXT} and {LARGEST_TEXT}"


def read_number(text: EquationText, node: ast.Constant) -> Rational:
    """A number as it is written, exactly."""
    digits = text.source(node)
    form = _NUMBER.fullmatch(digits)
    if not form:
        plainly = f"a number is written plainly, in at most {MOST_DIGITS} digits"
        raise text.error(node, OUT_OF_RANGE if re.fullmatch(r"[0-9.]+[eE].*", digits) else plainly)
    if len(form[1].replace(".", "").strip("0")) > MOST_DIGITS or len(digits) > LONGEST:
        raise text.error(node, f"a number is written plainly, in at most {MOST_DIGITS} digits")
    exact = Fraction(digits)
    if not in_range(Rational(exact.numerator, exact.denominator)):
        raise text.error(node, OUT_OF_RANGE)
    return Rational(exact.numerator, exact.denominator)


def decimals_in(text: str) -> Iterator[Rational]:
    """The numbers that a text of the equation language writes with a point or a power of ten."""
    for found in _IN_TEXT.finditer(text):
        if set(found[0]) & set(".eE") and len(found[0]) <= LONGEST:
            exact = Fraction(found[0])
            yield Rational(exact.numerator, exact.denominator)


def decimals_of(value: object) -> Iterator[Rational]:
    """The same of all texts in a table of a model file, and of its numbers."""
    match value:
        case str():
            yield from decimals_in(value)
        case float():
            yield from decimals_in(repr(value))
        case Mapping():
            yield from decimals_of(value.values())
        case Iterable():
            for entry in value:
                yield from decimals_of(entry)


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
