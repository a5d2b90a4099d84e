"""The functions of a model with their values and derivatives, as they are printed."""

from __future__ import annotations

from dataclasses import dataclass

from bptt_sym.algebra.expressions import MatrixExpr, Parameter
from bptt_sym.algebra.functions import Elementwise, derivative
from bptt_sym.model.model import ARGUMENT, Model

AS_NAMED = Parameter(ARGUMENT.name, ARGUMENT.rows, ARGUMENT.cols)
"""The variable of a formula without a time step."""


@dataclass(frozen=True)
class FunctionRule:
    """phi(z) = ``value`` and phi'(z) = ``slope``, which the model file may have ``declared``."""

    name: str
    value: MatrixExpr
    slope: MatrixExpr
    declared: bool

    @property
    def sides(self) -> tuple[tuple[MatrixExpr, MatrixExpr], ...]:
        """Both equations, each as its sides."""
        value, slope = (Elementwise(self.name, AS_NAMED, order) for order in (0, 1))
        return (value, self.value), (slope, self.slope)

    @property
    def origin(self) -> str:
        """Where the derivative is from, in a word."""
        return "declared" if self.declared else "derived"


def function_rules(model: Model) -> tuple[FunctionRule, ...]:
    """The functions that stay symbolic in derivations, as generated code has them by default."""
    return tuple(_rule(model, name) for name in model.functions)


def _rule(model: Model, name: str) -> FunctionRule:
    concrete = model.functions[name]
    if isinstance(concrete, str):
        value: MatrixExpr = Elementwise(concrete, AS_NAMED)
        return FunctionRule(name, value, derivative(value), declared=False)
    named = {ARGUMENT: AS_NAMED}
    declared = concrete.derivative is not None
    return FunctionRule(
        name, concrete.value.xreplace(named), concrete.slope.xreplace(named), declared
    )
