"""A model with its vectors the other way round: every equation transposed, every factor turned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sympy import preorder_traversal

from bptt_sym.algebra.expressions import Expr, MatrixExpr, Parameter, Transpose, Variable, transpose
from bptt_sym.algebra.operations import transposed
from bptt_sym.model.model import Declaration, Equation, Model


def turned(model: Model) -> Model:
    """The model in column vectors if it is in rows, in rows if it is in columns.

    Each equation is transposed, with the transposed matrices under their old names, so that
    s W becomes W s. A matrix that is only ever read transposed stays, so that s W^T becomes W s.
    """
    kept = _only_transposed(model)
    by: dict[Expr, Expr] = {}
    for expression in _expressions(model):
        for leaf in preorder_traversal(expression):
            if isinstance(leaf, Parameter | Variable) and leaf not in by:
                by[leaf] = transpose(leaf) if leaf.name in kept else _turned_leaf(leaf)
    return replace(
        model.with_equations(lambda equation: _equation(equation, by)),
        declarations=tuple(_declaration(entry, by, kept) for entry in model.declarations),
        vectors="columns" if model.vectors == "rows" else "rows",
    )


def _expressions(model: Model) -> Iterator[MatrixExpr]:
    for definition in model.computed:
        yield definition.variable
        yield definition.expression
    yield from (entry.initial for entry in model.declarations if entry.initial is not None)


def _only_transposed(model: Model) -> set[str]:
    """The names of the matrices that stand nowhere but under the sign of a transpose."""
    below: set[str] = set()
    bare: set[str] = set()
    for expression in _expressions(model):
        walk = preorder_traversal(expression)
        for node in walk:
            if isinstance(node, Transpose) and isinstance(node.arg, Parameter):
                below.add(node.arg.name)
                walk.skip()
            elif isinstance(node, Parameter):
                bare.add(node.name)
    return below - bare


def _turned_leaf(leaf: Parameter | Variable) -> Expr:
    name, rows, columns, *time = leaf.args
    return leaf.func(name, columns, rows, *time)


def _declaration(entry: Declaration, by: Mapping[Expr, Expr], kept: set[str]) -> Declaration:
    rows, columns = entry.shape
    return replace(
        entry,
        shape=entry.shape if entry.name in kept else (columns, rows),
        heads=None,
        initial=None if entry.initial is None else transposed(entry.initial, by),
    )


def _equation(equation: Equation, by: Mapping[Expr, Expr]) -> Equation:
    return replace(
        equation,
        variable=by[equation.variable],
        expression=transposed(equation.expression, by),
        preactivations=tuple(_equation(inner, by) for inner in equation.preactivations),
    )
