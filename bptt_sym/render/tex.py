"""Boxes as LaTeX, in the subset of amsmath that KaTeX and MathJax share."""

from __future__ import annotations

from collections.abc import Sequence

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
    WithArguments,
)
from bptt_sym.algebra.names import GREEK, split_name

_OPERATORS = {
    "matrix": r" \, ",
    "elementwise": r" \odot ",
    "circle": r" \circ ",
    "kronecker": r" \otimes ",
}
_DERIVATIVES = {"partial": r"\partial", "d": r"\mathrm{d}", "D": r"\mathrm{D}"}
_MARKED = {"": "{}", "plus": "{}^{{+}}", "star": "{}^{{*}}", "bar": r"\bar{{{}}}"}
_ADJOINTS = {"delta": r"\delta", "d": r"\mathrm{d}"}
_TRANSPOSES = {"top": r"\top", "T": "T", "prime": r"\prime"}
_RAISED = {"superscript": "{}", "parentheses": "({})", "angle": r"\langle {} \rangle"}
_ALPHABETS = {
    "plain": "{}",
    "bar": r"\bar{{{}}}",
    "arrow": r"\vec{{{}}}",
    "bold": r"\boldsymbol{{{}}}",
    "bold upright": r"\mathbf{{{}}}",
}
_CONSTANTS = {"identity": "I", "ones": r"\mathbf{1}", "zeros": "0"}
_RELATIONS = {"at least": r"\ge", "greater": ">", "at most": r"\le", "less": "<"}
_KNOWN_FUNCTIONS = {
    "tanh",
    "exp",
    "sin",
    "cos",
    "log",
    "max",
    "min",
    "arctan",
    "sinh",
    "cosh",
    "det",
}
_HEAD_SUMS = ("h", "r", "c", "hr", "hc", "rc", "hrc")
"""What a sum over heads is over: heads, and the rows and columns of each."""
_NAMED_FUNCTIONS = {
    **{f"sum_{axes}": rf"\operatorname{{sum}}_{{{axes}}}" for axes in _HEAD_SUMS},
    "log_softmax": r"\log \operatorname{softmax}",
    "log_sigmoid": r"\log \operatorname{sigmoid}",
    "logsumexp": r"\operatorname{logsumexp}",
    "layer_norm": r"\operatorname{LayerNorm}",
    "inverse_deviation": r"\operatorname{dev}^{-1}",
    "hard_sigmoid": r"\operatorname{hard\,sigmoid}",
    "leaky_relu": r"\operatorname{leaky\,relu}",
    "stop_gradient": r"\operatorname{sg}",
    "rms_norm": r"\operatorname{RMSNorm}",
    "inverse_rms": r"\operatorname{rms}^{-1}",
    "matrix": r"\operatorname{vec}^{-1}",
}


def tex(box: Box) -> str:
    r"""The box as LaTeX: \frac{\partial \bar{s}_{3}}{\partial \bar{s}_{2}}, vectors with bars."""
    match box:
        case Number(decimal=decimal) if decimal:
            return _decimal(decimal)
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
        case Fraction():
            return rf"\frac{{{_numerator(box)}}}{{{_denominator(box)}}}"
        case Nabla(of=of, by=by):
            return rf"\nabla_{{{tex(by)}}} {tex(of)}"
        case AdjointOf(variable=Glyph() as variable, sign="overbar"):
            return _glyph(variable, over=True)
        case AdjointOf(variable=variable, sign="overbar"):
            return rf"\overline{{{tex(variable)}}}"
        case AdjointOf(variable=variable, sign=sign):
            return rf"{_ADJOINTS[sign]} {tex(variable)}"
        case Brackets(body=body):
            return rf"\left( {tex(body)} \right)"
        case Superscript():
            return _superscript(box)
        case Big(kind="sum"):
            limits = f"_{{{tex(box.index)}={tex(box.lower)}}}^{{{tex(box.upper)}}}"
            return rf"\sum{limits} {tex(box.body)}"
        case Big():
            upper, index, lower = map(tex, (box.upper, box.index, box.lower))
            return rf"\prod_{{{upper} \ge {index} > {lower}}} {tex(box.body)}"
        case EntrySum(body=body):
            return rf"\sum {tex(body)}"
        case _:
            return _with_arguments(box)


def _decimal(text: str) -> str:
    """A decimal number, with a power of ten where it is large or small."""
    mantissa, _, exponent = text.partition("e")
    power = f"10^{{{exponent}}}"
    return text if not exponent else power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def _superscript(box: Superscript) -> str:
    raised = ("-" if box.inverse else "") + _TRANSPOSES[box.transpose]
    match box:
        case Superscript(base=Glyph(macro=macro) as base, exponent=None) if macro:
            return _macro(base, raised=raised)
        case Superscript(base=Glyph(latex=latex, time=None) as base, exponent=None) if latex:
            return f"{{{_styled(base, latex)}}}^{{{raised}}}"
        case Superscript(base=Glyph(place="parentheses" | "angle") as base, exponent=None):
            return _glyph(base, raised=raised)
    return f"{tex(box.base)}^{{{tex(box.exponent) if box.exponent else raised}}}"


def _with_arguments(box: WithArguments) -> str:
    match box:
        case Ratio(numerator=numerator, denominator=denominator):
            return rf"\frac{{{tex(numerator)}}}{{{tex(denominator)}}}"
        case Call(function="logdet", argument=argument):
            return rf"\log \left| \det({tex(argument)}) \right|"
        case Call(function="sqrt", argument=argument, primes=0):
            return rf"\sqrt{{{tex(argument)}}}"
        case Call(function="abs", argument=argument, primes=0):
            return rf"\left| {tex(argument)} \right|"
        case Call(function="floor" | "ceil" as function, argument=argument, primes=0):
            return rf"\left\l{function} {tex(argument)} \right\r{function}"
        case Call(function="norm", argument=argument, axis=None):
            return rf"\left\| {tex(argument)} \right\|"
        case Call(function=function, argument=argument, primes=primes):
            along = "" if box.axis is None else rf", \mathrm{{axis}}={box.axis}"
            return f"{_function(function)}{chr(39) * primes}({tex(argument)}{along})"
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
        case ModuloOf(dividend=dividend, divisor=divisor):
            return rf"{tex(dividend)} \bmod {tex(divisor)}"
        case Part(body=body, start=start, stop=stop, columns=columns):
            span = f"{tex(start)}:{tex(stop)}".replace(" ", "")
            return f"{tex(body)}[{'{:},' if columns else ''}{span}]"
        case Row(parts=parts):
            return rf"[{', '.join(map(tex, parts))}]"
        case Tuple(parts=parts):
            return rf"({', '.join(map(tex, parts))})"
        case Matrix(rows=rows, small=True):
            return small_matrix(rows)
        case Matrix(rows=rows, numbers=numbers):
            return number_matrix(rows) if numbers else matrix(rows)


MOST_COLUMNS = 10
"""A matrix of amsmath that is not small has at most so many columns."""


def matrix(rows: Sequence[Sequence[Box]], *, style: str = r"\displaystyle ") -> str:
    """A matrix whose entries have a style: that of displays or, with none, that of a line."""
    if len(rows[0]) > MOST_COLUMNS:
        return small_matrix(rows)
    lines = r" \\[2ex] ".join(" & ".join(style + tex(entry) for entry in row) for row in rows)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def number_matrix(rows: Sequence[Sequence[Box]]) -> str:
    """A matrix of numbers, whose rows are close to each other."""
    lines = r" \\ ".join(" & ".join(map(tex, row)) for row in rows)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def small_matrix(rows: Sequence[Sequence[Box]]) -> str:
    """A matrix whose entries are as small as an index, close to each other."""
    lines = r" \\[1ex] ".join(" & ".join(map(tex, row)) for row in rows)
    return rf"\left[ \begin{{smallmatrix}} {lines} \end{{smallmatrix}} \right]"


def tex_in_line(box: Box) -> str:
    """The box as LaTeX between words: a derivative with a slash, a product with places to break."""
    match box:
        case Fraction():
            return f"{_numerator(box)} / {_denominator(box)}"
        case Factors(factors=factors, kind=kind):
            return rf"{_OPERATORS[kind]}\allowbreak ".join(map(tex, factors))
    return tex(box)


def _numerator(box: Fraction) -> str:
    return f"{_MARKED[box.mark].format(_DERIVATIVES[box.letter])} {tex(box.of)}"


def _denominator(box: Fraction) -> str:
    return f"{_DERIVATIVES[box.letter]} {tex(box.by)}"


def signed(position: int, sign: int, term: str) -> str:
    """A term of a sum with its sign, the first one without a plus."""
    if position == 0:
        return term if sign > 0 else f"-{term}"
    return f" + {term}" if sign > 0 else f" - {term}"


def _glyph(box: Glyph, *, over: bool = False, raised: str = "") -> str:
    """A name with its index and time step, with a bar over its letter, or with an exponent."""
    if box.macro:
        return rf"\overline{{{_macro(box)}}}" if over else _macro(box)
    base, index = split_name(box.name)
    letter = _styled(box, box.latex or _letter(base))
    if over:
        letter = rf"\overline{{{letter}}}" if box.latex or len(base) > 1 else rf"\bar{{{letter}}}"
    time = "" if box.time is None else tex(box.time).replace(" ", "")
    low = list(map(_index, index.split(","))) if index and not box.latex else []
    high = ""
    if time and box.place == "subscript":
        low.append(time)
    elif time:
        high = _RAISED[box.place].format(time)
    if box.latex and time:
        letter = f"{{{letter}}}"
    exponent = f"{high} {raised}" if high and raised else high + raised
    return (
        letter + (f"_{{{','.join(low)}}}" if low else "") + (f"^{{{exponent}}}" if exponent else "")
    )


def _macro(box: Glyph, raised: str = "") -> str:
    """The command for a name, with its time step and with an exponent."""
    written = f"\\{box.macro}"
    if box.time is not None:
        written += f"{{{tex(box.time).replace(' ', '')}}}"
    if not raised:
        return written
    # A raised time step and an exponent would be one too many.
    beside = box.time is not None and box.place != "subscript"
    return f"{{{written}}}^{{{raised}}}" if beside else f"{written}^{{{raised}}}"


def _styled(box: Glyph, letter: str) -> str:
    """The letter in its alphabet; one with a notation of its own has its own accent."""
    if box.latex and box.alphabet in ("bar", "arrow"):
        return letter
    if box.alphabet == "bar" and letter.startswith(r"\mathrm"):
        return rf"\overline{{{letter}}}"  # over the whole word
    if box.alphabet == "bold upright" and letter[1:] in GREEK:
        return rf"\boldsymbol{{{letter}}}"
    return _ALPHABETS[box.alphabet].format(letter)


def _letter(name: str) -> str:
    if name in GREEK:
        return f"\\{name}"
    return name if len(name) == 1 or name.isdigit() else rf"\mathrm{{{name}}}"


def _index(name: str) -> str:
    """An index of a name: a word, a number, or that of a layer, l + 1."""
    return _letter(name) if name.isalnum() else name


def _function(name: str) -> str:
    if name in _NAMED_FUNCTIONS:
        return _NAMED_FUNCTIONS[name]
    if name.startswith("\\"):
        return name
    if name in GREEK or name in _KNOWN_FUNCTIONS:
        return f"\\{name}"
    return name if len(name) == 1 else rf"\operatorname{{{name}}}"
