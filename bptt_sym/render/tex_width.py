"""How wide a box is when TeX sets it as a display, in ems of Computer Modern.

Widths are those of the fonts cmmi10, cmr10 and cmsy10 (D. E. Knuth, Computer Modern Typefaces,
1986), spaces those of the TeXbook's chapter 18, with roundings: a test compares both with pdflatex.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bptt_sym.algebra.boxes import (
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
)
from bptt_sym.algebra.names import GREEK, split_name
from bptt_sym.render.tex_height import fence

SCRIPT = 0.8
"""The width of a letter in an index, of that of the letter: small letters are wider."""

THIN, MEDIUM, THICK = 1 / 6, 2 / 9, 5 / 18
"""The spaces beside operators' names, binary operators and relations."""

SIGN = 0.78 + 2 * MEDIUM
"""A plus or minus between two terms."""

COMMA = 0.28 + THIN

GAPS = {"matrix": THIN, "elementwise": SIGN, "circle": 0.5 + 2 * MEDIUM, "kronecker": SIGN}
"""What stands between two factors."""

_UPRIGHT = {
    **dict.fromkeys("ijl", 0.28), "f": 0.31, **dict.fromkeys("rst", 0.39),
    **dict.fromkeys("ce", 0.44), **dict.fromkeys("agkoqvxyz", 0.52),
    **dict.fromkeys("bdhnpu", 0.56), "w": 0.72, "m": 0.83, "M": 0.92, "W": 1.03,
    "I": 0.36, "J": 0.51,
}  # fmt: skip
_ITALIC = {
    "a": 0.53, "b": 0.43, "c": 0.43, "d": 0.52, "e": 0.47, "f": 0.55, "g": 0.5, "h": 0.58,
    "i": 0.34, "j": 0.45, "k": 0.55, "l": 0.3, "m": 0.88, "n": 0.6, "o": 0.48, "p": 0.5,
    "q": 0.47, "r": 0.48, "s": 0.47, "t": 0.36, "u": 0.57, "v": 0.51, "w": 0.73, "x": 0.57,
    "y": 0.52, "z": 0.49, "A": 0.75, "B": 0.81, "C": 0.75, "D": 0.85, "E": 0.79, "F": 0.75,
    "G": 0.79, "H": 0.9, "I": 0.5, "J": 0.63, "K": 0.92, "L": 0.68, "M": 1.05, "N": 0.9,
    "O": 0.78, "P": 0.76, "Q": 0.79, "R": 0.77, "S": 0.66, "T": 0.7, "U": 0.78, "V": 0.81,
    "W": 1.06, "X": 0.89, "Y": 0.78, "Z": 0.74, "alpha": 0.64, "beta": 0.6, "gamma": 0.56,
    "delta": 0.48, "epsilon": 0.41, "zeta": 0.49, "eta": 0.53, "theta": 0.5, "iota": 0.35,
    "kappa": 0.58, "lambda": 0.58, "mu": 0.6, "nu": 0.54, "xi": 0.48, "pi": 0.6, "rho": 0.52,
    "sigma": 0.6, "tau": 0.51, "phi": 0.6, "chi": 0.63, "psi": 0.68, "omega": 0.65,
}  # fmt: skip
_DIGIT, _CAPITAL, _OTHER = 0.5, 0.76, 0.6
NUMBER = 1.8 + 4 * _DIGIT
"""An equation's number with the room before it: LaTeX may count on to four digits."""
_PARTIAL = 0.58
_BRACKET = 0.39
_BARS = {"abs": 0.28, "norm": 0.5, "floor": 0.56, "ceil": 0.56}
_PRIME = 0.29
_TRANSPOSE = 0.6
_SMALL_GAP = 0.4
"""What is between the columns of a small matrix."""
_SMALL_SPACE = 0.05
"""What TeX leaves behind an index."""
_SMALLEST = 0.12
"""What a time step in an index is wider by than the index of an index is taken to be."""

_TOKEN = re.compile(r"\\[A-Za-z]+|\S")
_ACCENTS = {"\\hat", "\\bar", "\\tilde", "\\vec", "\\dot", "\\ddot", "\\overline", "\\underline",
            "\\widehat", "\\widetilde", "\\boldsymbol", "\\mathbf", "\\check", "\\breve",
            "\\overleftarrow", "\\overrightarrow"}  # fmt: skip
_UPRIGHTS = {"\\mathrm", "\\operatorname", "\\text"}


@lru_cache(maxsize=4096)
def width(box: Box) -> float:
    """The width of a box, in ems."""
    match box:
        case Number(decimal=decimal) if decimal:
            return _of_decimal(decimal)
        case Number(numerator=over, denominator=under):
            small = 0.24 + 0.4 * max(len(str(over)), len(str(under)))
            return _DIGIT * len(str(over)) if under == 1 else small
        case Glyph():
            return _of_glyph(box)
        case Constant(kind=kind, size=size):
            sign = {"identity": 0.48, "ones": 0.58, "zeros": 0.5}[kind]
            return sign + (_small(size) if size else 0)
        case Terms(terms=terms):
            first = 0.78 if terms and terms[0][0] < 0 else 0
            return first + sum(width(t) for _, t in terms) + SIGN * (len(terms) - 1)
        case Factors(factors=factors, kind=kind):
            return sum(map(width, factors)) + GAPS[kind] * (len(factors) - 1)
        case Negative(body=body):
            return 0.78 + width(body)
        case Fraction(of=of, by=by, mark=mark):
            raised = 0.68 if mark in ("plus", "star") else 0
            return 0.24 + _PARTIAL + max(width(of) + raised, width(by))
        case Nabla(of=of, by=by):
            return 0.83 + _small(by) + width(of)
        case AdjointOf(variable=inner, sign=sign):
            return width(inner) + (0 if sign == "overbar" else 0.48 if sign == "delta" else 0.56)
        case Brackets(body=body):
            return 2 * fence(body).width + 2 * THIN + width(body)
        case Superscript(base=base, exponent=exponent, inverse=inverse):
            sign = _TRANSPOSE if exponent is None else _small(exponent) + _SMALL_SPACE
            raised = sign + (0.62 if inverse else 0)
            if isinstance(base, Glyph) and not (base.time and base.place != "subscript"):
                return _of_glyph(base, raised)
            return width(base) + raised
        case Big():
            return _of_big(box)
        case EntrySum(body=body):
            return 1.44 + 2 * THIN + width(body)
        case _:
            return _with_arguments(box)


def _with_arguments(box: Box) -> float:
    match box:
        case Ratio(numerator=over, denominator=under):
            return 0.24 + max(width(over), width(under))
        case Call(function="sqrt", argument=argument):
            return 1.0 + width(argument)
        case Call(function=function, argument=argument, axis=None) if function in _BARS:
            return 2 * (_BARS[function] + THIN) + width(argument)
        case Call(function=function, argument=argument, primes=primes, axis=axis):
            along = 0 if axis is None else 2.9
            return _of_function(function) + _PRIME * primes + 2 * _BRACKET + width(argument) + along
        case Application(function=function, arguments=parts):
            return _of_function(function) + 2 * _BRACKET + _of_list(parts)
        case Row(parts=parts) | Tuple(parts=parts):
            return 2 * _BRACKET + _of_list(parts)
        case Relation(left=left, right=right, indicator=indicator):
            around = 1.2 if indicator else 0
            return around + 0.78 + 2 * THICK + width(left) + width(right)
        case Cases(chosen=chosen, condition=condition, other=other):
            columns = max(width(chosen), width(other)) + max(width(condition), 1.7)
            return 0.9 + 1.0 + columns
        case ModuloOf(dividend=dividend, divisor=divisor):
            return 2.0 + 2 * MEDIUM + width(dividend) + width(divisor)
        case Part(body=body, start=start, stop=stop, columns=columns):
            whole = 0.84 + 2 * THICK if columns else 0.56
            return width(body) + whole + 0.28 + 2 * THICK + width(start) + width(stop)
        case Matrix(rows=rows, small=True):
            between = _SMALL_GAP * (len(rows[0]) - 1)
            return between + matrix_width(box, SCRIPT) - (len(rows[0]) - 1)
        case Matrix():
            return matrix_width(box)
        case _:
            return 1.0


def matrix_width(box: Matrix, size: float = 1.0) -> float:
    """The width of a matrix whose entries are so large, with the room between its columns."""
    columns = list(zip(*box.rows, strict=True))
    return 1.3 + sum(size * max(map(width, column)) for column in columns) + len(columns) - 1


def _of_list(parts: tuple[Box, ...]) -> float:
    return sum(map(width, parts)) + COMMA * (len(parts) - 1)


def _of_big(box: Big) -> float:
    if box.kind == "sum":
        below = _small(box.index) + _small(box.lower) + 0.6
        return max(1.44, below, _small(box.upper)) + 2 * THIN + width(box.body)
    below = _small(box.index) + _small(box.lower) + _small(box.upper) + 1.25
    return max(1.28, below) + 2 * THIN + width(box.body)


def _of_glyph(box: Glyph, raised: float = 0.0) -> float:
    """A name with its indices, below and above what is ``raised``."""
    base, index = split_name(box.name)
    bold = 1.13 if box.alphabet.startswith("bold") else 1.0
    name, low = (
        (_of_letter(base), index.split(",")) if not box.latex else (_of_latex(box.latex), [])
    )
    below = [SCRIPT * _of_letter(part) for part in low if part]
    if box.time is not None and box.place == "subscript":
        below.append(_small(box.time))
    elif box.time is not None:
        raised += _small(box.time) + (0 if box.place == "superscript" else 0.62)
    under = sum(below) + SCRIPT * 0.28 * max(len(below) - 1, 0)
    beside = max(under, raised)
    return bold * name + (beside + _SMALL_SPACE if beside else 0)


def _small(box: Box) -> float:
    """The width in an index, where operators have no room around them."""
    match box:
        case Terms(terms=terms):
            return sum(map(_small, (t for _, t in terms))) + 0.62 * (len(terms) - 1)
        case Factors(factors=factors):
            return sum(map(_small, factors)) + THIN * (len(factors) - 1)
        case Glyph(time=time, place=place) if time is not None and place != "subscript":
            return SCRIPT * width(box) + _SMALLEST
        case _:
            return SCRIPT * width(box)


def _of_letter(name: str) -> float:
    """A letter of mathematics, or a word."""
    if len(name) == 1 or name in GREEK:
        return _ITALIC.get(
            name, _DIGIT if name.isdigit() else _CAPITAL if name.istitle() else _OTHER
        )
    return _of_word(name)


def _of_word(word: str) -> float:
    return sum(
        _UPRIGHT.get(c, _DIGIT if c.isdigit() else _CAPITAL if c.isupper() else 0.5) for c in word
    )


def _of_function(name: str) -> float:
    if name in GREEK or len(name) == 1:
        return _of_letter(name)
    if name.startswith("\\"):
        return _of_latex(name)
    return _of_word(name.replace("_", " ")) + THIN


def _of_latex(text: str) -> float:
    """A notation of the author's own: letters with accents and indices."""
    total, upright, arrow = 0.0, False, False
    scale, following = [1.0], 1.0
    for token in _TOKEN.findall(text):
        if token in _ACCENTS or token in _UPRIGHTS:
            upright, arrow = token in _UPRIGHTS, arrow or "arrow" in token
        elif token == "{":
            scale.append(scale[-1] * following)
        elif token == "}":
            scale, upright = scale[:-1] or [1.0], False
        elif token not in "^_":
            command = token[1:] if token[0] == "\\" else ""
            known = not command or command in GREEK
            letter = (_of_word if upright else _of_letter)(command or token) if known else 0.47
            total += scale[-1] * following * letter
        following = SCRIPT if token in "^_" else 1.0
    return max(total, 1.0 if arrow else 0.0) + _SMALL_SPACE


def _of_decimal(text: str) -> float:
    mantissa, _, exponent = text.partition("e")
    power = 1.0 + 0.4 * len(exponent) if exponent else 0
    if exponent and mantissa == "1":
        return power
    return sum(0.28 if c == "." else _DIGIT for c in mantissa) + (power and power + 0.72)
