"""Boxes as LaTeX, in the subset of amsmath that KaTeX and MathJax share."""

from __future__ import annotations

from bptt_sym.algebra.layout import (
    AdjointOf,
    Application,
    Big,
    Brackets,
    Call,
    Cases,
    Constant,
    EntrySum,
    Factors,
    Fraction,
    Glyph,
    Layout,
    Matrix,
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

_OPERATORS = {"matrix": r" \, ", "elementwise": r" \odot ", "kronecker": r" \otimes "}
_CONSTANTS = {"identity": "I", "ones": r"\mathbf{1}", "zeros": "0"}
_RELATIONS = {"at least": r"\ge", "less": "<"}
_KNOWN_FUNCTIONS = {"tanh", "exp", "sin", "cos", "log", "max", "min"}
_NAMED_FUNCTIONS = {
    "log_softmax": r"\log \operatorname{softmax}",
    "log_sigmoid": r"\log \operatorname{sigmoid}",
    "logsumexp": r"\operatorname{logsumexp}",
    "layer_norm": r"\operatorname{LayerNorm}",
    "inverse_deviation": r"\operatorname{dev}^{-1}",
    "hard_sigmoid": r"\operatorname{hard\,sigmoid}",
    "stop_gradient": r"\operatorname{sg}",
    "matrix": r"\operatorname{vec}^{-1}",
}


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
        case Call(function="sqrt", argument=argument, primes=0):
            return rf"\sqrt{{{tex(argument)}}}"
        case Call(function="abs", argument=argument, primes=0):
            return rf"\left| {tex(argument)} \right|"
        case Call(function=function, argument=argument, primes=primes):
            return f"{_function(function)}{chr(39) * primes}({tex(argument)})"
        case Superscript(base=Glyph(latex=latex, time=None), exponent=None) if latex:
            return rf"{{{latex}}}^{{\top}}"
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
        case Ratio(numerator=numerator, denominator=denominator):
            return rf"\frac{{{tex(numerator)}}}{{{tex(denominator)}}}"
        case Application(function=function, arguments=arguments):
            return f"{_function(function)}({', '.join(map(tex, arguments))})"
        case Relation(left=left, sign=sign, right=right, indicator=indicator):
            relation = f"{tex(left)} {_RELATIONS[sign]} {tex(right)}"
            return rf"\mathbf{{1}}[{relation}]" if indicator else relation
        case Cases(chosen=chosen, condition=condition, other=other):
            return (
                rf"\begin{{cases}} {tex(chosen)} & {tex(condition)} \\ "
                rf"{tex(other)} & \text{{else}} \end{{cases}}"
            )
        case Part(body=body, start=start, stop=stop, columns=columns):
            span = f"{tex(start)}:{tex(stop)}".replace(" ", "")
            return f"{tex(body)}[{'{:},' if columns else ''}{span}]"
        case Row(parts=parts):
            return rf"[{', '.join(map(tex, parts))}]"
        case Tuple(parts=parts):
            return rf"({', '.join(map(tex, parts))})"
        case Matrix(rows=rows):
            cells = [[rf"\displaystyle {tex(entry)}" for entry in row] for row in rows]
            lines = r" \\[2ex] ".join(map(" & ".join, cells))
            return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def signed(position: int, sign: int, term: str) -> str:
    """A term of a sum with its sign, the first one without a plus."""
    if position == 0:
        return term if sign > 0 else f"-{term}"
    return f" + {term}" if sign > 0 else f" - {term}"


def _glyph(box: Glyph) -> str:
    if box.latex:
        return f"{{{box.latex}}}_{{{tex(box.time).replace(' ', '')}}}" if box.time else box.latex
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
    if name in _NAMED_FUNCTIONS:
        return _NAMED_FUNCTIONS[name]
    if name in GREEK or name in _KNOWN_FUNCTIONS:
        return f"\\{name}"
    return name if len(name) == 1 else rf"\operatorname{{{name}}}"
