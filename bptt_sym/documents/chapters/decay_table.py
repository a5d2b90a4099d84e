"""How far back a model sees, told from numbers that are measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from bptt_sym.algebra.expressions import LAST_STEP, Integer, dimension
from bptt_sym.documents.document import Block, Paragraph, Table
from bptt_sym.documents.facts.measured_decay import DISTANCES, DRAWS, STEPS, Decay, reach
from bptt_sym.documents.step_writing import PrintedBound, StepWriting, ToldNorms
from bptt_sym.documents.telling import Telling
from bptt_sym.render.relations import per_cent, two_digits
from bptt_sym.render.tex import tex


def how_far_back(telling: Telling, say: Any, norms: ToldNorms) -> Iterator[Block]:
    """The measured curve of the model, and what it shows, after what was told of norms."""
    decay = telling.decay
    if decay is None:
        return
    bound, sizes = norms.bound, decay.measured.sizes.items()
    rule = say.rule(STEPS, len(decay.draws), DRAWS - len(decay.draws))
    if decay.states is not None and not norms.is_defined:
        rule += " " + say.spectral((), False)
    yield Paragraph(rule)
    at_last = telling.reduction.at_last
    name = telling.math(decay.parameter)
    at_last = telling.reduction.at_last
    name = telling.math(decay.parameter)
    columns = [(say.distances(decay.reverse), *(str(k) for k in DISTANCES))]
    columns += _norms(telling, decay, bound)
    shares = (per_cent(float(decay.shares[k])) for k in DISTANCES)
    columns.append((say.share(at_last, name), *shares))
    head, *rows = zip(*columns, strict=True)
    told = [f"${telling.math(dimension(n))} = {size}$" for n, size in sizes]
    if bound is not None and bound.bound.is_known and decay.states is not None:
        told.append(f"${bound.base} = {two_digits(decay.bound(bound.bound))}$")
    formulas = (tuple(f"${cell}$" for cell in row) for row in rows)
    yield Table(head, tuple(formulas), say.table(told))
    yield Paragraph(_reading(telling, say, decay, falling=_falls(decay, bound)))


def _norms(telling: Telling, decay: Decay, bound: PrintedBound | None) -> Iterator[tuple[str, ...]]:
    """The columns on the derivatives of states: the bound, and what it bounds."""
    found = decay.states
    if found is None:
        return
    if bound is not None and bound.bound.is_known:
        base = decay.bound(bound.bound)
        values = [base**k for k in DISTANCES]
        title = f"bound [[{bound.label}]]"
    else:
        values = [decay.norm_product(k) for k in DISTANCES]
        title = "product of the norms"
    norms = [decay.product_norm(k) for k in DISTANCES]
    # A bound that is reached says nothing more.
    if not all(math.isclose(b, n, rel_tol=1e-6) for b, n in zip(values, norms, strict=True)):
        yield (title, *map(two_digits, values))
    write = StepWriting(telling, found)
    across = f"${tex(write.norm(write.whole))}$" if write.has_few_states else "norm of the product"
    yield (across, *map(two_digits, norms))


def _falls(decay: Decay, bound: PrintedBound | None) -> bool:
    known = bound is not None and bound.bound.is_known and decay.states is not None
    return known and bound is not None and decay.bound(bound.bound) < 1


def _reading(telling: Telling, say: Any, decay: Decay, *, falling: bool) -> str:
    at_last = telling.reduction.at_last
    name = telling.math(decay.parameter)
    loss = telling.model.loss.variable.at(Integer(1) if decay.reverse else LAST_STEP)
    told = say.reading(at_last, name, f"${telling.math(loss)}$")
    told += say.reached(reach(decay.norms))
    known = [found for found in decay.reaches if found is not None]
    ends = min(known, default=0), max(known, default=0)
    told += say.spread(len(decay.draws), len(known), *ends)
    if decay.rise is not None:
        told += say.rises(*decay.rise, falling)
    return str(told)
