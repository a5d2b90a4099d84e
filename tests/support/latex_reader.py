r"""Reads the LaTeX of a derivation and evaluates it as it is printed.

A product is written by juxtaposition, \odot or \otimes; two of them in one product need brackets,
and the reader refuses what has none. A sum sign reaches to the end of its product.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from support.fitted import Fitted, kronecker, matrix_product, ones, turned
from support.printed_functions import FUNCTIONS

Times = Mapping[str, int]

_TOKEN = re.compile(r"\\mathrm\{[dD]\}|\\[a-zA-Z]+|\\\\|\\\||[0-9]+(?:\.[0-9]+)?|[^\s]")
_SPACE = re.compile(r"\\,|&?\\quad|\\displaystyle|\\notag|\\label\{[^}]*\}|\\tag\{[^}]*\}|\n")
_GOES_ON = re.compile(r" \\\\ (?:& )?\\quad ")
"""The begin of a row that goes on with the one before it, in cases."""
_ROWS = re.compile(r"\\begin\{align\*?\}(.*?)\\end\{align\*?\}", re.DOTALL)
_SPAN = re.compile(r", \\qquad .*? = (.*)")
_ACCENTS = {
    r"\bar",
    r"\overline",
    r"\tilde",
    r"\overrightarrow",
    r"\overleftarrow",
    r"\hat",
    r"\mathrm",
    r"\mathcal",
}
_PRODUCTS = {
    r"\odot": "elementwise",
    r"\circ": "elementwise",
    r"\otimes": "kronecker",
    r"\cdot": "matrix",
    r"\bmod": "remainder",
}
_FENCES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "(": (")", lambda z: z),
    "|": ("|", np.abs),
    r"\|": (r"\|", FUNCTIONS["norm"]),
    r"\lfloor": (r"\rfloor", np.floor),
    r"\lceil": (r"\rceil", np.ceil),
}
_CLOSING = {")", "]", "}", r"\right", r"\end", r"\\", "+", "-", ",", "=", "|", "&", ""}
_RELATIONS = {
    r"\ge": np.greater_equal,
    ">": np.greater,
    r"\le": np.less_equal,
    "<": np.less,
}
_CLOSING |= {*_RELATIONS, r"\|", ":", r"\text"}
_OPENING = {r"\left", r"\bigl", r"\Bigl", r"\biggl", r"\Biggl"}
_CLOSING |= {r"\bigr", r"\Bigr", r"\biggr", r"\Biggr"}
_CLOSING -= {r"\begin"}


_DERIVATIVES = (r"\partial", r"\mathrm{d}", r"\mathrm{D}")
_BARRED = re.compile(r"\\(?:bar|overline)\{(.*)\}")
_RAISED = re.compile(r"\((.*)\)|\\langle(.*)\\rangle|(.*)")


@dataclass(frozen=True)
class Style:
    """How a notation is to be read.

    With ``raised``, the exponent of a name is its time step. A total derivative of the ``loss`` is
    an adjoint, and so is a letter with a bar where ``overbar`` says so.
    """

    raised: bool = False
    loss: str = ""
    overbar: bool = False
    transpose: str = r"\top"


@dataclass(frozen=True)
class Symbol:
    """A printed name: its sign with accents, its indices as they stand."""

    sign: str
    indices: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """An equation; ``span`` is its first and its last time step, as written, where it has some."""

    left: str
    right: str
    span: tuple[str, str] | None = None


def rows_of(latex: str) -> list[Row]:
    """The equations of the fragment: what is printed left and right of the sign of equality."""
    found = []
    for block in _ROWS.findall(latex):
        # A line that begins with a space goes on with the equation before it.
        whole = re.sub(r" (?:\\notag )?\\\\\n&\\quad ", " ", block)
        whole = whole.replace(r"\left[ \begin{small", r"\begin{b")
        whole = whole.replace(r"smallmatrix} \right]", "bmatrix}")
        for part in re.split(r" \\\\\n", whole):
            if r"\phantom{=}" in part or not part.strip():
                continue
            # A wide left side has a line of its own.
            sign = " = " if part.strip().startswith("&") else " &= "
            left, right = part.strip().removeprefix("&").split(sign, maxsplit=1)
            right = re.sub(r" \\label\{[^}]*\}| \\notag", "", right)
            span = _SPAN.search(right)
            ends = span[1].split(r", \dots, ") if span else []
            found.append(Row(left, _SPAN.sub("", right), (ends[0], ends[-1]) if ends else None))
    return found


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(_SPACE.sub(" ", _GOES_ON.sub(" ", text)))


class Reader:
    """Evaluates one formula; ``value`` gives what a name or a derivative stands for."""

    def __init__(
        self,
        text: str,
        times: Times,
        value: Callable[[Any, Times], Any],
        functions: Mapping[str, Callable[..., Any]],
        style: Style = Style(),
    ) -> None:
        self.tokens, self.at, self.style = [*tokens(text), ""], 0, style
        self.times, self.value = dict(times), value
        self.shape: tuple[list[int], list[int]] = ([], [])
        self.functions = {**FUNCTIONS, **functions}

    # Tokens.

    @property
    def next(self) -> str:
        return self.tokens[self.at]

    def take(self, *expected: str) -> str:
        token = self.next
        assert not expected or token in expected, (token, expected, self.tokens[self.at - 9 :])
        self.at += 1
        return token

    def group(self) -> list[str]:
        """The tokens of a group in braces."""
        self.take("{")
        depth, found = 1, []
        while depth:
            token = self.take()
            assert token, "a brace is not closed"
            depth += {"{": 1, "}": -1}.get(token, 0)
            found.append(token)
        return found[:-1]

    def inner(self, group: list[str]) -> Any:
        other = Reader("", self.times, self.value, self.functions, self.style)
        other.tokens = [*group, ""]
        return other.whole()

    # Grammar.

    def whole(self) -> Any:
        found = self.sum()
        self.take("")
        return found

    def sum(self) -> Any:
        sign = -1 if self.next == "-" and self.take() else 1
        total = sign * self.product()
        while self.next in ("+", "-"):
            sign = -1 if self.take() == "-" else 1
            term = sign * self.product()
            total = total + term if _go_together(total, term) else None
        return total

    def product(self) -> Any:
        factors, kinds = [self.factor()], []
        while self.next not in _CLOSING:
            kinds.append(_PRODUCTS[self.take()] if self.next in _PRODUCTS else "matrix")
            factors.append(self.factor())
        while factors[1:] and is_number(factors[0]) and kinds[0] == "matrix":
            number, kinds = factors.pop(0), kinds[1:]
            factors[0] = float(np.squeeze(number)) * factors[0]
        assert len(set(kinds)) < 2, f"brackets are missing: {self.tokens}"
        found = factors[0]
        for kind, factor in zip(kinds, factors[1:], strict=True):
            found = _times(found, factor, kind)
        return found

    def factor(self) -> Any:
        base = self.atom()
        while self.next in ("^", "/") or self.is_part():
            match self.take():
                case "/":
                    base = _divided(base, self.factor())
                case "^":
                    base = self.raised(base, self.group())
                case _:
                    base = self.part(base)
        return base

    def is_part(self) -> bool:
        """Whether what follows is from where to where, and no row."""
        return self.next == "[" and ":" in self.tokens[self.at : self.tokens.index("]", self.at)]

    def part(self, base: Any) -> Any:
        """The entries of a vector, the rows or the columns of a matrix, from one to another."""
        columns = self.next == "{" and self.group() == [":"] and bool(self.take(","))
        start, _, stop = self.count(), self.take(":"), self.count()
        self.take("]")
        along = -1 if columns or base.shape[-2] == 1 else -2
        return base.take(range(start, stop), axis=along)

    def count(self) -> int:
        return round(float(np.squeeze(self.sum())))

    def raised(self, base: Any, exponent: list[str]) -> Any:
        """A transpose, the inverse of a matrix or its transpose, or a power of each entry."""
        is_matrix = np.ndim(base) == 2 and 1 not in np.shape(base)
        match exponent:
            case [sign] if sign == self.style.transpose:
                return turned(base)
            case ["-", sign] if sign == self.style.transpose:
                return np.linalg.inv(base).T
            case ["-", "1"] if is_matrix:
                return np.linalg.inv(base)
        return base ** self.exponent(exponent)

    def exponent(self, group: list[str]) -> Any:
        """A number, or a number of time steps such as N - i."""
        steps = {*self.times, "+", "-"}
        numbers = {token for token in group if token.isdigit()}
        if any(token in self.times for token in group) and (steps | numbers).issuperset(group):
            return time(group, self.times)
        return self.inner(group)

    def atom(self) -> Any:
        token = self.next
        if token[0].isdigit():
            return float(self.take())
        match token:
            case "(":
                self.take()
                found = self.sum()
                self.take(")")
                return found
            case _ if token in _OPENING:
                right = self.take().replace("left", "right").replace("gl", "gr")
                opening = self.take(*_FENCES)
                found = self.sum()
                self.take(right)
                closing, value = _FENCES[opening]
                self.take(closing)
                return value(found)
            case "[":
                return self.row()
            case r"\log" if self.tokens[self.at + 1] == r"\left":
                self.take()
                return np.log(self.atom()).reshape(1, 1)
            case r"\sqrt":
                self.take()
                return np.sqrt(self.inner(self.group()))
            case r"\mathbf":
                self.take()
                assert self.group() == ["1"]
                return self.indicator() if self.next == "[" else ones()
            case r"\frac" | r"\tfrac":
                return self.fraction()
            case r"\sum":
                return self.total()
            case r"\prod":
                return self.descending()
            case r"\delta" | r"\mathrm{d}":
                self.take()
                return self.transposed(("delta", self.symbol()))
            case r"\nabla":
                self.take()
                self.take("_")
                by = self.variable(self.group())
                self.symbol()
                return self.transposed(("delta", by))
            case r"\begin":
                return self.matrix()
        return self.name()

    def relation(self) -> Any:
        """Where it holds, entry by entry."""
        left, sign, right = self.sum(), self.take(*_RELATIONS), self.sum()
        return _RELATIONS[sign](left, right)

    def indicator(self) -> Any:
        self.take("[")
        found = self.relation()
        self.take("]")
        return found.astype(float)

    def row(self) -> Any:
        """Vectors one after the other."""
        self.take("[")
        parts = [self.sum()]
        while self.take(",", "]") == ",":
            parts.append(self.sum())
        parts = [np.reshape(part, (1, 1)) if np.ndim(part) == 0 else part for part in parts]
        return np.concatenate(parts, axis=-1 if all(len(part) == 1 for part in parts) else 0)

    def fraction(self) -> Any:
        self.take()
        over, under = self.group(), self.group()
        if under[0] not in _DERIVATIVES:
            return _divided(self.inner(over), self.inner(under))
        plain = over[0] in _DERIVATIVES and over[1:2] != ["^"]
        marked = 4 if over[0] == r"\bar" else 5
        of, by = self.variable(over[1 if plain else marked :]), self.variable(under[1:])
        if plain and isinstance(of, Symbol) and of.sign == self.style.loss:
            return self.transposed(("delta", by))
        return self.value(("derivative" if plain else "immediate", of, by), self.times)

    def total(self) -> Any:
        self.take(r"\sum")
        if self.next != "_":
            return np.sum(self.product()).reshape(1, 1)
        self.take("_")
        index, _, *lower = self.group()
        self.take("^")
        first, last = time(lower, self.times), time(self.group(), self.times)
        start, found = self.at, 0
        for self.times[index] in range(first, last + 1):
            self.at = start
            found = found + self.product()
        return found

    def descending(self) -> Any:
        r"""\prod_{N \ge j > i}, its factors from the last step on."""
        self.take()
        self.take("_")
        limits = self.group()
        k = limits.index(r"\ge")
        last, index = time(limits[:k], self.times), limits[k + 1]
        first = time(limits[k + 3 :], self.times) + 1
        start, found = self.at, None
        self.times[index] = last
        one = self.product()  # Also of an empty product: where it ends, and its size.
        end = self.at
        for self.times[index] in range(last, first - 1, -1):
            self.at = start
            one = self.product()
            found = one if found is None else matrix_product(found, one)
        self.at = end
        if found is None:
            return np.eye(one.shape[0]) if np.ndim(one) else 1.0
        return found

    def matrix(self) -> Any:
        """Blocks; a 0 is a block of zeros, as large as the others of its row and column."""
        self.take()
        kind = "".join(self.group())
        if kind == "cases":
            return self.cases()
        assert kind == "bmatrix"
        rows: list[list[Any]] = [[]]
        while True:
            rows[-1].append(self.sum())
            match self.take("&", "\\\\", r"\end"):
                case r"\end":
                    break
                case "\\\\":
                    rows.append([])
                    self.space()
        assert "".join(self.group()) == "bmatrix"
        return _blocks(rows, self.shape)

    def cases(self) -> Any:
        chosen, _, holds = self.sum(), self.take("&"), self.relation()
        self.take("\\\\")
        other = self.sum()
        self.take("&")
        self.take(r"\text")
        self.group()
        self.take(r"\end")
        self.group()
        return np.where(holds, chosen, other)

    def space(self) -> None:
        """The room between two rows, which says nothing."""
        if self.next == "[":
            while self.take() != "]":
                pass

    def symbol(self) -> Symbol:
        sign, self.raised_transpose = "", False
        while self.next in _ACCENTS:
            sign += self.take()
        if self.next == "{":
            inner = self.group()
            sign += "{" + "".join(inner) + "}" if sign else "".join(inner)
        else:
            sign += self.take()
        indices: list[str] = []
        if self.next == "_":
            self.take()
            indices = ["".join(self.group())] if self.next == "{" else [self.take()]
        indices = indices[0].split(",") if indices else []
        if self.style.raised and self.next == "^" and not self.is_transpose():
            self.take()
            exponent = self.group()
            self.raised_transpose = exponent[-1] == self.style.transpose and len(exponent) > 1
            text = "".join(exponent[:-1] if self.raised_transpose else exponent)
            indices.append(next(filter(None, _RAISED.fullmatch(text).groups())))
        return Symbol(sign, tuple(indices))

    def is_transpose(self) -> bool:
        return self.tokens[self.at + 2 : self.at + 4] == [self.style.transpose, "}"]

    def transposed(self, what: Any) -> Any:
        """The value of what was read; a sign of a transpose may stand beside its time step."""
        turned = self.raised_transpose
        found = self.value(what, self.times)
        return found.T if turned else found

    def variable(self, group: list[str]) -> Any:
        """A symbol, or a tuple of symbols in brackets."""
        reader = Reader("", {}, lambda *_: None, {}, self.style)
        reader.tokens = [*group, ""]
        if reader.next != "(":
            found: Any = reader.symbol()
        else:
            reader.take()
            found = ("tuple", reader.symbol())
            while reader.take(",", ")") == ",":
                found = (*found, reader.symbol())
        reader.take("")
        self.raised_transpose = False
        return found

    def function_name(self) -> str:
        """tanh, log softmax, sum_rc, rms^-1: with the axes and the sign of the inverse it has."""
        if self.next == r"\log" and self.tokens[self.at + 1] == r"\operatorname":
            self.take()
            return f"log {self.function_name()}"
        if self.next != r"\operatorname":
            return self.take().lstrip("\\")
        self.take()
        name = "".join(self.group())
        while self.next in ("_", "^"):
            name += self.take() + "".join(self.group())
        return name

    def arguments(self) -> tuple[list[Any], dict[str, int]]:
        """The operands of a call, and the axis where one is told."""
        self.take("(")
        found, axis = [self.sum()], {}
        while self.take(",", ")") == ",":
            if self.tokens[self.at : self.at + 2] == [r"\mathrm", "{"]:
                named = self.tokens.index("=", self.at)
                assert "".join(self.tokens[self.at : named]) == r"\mathrm{axis}"
                self.at = named + 1
                axis["axis"] = int(self.take()) - 2
            else:
                found.append(self.sum())
        return found, axis

    def name(self) -> Any:
        start = self.at
        name = self.function_name()
        if self.next == "'" and f"{name}'" in self.functions:
            name += self.take()
        primes = 0
        while self.next == "'":
            self.take()
            primes += 1
        if self.next == "(" and (name in self.functions or primes):
            arguments, axis = self.arguments()
            function = self.functions[name]
            assert primes < 2
            if primes:
                return np.imag(function(arguments[0] + 1e-30j)) / 1e-30
            return function(*arguments, **axis)
        self.at = start
        symbol = self.symbol()
        bar = _BARRED.fullmatch(symbol.sign)
        if self.style.overbar and bar:
            return self.transposed(("delta", Symbol(bar[1], symbol.indices)))
        return self.transposed(symbol)


def time(written: list[str] | str, times: Times) -> int:
    """The time step that an index such as t-1 or 3 names."""
    parts = re.findall(r"[+-]?[^+-]+", "".join(written))
    return sum(_step(part, times) for part in parts)


def _step(part: str, times: Times) -> int:
    sign, body = (-1 if part[0] == "-" else 1), part.lstrip("+-")
    return sign * (int(body) if body.isdigit() else times[body])


def _blocks(rows: list[list[Any]], shape: tuple[list[int], list[int]]) -> Any:
    """The blocks as one matrix; where all of a row or column are 0, ``shape`` has the sizes."""

    def size(line: Any, axis: int, number: int) -> int:
        given = shape[axis][number : number + 1]
        return next((np.shape(cell)[axis] for cell in line if np.ndim(cell)), *given)

    heights = [size(row, 0, k) for k, row in enumerate(rows)]
    widths = [size(column, 1, k) for k, column in enumerate(zip(*rows, strict=True))]
    return np.block(
        [
            [
                np.broadcast_to(cell, (height, width))
                for cell, width in zip(row, widths, strict=True)
            ]
            for row, height in zip(rows, heights, strict=True)
        ]
    )


def is_number(factor: Any) -> bool:
    return not isinstance(factor, Fitted) and np.size(factor) == 1


def _go_together(left: Any, right: Any) -> bool:
    """Whether each entry of one goes with one of the other, or each head, row or column.

    Raises AssertionError where they do not.
    """
    if (
        isinstance(left, Fitted)
        or isinstance(right, Fitted)
        or not (np.ndim(left) and np.ndim(right))
    ):
        return True
    whole = np.broadcast_shapes(left.shape, right.shape)
    assert whole in (left.shape, right.shape) or left.ndim != right.ndim, (left.shape, right.shape)
    return True


def _divided(left: Any, right: Any) -> Any:
    assert _go_together(left, right)
    return left / right


def _times(left: Any, right: Any, kind: str) -> Any:
    if kind == "kronecker":
        return kronecker(left, right)
    if kind == "remainder":
        return np.mod(left, right)
    if kind == "elementwise":
        assert _go_together(left, right)
        return left * right
    if is_number(left) and is_number(right):
        return left * right
    if is_number(left) or is_number(right):
        number, other = (left, right) if is_number(left) else (right, left)
        if isinstance(other, Fitted) or np.ndim(number) == 0:
            return number * other
        if left.shape[-1] != right.shape[-2]:
            return number * other
    return matrix_product(left, right)
