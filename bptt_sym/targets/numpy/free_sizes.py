"""Sizes under names that generated code can hold: a dimension may have a name that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bptt_sym.algebra.expressions import Expr, dimension
from bptt_sym.graph.build import Program, build_program
from bptt_sym.model.model import Declaration, Equation, Model
from bptt_sym.targets.numpy.python_names import free_sizes


def with_free_sizes(program: Program) -> Program:
    """The program of a model whose dimensions have names that generated code leaves to them."""
    model = program.model
    taken = {entry.name for entry in model.declarations} | model.functions.keys()
    taken |= {definition.name for definition in model.definitions}
    names = free_sizes([entry.name for entry in model.dimensions], taken)
    if all(old == new for old, new in names.items()):
        return program
    known = {name: text for name, text in program.functions.items() if isinstance(text, str)}
    return build_program(_renamed(model, names), known, program.reduction.name)


def _renamed(model: Model, names: Mapping[str, str]) -> Model:
    by: dict[Expr, Expr] = {dimension(old): dimension(new) for old, new in names.items()}

    def declaration(entry: Declaration) -> Declaration:
        rows, columns = (size.xreplace(by) for size in entry.shape)
        initial = None if entry.initial is None else entry.initial.xreplace(by)
        heads = None if entry.heads is None else entry.heads.xreplace(by)
        return replace(entry, shape=(rows, columns), initial=initial, heads=heads)

    def equation(entry: Equation) -> Equation:
        return replace(
            entry,
            variable=entry.variable.xreplace(by),
            expression=entry.expression.xreplace(by),
            preactivations=tuple(map(equation, entry.preactivations)),
        )

    return replace(
        model.with_equations(equation),
        dimensions=tuple(replace(entry, name=names[entry.name]) for entry in model.dimensions),
        declarations=tuple(map(declaration, model.declarations)),
    )
