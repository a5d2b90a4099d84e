"""Naming the functions that a model leaves symbolic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.expressions import Identity, MatrixExpr, OneMatrix, Shape, ZeroMatrix
from bptt_sym.algebra.functions import WORDS, Elementwise
from bptt_sym.algebra.operations import is_leaf, operation_of
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.model.model import ARGUMENT, Declaration, Equation, Formula, Model
from bptt_sym.quoting import shortened


def with_functions(model: Model, functions: Mapping[str, str | Formula]) -> Model:
    """The model with a known function or a formula in the place of each symbolic one.

    Raises InputError for a function that the model does not have or that is not known.
    """
    for name, known in functions.items():
        if name not in model.functions:
            raise InputError(
                f"the model '{model.name}' has no function '{shortened(name)}'"
                f"{closest(name, model.functions)}; "
                f"it has {listed(model.functions)}"
            )
        if isinstance(known, str) and known not in WORDS:
            raise InputError(
                f"unknown function '{shortened(known)}'{closest(known, WORDS)}; "
                f"known are {listed(WORDS)}"
            )

    def begun_by_known(entry: Declaration) -> Declaration:
        if entry.initial is None:
            return entry
        return replace(entry, initial=_replaced(entry.initial, functions))

    def known_in(equation: Equation) -> Equation:
        return replace(
            equation,
            expression=_replaced(equation.expression, functions),
            preactivations=tuple(map(known_in, equation.preactivations)),
        )

    return replace(
        model.with_equations(known_in),
        functions={},
        declarations=tuple(map(begun_by_known, model.declarations)),
    )


def _replaced(expression: MatrixExpr, functions: Mapping[str, str | Formula]) -> MatrixExpr:
    if is_leaf(expression):
        return expression
    arguments = [_replaced(argument, functions) for argument in expression.args]
    same = arguments == list(expression.args)
    inner = expression if same else operation_of(expression).rebuild(expression, arguments)
    if not isinstance(inner, Elementwise) or inner.function not in functions:
        return inner
    function = functions[inner.function]
    if isinstance(function, str):
        return Elementwise(function, inner.operand)
    value = applied(function.value, inner.operand)
    if function.derivative is None:
        return value
    return Declared(inner.operand, value, applied(function.derivative, inner.operand))


def applied(formula: MatrixExpr, operand: MatrixExpr) -> MatrixExpr:
    """A formula in z at an operand, entry by entry."""
    return _applied(formula, operand, operand.shape)


def _applied(node: Any, operand: MatrixExpr, shape: Shape) -> Any:
    if node == ARGUMENT:
        return operand
    if isinstance(node, OneMatrix | ZeroMatrix | Identity):
        return (ZeroMatrix if isinstance(node, ZeroMatrix) else OneMatrix)(*shape)
    if is_leaf(node):
        return node
    arguments = [_applied(argument, operand, shape) for argument in node.args]
    return operation_of(node).rebuild(node, arguments)
