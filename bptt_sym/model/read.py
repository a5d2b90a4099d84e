"""From the tables of a model file to a Model, each name and shape checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sympy import S

from bptt_sym.algebra.expressions import TIME, MatrixExpr, Shape, Variable, dimension
from bptt_sym.algebra.functions import FUNCTIONS, Elementwise
from bptt_sym.algebra.names import split_name, why_not_a_name
from bptt_sym.algebra.operations import is_leaf, shape_text
from bptt_sym.errors import InputError, listed
from bptt_sym.model.language import Scope, parse, shortened
from bptt_sym.model.model import Declaration, Dimension, Equation, Kind, Model
from bptt_sym.model.source import Source, parse_source, read_source

MOST_EQUATIONS = 200

_REQUIRED = ("dimensions", "parameters", "equations", "loss")
_DECLARING: dict[str, Kind] = {
    "inputs": "input",
    "targets": "target",
    "parameters": "parameter",
    "states": "state",
}
_SECTIONS = ("dimensions", *_DECLARING, "functions", "equations", "preactivations", "loss")
_TEXTS = ("title", "description", "source")


def read_model(path: Path) -> Model:
    """The model of a TOML file. Raises InputError with the place of what is wrong."""
    return _Reader(read_source(path), path.stem, str(path)).model()


def parse_model(text: str, name: str = "model", file: str | None = None) -> Model:
    """The model of a TOML text; ``file`` is its name in messages."""
    return _Reader(parse_source(text, file or name), name, name).model()


class _Reader:
    def __init__(self, source: Source, name: str, reference: str) -> None:
        self.source = source
        self.name = name
        self.reference = reference
        self.kinds: dict[str, str] = {}

    def model(self) -> Model:
        self.check_sections()
        texts = {key: self.text(key) for key in _TEXTS}
        dimensions = self.dimensions()
        declarations = self.declarations({entry.name for entry in dimensions})
        self.check_states(declarations)
        functions = self.functions()
        equations, loss = self.equations(declarations, functions)
        values = tuple(
            Declaration(equation.name, "value", equation.variable.shape)
            for equation in equations
            if equation.name not in {entry.name for entry in declarations}
        )
        return Model(
            name=self.name,
            reference=self.reference,
            title=texts["title"] or self.name,
            description=texts["description"],
            source=texts["source"],
            dimensions=dimensions,
            declarations=(
                *declarations,
                *values,
                Declaration(loss.name, "loss", loss.variable.shape),
            ),
            functions=functions,
            equations=equations,
            loss=loss,
        )

    def error(self, message: str, section: str | None = None, key: str | None = None) -> InputError:
        return InputError(message, self.source.place(section, key))

    def check_sections(self) -> None:
        for key, value in self.source.tables.items():
            if key in _TEXTS:
                continue
            if key not in _SECTIONS:
                known = listed((*_TEXTS, *_SECTIONS))
                shown = shortened(key)
                place_of = (key, None) if isinstance(value, dict) else (None, key)
                raise self.error(f"unknown entry '{shown}'; known are {known}", *place_of)
            if not isinstance(value, dict):
                raise self.error(f"'{key}' must be a section: [{key}]", None, key)
        for section in _REQUIRED:
            if not self.source.tables.get(section):
                raise self.error(f"the section [{section}] is missing or empty", section)

    def text(self, key: str) -> str:
        value = self.source.tables.get(key, "")
        if not isinstance(value, str) or not value.isprintable():
            raise self.error(f"'{key}' must be one line of text", None, key)
        return value

    def table(self, section: str) -> Mapping[str, Any]:
        return self.source.tables.get(section, {})

    def declare(self, name: str, section: str, what: str) -> None:
        reason = why_not_a_name(name)
        if reason:
            raise self.error(f"the name '{shortened(name)}' {reason}", section, name)
        if name in FUNCTIONS:
            raise self.error(f"'{name}' is a known function and cannot be declared", section, name)
        if name in self.kinds:
            raise self.error(f"'{name}' is declared already, as {self.kinds[name]}", section, name)
        self.kinds[name] = what

    def dimensions(self) -> tuple[Dimension, ...]:
        entries = []
        for name, meaning in self.table("dimensions").items():
            self.declare(name, "dimensions", "a dimension")
            if not isinstance(meaning, str) or not meaning.isprintable():
                raise self.error(f"say in words what '{name}' counts", "dimensions", name)
            entries.append(Dimension(name, meaning))
        return tuple(entries)

    def declarations(self, dimensions: set[str]) -> tuple[Declaration, ...]:
        entries = []
        for section, kind in _DECLARING.items():
            for name, value in self.table(section).items():
                self.declare(name, section, f"a name under [{section}]")
                shape, meaning = value, ""
                if isinstance(value, dict) and set(value) <= {"shape", "meaning"}:
                    shape, meaning = value.get("shape"), value.get("meaning", "")
                if not isinstance(meaning, str) or not meaning.isprintable():
                    raise self.error(f"the meaning of '{name}' must be one line", section, name)
                entries.append(
                    Declaration(name, kind, self.shape(section, name, shape, dimensions), meaning)
                )
        return tuple(entries)

    def shape(self, section: str, name: str, value: Any, dimensions: set[str]) -> Shape:
        most = 2 if section == "parameters" else 1
        example = '["n"] for a vector' + (' or ["m", "n"] for a matrix' if most == 2 else "")
        listed_names = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        if not listed_names or not 1 <= len(value) <= most:
            raise self.error(f"the shape of '{name}' must be {example}", section, name)
        for entry in value:
            if entry not in dimensions:
                raise self.error(
                    f"the shape of '{name}' uses the dimension '{shortened(entry)}', "
                    f"which is not declared; declared are {listed(sorted(dimensions))}",
                    section,
                    name,
                )
        sizes = [dimension(entry) for entry in value]
        return (S.One, sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])

    def functions(self) -> dict[str, str]:
        entries = {}
        for name, concrete in self.table("functions").items():
            self.declare(name, "functions", "a function")
            if not isinstance(concrete, str) or concrete not in FUNCTIONS:
                raise self.error(
                    f"unknown function {shortened(repr(concrete))} for '{name}'; "
                    f"known are {listed(FUNCTIONS)}",
                    "functions",
                    name,
                )
            entries[name] = concrete
        return entries

    def equations(
        self, declarations: tuple[Declaration, ...], functions: dict[str, str]
    ) -> tuple[tuple[Equation, ...], Equation]:
        texts = [("equations", name, text) for name, text in self.table("equations").items()]
        losses = [("loss", name, text) for name, text in self.table("loss").items()]
        if len(losses) != 1:
            raise self.error("the section [loss] has one equation", "loss")
        if len(texts) > MOST_EQUATIONS:
            raise self.error(f"a model has at most {MOST_EQUATIONS} equations", "equations")
        states = {entry.name for entry in declarations if entry.kind == "state"}
        for section, name, text in (*texts, *losses):
            if section == "loss" or name not in states:
                self.declare(name, section, f"a name under [{section}]")
            if not isinstance(text, str):
                raise self.error(f"the equation of '{name}' must be text", section, name)
        preactivations = self.preactivation_names([name for _, name, _ in (*texts, *losses)])

        current = {e.name: e.symbol for e in declarations if e.kind in ("input", "target")}
        symbols = {e.name: e.symbol for e in declarations}
        reads = {name: _reads_now(text) for _, name, text in texts}
        done = []
        for section, name, text in (*texts, *losses):
            scope = Scope(
                parameters={e.name: e.symbol for e in declarations if e.kind == "parameter"},
                current=dict(current),
                previous={state: symbols[state] for state in states},
                functions=frozenset(functions),
                later=partial(_why_not_yet, name=name, reads=reads),
            )
            expression = parse(text, scope, partial(self.source.within, section, name))
            self.check_shape(section, name, expression, symbols)
            equation = self.named(name, expression, preactivations.get(name, ()))
            current[name] = equation.variable
            done.append(equation)
        return tuple(done[:-1]), done[-1]

    def check_shape(
        self, section: str, name: str, expression: MatrixExpr, symbols: Mapping[str, Variable]
    ) -> None:
        shape = expression.shape
        if section == "loss" and shape != (1, 1):
            raise self.error(
                f"the loss '{name}' must be a scalar, not {shape_text(shape)}; take its sum",
                section,
                name,
            )
        if name in symbols and symbols[name].shape != shape:
            declared = shape_text(symbols[name].shape)
            raise self.error(
                f"operator '=': the state '{name}' is declared {declared} "
                f"and its equation gives {shape_text(shape)}",
                section,
                name,
            )
        if shape[0] != 1:
            raise self.error(
                f"'{name}' must be a row vector, not {shape_text(shape)}", section, name
            )

    def preactivation_names(self, equations: list[str]) -> dict[str, tuple[str, ...]]:
        names = {}
        for key, value in self.table("preactivations").items():
            if key not in equations:
                raise self.error(f"'{shortened(key)}' has no equation", "preactivations", key)
            chosen = value if isinstance(value, list) else [value]
            for entry in chosen:
                if not isinstance(entry, str):
                    raise self.error("a pre-activation's name is text", "preactivations", key)
                reason = why_not_a_name(entry)
                if reason or entry in self.kinds:
                    reason = reason or f"is declared already, as {self.kinds[entry]}"
                    raise self.error(
                        f"the name '{shortened(entry)}' {reason}", "preactivations", key
                    )
                self.kinds[entry] = "a pre-activation"
            names[key] = tuple(chosen)
        return names

    def named(self, name: str, expression: MatrixExpr, names: Iterable[str]) -> Equation:
        """The equation, with a name for each function's argument that is not a name already."""
        chosen = list(names)
        found: list[Equation] = []

        def fresh() -> str:
            if len(found) < len(chosen):
                return chosen[len(found)]
            stem = "z_" + "".join(split_name(name))
            numbered = (stem + (str(k) if k else "") for k in range(MOST_EQUATIONS))
            free = next(candidate for candidate in numbered if candidate not in self.kinds)
            self.kinds[free] = "a pre-activation"
            return free

        def walk(node: MatrixExpr) -> MatrixExpr:
            if is_leaf(node):
                return node
            inner = node.func(*(walk(argument) for argument in node.args))
            if not isinstance(inner, Elementwise) or is_leaf(inner.operand) or 1 not in inner.shape:
                return inner
            known = {equation.expression: equation.variable for equation in found}
            variable = known.get(inner.operand)
            if variable is None:
                variable = Variable(fresh(), inner.rows, inner.cols, TIME)
                found.append(Equation(variable, inner.operand))
            return Elementwise(inner.function, variable)

        result = walk(expression)
        if len(found) < len(chosen):
            raise self.error(
                f"'{name}' has {len(found)} pre-activations, not {len(chosen)}",
                "preactivations",
                name,
            )
        return Equation(
            Variable(name, expression.rows, expression.cols, TIME), result, tuple(found)
        )

    def check_states(self, declarations: tuple[Declaration, ...]) -> None:
        for entry in declarations:
            if entry.kind == "state" and entry.name not in self.table("equations"):
                raise self.error(f"the state '{entry.name}' has no equation", "states", entry.name)


def _reads_now(text: str) -> frozenset[str]:
    """The names that an equation's text reads at step t, as far as a glance can tell."""
    return frozenset(re.findall(r"([A-Za-z]\w*)\s*\[\s*t\s*\]", text))


def _why_not_yet(other: str, name: str, reads: Mapping[str, frozenset[str]]) -> str | None:
    """Why ``name`` cannot read other[t], where the step defines ``other`` here or further down."""
    if other not in reads:
        return None
    path = _path(other, name, reads)
    if path:
        circle = " -> ".join(f"{step}[t]" for step in (name, *path))
        return f"a cycle within the time step: {circle}; one of them must read [t-1]"
    return f"{other}[t] is read before its equation; move the equation of '{other}' up"


def _path(start: str, goal: str, reads: Mapping[str, frozenset[str]]) -> list[str] | None:
    waiting = [[start]]
    seen = {start}
    while waiting:
        path = waiting.pop(0)
        if path[-1] == goal:
            return path
        for following in sorted(reads.get(path[-1], frozenset()) - seen):
            seen.add(following)
            waiting.append([*path, following])
    return None
