"""Breaking a long equation into lines, as a person would.

First before the signs of the outermost sum, then between the factors of a product, then within the
brackets of what still has no room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from bptt_sym.algebra.boxes import (
    POWER,
    Application,
    Big,
    Box,
    Brackets,
    Call,
    Cases,
    EntrySum,
    Factors,
    Glyph,
    ModuloOf,
    Negative,
    Number,
    Part,
    Ratio,
    Relation,
    Row,
    Superscript,
    Terms,
    bracketed,
)
from bptt_sym.render.page import HOLE, Page

FEWEST_TERMS = 3
"""Terms share lines where so many of the widest fit on one; else each begins a line."""

LONGEST_BEFORE = 0.25
"""What is broken begins beside factors that take at most so much of the line."""


class Indented(NamedTuple):
    """A line, so many indents to the right."""

    depth: int
    text: str

    def deeper(self, by: int = 1) -> Indented:
        """The line farther to the right."""
        return Indented(self.depth + by, self.text)


def broken(box: Box, room: float, page: Page) -> list[str]:
    """The box as written lines; what cannot be broken is left whole where ``room`` lacks.

    Later lines begin with their sign.
    """
    return [page.indent * line.depth + line.text for line in _lines(box, room, page, 0)]


def _lines(box: Box, room: float, page: Page, used: float) -> list[Indented]:
    """The lines of a box; so much of the first one is ``used``."""
    if used + page.measure(box) <= room:
        return _whole(box, page)
    match box:
        case Terms(terms=terms) if len(terms) > 1:
            return _of_sum(terms, room, page, used)
        case Application(arguments=parts) | Row(parts=parts) if len(parts) > 1:
            return _of_list(box, parts, room, page, used)
        case Relation() | ModuloOf():
            return _of_pair(box, room, page, used)
        case Cases():
            return _of_cases(box, room, page, used)
        case Ratio():
            return _of_ratio(box, room, page, used)
        case Factors(factors=(Ratio() as ratio,)):
            found = _within(Brackets(ratio), room, page, used)
            return found if len(found) > 1 else _whole(box, page)
    before, taken, body = _opened(box, page)
    if isinstance(body, Factors) and len(body.factors) > 1:
        found = _of_product(body, room, page, used + taken)
    elif body is not box:
        found = _lines(body, room, page, used + taken)
    else:
        found = _within(body, room, page, used)
    return _behind(before, found)


def _behind(text: str, lines: Sequence[Indented]) -> list[Indented]:
    """The lines with a text before the first one."""
    first, *more = lines
    return [Indented(first.depth, text + first.text), *more]


def _deeper(box: Box, room: float, page: Page, used: float) -> list[Indented]:
    """The lines of what is part of something: later ones are farther to the right."""
    # What is used of the first line is used of the whole room.
    first, *more = _lines(box, room - page.step, page, used - page.step)
    return [first, *(line.deeper() for line in more)]


def _of_sum(
    terms: Sequence[tuple[int, Box]], room: float, page: Page, used: float
) -> list[Indented]:
    widths = [page.measure(term) for _, term in terms]
    shared = FEWEST_TERMS * (max(widths) + page.sign) <= room
    gaps = [page.sign] * (len(terms) - 1)
    lines: list[Indented] = []
    for start, stop in filled(widths, gaps, room if shared else 0, used, page.begin):
        (sign, first), *more = terms[start:stop]
        before = page.minus if sign < 0 else "+" if lines else ""
        before += " " if lines else ""
        whole = Terms(((1, first), *more)) if more else first
        taken = (page.begin if before else 0) + (0 if lines else used)
        lines += _behind(before, _deeper(whole, room, page, taken))
    return lines


def _of_product(body: Factors, room: float, page: Page, used: float) -> list[Indented]:
    factors, kind = body.factors, body.kind
    # A factor has brackets where it needs them in a product.
    alone = [Factors((factor,), kind) for factor in factors]
    widths = list(map(page.measure, alone))
    gaps = [page.gap(*pair, kind) for pair in pairwise(factors)]
    lines: list[Indented] = []
    groups = list(filled(widths, gaps, room, used, page.begin))
    while groups:
        start, stop = groups.pop(0)
        before = f"{page.operators[kind]} " if lines else ""
        taken = page.begin if lines else used
        group = Factors(factors[start:stop], kind)
        shell = Factors((*group.factors, HOLE), kind)
        width = taken + page.measure(shell)
        found = _deeper(group, room, page, taken)
        # What fills more than a line begins on that of a short factor.
        if groups and page.begin + widths[stop] > room and width <= LONGEST_BEFORE * room:
            beside = _deeper(alone[stop], room, page, width)
            if len(beside) > 1:
                found = _behind(_until_hole(shell, page), beside)
                groups.pop(0)
        lines += _behind(before, found)
    return lines


def _of_list(
    box: Application | Row, parts: Sequence[Box], room: float, page: Page, used: float
) -> list[Indented]:
    """The parts of what is separated by commas."""
    shell = (
        replace(box, arguments=(HOLE,))
        if isinstance(box, Application)
        else replace(box, parts=(HOLE,))
    )
    around = page.around(shell, box)
    assert around is not None
    taken = page.measure(shell)
    room -= page.step + page.comma
    used += taken - page.step
    widths = list(map(page.measure, parts))
    lines: list[Indented] = []
    for start, stop in filled(widths, [page.comma] * (len(parts) - 1), room, used, 0):
        *before, last = parts[start:stop]
        written = "".join(f"{page.write(part)}, " for part in before)
        found = _deeper(last, room, page, 0 if lines else used)
        *most, end = _behind(written, found)
        comma = "" if stop == len(parts) else ","
        found = [*most, Indented(end.depth, end.text + comma)]
        lines += [line.deeper() for line in found]
    lines[0] = Indented(0, lines[0].text)
    return _closed(around, lines)


def _of_pair(box: Relation | ModuloOf, room: float, page: Page, used: float) -> list[Indented]:
    """Two sides with a sign between them, which begins a line if neither of them is short."""
    if isinstance(box, Relation):
        left, right = box.left, box.right
        bare: Box = Relation(HOLE, box.sign, HOLE)
        shell: Box = Relation(HOLE, box.sign, HOLE, indicator=box.indicator)
    else:
        left, right = box.dividend, box.divisor
        shell = bare = ModuloOf(HOLE, HOLE)
    before, sign, behind = page.write(shell).split(page.write(HOLE))
    brackets = page.measure(shell) - page.measure(bare)
    depth = 1 if before else 0  # lines begin behind brackets
    room -= depth * page.step
    taken = page.measure(bare) - 2 * page.measure(HOLE) + brackets
    if page.measure(left) <= LONGEST_BEFORE * room:
        used += page.measure(left) + taken
        found = _behind(page.write(left) + sign, _deeper(right, room, page, used))
    elif page.measure(right) <= LONGEST_BEFORE * room:
        taken += page.measure(right)
        found = _closed(("", sign + page.write(right)), _deeper(left, room - taken, page, used))
    else:
        found = _deeper(left, room, page, used + brackets)
        found += _behind(f"{sign.strip()} ", _deeper(right, room, page, taken))
    first, *more = _closed((before, behind), found)
    return [first, *(line.deeper(depth) for line in more)]


def _of_cases(box: Cases, room: float, page: Page, used: float) -> list[Indented]:
    """Cases in two columns, that of conditions as narrow as it may be, or one below the other."""
    if page.cases is not None:
        room -= used + page.brace
        beside = min(page.measure(box.condition), room / 2)
        rooms = (room - beside, beside, room - beside)
        parts = (box.chosen, box.condition, box.other)
        written = (broken(part, place, page) for part, place in zip(parts, rooms, strict=True))
        return [Indented(0, page.cases(*written))]
    first, *more = _deeper(box.chosen, room, page, used + page.comma)
    taken = page.begin + page.comma
    more += _closed(("if ", ","), _deeper(box.condition, room, page, taken))
    more += _closed(("else ", ")"), _deeper(box.other, room, page, taken))
    return [first._replace(text=f"({first.text}"), *(line.deeper() for line in more)]


def _of_ratio(box: Ratio, room: float, page: Page, used: float) -> list[Indented]:
    """A fraction with a slash: what is under it stands behind the last line, or on its own."""
    over, under = bracketed(box.numerator, POWER), bracketed(box.denominator, POWER)
    taken = page.measure(under) + page.sign
    beside = taken <= LONGEST_BEFORE * room
    found = _deeper(over, room - (taken if beside else 0), page, used)
    if not beside:
        return [*found, *_behind("/ ", _deeper(under, room, page, page.begin))]
    return _closed(("", f" / {page.write(under)}"), found) if len(found) > 1 else _whole(box, page)


def _whole(box: Box, page: Page) -> list[Indented]:
    return [Indented(0, page.write(box))]


def _within(box: Box, room: float, page: Page, used: float) -> list[Indented]:
    """What is in the brackets of a box in several lines, or the box whole."""
    shell, inner = _shell(box)
    around = page.around(shell, inner) if inner is not None else None
    if around is None and isinstance(box, Call) and box.function == "sqrt":
        # The sign of a root reaches over one line.
        return _within(Superscript(Brackets(box.argument), Number(1, 2)), room, page, used)
    if inner is None or around is None:
        return _whole(box, page)
    taken = page.measure(shell)
    found = _deeper(inner, room - page.comma, page, used + taken)
    if len(found) == 1:
        around = _halves(shell, page)
    return _closed(around, found)


def _closed(around: tuple[str, str], lines: Sequence[Indented]) -> list[Indented]:
    begin, end = around
    *before, last = _behind(begin, lines)
    return [*before, Indented(last.depth, last.text + end)]


def _shell(box: Box) -> tuple[Box, Box | None]:
    """What is around the inside of a box, and the inside."""
    match box:
        case Brackets(body=body):
            return Brackets(HOLE), body
        case Call(argument=argument):
            return replace(box, argument=HOLE), argument
        case Superscript(base=Brackets() | Call() as base):
            shell, inner = _shell(base)
            return replace(box, base=shell), inner
        case Superscript(base=base):
            return replace(box, base=HOLE), base
        case Part(body=body):
            return replace(box, body=HOLE), body
        case _:
            return box, None


def _opened(box: Box, page: Page) -> tuple[str, float, Box]:
    """What a box begins with, the width of this, and what follows, which may be broken."""
    match box:
        case Negative(body=body):
            shell: Box = Negative(HOLE)
        case Big(body=body):
            shell = replace(box, body=HOLE)
        case EntrySum(body=body):
            shell = EntrySum(HOLE)
        case Factors(factors=(only,)) if not isinstance(only, Ratio):
            return _opened(only, page)
        case Factors(factors=(Number() as first, body), kind=kind):
            shell = Factors((first, HOLE), kind)
        case Factors(factors=(Ratio() as first, Big() as body), kind=kind):
            shell = Factors((first, HOLE), kind)
        case Factors(factors=(first, *more), kind=kind) if more and _is_coefficient(first):
            shell, body = Factors((first, HOLE), kind), Factors(tuple(more), kind)
        case _:
            return "", 0.0, box
    begin, taken, inner = _opened(body, page)
    return _until_hole(shell, page) + begin, page.measure(shell) - page.measure(HOLE) + taken, inner


def _halves(shell: Box, page: Page) -> tuple[str, str]:
    """What is written before and behind the hole."""
    begin, _, end = page.write(shell).partition(page.write(HOLE))
    return begin, end


def _is_coefficient(box: Box) -> bool:
    """Whether a factor is a number, as 1 / (2 n) is one."""
    match box:
        case Number():
            return True
        case Ratio(numerator=Number(), denominator=Number() | Glyph()):
            return True
        case Ratio(numerator=Number(), denominator=Factors(factors=factors)):
            return all(isinstance(factor, Number | Glyph) for factor in factors)
    return False


def _until_hole(shell: Box, page: Page) -> str:
    return _halves(shell, page)[0]


def filled(
    widths: Sequence[float], gaps: Sequence[float], room: float, used: float, begin: float
) -> Iterator[tuple[int, int]]:
    """Which parts share a line: each filled, the later ones after what they ``begin`` with."""
    start, taken = 0, used + widths[0]
    for k, gap in enumerate(gaps, start=1):
        taken += gap + widths[k]
        if taken > room:
            yield start, k
            start, taken = k, begin + widths[k]
    yield start, len(widths)
