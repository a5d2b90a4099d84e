"""What the derivatives are that the equations of a derivation name."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.algebra.expressions import PartialDerivative, Variable
from bptt_sym.derivation.derivation import Derivation, DerivedEquation


def definitions_of(
    chain: Derivation, equations: Sequence[DerivedEquation]
) -> list[DerivedEquation]:
    """What the derivatives in equations for any N are, and those in these, in order."""
    known = [
        e for section in chain.sections if section.topic == "definitions" for e in section.equations
    ]
    found: list[DerivedEquation] = []
    waiting = list(equations)
    while waiting:
        names = {_names(d) for d in waiting.pop(0).right.atoms(PartialDerivative)}
        for equation in known:
            assert isinstance(equation.left, PartialDerivative)
            is_new = equation not in found and not _is_of_steps(equation)
            if is_new and _names(equation.left) in names:
                found.append(equation)
                waiting.append(equation)
    return found


def _names(derivative: PartialDerivative) -> tuple[str, str, bool]:
    return derivative.of.name, derivative.by.name, derivative.immediate


def _is_of_steps(equation: DerivedEquation) -> bool:
    """Whether an equation is about numbered steps."""
    assert isinstance(equation.left, PartialDerivative)
    of = equation.left.of
    return isinstance(of, Variable) and bool(of.time.is_Integer)


def abbreviations_of(
    chain: Derivation, equations: Sequence[DerivedEquation]
) -> list[DerivedEquation]:
    """What derivatives of numbered steps stand for, of those that the equations name."""
    named = {(d.of, d.by.name) for e in equations for d in e.right.atoms(PartialDerivative)}
    return [
        e
        for section in chain.sections
        if section.topic == "definitions"
        for e in section.equations
        if isinstance(e.left, PartialDerivative)
        and _is_of_steps(e)
        and (e.left.of, e.left.by.name) in named
    ]
