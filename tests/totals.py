"""The values of the derivatives that a derivation leaves standing, from its own definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sympy import Expr, Identity, MatrixExpr, Symbol

from bptt_sym.algebra.expressions import Parameter, PartialDerivative, Variable
from bptt_sym.derivation.derivation import Derivation, Equation


class Totals(Mapping):
    """Looks a derivative up in the definitions and factors and evaluates what it is said to be."""

    def __init__(self, derivation: Derivation, explicit: Callable[..., Any]) -> None:
        self.explicit = explicit
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
        rights = []
        for equation in self.definitions:
            steps = matched(equation, derivative)
            if steps is not None:
                rights.append(equation.right.xreplace(steps))
        if not rights and derivative.of == derivative.by:
            return Identity(derivative.shape[0])
        assert len(rights) == 1, f"{derivative} is defined {len(rights)} times"
        return rights[0]


def matched(equation: Equation, derivative: PartialDerivative) -> dict[Symbol, Expr] | None:
    """The steps for which the left side of an equation is a derivative, if there are such."""
    left = equation.left
    if isinstance(left.by, Parameter) or isinstance(derivative.by, Parameter):
        return None
    steps: dict[Symbol, Expr] = {}
    for general, given in ((left.of, derivative.of), (left.by, derivative.by)):
        assert isinstance(general, Variable)
        for symbol in general.time.free_symbols:
            steps.setdefault(symbol, given.time - (general.time - symbol))
    return steps if left.xreplace(steps) == derivative else None
