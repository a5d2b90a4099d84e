"""The gradients of a model over a few time steps in numbers: its own equations, evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.entrywise import StopGradient
from bptt_sym.algebra.expressions import (
    TIME,
    Expr,
    Gradient,
    Integer,
    MatrixExpr,
    Parameter,
    Variable,
    add,
)
from bptt_sym.choices import Loss
from bptt_sym.derivation.adjoint import AdjointRecursion
from bptt_sym.derivation.forward_pass import ForwardPass
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.step import derive_step
from bptt_sym.documents.worked.target_ranges import target_ranges
from bptt_sym.model.known import with_functions
from bptt_sym.model.model import Model
from bptt_sym.model.small_numbers import Numbers, value
from bptt_sym.model.starts import starts_at


@dataclass(frozen=True)
class NumericContribution:
    """What the copies of a parameter in one ``step`` add to its gradient.

    Without a step it is what comes through initial values, or is added ``once``. ``expression`` is
    the sum of its terms as the recursion has them, ``array`` their value.
    """

    step: int | None
    once: bool
    expression: MatrixExpr
    array: Any


class Calculation:
    """How the loss of a model and its gradients are calculated over ``steps`` time steps.

    ``known`` is the model with the functions that stand for symbolic ones.
    """

    def __init__(self, model: Model, loss: Loss, steps: int) -> None:
        self.model, self.steps, self.loss = model, steps, loss
        self.known = with_functions(model, model.functions)
        self.reduction = reduction_of(model, loss)
        self.forward = ForwardPass(self.known, self.reduction, steps)
        self.recursion = AdjointRecursion(derive_step(self.known, detailed=True), loss)
        self._written = AdjointRecursion(derive_step(model, detailed=True), loss)
        last = Integer(steps)
        self.adjoints = [*self.recursion.concrete(steps), *self.recursion.initial(last)]
        self.gradients = [*self.recursion.gradients(steps)]

    @cached_property
    def target_bounds(self) -> dict[str, tuple[float, float]]:
        """Between which numbers the targets lie that the model can come near to."""
        return target_ranges(self.known)

    def run(self, given: Mapping[Expr, Any]) -> Numbers:
        """The numbers given, and all that follow: forward, the adjoints, the gradients.

        The numbers may be infinite, or not be numbers.
        """
        with np.errstate(all="ignore"):
            numbers = self.forward.run(given)
            for equation in (*self.adjoints, *self.gradients):
                assert equation.left is not None
                numbers[equation.left] = value(equation.right, numbers)
        return numbers

    def loss_at(self, given: Mapping[Expr, Any], parameters: Mapping[Parameter, Any]) -> float:
        """The loss with other values of some parameters."""
        # Initial values that parameters make up follow from these.
        changed = dict(given) | dict(parameters)
        with np.errstate(all="ignore"):
            for symbol, initial in self.made_starts:
                changed[symbol] = value(initial, changed)
            return float(self.forward.run(changed)[self.objective].item())

    @cached_property
    def made_starts(self) -> list[tuple[Variable, MatrixExpr]]:
        """The initial values that parameters make up."""
        return [
            (symbol, initial)
            for symbol, initial in starts_at(self.known, self.steps)
            if initial is not None and initial.atoms(Parameter)
        ]

    @property
    def objective(self) -> MatrixExpr:
        """The loss that is derived, as a symbol."""
        return self.forward.objective

    def gradient(self, parameter: Parameter) -> MatrixExpr:
        """The gradient with respect to a parameter, as a symbol."""
        return Gradient(self.objective, parameter)

    def contributions(self, parameter: Parameter, numbers: Numbers) -> list[NumericContribution]:
        """The terms of the gradient, the latest first; they are not there where no path leads."""
        found = zip(
            self.recursion.contributions(parameter, self.steps),
            self._written.contributions(parameter, self.steps),
            strict=True,
        )
        return [
            NumericContribution(
                step,
                # Of what belongs to no step, this comes last.
                step is None and place == self.steps + 1,
                add(*(shown or terms)),
                value(add(*terms), numbers),
            )
            for place, ((step, terms), (_, shown)) in enumerate(found)
            if terms
        ]

    def needed_for(self, parameters: Sequence[Parameter]) -> frozenset[MatrixExpr]:
        """The adjoints that the gradients with respect to some parameters need."""
        recursion = AdjointRecursion(self.recursion.step, self.loss, parameters)
        found = (*recursion.concrete(self.steps), *recursion.initial(Integer(self.steps)))
        return frozenset(equation.left for equation in found if equation.left is not None)

    @cached_property
    def is_the_derivative(self) -> bool:
        """Whether the gradient is the derivative of the loss: nothing is declared to be otherwise,
        by stop_gradient or by a derivative that a function is given.
        """
        expressions = (e.expression for e in self.known.computed)
        return not any(expression.has(StopGradient, Declared) for expression in expressions)

    def reads_earlier(self, parameter: Parameter) -> bool:
        """Whether what a step's copy contributes reads a value of an earlier step, or a later."""
        return any(
            leaf.time != TIME
            for edge in self._written.readers(parameter)
            for leaf in edge.pulled.atoms(Variable)
        )
