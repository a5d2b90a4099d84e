"""The shapes of derivatives, for sizes that are all different."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

from bptt_sym.algebra.expressions import (
    Expr,
    Gradient,
    MatrixExpr,
    PartialDerivative,
    Variable,
)
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, said
from bptt_sym.render.formulas import shape

SMALLEST = 2
"""The smallest size of a dimension."""


def derivative_shapes(asking: Asking) -> Exercise | None:
    """Rows and columns of derivatives with respect to variables and parameters."""
    random, telling = asking.random("shapes"), asking.telling
    choices = [*_choices(asking)]
    random.shuffle(choices)
    for found in choices:
        occurring = {d for derivative in found for size in derivative.shape for d in _in(size)}
        dimensions = sorted(occurring, key=str)
        sizes = dict(zip(dimensions, _sizes(random, len(dimensions)), strict=True))
        results = [shape(map(str, _shape(derivative, sizes))) for derivative in found]
        if len({*results}) == len(found):
            known = [f"${telling.math(d)} = {size}$" for d, size in sizes.items()]
            return Exercise(
                (said(asking.say.shapes(known, telling.inline(found))),),
                (said(asking.say.shapes_solution([f"${result}$" for result in results])),),
                marks=len(found),
            )
    return None


def _choices(asking: Asking) -> Iterator[tuple[MatrixExpr, ...]]:
    """A derivative with respect to a variable, one to a parameter, and a gradient."""
    telling = asking.telling
    numbers = {loss.name for loss in telling.step.losses}
    edges = [edge for edge in telling.step.edges if edge.of.name not in numbers]
    matrices = [p for p in asking.parameters if 1 not in p.shape]
    between = [e for e in edges if isinstance(e.by, Variable) and e.by in telling.step.variables]
    last = [e for e in edges if e.by in matrices]
    for one, other, parameter in product(between, last, matrices):
        assert isinstance(one.by, Variable)
        if other.by != parameter or len(matrices) == 1:
            yield (
                PartialDerivative(one.of, one.by.at(one.of.time - one.lag), False),
                PartialDerivative(other.of, other.by, True),
                Gradient(telling.objective, parameter),
            )


def _in(size: Expr) -> set[Expr]:
    return set(size.free_symbols)


def _sizes(random: Random, count: int) -> list[int]:
    """All different, in any order."""
    return random.sample(range(SMALLEST, SMALLEST + count), count)


def _shape(derivative: MatrixExpr, sizes: dict[Expr, int]) -> tuple[int, int]:
    rows, columns = (int(size.subs(sizes)) for size in derivative.shape)
    return rows, columns
