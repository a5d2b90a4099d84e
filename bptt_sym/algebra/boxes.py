"""Boxes of mathematical notation: what an expression looks like, before any output language.

An operation says once how it is laid out and where it needs brackets; text and LaTeX only write
the boxes down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

SUM, PRODUCT, POWER, ATOM = range(1, 5)
"""How tightly a box binds; a box inside one that binds tighter gets brackets."""


@dataclass(frozen=True)
class Number:
    """A rational number; an integer has denominator 1.

    ``decimal`` is how it is written where it is not as a fraction: 0.9, 1e-5.
    """

    numerator: int
    denominator: int = 1
    decimal: str = ""
    binding = ATOM


@dataclass(frozen=True)
class Glyph:
    """A named symbol, e.g. W_s, with a time step if it has one; ``latex`` is its own notation.

    ``place`` is where the time step stands: below, raised, or raised in brackets. ``macro`` is the
    LaTeX command to write for it, which takes the time step.
    """

    name: str
    alphabet: Literal["plain", "bar", "arrow", "bold", "bold upright"] = "plain"
    time: Box | None = None
    latex: str = ""
    place: Literal["subscript", "superscript", "parentheses", "angle"] = "subscript"
    macro: str = ""
    binding = ATOM


@dataclass(frozen=True)
class Constant:
    """The identity, with its size, or a matrix of ones or zeros."""

    kind: Literal["identity", "ones", "zeros"]
    size: Box | None = None
    binding = ATOM


@dataclass(frozen=True)
class Terms:
    """A sum; each term has a sign, +1 or -1.

    It is ``spread`` where a row, column or head stands in it for several of them.
    """

    terms: tuple[tuple[int, Box], ...]
    spread: bool = False
    binding = SUM


@dataclass(frozen=True)
class Factors:
    """A product: of matrices (``kind`` is "matrix") or of entries ("elementwise", "circle").

    One of entries is ``spread`` where a row, column or head stands in it for several of them.
    """

    factors: tuple[Box, ...]
    kind: Literal["matrix", "elementwise", "circle", "kronecker"] = "matrix"
    spread: bool = False
    binding = PRODUCT


@dataclass(frozen=True)
class Negative:
    """A box with a minus sign in front."""

    body: Box
    binding = SUM


@dataclass(frozen=True)
class Fraction:
    """A derivative du/dv; ``mark`` is that of an immediate derivative, ``letter`` the d."""

    of: Box
    by: Box
    mark: Literal["", "plus", "star", "bar"] = ""
    letter: Literal["partial", "d", "D"] = "partial"
    binding = POWER


@dataclass(frozen=True)
class Nabla:
    """The gradient of a scalar with respect to something, in the shape of this."""

    of: Box
    by: Box
    binding = PRODUCT


@dataclass(frozen=True)
class AdjointOf:
    """The adjoint of a variable: a sign in front of it or a bar above it."""

    variable: Box
    sign: Literal["delta", "d", "overbar"] = "delta"
    binding = ATOM


@dataclass(frozen=True)
class Brackets:
    """A box in round brackets."""

    body: Box
    binding = ATOM


@dataclass(frozen=True)
class Call:
    """A named function at an argument, with primes for its derivatives, along an axis or not."""

    function: str
    argument: Box
    primes: int = 0
    axis: int | None = None
    binding = ATOM


@dataclass(frozen=True)
class Superscript:
    """A power, or a transpose where ``exponent`` is None: that of the ``inverse``, if told."""

    base: Box
    exponent: Box | None
    transpose: Literal["top", "T", "prime"] = "top"
    inverse: bool = False
    binding = POWER


@dataclass(frozen=True)
class Big:
    """A sum over index = lower, ..., upper, or a product over upper >= index > lower, falling."""

    kind: Literal["sum", "product"]
    body: Box
    index: Box
    lower: Box
    upper: Box
    binding = PRODUCT


@dataclass(frozen=True)
class EntrySum:
    """The sum of all entries of a vector or matrix."""

    body: Box
    binding = PRODUCT


@dataclass(frozen=True)
class Ratio:
    """A quotient, entry by entry where the two are vectors."""

    numerator: Box
    denominator: Box
    binding = POWER


@dataclass(frozen=True)
class Application:
    """A named function of several arguments."""

    function: str
    arguments: tuple[Box, ...]
    binding = ATOM


Sign = Literal["at least", "greater", "at most", "less"]


@dataclass(frozen=True)
class Relation:
    """A comparison; as an ``indicator``, 1 where it holds and 0 elsewhere."""

    left: Box
    sign: Sign
    right: Box
    indicator: bool = False
    binding = ATOM


@dataclass(frozen=True)
class Cases:
    """One value where a relation holds, another elsewhere."""

    chosen: Box
    condition: Relation
    other: Box
    binding = ATOM


@dataclass(frozen=True)
class ModuloOf:
    """The remainder of a division; it gets brackets wherever it is part of something."""

    dividend: Box
    divisor: Box
    binding = SUM


@dataclass(frozen=True)
class Part:
    """The entries start, ..., stop - 1 of a vector, or those ``columns`` of a matrix."""

    body: Box
    start: Box
    stop: Box
    columns: bool = False
    binding = ATOM


@dataclass(frozen=True)
class Row:
    """Vectors one after the other, in square brackets."""

    parts: tuple[Box, ...]
    binding = ATOM


@dataclass(frozen=True)
class Tuple:
    """Several things as one, in round brackets."""

    parts: tuple[Box, ...]
    binding = ATOM


@dataclass(frozen=True)
class Matrix:
    """A matrix of boxes, row after row.

    The entries of one of ``numbers`` are all numbers; a ``small`` one has those of an index.
    """

    rows: tuple[tuple[Box, ...], ...]
    numbers: bool = False
    small: bool = False
    binding = ATOM


WithArguments = (
    Ratio | Call | Application | Relation | Cases | ModuloOf | Part | Row | Tuple | Matrix
)
"""Functions of arguments, and what else has its parts side by side or below each other."""

Box = (
    Number
    | Glyph
    | Constant
    | Terms
    | Factors
    | Negative
    | Fraction
    | Nabla
    | AdjointOf
    | Brackets
    | Superscript
    | Big
    | EntrySum
    | WithArguments
)


def bracketed(box: Box, binding: int) -> Box:
    """The box, in brackets if it binds less tightly than asked."""
    return box if box.binding >= binding else Brackets(box)


def enclosed(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Boxes that stand side by side: one that would swallow what follows it gets brackets."""
    *before, last = boxes
    return (*(Brackets(box) if _is_open(box) else box for box in before), last)


def factors_of(box: Box) -> tuple[Box, ...]:
    """The factors of a matrix product, or what is none as the only one."""
    return box.factors if isinstance(box, Factors) and box.kind == "matrix" else (box,)


def as_factor(box: Box) -> Box:
    """The box as a factor of a matrix product: another kind of product gets brackets."""
    other = isinstance(box, Factors) and box.kind != "matrix"
    return Brackets(box) if other else box


def is_product(box: Box) -> bool:
    """Whether the box is a matrix product that ends in no open sign."""
    return isinstance(box, Factors) and box.kind == "matrix" and not _is_open(box)


def with_parts(box: Any, change: Callable[[Box], Box]) -> Any:
    """The box with each box that stands in it changed."""

    def part(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(part, value))
        return change(value) if isinstance(value, Box) else value

    return replace(box, **{entry.name: part(getattr(box, entry.name)) for entry in fields(box)})


def _is_open(box: Box) -> bool:
    """Whether the box ends in the body of a sum or product sign, or in what a gradient is of."""
    match box:
        case Big() | EntrySum() | Nabla():
            return True
        case Factors(factors=factors):
            return _is_open(factors[-1])
        case Negative(body=body):
            return _is_open(body)
        case _:
            return False
