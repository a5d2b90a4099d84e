"""What stands before the first step of a sequence, and behind the last of one that runs back."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import LAST_STEP, Integer, MatrixExpr, Variable
from bptt_sym.model.model import Model


def starts(model: Model) -> Iterator[tuple[Variable, MatrixExpr | None]]:
    """Every value that is read and never computed, at its step, with what the model says it is."""
    for entry in model.handed_on:
        for lag in range(1, model.depth(entry.name) + 1):
            time = LAST_STEP + lag if entry.reverse else Integer(1 - lag)
            symbol = entry.symbol
            assert isinstance(symbol, Variable)
            yield symbol.at(time), entry.initial


def starts_at(model: Model, steps: int) -> Iterator[tuple[Variable, MatrixExpr | None]]:
    """The same for so many time steps."""
    for symbol, initial in starts(model):
        yield symbol.at(symbol.time.subs(LAST_STEP, steps)), initial
