"""Truncated backpropagation through time: what a window keeps, saves and drops."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Symbol

from bptt_sym.algebra.expressions import LAST_STEP, Expr, Integer, Parameter, TimeStep
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.facts.copy_facts import crosses_time
from bptt_sym.documents.facts.cost import costs
from bptt_sym.documents.telling import Telling
from bptt_sym.render.relations import per_cent

WINDOWS = (5, 8, 10)
"""The windows whose loss is told."""

COUNTED = (5, 8, 9, 10, 20)
"""The numbers of steps for which products are counted."""

LETTERS = ("K", "k", "M", "L", "B")
"""A letter for the length of a window: the first that the model does not use."""


def truncation(telling: Telling) -> Iterator[Block]:
    """What is left out when only the last steps contribute, where there is something to leave out.

    Nothing is told of scans in reverse, nor of a layer, whose loss is another's.
    """
    model = telling.model
    crossing = [p for p in telling.parameters if crosses_time(telling.step, p.name)]
    reverse = any(entry.reverse for entry in model.declared("state"))
    if telling.steps == 1 or not crossing or reverse or model.outputs:
        return
    say = telling.sentences("truncation")
    window = TimeStep(_letter(telling))
    at_last = telling.reduction.at_last
    first = telling.math(LAST_STEP - window + 1)
    loss = telling.math(model.loss.variable)
    told = say.kept(at_last, telling.math(window), first, loss)
    if at_last:
        depth = max(model.depth(entry.name) for entry in model.declarations)
        parameter = max(crossing, key=lambda p: telling.copies.paths.totals[p.name])
        products = _products(telling, parameter, window)
        before = telling.math(LAST_STEP - window + 1 - depth)
        told += " " + say.saved(products, telling.math(parameter), before)
    yield Paragraph(told)
    decay = telling.decay
    dropped = []
    if decay is not None:
        shares = ((window, decay.dropped(window)) for window in WINDOWS)
        dropped = [(k, f"${per_cent(share)}$") for k, share in shares if share is not None]
    name = "" if decay is None else telling.math(decay.parameter)
    yield Paragraph(say.price(name, dropped, telling.math(window), first, at_last))


def _letter(telling: Telling) -> str:
    model = telling.model
    used = {entry.name for entry in model.declarations} | {e.name for e in model.dimensions}
    return next((letter for letter in LETTERS if letter not in used), LETTERS[-1])


def _products(telling: Telling, parameter: Parameter, window: Symbol) -> str | None:
    """How many products the backward pass takes, if that is a K + b."""
    if telling.step.initial:
        return None
    found = costs(telling.step, parameter, telling.reduction, COUNTED)
    counts = {cost.steps: cost.recursion for cost in found}
    slope = counts[9] - counts[8]
    rest = counts[8] - 8 * slope
    if any(count != slope * steps + rest for steps, count in counts.items()):
        return None
    total: Expr = slope * window + Integer(rest)
    return telling.math(total)
