"""The inside of a time step: its operations as a graph, from what it is given to its values.

It is read off the equations as they are written. A product and a sum of what varies is a small
node, and so is a function, of which the argument may be a sum: what enters a function is added up.
Parameters stand at the lines that they multiply, inner ones first; what is added and the same in
each step, such as a bias, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from sympy import HadamardProduct, MatAdd, MatMul, Transpose, preorder_traversal

from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.expressions import (
    TIME,
    Broadcast,
    Expr,
    MatrixExpr,
    Parameter,
    Variable,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operations import operation_of
from bptt_sym.algebra.spread_over import SpreadOver
from bptt_sym.figures.measure import measured
from bptt_sym.figures.weights import weights
from bptt_sym.model.model import Equation, Model
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

WIDEST = 1.5
"""Longer labels, in centimetres at 8 points, are those of no small node."""

_SAME = (Transpose, Broadcast, SpreadOver, Declared)
"""What only turns or spreads its argument: the line goes on."""

_HOLE = "."
"""The name of what stands for an argument; no model has it."""


@dataclass(frozen=True)
class InnerLine:
    """A line from what is called ``by``; its label is the LaTeX of what multiplies along it."""

    by: str
    latex: str = ""


@dataclass(frozen=True)
class Inner:
    """A node within a step: an operation, or a ``value`` that one line leads to.

    ``named`` is the equation whose value it is, ``""`` where it is within one.
    """

    key: str
    kind: Literal["operation", "function", "value"]
    latex: str
    lines: tuple[InnerLine, ...]
    named: str = ""


@dataclass(frozen=True)
class Inside:
    """The nodes of a step in the order of computation.

    ``given`` are the keys of what is read and not computed in the step, ``values`` those of the
    equations: Variable names to keys.
    """

    nodes: tuple[Inner, ...]
    given: Mapping[str, Variable]
    values: Mapping[str, str]

    @cached_property
    def node(self) -> Mapping[str, Inner]:
        return {node.key: node for node in self.nodes}


def inside(model: Model, equations: Sequence[Equation], time: Expr, *, whole: bool) -> Inside:
    """The inside of a step as far as these equations go, which read no others of their step.

    The values are those at ``time``. Where it is not ``whole``, each equation is one node.
    """
    reader = _Reader(model, time)
    for equation in equations:
        if whole:
            reader.read(equation)
        else:
            reader.read_as_one(equation)
    return Inside(tuple(reader.nodes), reader.given, reader.values)


class _Reader:
    def __init__(self, model: Model, time: Expr) -> None:
        self.model = model
        self.time = time
        self.nodes: list[Inner] = []
        self.given: dict[str, Variable] = {}
        self.values: dict[str, str] = {}
        self.equation = ""
        self.known: dict[MatrixExpr, InnerLine] = {}

    def read(self, equation: Equation) -> None:
        self.equation = equation.name
        self.known.clear()
        line = self.line(equation.written)
        made = next((node for node in self.nodes if line is not None and node.key == line.by), None)
        if made is None or line is None or line.latex or made.named:
            key = self.new(
                "value", self.tex(equation.variable.at(self.time)), [line] if line else []
            )
        else:
            key = made.key
        at = next(k for k, node in enumerate(self.nodes) if node.key == key)
        self.nodes[at] = replace(self.nodes[at], named=equation.name)
        self.values[equation.name] = key

    def read_as_one(self, equation: Equation) -> None:
        self.equation = equation.name
        found = [
            InnerLine(self.key(name, lag), self.names(parameters))
            for (name, lag), parameters in weights(equation).items()
        ]
        key = self.new("value", self.tex(equation.variable.at(self.time)), found)
        self.nodes[-1] = replace(self.nodes[-1], named=equation.name)
        self.values[equation.name] = key

    def key(self, name: str, lag: int) -> str:
        symbol = self.model.symbol(name)
        assert isinstance(symbol, Variable)
        return self.of_variable(symbol.at(TIME - lag))

    def of_variable(self, variable: Variable) -> str:
        lag = int(TIME - variable.time)
        if lag == 0 and variable.name in self.values:
            return self.values[variable.name]
        key = f"{variable.name}@{lag}"
        self.given[key] = variable
        return key

    def new(
        self, kind: Literal["operation", "function", "value"], latex: str, lines: list[InnerLine]
    ) -> str:
        key = f"{self.equation}.{len(self.nodes)}"
        self.nodes.append(Inner(key, kind, latex, tuple(lines)))
        return key

    def tex(self, expression: MatrixExpr) -> str:
        return tex(typeset(expression, self.model.notation))

    def names(self, parameters: Sequence[str]) -> str:
        return ",".join(self.tex(self.model.symbol(name)) for name in parameters)

    # From expressions to lines.

    def line(self, expression: MatrixExpr) -> InnerLine | None:
        """The line that bears the value of an expression; none where it is always the same."""
        if not expression.has(Variable):
            return None
        if expression not in self.known:
            self.known[expression] = self._line(expression)
        return self.known[expression]

    def _line(self, expression: MatrixExpr) -> InnerLine:
        match expression:
            case Variable():
                return InnerLine(self.of_variable(expression))
            case MatAdd():
                return self._sum(expression)
            case MatMul() | HadamardProduct():
                return self._product(expression)
            case Elementwise():
                return InnerLine(
                    self.new("function", self.pattern(expression), self._terms(expression.operand))
                )
            case _ if isinstance(expression, _SAME):
                (line,) = self._lines(expression.args)
                return line
            case _:
                lines = list(self._lines(expression.args))
                return InnerLine(self.new("function", self.pattern(expression), lines))

    def _lines(self, parts: Sequence[object]) -> Iterator[InnerLine]:
        for part in parts:
            line = self.line(part) if isinstance(part, MatrixExpr) else None
            if line is not None:
                yield line

    def _terms(self, operand: MatrixExpr) -> list[InnerLine]:
        """What enters a function: the terms of a sum, if parameters alone are added to them."""
        coefficient, rest = split_coefficient(operand)
        if coefficient != 1 or not isinstance(rest, MatAdd) or self._shifts(rest):
            return list(self._lines([operand]))
        return list(self._lines(rest.args))

    def _shifts(self, total: MatAdd) -> bool:
        """Whether a number is added, as in 1 - z."""
        return any(not term.has(Variable, Parameter) for term in total.args)

    def _sum(self, total: MatAdd) -> InnerLine:
        lines = list(self._lines(total.args))
        if len(lines) == 1 and self._shifts(total):
            varying = next(term for term in total.args if term.has(Variable))
            inner = self.line(split_coefficient(varying)[1])
            assert inner is not None
            pattern = self.pattern(total, whole=varying)
            return InnerLine(self.new("operation", pattern, [inner]))
        if len(lines) == 1:
            return lines[0]
        return InnerLine(self.new("operation", "+", lines))

    def _product(self, product: MatMul | HadamardProduct) -> InnerLine:
        coefficient, rest = split_coefficient(product)
        factors = rest.args if type(rest) in (MatMul, HadamardProduct) else (rest,)
        varying = [factor for factor in factors if factor.has(Variable)]
        label = self.names(
            [
                part.name
                for factor in factors
                if not factor.has(Variable)
                for part in preorder_traversal(factor)
                if isinstance(part, Parameter)
            ]
        )
        if coefficient != 1:
            label = ("-" if coefficient == -1 else self.tex_number(coefficient)) + label
        if len(varying) == 1:
            return self._times(varying[0], label)
        lines = list(self._lines(varying))
        sign = self._sign(rest)
        made = InnerLine(self.new("operation", sign, lines))
        return replace(made, latex=label)

    def _times(self, factor: MatrixExpr, label: str) -> InnerLine:
        inner = self.line(factor)
        assert inner is not None
        both = (inner.latex, label)
        sign = "-" if both[0].startswith("-") != both[1].startswith("-") else ""
        parts = filter(None, (part.removeprefix("-") for part in both))
        return InnerLine(inner.by, sign + ",".join(parts))

    def _sign(self, product: MatrixExpr) -> str:
        if isinstance(product, HadamardProduct):
            return r"\circ" if self.model.notation.product == "circ" else r"\odot"
        return r"\times"

    def tex_number(self, number: object) -> str:
        return tex(typeset(number, self.model.notation))

    def pattern(self, expression: MatrixExpr, whole: MatrixExpr | None = None) -> str:
        """How an operation looks, a dot in the place of what varies in it."""
        varying = [whole] if whole is not None else [a for a in expression.args if a.has(Variable)]
        sign = {part: split_coefficient(part)[0] if whole is not None else 1 for part in varying}
        holes = {part: sign[part] * Parameter(_HOLE, *part.shape) for part in varying}
        notation = replace(
            self.model.notation, latex={**self.model.notation.latex, _HOLE: r"\cdot"}
        )
        if isinstance(expression, Elementwise):
            applied = Elementwise(expression.function, holes[expression.operand])
            plain = replace(notation, vector="plain", matrix="plain")
            return tex(typeset(applied, plain)).removesuffix(r"(\cdot)")
        made = operation_of(expression).rebuild(
            expression, [holes.get(part, part) for part in expression.args]
        )
        latex = tex(typeset(made, notation))
        if measured(latex, 8.0).width <= WIDEST:
            return latex
        return rf"\mathrm{{{operation_of(expression).syntax or 'f'}}}".replace("_", "")
