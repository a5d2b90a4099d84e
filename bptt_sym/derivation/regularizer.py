"""What a loss of parameters alone adds to a gradient: one immediate derivative, of no time step."""

from __future__ import annotations

from bptt_sym.algebra.expressions import MatrixExpr, Parameter, PartialDerivative
from bptt_sym.derivation.step import Step


def from_regularizer(step: Step, parameter: Parameter, *, matrices: bool) -> list[MatrixExpr]:
    """The term that the regularizer adds, if it reads the parameter: as the derivative, or with
    ``matrices`` as what this is.
    """
    regularizer, found = step.model.regularizer, step.by_regularizer
    if regularizer is None or parameter.name not in found:
        return []
    if matrices:
        return [found[parameter.name]]
    return [PartialDerivative(regularizer.left, parameter, True)]
