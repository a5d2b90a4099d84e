"""Breaking a long equation into lines, before its signs and between its factors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from bptt_sym.algebra.boxes import (
    AdjointOf,
    Application,
    Big,
    Box,
    Brackets,
    Call,
    Cases,
    EntrySum,
    Factors,
    Fraction,
    Glyph,
    Matrix,
    Nabla,
    Negative,
    Number,
    Part,
    Ratio,
    Relation,
    Row,
    Superscript,
    Terms,
    Tuple,
)
from bptt_sym.algebra.names import GREEK, split_name

Kind = Literal["matrix", "elementwise", "circle", "kronecker"]


def width(box: Box) -> float:
    """The width of a box as typeset, in units of about one letter."""
    match box:
        case Number():
            return len(box.decimal or str(box.numerator))
        case Glyph():
            brackets = 1.7 if box.place in ("parentheses", "angle") else 0
            time = 0.65 * (width(box.time) + brackets) if box.time else 0
            return _name_width(box) + time
        case Fraction(of=of, by=by, mark=mark):
            return (1.9 if mark else 1.2) + max(width(of), width(by))
        case Nabla(of=of, by=by):
            return 1.6 + 0.7 * width(by) + width(of)
        case AdjointOf(variable=inner):
            return 1 + width(inner)
        case Brackets(body=Fraction() as inner):
            return 2.2 + width(inner)
        case Brackets(body=inner) | Negative(body=inner) | EntrySum(body=inner):
            return 1.6 + width(inner)
        case Call(function=function, argument=argument, primes=primes):
            letters = 1 if function in GREEK or function[0] == "\\" else len(function)
            return letters + 1.5 + 0.6 * primes + width(argument)
        case Superscript(base=base):
            return 0.9 + width(base)
        case Big(body=body, upper=upper):
            return 4 + max(0, 0.65 * width(upper) - 1.5) + width(body)
        case Terms(terms=terms):
            return sum(width(term) + 1.6 for _, term in terms)
        case Ratio(numerator=over, denominator=under):
            return 0.6 + max(width(over), width(under))
        case Matrix(rows=rows):
            return 2 + sum(max(width(row[k]) for row in rows) + 1.5 for k in range(len(rows[0])))
        case Tuple(parts=parts):
            return 1 + sum(width(part) + 0.8 for part in parts)
        case Application(arguments=parts) | Row(parts=parts):
            return 3 + sum(width(part) + 1 for part in parts)
        case Relation(left=left, right=right):
            return 4 + width(left) + width(right)
        case Cases(chosen=chosen, condition=condition, other=other):
            return 5 + max(width(chosen), width(other)) + width(condition)
        case Part(body=body, start=start, stop=stop):
            return 2 + width(body) + width(start) + width(stop)
        case Factors(factors=factors, kind=kind):
            return sum(width(factor) for factor in factors) + (
                (0.3 if kind == "matrix" else 2) * (len(factors) - 1)
            )
        case _:
            return 1.5


def _name_width(box: Glyph) -> float:
    bold = 1.2 if box.alphabet.startswith("bold") else 1.0
    if box.latex:
        letters = len(_COMMAND.sub("", box.latex).replace("{", "").replace("}", ""))
        arrow = 1.0 if "arrow" in box.latex else 0.0
        return bold * (0.6 + arrow + 0.5 * max(letters, 1))
    base, index = split_name(box.name)
    letters = 1 if base in GREEK else len(base)
    return 0.3 + bold * 0.8 * letters + 0.5 * (1 if index in GREEK else len(index))


_COMMAND = re.compile(r"\\[A-Za-z]+")


_SEPARATION: dict[Kind, float] = {
    "matrix": 0.5,
    "elementwise": 1.6,
    "circle": 1.6,
    "kronecker": 1.6,
}
"""The width of what stands between two factors."""


@dataclass(frozen=True)
class Page:
    """How a language writes a box, measures it and begins a line.

    ``first_minus`` begins the first line of several, ``operators`` a line inside a product, and
    ``after_number`` stands between a number and a sign of sum.
    """

    write: Callable[[Box], str]
    measure: Callable[[Box], float]
    minus: str
    first_minus: str
    after_number: str
    operators: Mapping[str, str]


def broken(box: Box, room: float, page: Page) -> list[str]:
    """The box as written lines, each about ``room`` wide; later lines begin with their sign."""
    if page.measure(box) <= room:
        return [page.write(box)]
    if not isinstance(box, Terms):
        return _filled(box, room, page)
    lines: list[str] = []
    for sign, line in _term_lines(box, room, page.measure):
        first, *more = _filled(line, room, page)
        if lines:
            first = f"{page.minus if sign < 0 else '+'} {first}"
        elif sign < 0:
            first = page.first_minus + first
        lines += [first, *more]
    return lines


def _term_lines(box: Terms, room: float, measure: Callable[[Box], float]) -> list[tuple[int, Box]]:
    """A sum as lines, each a sign and what follows: a term each, or several where all are short."""
    short = all(measure(term) <= room / 4 for _, term in box.terms)
    groups: list[list[tuple[int, Box]]] = []
    used = 0.0
    for sign, term in box.terms:
        used += measure(term) + 3
        if not groups or not short or used > room:
            groups.append([])
            used = measure(term) + 3
        groups[-1].append((sign, term))
    return [
        (group[0][0], group[0][1] if len(group) == 1 else Terms(((1, group[0][1]), *group[1:])))
        for group in groups
    ]


def _filled(box: Box, room: float, page: Page) -> list[str]:
    """A product in lines that are filled factor by factor."""
    if page.measure(box) <= room:
        return [page.write(box)]
    prefix, factors, kind = _opened(box, page)
    groups: list[list[Box]] = [[]]
    used = 4.0 * len(prefix)
    for factor in factors:
        if groups[-1] and used + page.measure(factor) > room:
            groups.append([])
            used = 2.5
        groups[-1].append(factor)
        used += page.measure(factor) + _SEPARATION[kind]
    lines: list[str] = []
    for group in groups:
        whole = group[0] if len(group) == 1 else Factors(tuple(group), kind)
        first, *more = _opened_call(whole, room, page)
        lines += [f"{page.operators[kind]} {first}" if lines else "".join(prefix) + first, *more]
    return lines


def _opened_call(box: Box, room: float, page: Page) -> list[str]:
    """The diagonal matrix of an entrywise product that has no room, in lines of its factors."""
    match box:
        case Call(function="diag", argument=Factors(kind="elementwise" | "circle") as inner) if (
            page.measure(box) > room
        ):
            begin, end = page.write(Call("diag", Terms(())))[:-1], ")"
            *before, last = _filled(inner, room - 6, page)
            return [begin + before[0], *before[1:], last + end] if before else [begin + last + end]
        case _:
            return [page.write(box)]


def _opened(box: Box, page: Page) -> tuple[list[str], tuple[Box, ...], Kind]:
    """A product as the signs before it, its factors and their kind; sum signs are opened."""
    match box:
        case Negative(body=body):
            signs, factors, kind = _opened(body, page)
            return [page.minus, *signs], factors, kind
        case Big(kind="sum", body=body):
            signs, factors, kind = _opened(body, page)
            sign = Big("sum", Terms(()), box.index, box.lower, box.upper)
            return [page.write(sign), *signs], factors, kind
        case Factors(factors=(Number() as number, (Big() | Factors()) as body)):
            signs, factors, kind = _opened(body, page)
            return [page.write(number) + page.after_number, *signs], factors, kind
        case Factors(factors=(Ratio() as ratio, Big() as body)):
            signs, factors, kind = _opened(body, page)
            return [page.write(Factors((ratio, Terms(())))), *signs], factors, kind
        case Factors(factors=factors, kind=kind):
            return [], factors, kind
        case _:
            return [], (box,), "matrix"
