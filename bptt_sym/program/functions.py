"""Naming the functions that a model leaves symbolic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bptt_sym.algebra.expressions import MatrixExpr
from bptt_sym.algebra.functions import FUNCTIONS, Elementwise
from bptt_sym.errors import InputError, listed
from bptt_sym.model.model import Equation, Model


def with_functions(model: Model, functions: Mapping[str, str]) -> Model:
    """The model with a known function in the place of each symbolic one.

    Raises InputError for a function that the model does not have or that is not known.
    """
    for name, known in functions.items():
        if name not in model.functions:
            raise InputError(
                f"the model '{model.name}' has no function {name!a}; "
                f"it has {listed(model.functions) or 'none'}"
            )
        if known not in FUNCTIONS:
            raise InputError(f"unknown function {known!a}; known are {listed(FUNCTIONS)}")

    def known_in(equation: Equation) -> Equation:
        return replace(
            equation,
            expression=_replaced(equation.expression, functions),
            preactivations=tuple(map(known_in, equation.preactivations)),
        )

    return replace(
        model,
        functions={},
        equations=tuple(map(known_in, model.equations)),
        loss=known_in(model.loss),
    )


def _replaced(expression: MatrixExpr, functions: Mapping[str, str]) -> MatrixExpr:
    nodes = {
        node: Elementwise(functions[node.function], node.operand, node.order)
        for node in expression.atoms(Elementwise)
        if node.function in functions
    }
    return expression.xreplace(nodes)
