"""Boxes as one line of text: Unicode for a terminal, ASCII for comments in code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from bptt_sym.algebra.boxes import (
    POWER,
    AdjointOf,
    Application,
    Big,
    Box,
    Brackets,
    Call,
    Cases,
    Constant,
    EntrySum,
    Factors,
    Fraction,
    Glyph,
    Matrix,
    ModuloOf,
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
    WithArguments,
    is_product,
)
from bptt_sym.algebra.names import GREEK, split_name


@dataclass(frozen=True)
class Signs:
    """The signs of one way to write text; ``low`` and ``high`` write an index and an exponent."""

    minus: str
    prime: str
    transpose: Mapping[str, str]
    inverse_transpose: Mapping[str, str]
    derivative: Mapping[str, str]
    immediate: Mapping[str, str]
    nabla: str
    adjoint: Mapping[str, str]
    over: str
    raised: Mapping[str, str]
    total: str
    product: str
    at_least: str
    between_derivatives: str
    operators: Mapping[str, str]
    constants: Mapping[str, str]
    relations: Mapping[str, str]
    letters: Mapping[str, str]
    accents: Mapping[str, str]
    low: Callable[[str], str]
    high: Callable[[str], str]


def plain_text(box: Box, signs: Signs) -> str:
    """The box as text with the given signs."""

    def write(inner: Box) -> str:
        return plain_text(inner, signs)

    def index(inner: Box) -> str:
        return _close(write(inner))

    match box:
        case Number(numerator=over, denominator=under, decimal=decimal):
            return decimal or (str(over) if under == 1 else f"{over}/{under}")
        case Glyph():
            return _glyph(box, index(box.time) if box.time else "", signs)
        case Constant(kind=kind, size=size):
            return signs.constants[kind] + (signs.low(index(size)) if size else "")
        case Terms(terms=terms):
            return "".join(
                _signed(k, sign, write(term), signs) for k, (sign, term) in enumerate(terms)
            )
        case Factors(factors=factors, kind=kind):
            return _product(factors, kind, signs)
        case Negative(body=body):
            return signs.minus + write(body)
        case Fraction(of=of, by=by):
            sign = signs.derivative[box.letter]
            return f"{sign}{signs.immediate[box.mark]}{write(of)}/{sign}{write(by)}"
        case Nabla(of=of, by=by):
            return f"{signs.nabla}{_marked(index(by), '_')} {write(of)}"
        case AdjointOf(variable=Glyph(name=name) as variable, sign="overbar"):
            letter = _letter(name, signs)
            return letter + signs.over + write(variable).removeprefix(letter)
        case AdjointOf(variable=variable, sign=sign):
            return signs.adjoint[sign] + write(variable)
        case Brackets(body=body):
            return f"({write(body)})"
        case Superscript(base=base, exponent=exponent, inverse=inverse):
            turned = (signs.inverse_transpose if inverse else signs.transpose)[box.transpose]
            return write(base) + (signs.high(index(exponent)) if exponent else turned)
        case Big(kind="sum"):
            limits = signs.low(f"{write(box.index)}={index(box.lower)}")
            return f"{signs.total}{limits}{signs.high(index(box.upper))} {write(box.body)}"
        case Big():
            steps = f"{write(box.upper)} {signs.at_least} {write(box.index)} > {write(box.lower)}"
            return f"{signs.product}[{steps}] {write(box.body)}"
        case EntrySum(body=body):
            return f"{signs.total} {write(body)}"
        case _:
            return _with_arguments(box, write, signs)


_ACCENTED = re.compile(
    rf"\\([a-z]+) ?\{{ ?(?:([A-Za-z])|\\({'|'.join(GREEK)})) ?\}}(?: ?_ ?\{{?([A-Za-z0-9]+)\}}?)?"
)
"""The LaTeX of a letter with an accent, and perhaps an index."""


def _glyph(box: Glyph, time: str, signs: Signs) -> str:
    """A name with its time step, which is empty where there is none."""
    name, mark = _face(box, signs)
    if time and box.place == "subscript":
        return f"{name}_{{{mark},{time}}}" if mark else name + signs.low(time)
    raised = signs.high(signs.raised[box.place].format(time)) if time else ""
    return (name + _marked(mark, "_") if mark else name) + raised


def _face(box: Glyph, signs: Signs) -> tuple[str, str]:
    """A letter, with the accent that LaTeX gives it where these signs have it, and an index."""
    accented = _ACCENTED.fullmatch(box.latex)
    if accented and accented[1] in signs.accents:
        letter = accented[2] or signs.letters[accented[3]]
        return letter + signs.accents[accented[1]], accented[4] or ""
    base, mark = split_name(box.name)
    return signs.letters.get(base, base), mark.replace("-", signs.minus)


def _letter(name: str, signs: Signs) -> str:
    """A name without its index."""
    base, _ = split_name(name)
    return signs.letters.get(base, base)


def _with_arguments(box: WithArguments, write: Callable[[Box], str], signs: Signs) -> str:
    match box:
        case Ratio(numerator=numerator, denominator=denominator):
            over = write(numerator) if is_product(numerator) else _tight(numerator, write)
            return f"{over} / {_tight(denominator, write)}"
        case Call(function="logdet", argument=argument):
            return f"log|det({write(argument)})|"
        case Call(function=function, argument=argument, primes=primes):
            name = signs.letters.get(function, function)
            along = "" if box.axis is None else f", axis={box.axis}"
            return f"{name}{signs.prime * primes}({write(argument)}{along})"
        case Application(function=function, arguments=arguments):
            return f"{function}({', '.join(map(write, arguments))})"
        case Relation(left=left, sign=sign, right=right, indicator=indicator):
            relation = f"{write(left)} {signs.relations[sign]} {write(right)}"
            return f"{signs.constants['ones']}[{relation}]" if indicator else relation
        case Cases(chosen=chosen, condition=condition, other=other):
            return f"({write(chosen)} if {write(condition)}, else {write(other)})"
        case ModuloOf(dividend=dividend, divisor=divisor):
            return f"{write(dividend)} mod {write(divisor)}"
        case Part(body=body, start=start, stop=stop, columns=columns):
            span = _close(f"{write(start)}:{write(stop)}")
            return f"{write(body)}[{':, ' if columns else ''}{span}]"
        case Row(parts=parts):
            return f"[{', '.join(map(write, parts))}]"
        case Tuple(parts=parts):
            return f"({', '.join(map(write, parts))})"
        case Matrix(rows=rows):
            return f"[{'; '.join(', '.join(map(write, row)) for row in rows)}]"


def _close(text: str) -> str:
    """A text without spaces, as an index or a limit."""
    return text.replace(" ", "")


def _tight(box: Box, write: Callable[[Box], str]) -> str:
    """A side of a quotient, in brackets unless it is one piece."""
    return write(box) if box.binding >= POWER else f"({write(box)})"


def unicode_text(box: Box) -> str:
    """The box as Unicode: ∂s₃/∂s₂, φ′(zₜ), W_sᵀ."""
    return plain_text(box, UNICODE)


def ascii_text(box: Box) -> str:
    """The box as ASCII, adjoints as they are named in code: dz_t = ds_t * phi'(z_t)."""
    return plain_text(box, ASCII)


def _signed(position: int, sign: int, term: str, signs: Signs) -> str:
    if position == 0:
        return term if sign > 0 else signs.minus + term
    return f" + {term}" if sign > 0 else f" {signs.minus} {term}"


def _product(factors: tuple[Box, ...], kind: str, signs: Signs) -> str:
    def write(factor: Box) -> str:
        # On one line, a / b c would divide by the product.
        shown = plain_text(factor, signs)
        return f"({shown})" if isinstance(factor, Ratio) else shown

    text = write(factors[0])
    for before, factor in pairwise(factors):
        text += between(before, factor, kind, signs) + write(factor)
    return text


def between(before: Box, factor: Box, kind: str, signs: Signs) -> str:
    """What stands between two factors of a product."""
    derivative = isinstance(before, Fraction) or isinstance(factor, Fraction)
    beside = kind == "matrix" and derivative and not isinstance(before, Number)
    return signs.between_derivatives if beside else signs.operators[kind]


_LOW = str.maketrans("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_HIGH = str.maketrans("0123456789+−=()Nijtn", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᴺⁱʲᵗⁿ")


def _shifted(text: str, table: Mapping[int, int], sign: str) -> str:
    """The text in small raised or lowered letters, or behind a sign if one of them lacks."""
    shifted = text.translate(table)
    if any(before == after for before, after in zip(text, shifted, strict=True)):
        return _marked(text, sign)
    return shifted


def _marked(text: str, sign: str) -> str:
    return sign + (text if text.isalnum() else f"{{{text}}}")


UNICODE = Signs(
    minus="−",
    prime="′",
    transpose={"top": "ᵀ", "T": "ᵀ", "prime": "′"},
    inverse_transpose={"top": "⁻ᵀ", "T": "⁻ᵀ", "prime": "⁻′"},
    derivative={"partial": "∂", "d": "d", "D": "D"},
    immediate={"": "", "plus": "⁺", "star": "*", "bar": "\u0304"},
    nabla="∇",
    adjoint={"delta": "δ", "d": "d", "overbar": "bar "},
    over="\u0304",
    raised={"superscript": "{}", "parentheses": "({})", "angle": "⟨{}⟩"},
    total="Σ",
    product="∏",
    at_least="≥",
    between_derivatives=" · ",
    operators={"matrix": " ", "elementwise": " ⊙ ", "circle": " ∘ ", "kronecker": " ⊗ "},
    constants={"identity": "I", "ones": "𝟏", "zeros": "0"},
    relations={"at least": "≥", "greater": ">", "at most": "≤", "less": "<"},
    letters=GREEK,
    accents={
        "tilde": "\u0303",
        "hat": "\u0302",
        "bar": "\u0304",
        "vec": "\u20d7",
        "dot": "\u0307",
        "ddot": "\u0308",
        "check": "\u030c",
        "breve": "\u0306",
        "underline": "\u0332",
    },
    low=lambda text: _shifted(text, _LOW, "_"),
    high=lambda text: _shifted(text, _HIGH, "^"),
)

ASCII = Signs(
    minus="-",
    prime="'",
    transpose={"top": "^T", "T": "^T", "prime": "'"},
    inverse_transpose={"top": "^{-T}", "T": "^{-T}", "prime": "^{-'}"},
    derivative={"partial": "d", "d": "d", "D": "D"},
    immediate={"": "", "plus": "+", "star": "*", "bar": "_bar"},
    nabla="grad",
    adjoint={"delta": "d", "d": "d", "overbar": "bar_"},
    over="_bar",
    raised={"superscript": "{}", "parentheses": "({})", "angle": "<{}>"},
    total="sum",
    product="product",
    at_least=">=",
    between_derivatives=" . ",
    operators={"matrix": " ", "elementwise": " * ", "circle": " * ", "kronecker": " (x) "},
    constants={"identity": "I", "ones": "ones", "zeros": "0"},
    relations={"at least": ">=", "greater": ">", "at most": "<=", "less": "<"},
    letters={},
    accents={},
    low=lambda text: _marked(text, "_"),
    high=lambda text: _marked(text, "^"),
)
