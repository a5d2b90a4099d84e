"""The values of the total derivatives that a derivation abbreviates, from its own definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sympy import Expr, Identity, Integer, MatrixExpr

from bptt_sym.algebra.expressions import CONTRIBUTION_STEP, LAST_STEP, TIME, PartialDerivative
from bptt_sym.derivation.derivation import Derivation, Equation


class Totals(Mapping):
    """Looks a total derivative up in the definitions and evaluates what it is defined as."""

    def __init__(self, derivation: Derivation, explicit: Callable[..., Any]) -> None:
        self.explicit = explicit
        self.known: dict[MatrixExpr, Any] = {}
        self.definitions = [
            equation
            for section in derivation.sections
            if section.topic == "definitions"
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
        """The right side of the one definition that covers a derivative at its time steps."""
        rights = []
        for equation in self.definitions:
            steps = {LAST_STEP: derivative.of.time, TIME: derivative.of.time}
            steps[CONTRIBUTION_STEP] = derivative.by.time
            if equation.left.xreplace(steps) == derivative and _covers(equation, steps):
                rights.append(equation.right.xreplace(steps))
        if not rights and derivative.of == derivative.by:
            return Identity(derivative.shape[0])
        assert len(rights) == 1, f"{derivative} is defined {len(rights)} times"
        return rights[0]


def _covers(equation: Equation, steps: dict[Expr, Integer]) -> bool:
    span = equation.span
    if span is None:
        return True
    first, last = span.first.xreplace(steps), span.last.xreplace(steps)
    return bool(last <= steps[span.index] <= first)
