"""Which parameters stand at an edge: those that multiply what is read."""

from __future__ import annotations

from sympy import HadamardProduct, MatMul, preorder_traversal

from bptt_sym.algebra.expressions import TIME, MatrixExpr, Parameter, Variable
from bptt_sym.derivation.dependencies import Link
from bptt_sym.model.model import Equation


def weights(equation: Equation) -> dict[Link, tuple[str, ...]]:
    """For everything that an equation reads: the parameters of the products with it, inner first.

    In tanh(x W) V these are W and V, whatever functions and sums stand between them.
    """
    found: dict[Link, dict[str, None]] = {}

    def walk(part: object, factors: tuple[str, ...]) -> None:
        if isinstance(part, Variable):
            link = Link(part.name, int(TIME - part.time))
            found.setdefault(link, {}).update(dict.fromkeys(factors))
        elif isinstance(part, MatrixExpr) and not isinstance(part, Parameter):
            own = _factors(part) if isinstance(part, MatMul | HadamardProduct) else ()
            for argument in part.args:
                walk(argument, (*own, *factors))

    walk(equation.written, ())
    return {link: tuple(names) for link, names in found.items()}


def _factors(product: MatrixExpr) -> tuple[str, ...]:
    """The parameters in those factors of a product that are the same at every time step."""
    constant = (factor for factor in product.args if not factor.has(Variable))
    parts = (part for factor in constant for part in preorder_traversal(factor))
    return tuple(part.name for part in parts if isinstance(part, Parameter))
