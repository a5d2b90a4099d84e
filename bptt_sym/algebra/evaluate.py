"""The value of an expression for given matrices, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sympy import Add, Integer, Mul, Pow, Symbol
from sympy.core.symbol import Str
from sympy.logic.boolalg import BooleanAtom

from bptt_sym.algebra.expressions import Expr, MatrixExpr
from bptt_sym.algebra.operations import is_leaf, operation_of
from bptt_sym.algebra.over_time import TimeProduct, TimeSum

if TYPE_CHECKING:
    import numpy.typing as npt

    Value = npt.NDArray[Any]

LARGEST_EXACT = 2**53
"""Up to here every whole number is a double."""

Functions = Mapping[str, Callable[["Value", int], "Value"]]


def evaluate(expression: Expr, values: Mapping[Expr, Any], functions: Functions) -> Any:
    """The value of an expression for one sequence.

    ``values`` maps each leaf (a variable at a time step, a parameter, an adjoint) to a
    two-dimensional array and each dimension to its size; ``functions`` maps the name of a
    function to a callable that takes the argument and the order of the derivative.
    Raises KeyError for a leaf without a value.
    """
    import numpy as np

    def value(node: Expr) -> Any:
        if node in values:
            return values[node]
        if node.is_Rational:
            return int(node) if node.is_Integer and abs(node) < LARGEST_EXACT else float(node)
        if isinstance(node, Str | BooleanAtom):
            return node
        if isinstance(node, Add | Mul | Pow | Symbol) and not isinstance(node, MatrixExpr):
            return int(node.xreplace({leaf: Integer(values[leaf]) for leaf in node.free_symbols}))
        if is_leaf(node):
            raise KeyError(node)
        if isinstance(node, TimeSum | TimeProduct):
            return value(node.doit())
        operands = [value(operand) for operand in node.args]
        return operation_of(node).value(node, np, operands, apply)

    def apply(name: str, argument: Any, order: int) -> Any:
        return functions[name](argument, order)

    return value(expression)
