"""A derivation as data: sections of equations, what they abbreviate and what they stand on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    Symbol,
    Variable,
)
from bptt_sym.choices import Level, Loss
from bptt_sym.derivation.factors import Contribution, Factor
from bptt_sym.derivation.reduction import REDUCTIONS, Reduction
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.model.model import Model
from bptt_sym.model.written_out import is_named_within


@dataclass(frozen=True)
class Span:
    """For which time steps an equation holds: index = first, first - 1, ..., last.

    Where the recursion is ``rising``, it is computed from the last of these to the first.
    """

    index: Symbol
    first: Expr
    last: Expr
    rising: bool = False


@dataclass(frozen=True)
class DerivedEquation:
    """One line of a derivation.

    ``meaning`` names it: the parts of its label. ``left`` is absent where the line is an
    expression that the text names (a contribution). ``factors`` are the derivatives on the right,
    where it is a product of them. ``path`` is the one path that the line stands for. ``number`` is
    given at the end.
    """

    meaning: tuple[str, ...]
    left: MatrixExpr | None
    right: MatrixExpr
    factors: tuple[tuple[Factor, ...], ...] = ()
    contribution: Contribution | None = None
    span: Span | None = None
    path: tuple[Vertex, ...] = ()
    number: int | None = None

    @property
    def readers(self) -> tuple[MatrixExpr, ...]:
        """For a contribution: the variables, at its step, that read the parameter."""
        return self.contribution.readers if self.contribution else ()


@dataclass(frozen=True)
class Section:
    """Equations under one heading.

    ``topic`` says what they are about: the factors, the adjoints, the gradient with respect to
    ``parameter`` or the paths to its copies; ``general`` tells the equations for a symbolic number
    of steps, which hold from ``fewest_steps`` on. ``path_count`` is the number of paths, of which a
    section holds all or none.
    """

    topic: Literal["factors", "adjoints", "gradients", "gradient", "definitions", "paths"]
    equations: tuple[DerivedEquation, ...]
    parameter: Parameter | None = None
    general: bool = False
    fewest_steps: int = 1
    path_count: int | None = None


@dataclass(frozen=True)
class Derivation:
    """The gradient of a model's loss with respect to parameters over ``steps`` time steps.

    ``number_from`` is the number asked for the first equation; without one they count from 1. With
    ``paths`` it lists the paths to the copies of the parameters instead.
    """

    model: Model
    steps: int
    level: Level
    loss: Loss
    parameters: tuple[Parameter, ...]
    sections: tuple[Section, ...]
    most_factors: int
    number_from: int | None = None
    paths: bool = False

    def numbered(self) -> Derivation:
        """The derivation with its equations numbered in order; definitions stay without one."""
        number = 1 if self.number_from is None else self.number_from
        sections = []
        for section in self.sections:
            equations = []
            for equation in section.equations:
                if section.topic == "definitions":
                    equations.append(equation)
                    continue
                equations.append(replace(equation, number=number))
                number += 1
            sections.append(replace(section, equations=tuple(equations)))
        return replace(self, sections=tuple(sections))

    @property
    def needs_marks(self) -> bool:
        """Whether an immediate derivative occurs that only a mark tells apart."""
        written = (
            equation.left if section.topic == "factors" else equation.right
            for section in self.sections
            if section.topic in ("factors", "definitions")
            for equation in section.equations
        )
        return any(
            derivative.immediate and not isinstance(derivative.by, Parameter)
            for expression in written
            if expression is not None
            for derivative in expression.atoms(PartialDerivative)
        )

    @property
    def state_tuple(self) -> StateTuple | None:
        """The tuple of all that step t hands on, where it stands in the equations."""
        sides = (
            side
            for section in self.sections
            if section.topic == "definitions"
            for equation in section.equations
            if isinstance(equation.left, PartialDerivative)
            for side in (equation.left.of, equation.left.by)
        )
        return next((side.at(TIME) for side in sides if isinstance(side, StateTuple)), None)

    @property
    def is_recursion(self) -> bool:
        """Whether it is the backward recursion, and not contributions."""
        return self.level == "adjoint"

    @property
    def of_a_step(self) -> tuple[tuple[Variable, MatrixExpr], ...]:
        """The sides of the model's equations, and of those within that the derivatives name."""
        written = [(e.variable, e.written) for e in self.model.all_equations]
        if self.level == "chain" and not is_named_within(self.model):
            return tuple(written)
        within = [e for e in self.model.definitions if e not in self.model.all_equations]
        return (*written, *((e.variable, e.expression) for e in within))

    @property
    def reduction(self) -> Reduction:
        """How the scalar that is derived is made of the losses of all steps."""
        return REDUCTIONS[self.loss]

    def objective(self, *, general: bool = False) -> MatrixExpr:
        """The scalar that is derived: the loss of the last step, or the total of all steps."""
        steps = LAST_STEP if general else Integer(self.steps)
        return self.reduction.of(self.model.loss.variable, steps)

    @property
    def equations(self) -> tuple[DerivedEquation, ...]:
        """All equations, in order."""
        return tuple(equation for section in self.sections for equation in section.equations)
