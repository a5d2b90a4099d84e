"""The forward pass over some time steps in numbers: all that the loss depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from bptt_sym.algebra.expressions import (
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    TotalLoss,
    Variable,
    at_step,
)
from bptt_sym.derivation.reduction import Reduction
from bptt_sym.model.model import Model
from bptt_sym.model.small_numbers import Numbers, value


class ForwardPass:
    """What the loss of a model of known functions depends on, in an order of computation.

    ``needed`` are the symbols that it reads, ``order`` those of them that are computed, with their
    expressions; ``objective`` is the loss.
    """

    def __init__(self, model: Model, reduction: Reduction, steps: int) -> None:
        self.model, self.reduction, self.steps = model, reduction, steps
        self.objective = reduction.of(model.loss.variable, Integer(steps))
        computed = {
            definition.variable.at(time): at_step(definition.expression, TIME, time)
            for time in map(Integer, range(1, steps + 1))
            for definition in model.definitions
        }
        computed |= {e.left: e.expression for e in model.added if e.timeless}
        waiting = [*self.losses, *self.added]
        self.needed: set[MatrixExpr] = set(waiting)
        while waiting:
            leaves = _leaves(computed.get(waiting.pop()))
            waiting += leaves - self.needed
            self.needed |= leaves
        self.order = [*_in_order({s: e for s, e in computed.items() if s in self.needed})]

    @cached_property
    def losses(self) -> list[MatrixExpr]:
        """The losses of those steps that count."""
        loss = self.model.loss.variable
        return [loss.at(Integer(time)) for time in self.reduction.losses(self.steps)]

    @cached_property
    def added(self) -> list[MatrixExpr]:
        """The terms of the loss that are added once."""
        return [entry.left_at(Integer(self.steps)) for entry in self.model.added]

    def run(self, given: Mapping[Expr, Any]) -> Numbers:
        """The numbers given, and all that follow from them with the loss, as they are computed."""
        numbers = dict(given)
        for symbol, expression in self.order:
            numbers[symbol] = value(expression, numbers)
        if isinstance(self.objective, TotalLoss):
            total = sum(numbers[symbol] for symbol in self.losses)
            total = total / (self.steps if self.reduction.mean else 1)
            numbers[self.objective] = sum((numbers[e] for e in self.added), start=total)
        return numbers


def _leaves(expression: MatrixExpr | None) -> set[MatrixExpr]:
    return set() if expression is None else expression.atoms(Variable, Parameter)


def _in_order(
    computed: dict[MatrixExpr, MatrixExpr],
) -> Iterator[tuple[MatrixExpr, MatrixExpr]]:
    """What is computed, each behind what it reads: scans in reverse wait for later steps."""
    waiting = dict(computed)
    while waiting:
        ready = next(s for s, e in waiting.items() if not (_leaves(e) & waiting.keys()))
        yield ready, waiting.pop(ready)
