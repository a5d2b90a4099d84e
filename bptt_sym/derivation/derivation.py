"""A derivation as data: sections of equations, what they abbreviate and what they stand on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
    TotalLoss,
    Variable,
)
from bptt_sym.choices import Level, Loss
from bptt_sym.derivation.factors import Contribution, Factor
from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.same_layers import LayerSpan, Line, SameLayers
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
    given at the end. A line about a layer in general holds for those of ``layers``.
    """

    meaning: tuple[str, ...]
    left: MatrixExpr | None
    right: MatrixExpr
    factors: tuple[tuple[Factor, ...], ...] = ()
    contribution: Contribution | None = None
    span: Span | None = None
    path: tuple[Vertex, ...] = ()
    number: int | None = None
    layers: LayerSpan | None = None

    @property
    def readers(self) -> tuple[MatrixExpr, ...]:
        """For a contribution: the variables, at its step, that read the parameter."""
        return self.contribution.readers if self.contribution else ()


@dataclass(frozen=True)
class Section:
    """Equations under one heading.

    ``topic`` says what they are about: the factors, the adjoints, the gradient with respect to
    ``parameter``, the paths to its copies, or gradients in the shapes of their parameters;
    ``general`` tells the equations for a symbolic number of steps, which hold from ``fewest_steps``
    on. ``path_count`` is the number of paths, of which a section holds all or none. ``lines`` are
    what is printed of the equations, those that are the same for several layers as one, and
    ``places`` tells of each line which of the equations it stands for.
    """

    topic: Literal["factors", "adjoints", "gradients", "gradient", "definitions", "paths", "shapes"]
    equations: tuple[DerivedEquation, ...]
    parameter: Parameter | None = None
    general: bool = False
    fewest_steps: int = 1
    path_count: int | None = None
    lines: tuple[DerivedEquation, ...] = ()
    places: tuple[tuple[int, ...], ...] = ()


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
    parameters: tuple[Parameter | Variable, ...]
    sections: tuple[Section, ...]
    most_factors: int
    number_from: int | None = None
    paths: bool = False

    def numbered(self) -> Derivation:
        """The derivation with its equations numbered in order; definitions stay without one."""
        number = itertools.count(1 if self.number_from is None else self.number_from)
        same = SameLayers(self.model)
        sections = []
        for section in self.sections:
            equations, lines, places = list(section.equations), [], []
            for line in _lines(section.equations, same):
                first = section.equations[line.positions[0]]
                counted = None if section.topic == "definitions" else next(number)
                shown = replace(first, number=counted)
                if line.layers is not None:
                    shown = replace(
                        shown, left=line.sides[0], right=line.sides[1], layers=line.layers
                    )
                lines.append(shown)
                places.append(tuple(line.positions))
                for position in line.positions:
                    equations[position] = replace(equations[position], number=counted)
            sections.append(
                replace(
                    section,
                    equations=tuple(equations),
                    lines=tuple(lines),
                    places=tuple(places),
                )
            )
        return replace(self, sections=tuple(sections))

    @cached_property
    def _shown(self) -> dict[tuple[str, ...], DerivedEquation]:
        """The line for an equation, by the meaning of the equation."""
        return {
            equation.meaning: line
            for section in self.sections
            for line in section.lines
            for equation in section.equations
            if line.layers and equation.number == line.number and line.number is not None
        }

    def line(self, equation: DerivedEquation) -> DerivedEquation:
        """What is printed for an equation: itself, or one for several layers."""
        return self._shown.get(equation.meaning, equation)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """The inputs that gradients are taken with respect to."""
        return tuple(entry for entry in self.parameters if isinstance(entry, Variable))

    @cached_property
    def needs_marks(self) -> bool:
        """Whether an immediate derivative occurs that only a mark tells apart.

        One with respect to a parameter is told by that, but for that of the loss, which has the
        gradient beside it.
        """
        if self.inputs and not self.is_recursion:
            return True
        found = (
            (section.topic, derivative)
            for section in self.sections
            for equation in section.equations
            for side in [equation.left if section.topic == "factors" else equation.right]
            if side is not None
            for derivative in side.atoms(PartialDerivative)
            if derivative.immediate
        )
        return any(
            self._has_gradient(derivative.of)
            if isinstance(derivative.by, Parameter)
            else topic in ("factors", "definitions")
            for topic, derivative in found
        )

    def _has_gradient(self, of: Variable | TotalLoss) -> bool:
        alone = self.reduction.at_last and not self.reduction.added
        return alone and not self.paths and of.name == self.model.loss.name

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
    def of_a_step(self) -> tuple[tuple[Variable | Parameter, MatrixExpr], ...]:
        """The sides of the model's equations, and of those within that the derivatives name."""
        written = [(e.left, e.written) for e in self.model.written_equations]
        if self.level == "chain" and not is_named_within(self.model):
            return tuple(written)
        within = [e for e in self.model.definitions if e not in self.model.all_equations]
        return (*written, *((e.variable, e.expression) for e in within))

    @cached_property
    def step_lines(self) -> tuple[DerivedEquation, ...]:
        """What is printed of a step: those of several layers that are the same as one."""
        sides = self.of_a_step
        return tuple(
            DerivedEquation(("model",), line.sides[0], line.sides[1], layers=line.layers)
            for line in SameLayers(self.model).lines(sides, [None] * len(sides))
        )

    @property
    def layer_index(self) -> Symbol | None:
        """The index of a layer in general, where a line is about one."""
        lines = (line for section in self.sections for line in section.lines)
        spans = (line.layers for line in (*self.step_lines, *lines))
        return next((span.index for span in spans if span is not None), None)

    @property
    def reduction(self) -> Reduction:
        """How the scalar that is derived is made of the losses of all steps."""
        return reduction_of(self.model, self.loss)

    def objective(self, *, general: bool = False) -> MatrixExpr:
        """The scalar that is derived: the loss of the last step, or the total of all steps."""
        steps = LAST_STEP if general else Integer(self.steps)
        return self.reduction.of(self.model.loss.variable, steps)

    @property
    def parts(self) -> MatrixExpr | None:
        """What this scalar is the sum of, where something is added to the losses of steps, or
        these stand in for a loss above.
        """
        if not (self.reduction.added or self.model.outputs):
            return None
        return self.reduction.parts(self.model.loss.variable, Integer(self.steps))

    @property
    def equations(self) -> tuple[DerivedEquation, ...]:
        """All equations, in order."""
        return tuple(equation for section in self.sections for equation in section.equations)


def _lines(equations: Sequence[DerivedEquation], same: SameLayers) -> list[Line]:
    """The lines for equations, of which only those with a left side may be of several layers."""
    sides = [(e.right,) if e.left is None else (e.left, e.right) for e in equations]
    alone = [e.left is None or bool(e.contribution or e.path) for e in equations]
    return same.lines(sides, [k if alone[k] else e.span for k, e in enumerate(equations)])
