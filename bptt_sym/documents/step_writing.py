"""How products of the matrices of steps, and bounds on them, are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bptt_sym.algebra import boxes
from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    OneMatrix,
    PartialDerivative,
    Variable,
    add,
    at_step,
    scale,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.over_time import PRODUCT_STEP, TimeProduct
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.documents.document import DisplayedFormula, Equations
from bptt_sym.documents.facts.norm_bounds import NormBound, number_box
from bptt_sym.documents.facts.step_facts import StepMap
from bptt_sym.documents.telling import Telling
from bptt_sym.model.function_rules import AS_NAMED
from bptt_sym.render.relations import DOTS, Relation, related
from bptt_sym.render.tex import tex, tex_in_line
from bptt_sym.render.tex_width import width
from bptt_sym.render.typeset import typeset

WIDEST = 17.0
"""A matrix that is wider, in ems, does not stand in the middle of a chain of relations."""

LETTERS = ("gamma", "kappa", "eta", "c")
"""A letter for the largest slope of a function: the first that the model does not use."""


@dataclass(frozen=True)
class PrintedBound:
    """A bound on the norm of a step's matrix, as it is printed, and the label of its equation."""

    bound: NormBound
    base: str
    label: str


@dataclass(frozen=True)
class ToldNorms:
    """What a text says of norms: the bound it prints, and whether it says what a norm is."""

    bound: PrintedBound | None = None
    is_defined: bool = False


@dataclass(frozen=True)
class StepWriting:
    """The formulas on what links the steps of a model, in its notation."""

    telling: Telling
    found: StepMap

    def show(self, expression: Expr) -> Box:
        notation = self.telling.model.notation
        return typeset(expression, notation, mark_immediate=notation.mark_immediate)

    def math(self, expression: Expr) -> str:
        return tex(self.show(expression))

    def in_line(self, expression: Expr) -> str:
        """A formula within a line: derivatives with a slash."""
        return tex_in_line(self.show(expression))

    def inline(self, expression: Expr) -> str:
        """The same as a part of a sentence."""
        return f"${self.in_line(expression)}$"

    def marked(self, derivative: MatrixExpr) -> Box:
        """A derivative with a mark if it is immediate."""
        return typeset(derivative, self.telling.model.notation, mark_immediate=True)

    @property
    def factor(self) -> str | None:
        """The derivative from step to step within a line; None where it has too many states."""
        return self.in_line(self.found.factor) if self.has_few_states else None

    @property
    def has_few_states(self) -> bool:
        """Whether the tuple of states stands in a line."""
        return width(self.show(self.found.symbol)) <= WIDEST / 2

    # From one step to another.

    @property
    def end(self) -> Expr:
        """The step that is computed last."""
        return LAST_STEP if self.found.direction == 1 else Integer(1)

    @property
    def distance(self) -> Expr:
        """The number of steps from step i to the end."""
        forward = self.found.direction == 1
        return LAST_STEP - CONTRIBUTION_STEP if forward else CONTRIBUTION_STEP - 1

    @property
    def whole(self) -> MatrixExpr:
        """The derivative of the states of the last step with respect to those of step i."""
        return self.across(self.found.symbol)

    def across(self, state: Variable) -> MatrixExpr:
        """The derivative of a state at the last step with respect to itself at step i."""
        return PartialDerivative(state.at(self.end), state.at(CONTRIBUTION_STEP), False)

    def product(self, factor: MatrixExpr) -> MatrixExpr:
        """The product of what is ``factor`` at step t, over the steps between."""
        assert self.found.direction == 1
        body = at_step(factor, TIME, PRODUCT_STEP)
        return TimeProduct(body, PRODUCT_STEP, CONTRIBUTION_STEP, LAST_STEP)

    def entries_between(self, v: MatrixExpr) -> Box:
        """diag(v_N * ... * v_{i+1}) for a vector v at step t."""
        forward = self.found.direction == 1
        first = CONTRIBUTION_STEP + 1 if forward else CONTRIBUTION_STEP - 1
        ends = [at_step(v, TIME, step) for step in (self.end, first)]
        one, other = (boxes.bracketed(self.show(end), boxes.PRODUCT) for end in ends)
        if v.shape == (1, 1):
            return boxes.Factors((one, DOTS, other))
        round_sign = self.telling.model.notation.product == "circ"
        factors = boxes.Factors((one, DOTS, other), "circle" if round_sign else "elementwise")
        return boxes.Call("diag", factors)

    def to_the_distance(self, base: Box, binding: int = boxes.POWER) -> Box:
        """A box to the power of the distance."""
        inner = base if base.binding > binding else boxes.Brackets(base)
        return boxes.Superscript(inner, self.show(self.distance))

    def power(self, matrix: MatrixExpr) -> Box:
        """A matrix to the power of the distance."""
        return self.to_the_distance(self.show(matrix))

    # Norms.

    def norm(self, matrix: MatrixExpr) -> Box:
        return boxes.Call("norm", self.show(matrix))

    def letters(self, bounds: Sequence[NormBound]) -> dict[str, Box]:
        """A letter for the largest slope of each function."""
        model = self.telling.model
        used = {entry.name for entry in model.declarations} | {*model.functions}
        letter = next((name for name in LETTERS if name not in used), LETTERS[-1])
        functions = list(dict.fromkeys(name for bound in bounds for name in bound.functions))
        if len(functions) == 1:
            return {functions[0]: boxes.Glyph(letter)}
        return {name: boxes.Glyph(f"{letter}_{name}") for name in functions}

    def slopes(self, bounds: Sequence[NormBound]) -> list[dict[str, object]]:
        """The letters in bounds, with what they stand for."""
        known = {name: slope for bound in bounds for name, slope in bound.slopes.items()}
        found: list[dict[str, object]] = []
        for name, letter in self.letters(bounds).items():
            concrete, slope = self.telling.model.functions[name], known[name]
            derivative = self.math(Elementwise(name, AS_NAMED, 1))
            found.append(
                {
                    "told_letter": f"${tex(letter)}$",
                    "told_size": f"$|{derivative}|$",
                    "told_value": None if slope is None else f"${tex(number_box(slope))}$",
                    "usual": concrete in ("tanh", "sigmoid"),
                }
            )
        return found

    def bound(self, bound: NormBound, letters: dict[str, Box]) -> Box:
        return bound.box(self.show, letters)

    def is_short(self, bound: NormBound, letters: dict[str, Box]) -> bool:
        """Whether the bound fits into a line beside what it bounds."""
        return width(self.bound(bound, letters)) <= WIDEST

    def bound_power(self, bound: NormBound, letters: dict[str, Box]) -> Box:
        """The bound on a product of as many matrices as there are steps between."""
        return self.to_the_distance(self.bound(bound, letters))

    def product_of_norms(self, matrix: MatrixExpr) -> Box:
        """The product of the norms of the step's matrices: these, or where too wide derivatives."""
        body: Box = self.norm(at_step(matrix, TIME, PRODUCT_STEP))
        if width(body) > WIDEST:
            body = self.norm(at_step(self.found.factor, TIME, PRODUCT_STEP))
        upper, index, lower = map(self.show, (LAST_STEP, PRODUCT_STEP, CONTRIBUTION_STEP))
        return boxes.Big("product", body, index, lower, upper)

    # Displays.

    def equation(self, left: MatrixExpr, right: MatrixExpr) -> Equations:
        """An equation between expressions, broken into lines where it is too long."""
        written = DerivedEquation(("step",), left, right)
        (found,) = self.telling.equations(self.telling.matrices, [written])
        assert isinstance(found, Equations)
        return found

    def display(
        self, rows: Sequence[tuple[Box, Sequence[tuple[Relation, Box]]]], label: str | None = None
    ) -> Equations:
        """Chains of relations below each other, the first with a label if it is to have one."""
        found = []
        for left, chain in rows:
            text = related(left, chain)
            signs = self.telling.glossary.signs([left, *(right for _, right in chain)])
            found.append(DisplayedFormula((text,), label, signs=signs))
            label = None
        return Equations(tuple(found))


def is_plain_gate(v: MatrixExpr) -> tuple[MatrixExpr, bool] | None:
    """The z where v is z or 1 - z, and whether it is z itself: a variable, or the value of a
    function at one.
    """
    if _is_value(v):
        return v, True
    found = [part for part in v.atoms(Variable, Elementwise) if _is_value(part)]
    for z in found:
        if v == add(OneMatrix(*v.shape), scale(-1, z)):
            return z, False
    return None


def _is_value(expression: MatrixExpr) -> bool:
    match expression:
        case Variable():
            return True
        case Elementwise(order=0, operand=Variable()):
            return True
    return False
