"""A network of one unit over two steps: every number small enough to be checked by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import TIME, Expr, MatrixExpr, at_step
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.derive import derive
from bptt_sym.documents.document import Block, DisplayedFormula, Equations, Paragraph
from bptt_sym.documents.telling import Telling
from bptt_sym.model.read import parse_model
from bptt_sym.render.formulas import as_product, stated
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

STEPS = 2

NETWORK = """
[inputs]
x = []
[targets]
d = []
[parameters]
w = []
[states]
s = []
[equations]
s = "x[t] + w * s[t-1]"
[loss]
E = "(d[t] - s[t]) ** 2"
"""

GIVEN = {("w", None): 0.5, ("s", 0): 2, ("x", 1): 1, ("x", 2): 2, ("d", 2): 2}
"""The numbers, by name and step."""

CHANGE = 0.001
"""What the weight is changed by to check the derivative."""


def two_steps(telling: Telling) -> Iterator[Block]:
    """The example, where some parameter of the model needs time at all."""
    if not any(telling.needs_time(parameter) for parameter in telling.parameters):
        return
    say, toy = telling.sentences("by_hand"), _Toy(telling)
    if toy.is_abbreviated:
        return
    yield Paragraph(say.toy())
    yield Equations(tuple(toy.model_lines())).ended(".")
    yield Paragraph(say.numbers(toy.told(toy.given), toy.told(toy.computed)))
    (weight,) = toy.inline(toy.weight)
    yield Paragraph(say.uses(weight))
    yield Equations(tuple(toy.contributions())).ended(".")
    terms = [toy.number(term) for term in toy.terms]
    yield Paragraph(say.added(toy.number(sum(toy.terms)), terms))
    yield Paragraph(say.check(toy.math(toy.weight), **toy.check()))
    yield Paragraph(say.observed(*toy.inline(toy.longer)))


class _Toy:
    """The network with its numbers, in the signs of a model's notation."""

    def __init__(self, telling: Telling) -> None:
        model = parse_model(NETWORK, "toy")
        signs = replace(telling.model.notation, names={}, latex={}, macros={})
        self.model = replace(model, notation=signs)
        self.derivation: Derivation = derive(self.model, steps=STEPS)
        (self.weight,) = self.model.parameters.values()
        self.given = {self._leaf(*key): number for key, number in GIVEN.items()}
        self.computed = self._run(self.given)
        self.values = self.given | self.computed

    def _leaf(self, name: str, time: int | None) -> MatrixExpr:
        symbol = self.model.symbol(name)
        return symbol if time is None else symbol.at(time)

    def _run(self, given: Mapping[MatrixExpr, Any]) -> dict[MatrixExpr, Any]:
        values = dict(given)
        loss = self.model.loss.variable.at(STEPS)
        for time in range(1, STEPS + 1):
            for equation in self.model.definitions:
                left = equation.variable.at(time)
                if equation.variable != self.model.loss.variable or left == loss:
                    values[left] = _value(at_step(equation.expression, TIME, time), values)
        return {left: value for left, value in values.items() if left not in given}

    def math(self, expression: Expr) -> str:
        loss = self.derivation.objective()
        return tex(typeset(expression, self.model.notation, loss=loss))

    def inline(self, *expressions: Expr) -> list[str]:
        return [f"${self.math(expression)}$" for expression in expressions]

    def number(self, value: Any) -> str:
        return f"{float(value):.10g}"

    def told(self, values: Mapping[MatrixExpr, Any]) -> list[str]:
        """What symbols are."""
        return [f"${self.math(left)} = {self.number(v)}$" for left, v in values.items()]

    def model_lines(self) -> Iterator[DisplayedFormula]:
        """The equations of the model, the loss at the last step."""
        loss = self.model.loss.variable
        for equation in self.model.definitions:
            left, right = equation.variable, equation.written
            if left == loss:
                left, right = left.at(STEPS), at_step(right, TIME, STEPS)
            yield DisplayedFormula((stated(self.math(left), self.math(right)),))

    @property
    def equations(self) -> list[DerivedEquation]:
        """The contributions of the two uses, the later one first."""
        (section,) = (s for s in self.derivation.sections if s.parameter == self.weight)
        return [e for e in section.equations if e.contribution]

    @property
    def is_abbreviated(self) -> bool:
        """Whether its products are not written as single derivatives."""
        chains = [chain for equation in self.equations for chain in equation.factors]
        return any(factor.known is None for chain in chains for factor in chain)

    def factors(self, equation: DerivedEquation) -> list[tuple[MatrixExpr, float]]:
        """The derivatives of a product, each with its value."""
        (chain,) = equation.factors
        return [(factor.expression, _value(factor.known, self.values)) for factor in chain]

    @property
    def terms(self) -> list[float]:
        """The values of the contributions."""
        return [float(np.prod([v for _, v in self.factors(e)])) for e in self.equations]

    def contributions(self) -> Iterator[DisplayedFormula]:
        """Each product in symbols, then in numbers, then its value."""
        for equation, term in zip(self.equations, self.terms, strict=True):
            numbers = as_product([self.number(value) for _, value in self.factors(equation)])
            right = f"{numbers} = {self.number(term)}"
            yield DisplayedFormula((stated(self.math(equation.right), right),))

    @property
    def longer(self) -> MatrixExpr:
        """The factor that the earlier use has and the later one has not."""
        later, earlier = map(self.factors, self.equations)
        known = [expression for expression, _ in later]
        return next(e for e, _ in earlier[:-1] if e not in known)

    def check(self) -> dict[str, str]:
        """The loss for the weight a little above and below, and what this says of its slope."""
        ends = [self.given[self.weight] + sign * CHANGE for sign in (1, -1)]
        loss = self.model.loss.variable.at(STEPS)
        losses = [float(self._run(self.given | {self.weight: end})[loss]) for end in ends]
        width = ends[0] - ends[1]
        return {
            "above": self.number(ends[0]),
            "below": self.number(ends[1]),
            "loss_above": f"{losses[0]:.6f}",
            "loss_below": f"{losses[1]:.6f}",
            "width": self.number(width),
            "quotient": f"{(losses[0] - losses[1]) / width:.4f}",
        }


def _value(expression: MatrixExpr | None, values: Mapping[MatrixExpr, Any]) -> float:
    assert expression is not None
    known = {left: np.full((1, 1), float(value)) for left, value in values.items()}
    return float(np.sum(evaluate(expression, known, {})))
