"""Boxes as LaTeX, in the subset of amsmath that KaTeX and MathJax share."""

from __future__ import annotations

from bptt_sym.algebra.layout import (
    AdjointOf,
    Big,
    Brackets,
    Call,
    Constant,
    EntrySum,
    Factors,
    Fraction,
    Glyph,
    Layout,
    Negative,
    Number,
    Superscript,
    Terms,
)
from bptt_sym.algebra.names import GREEK, split_name

_OPERATORS = {"matrix": r" \, ", "elementwise": r" \odot ", "kronecker": r" \otimes "}
_CONSTANTS = {"identity": "I", "ones": r"\mathbf{1}", "zeros": "0"}
_KNOWN_FUNCTIONS = {"tanh", "exp", "sin", "cos"}


def tex(box: Layout) -> str:
    r"""The box as LaTeX: \frac{\partial \bar{s}_{3}}{\partial \bar{s}_{2}}, vectors with bars."""
    match box:
        case Number():
            whole = box.denominator == 1
            return (
                str(box.numerator) if whole else rf"\tfrac{{{box.numerator}}}{{{box.denominator}}}"
            )
        case Glyph():
            return _glyph(box)
        case Constant(kind=kind, size=size):
            return _CONSTANTS[kind] + (f"_{{{tex(size)}}}" if size else "")
        case Terms(terms=terms):
            return "".join(signed(k, sign, tex(term)) for k, (sign, term) in enumerate(terms))
        case Factors(factors=factors, kind=kind):
            return _OPERATORS[kind].join(map(tex, factors))
        case Negative(body=body):
            return f"-{tex(body)}"
        case Fraction(of=of, by=by, immediate=immediate):
            mark = "^{+}" if immediate else ""
            return rf"\frac{{\partial{mark} {tex(of)}}}{{\partial {tex(by)}}}"
        case AdjointOf(variable=variable):
            return rf"\delta {tex(variable)}"
        case Brackets(body=body):
            return rf"\left( {tex(body)} \right)"
        case Call(function=function, argument=argument, primes=primes):
            return f"{_function(function)}{chr(39) * primes}({tex(argument)})"
        case Superscript(base=base, exponent=exponent):
            return f"{tex(base)}^{{{tex(exponent) if exponent else chr(92) + 'top'}}}"
        case Big(kind="sum"):
            limits = f"_{{{tex(box.index)}={tex(box.lower)}}}^{{{tex(box.upper)}}}"
            return rf"\sum{limits} {tex(box.body)}"
        case Big():
            upper, index, lower = map(tex, (box.upper, box.index, box.lower))
            return rf"\prod_{{{upper} \ge {index} > {lower}}} {tex(box.body)}"
        case EntrySum(body=body):
            return rf"\sum {tex(body)}"


def signed(position: int, sign: int, term: str) -> str:
    """A term of a sum with its sign, the first one without a plus."""
    if position == 0:
        return term if sign > 0 else f"-{term}"
    return f" + {term}" if sign > 0 else f" - {term}"


def _glyph(box: Glyph) -> str:
    base, index = split_name(box.name)
    letter = _letter(base)
    if box.vector:
        letter = rf"\bar{{{letter}}}"
    indices = [_letter(index)] if index else []
    if box.time is not None:
        indices.append(tex(box.time).replace(" ", ""))
    return letter + (f"_{{{','.join(indices)}}}" if indices else "")


def _letter(name: str) -> str:
    if name in GREEK:
        return f"\\{name}"
    return name if len(name) == 1 or name.isdigit() else rf"\mathrm{{{name}}}"


def _function(name: str) -> str:
    if name in GREEK or name in _KNOWN_FUNCTIONS:
        return f"\\{name}"
    return name if len(name) == 1 else rf"\operatorname{{{name}}}"
