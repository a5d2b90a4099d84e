"""Which parameters stand at an edge: those that multiply what is read."""

from __future__ import annotations

from sympy import HadamardProduct, MatMul, Transpose

from bptt_sym.algebra.expressions import TIME, MatrixExpr, Parameter, Variable
from bptt_sym.derivation.graph import Link
from bptt_sym.model.model import Equation


def weights(equation: Equation) -> dict[Link, tuple[str, ...]]:
    """For everything that an equation reads: the parameters of the innermost products with it."""
    found: dict[Link, dict[str, None]] = {}

    def walk(part: object, factors: tuple[str, ...]) -> None:
        if isinstance(part, Variable):
            link = Link(part.name, int(TIME - part.time))
            found.setdefault(link, {}).update(dict.fromkeys(factors))
        elif isinstance(part, MatrixExpr) and not isinstance(part, Parameter):
            own: tuple[str, ...] = ()
            if isinstance(part, MatMul | HadamardProduct):
                bare = (arg.arg if isinstance(arg, Transpose) else arg for arg in part.args)
                own = tuple(arg.name for arg in bare if isinstance(arg, Parameter))
            for argument in part.args:
                walk(argument, own or factors)

    walk(equation.written, ())
    return {link: tuple(names) for link, names in found.items()}
