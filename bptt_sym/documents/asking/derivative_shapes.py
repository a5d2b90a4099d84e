"""The shapes of derivatives, for sizes that are all different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    found = derivatives_asked(asking)
    if found is None:
        return None
    derivatives, sizes = found
    telling, results = asking.telling, [_shape(derivative, sizes) for derivative in derivatives]
    known = [f"${telling.math(d)} = {size}$" for d, size in sizes.items()]
    told = [f"${shape(map(str, result))}$" for result in results]
    return Exercise(
        (said(asking.say.shapes(known, telling.inline(derivatives))),),
        (said(asking.say.shapes_solution(told)),),
        marks=len(derivatives),
    )


def derivatives_asked(asking: Asking) -> tuple[Sequence[MatrixExpr], dict[Expr, int]] | None:
    """Derivatives, and sizes for which their shapes differ."""
    random, choices = asking.random("shapes"), [*_choices(asking)]
    random.shuffle(choices)
    for found in choices:
        occurring = {d for e in found for size in e.shape for d in size.free_symbols}
        dimensions = sorted(occurring, key=str)
        sizes = dict(zip(dimensions, _sizes(random, len(dimensions)), strict=True))
        if len({_shape(derivative, sizes) for derivative in found}) == len(found):
            return found, sizes
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


def _sizes(random: Random, count: int) -> list[int]:
    """All different, in any order."""
    return random.sample(range(SMALLEST, SMALLEST + count), count)


def _shape(derivative: MatrixExpr, sizes: dict[Expr, int]) -> tuple[int, int]:
    rows, columns = (int(size.subs(sizes)) for size in derivative.shape)
    return rows, columns
