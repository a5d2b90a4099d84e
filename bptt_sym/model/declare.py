"""Declarations of a model file: dimensions, shapes, what else is said of a name, functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from math import isfinite
from typing import Any

from sympy import Expr, Mul, S

from bptt_sym.algebra.entries import spread
from bptt_sym.algebra.entrywise import Choice, Extremum, StopGradient
from bptt_sym.algebra.expressions import (
    Broadcast,
    HadamardPower,
    HadamardProduct,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Parameter,
    Quotient,
    Shape,
    ZeroMatrix,
    dimension,
    split_coefficient,
)
from bptt_sym.algebra.functions import WORDS, Elementwise
from bptt_sym.algebra.operation import shape_text
from bptt_sym.errors import closest, listed
from bptt_sym.model.language import parse, parse_initial, parse_size
from bptt_sym.model.latex_names import why_not_latex
from bptt_sym.model.model import ARGUMENT, INITS, Declaration, Dimension, Formula, Kind
from bptt_sym.model.scope import Scope
from bptt_sym.model.stacks import NUMBER, shape_of, with_heads, without_heads
from bptt_sym.model.tables import Tables
from bptt_sym.quoting import shortened

DECLARING: dict[str, Kind] = {
    "inputs": "input",
    "targets": "target",
    "parameters": "parameter",
    "states": "state",
}
"""The sections that declare names, with what they declare."""

OPTIONS: dict[Kind, frozenset[str]] = {
    "input": frozenset({"labels", "positive", "initial", "once"}),
    "target": frozenset({"labels", "positive", "initial", "once"}),
    "parameter": frozenset({"frozen", "positive", "init"}),
    "state": frozenset({"reverse", "initial"}),
}
"""What a table says of a name of each kind, besides its shape and meaning."""

FORMULA = ("formula", "derivative")
"""What a table says of a function, the first of them always."""

_ENTRYWISE = (
    MatAdd, HadamardProduct, HadamardPower, Quotient, Elementwise, Choice, Extremum, StopGradient,
    OneMatrix, ZeroMatrix,
)  # fmt: skip


_SHAPES = (
    '[] for a scalar, ["n"] for a vector, ["m", "n"] for a matrix or ["H", "m", "n"] for H heads '
    "of matrices"
)


class Declarer(Tables):
    """Reads the declarations of a model file."""

    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions, in the order of the file."""
        entries = []
        for name, meaning in self.table("dimensions").items():
            self.declare(name, "dimensions", "a dimension")
            if not isinstance(meaning, str) or not meaning.isprintable():
                raise self.error(f"say in words what '{name}' counts", "dimensions", name)
            entries.append(Dimension(name, meaning))
        return tuple(entries)

    def declarations(self, dimensions: tuple[Dimension, ...]) -> tuple[Declaration, ...]:
        """Inputs, targets, parameters and states, in the order of the sections above; what they
        are before the first step is for ``with_initials``.
        """
        self.sizes = {entry.name: dimension(entry.name) for entry in dimensions}
        self.columns = self.vectors() == "columns"
        return tuple(
            self.declaration(name, section, kind, value)
            for section, kind in DECLARING.items()
            for name, value in self.table(section).items()
        )

    def with_initials(
        self, entries: tuple[Declaration, ...], functions: Iterable[str]
    ) -> tuple[Declaration, ...]:
        """The declarations with their values before the first step, where these are given."""
        parameters = {e.name: e.symbol for e in entries if isinstance(e.symbol, Parameter)}
        return tuple(
            self.with_initial(
                entry,
                Scope(
                    parameters=self.layered.meaning(entry.name).seen(parameters),
                    functions=frozenset(functions),
                    dimensions=self.layered.sizes_in(entry.name, self.sizes),
                    of_columns=self.columns,
                    heads={e.name: e.heads for e in entries if e.heads is not None},
                ),
            )
            for entry in entries
        )

    def vectors(self) -> str:
        value = self.source.tables.get("vectors", "rows")
        if value not in ("rows", "columns"):
            raise self.error('\'vectors\' must be "rows" or "columns"', None, "vectors")
        return str(value)

    def declaration(self, name: str, section: str, kind: Kind, value: Any) -> Declaration:
        self.declare(name, section, f"a name under [{section}]")
        options = value if isinstance(value, dict) else {"shape": value}
        known = sorted({"shape", "meaning", *OPTIONS[kind]})
        for key in options:
            if key not in known:
                shown = f"'{shortened(key)}' for '{name}'{closest(key, known)}"
                message = f"unknown entry {shown}; known are {listed(known)}"
                raise self.error(message, section, name, key)
        meaning = options.get("meaning", "")
        if not isinstance(meaning, str) or not meaning.isprintable():
            message = f"the meaning of '{name}' must be one line"
            raise self.error(message, section, name, "meaning")
        switches = {}
        for key in ("labels", "positive", "frozen", "once", "reverse"):
            switches[key] = options.get(key, False)
            if not isinstance(switches[key], bool):
                message = f"'{key}' of '{name}' must be true or false"
                raise self.error(message, section, name, key)
        shape = self.shape(section, name, options.get("shape"))
        count = options["shape"][0] if len(options["shape"]) == 3 else None
        heads = None if count in (None, 1, "1") else self.size(section, name, count)
        if switches["labels"] and shape.count(1) != 1:
            raise self.error(f"labels are one-hot vectors, and '{name}' is none", section, name)
        if switches.pop("frozen"):
            kind = "constant"
        if switches.pop("once"):
            kind = "once"
            if "initial" in options:
                message = f"'{name}' is given once: it has no value before the first step"
                raise self.error(message, section, name, "initial")
        init = self.init(section, name, shape, options["init"]) if "init" in options else None
        if init is not None and kind == "constant":
            raise self.error(f"'{name}' is frozen: an argument, which nothing draws", section, name)
        return Declaration(name, kind, shape, meaning, **switches, init=init, heads=heads)

    def init(self, section: str, name: str, shape: Shape, given: Any) -> str | float:
        """How a parameter is drawn."""
        reason = _why_not_init(name, shape, given)
        if reason:
            raise self.error(reason, section, name, "init")
        return given if isinstance(given, str) else float(given)

    def shape(self, section: str, name: str, value: Any) -> Shape:
        entries = value if isinstance(value, list) else None
        wrong = entries is None or len(entries) > 3 or not all(_is_size(e) for e in entries)
        if entries is None or wrong:
            raise self.error(f"the shape of '{name}' must be {_SHAPES}", section, name, "shape")
        sizes = [self.size(section, name, entry) for entry in entries]
        if not sizes:
            return S.One, S.One
        if len(sizes) > 1:
            *heads, rows, columns = sizes
            return Mul(*heads, rows), columns
        return (sizes[0], S.One) if self.columns else (S.One, sizes[0])

    def size(self, section: str, name: str, entry: str | int) -> Expr:
        text = str(entry)
        if text.isidentifier() and text not in self.sizes:
            raise self.error(
                f"the shape of '{name}' uses the dimension '{shortened(text)}', "
                f"which is not declared{closest(text, self.sizes)}; "
                f"declared are {listed(sorted(self.sizes))}",
                section,
                name,
                "shape",
            )
        return parse_size(text, self.sizes, lambda _: self.source.place(section, name, "shape"))

    def with_initial(self, entry: Declaration, scope: Scope) -> Declaration:
        """The declaration with its value before the first step, where one is given."""
        sections = {kind: section for section, kind in DECLARING.items()}
        section = sections.get(entry.kind, "parameters")
        value = self.table(section).get(entry.name)
        given = value.get("initial", "argument") if isinstance(value, dict) else "argument"
        if given == "argument":
            return entry
        path = section, entry.name, "initial"
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if not (isinstance(given, str) or (number and isfinite(given))):
            raise self.error(
                f"the initial value of '{entry.name}' is \"argument\", a number or an expression "
                "of parameters",
                *path,
            )
        text = given if isinstance(given, str) else _plain(given)
        initial = parse_initial(text, scope, partial(self.source.within, path))
        given, declared = shape_of(initial), shape_of(with_heads(entry.symbol, entry.heads))
        if given not in (declared, NUMBER, shape_text((S.One, S.One))):
            message = f"the initial value of '{entry.name}' is {given}, and '{entry.name}' is "
            raise self.error(message + declared, *path)
        return replace(entry, initial=spread(without_heads(initial), entry.shape))

    def functions(self) -> dict[str, str | Formula]:
        """The functions that stay symbolic, each with what it is in generated code."""
        entries: dict[str, str | Formula] = {}
        for name, concrete in self.table("functions").items():
            self.declare(name, "functions", "a function")
            given = {"formula": concrete} if isinstance(concrete, str) else concrete
            texts = isinstance(given, dict) and all(isinstance(v, str) for v in given.values())
            if not texts or not {FORMULA[0]} <= set(given) <= {*FORMULA}:
                raise self.error(
                    f"'{name}' must be the name of a function or a formula in z: "
                    f"known are {listed(WORDS)}",
                    "functions",
                    name,
                )
            if given["formula"] in WORDS and len(given) == 1:
                entries[name] = given["formula"]
            else:
                entries[name] = self.formula(name, given)
        return entries

    def formula(self, name: str, given: dict[str, str]) -> Formula:
        given = {key: _of_argument(text) for key, text in given.items()}
        text = given["formula"]
        if text.isidentifier() and text != ARGUMENT.name:
            raise self.error(
                f"unknown function {shortened(repr(text))} for '{name}'{closest(text, WORDS)}; "
                f"known are {listed(WORDS)}, or a formula in z",
                "functions",
                name,
            )
        parts = {}
        for key, text in given.items():
            # A derivative may be a number: that of a function passed straight through.
            read = parse if key == "formula" else parse_initial
            path = "functions", name, key
            part = read(text, Scope(argument=ARGUMENT), partial(self.source.within, path))
            parts[key] = spread(part, ARGUMENT.shape)
            if not _is_entrywise(parts[key]):
                raise self.error(f"the {key} of '{name}' must act on each entry by itself", *path)
        return Formula(given["formula"], parts["formula"], parts.get("derivative"))

    def latex(self) -> dict[str, str]:
        """How names are typeset."""
        entries = {}
        for name, text in self.table("latex").items():
            if name not in self.kinds:
                message = f"'{shortened(name)}' is not declared{closest(name, self.kinds)}"
                raise self.error(message, "latex", name)
            if self.kinds[name] in ("a dimension", "a function"):
                message = f"'{name}' is {self.kinds[name]}; a notation is for a quantity"
                raise self.error(message, "latex", name)
            reason = why_not_latex(text)
            if reason:
                raise self.error(f"the LaTeX of '{name}' {reason}", "latex", name)
            entries[name] = text
        return entries


def _of_argument(text: str) -> str:
    """A formula in z; the name of a known function stands for that function of z."""
    return f"{text}({ARGUMENT.name})" if text in WORDS else text


def _why_not_init(name: str, shape: Shape, given: Any) -> str | None:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not (given in INITS if isinstance(given, str) else number and isfinite(given)):
        known = listed(f'"{word}"' for word in INITS)
        near = closest(given, INITS) if isinstance(given, str) else ""
        return f"the init of '{name}' is a number or one of {known}{near}"
    if given in ("glorot", "orthogonal") and 1 in shape:
        return f"the init \"{given}\" is for matrices, and '{name}' is none"
    return None


def _is_size(entry: object) -> bool:
    return isinstance(entry, str) or (isinstance(entry, int) and not isinstance(entry, bool))


def _plain(number: float) -> str:
    """A number of a TOML file as the equation language writes it."""
    return repr(number)


def _is_entrywise(expression: MatrixExpr) -> bool:
    _, rest = split_coefficient(expression)
    if rest == ARGUMENT:
        return True
    if isinstance(rest, MatMul | Broadcast) or not isinstance(rest, _ENTRYWISE):
        return False
    return all(_is_entrywise(a) for a in rest.args if isinstance(a, MatrixExpr))
