"""The values of the derivatives that a derivation leaves standing, from its own definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sympy import Expr, Identity, Integer, MatrixExpr, Symbol

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    Adjoint,
    Parameter,
    PartialDerivative,
    TotalLoss,
    Variable,
)
from bptt_sym.algebra.over_time import TimeProduct
from bptt_sym.derivation.derivation import Derivation, DerivedEquation


class Totals(Mapping):
    """Looks a derivative up in the definitions and factors and evaluates what it is said to be."""

    def __init__(self, derivation: Derivation, explicit: Callable[..., Any]) -> None:
        self.explicit = explicit
        self.steps = derivation.steps
        self.known: dict[MatrixExpr, Any] = {}
        self.definitions = [
            equation
            for section in derivation.sections
            if section.topic in ("definitions", "factors")
            for equation in section.equations
        ]

    def __getitem__(self, derivative: PartialDerivative) -> Any:
        if not isinstance(derivative, PartialDerivative):
            raise KeyError(derivative)
        if derivative not in self.known:
            self.known[derivative] = self.explicit(self.defined(derivative), self)
        return self.known[derivative]

    def __contains__(self, node: object) -> bool:
        return isinstance(node, PartialDerivative)

    def __iter__(self):
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def defined(self, derivative: PartialDerivative) -> MatrixExpr:
        """The right side of the one equation that covers a derivative at its time steps."""
        rights = [
            equation.right.xreplace(steps)
            for equation in self.definitions
            if (steps := matched(equation, derivative, self.steps)) is not None
        ]
        if not rights and derivative.of == derivative.by:
            return Identity(derivative.shape[0])
        assert len(rights) == 1, f"{derivative} is defined {len(rights)} times"
        return rights[0]


def matched(
    equation: DerivedEquation, derivative: PartialDerivative, last: int
) -> dict[Symbol, Expr] | None:
    """The steps for which an equation says what a derivative is, if there are such.

    ``last`` is N for derivatives of the loss of all steps.
    """
    left, span = equation.left, equation.span
    if isinstance(left, Adjoint):
        return None
    if isinstance(left.by, Parameter) or isinstance(derivative.by, Parameter):
        return None
    steps: dict[Symbol, Expr] = {}
    if isinstance(left.of, TotalLoss):
        steps[LAST_STEP] = Integer(last)
    for general, given in ((left.of, derivative.of), (left.by, derivative.by)):
        if isinstance(general, Variable) and isinstance(given, Variable):
            for symbol in general.time.free_symbols:
                steps.setdefault(symbol, given.time - (general.time - symbol))
    if left.xreplace(steps) != derivative:
        return None
    if span and not span.last.xreplace(steps) <= steps[span.index] <= span.first.xreplace(steps):
        return None
    # A product over the steps between says nothing where there is one factor, the derivative.
    written = equation.right.xreplace(steps)
    return None if isinstance(written, TimeProduct) and written.doit() == derivative else steps
