"""Statements of a program as lines of NumPy code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    Expr,
    MatAdd,
    MatrixExpr,
    Parameter,
    Variable,
)
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.precedence import CALL, Code
from bptt_sym.emit.numpy.spelling import SPELLINGS
from bptt_sym.program.batch import Carry

LINE_LENGTH = 88
DEEPEST_INDENT = 8


@dataclass(frozen=True)
class Place:
    """Where a statement stands: what an array of all time steps is indexed with.

    ``index`` is "" for all time steps at once, "[t]" in the loop and "[-1]" at the last step;
    ``bare`` says of a leaf that it is no array over time here.
    """

    index: str
    bare: Callable[[MatrixExpr], bool]


def expression_code(expression: Expr, place: Place, names: Names) -> Code:
    """The code of an expression in the form for batches."""

    def within(node: Expr, binding: int) -> str:
        return code(node).within(binding)

    def code(node: Expr) -> Code:
        spelling = SPELLINGS.get(type(node))
        return spelling(node, within) if spelling else Code(leaf_code(node, place, names), CALL)

    return code(expression)


def leaf_name(leaf: MatrixExpr, names: Names) -> str:
    """The name of a variable, adjoint, parameter or carried value."""
    match leaf:
        case Parameter():
            return names("value", leaf.name)
        case Carry():
            return names(f"carry {leaf.lag}" if leaf.lag > 1 else "carry", leaf.variable.name)
        case Adjoint(variable=Variable() as variable) if variable.time == 0:
            return names("initial adjoint", variable.name)
        case Adjoint():
            return names("adjoint", leaf.variable.name)
        case Variable() if leaf.time == TIME:
            return names("value", leaf.name)
        case Variable():
            return lagged_name(leaf, names)
        case _:
            raise TypeError(f"no name for {type(leaf).__name__}")


def lagged_name(variable: Variable, names: Names) -> str:
    """The name of a variable at another time step than t."""
    lag = int(TIME - variable.time)
    role = "previous" if lag > 0 else "following"
    return names(role if abs(lag) == 1 else f"{role} {abs(lag)}", variable.name)


def leaf_code(leaf: MatrixExpr, place: Place, names: Names) -> str:
    """The name of a leaf, indexed as its place asks."""
    timeless = isinstance(leaf, Parameter | Carry)
    bare = timeless or (place.bare(leaf) and not _is_previous(leaf))
    return leaf_name(leaf, names) + ("" if bare else place.index)


def _is_previous(leaf: MatrixExpr) -> bool:
    return isinstance(leaf, Variable) and leaf.time != TIME


def assignment(target: str, expression: MatrixExpr, place: Place, names: Names) -> list[str]:
    """``target = expression`` as lines; a sum that is too long for one has a line a term."""
    return written(f"{target} =", expression, place, names)


def written(before: str, expression: MatrixExpr, place: Place, names: Names) -> list[str]:
    """An expression behind what stands ``before`` it: a target, or ``return``."""
    line = f"{before} {expression_code(expression, place, names).text}"
    if len(line) <= LINE_LENGTH - DEEPEST_INDENT or not isinstance(expression, MatAdd):
        return [line]
    first, *others = (expression_code(term, place, names).text for term in expression.args)
    signed = (f"- {term[1:]}" if term.startswith("-") else f"+ {term}" for term in others)
    return [f"{before} (", f"    {first}", *(f"    {term}" for term in signed), ")"]
