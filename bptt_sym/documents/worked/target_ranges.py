"""Between which bounds targets lie that a model can come near to: those of what is compared."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import MatAdd

from bptt_sym.algebra.expressions import MatrixExpr, Variable, add, scale, split_coefficient
from bptt_sym.documents.facts.ranges import Interval, Ranges
from bptt_sym.model.model import Model


def target_ranges(model: Model) -> dict[str, tuple[float, float]]:
    """The bounds of all that is subtracted from a target, or that it is subtracted from.

    Targets that are compared otherwise, as in a cross-entropy, are not among them.
    """
    ranges, computed = Ranges(model), {definition.name for definition in model.definitions}
    targets = {entry.name for entry in model.declared("target")} - {*model.outputs.values()}
    found: dict[str, Interval] = {}
    for equation in model.computed:
        for name, expression in _compared(equation.expression, targets):
            if computed & {leaf.name for leaf in expression.atoms(Variable)}:
                known, new = found.get(name, Interval()), ranges.of(expression)
                found[name] = Interval(max(known.low, new.low), min(known.high, new.high))
    return {name: (interval.low, interval.high) for name, interval in found.items()}


def _compared(expression: MatrixExpr, targets: set[str]) -> Iterator[tuple[str, MatrixExpr]]:
    """The targets in differences, with what the difference is zero for."""
    for total in expression.atoms(MatAdd):
        for term in total.args:
            number, leaf = split_coefficient(term)
            if isinstance(leaf, Variable) and leaf.name in targets and abs(number) == 1:
                others = add(*(other for other in total.args if other is not term))
                yield leaf.name, others if number < 0 else scale(-1, others)
