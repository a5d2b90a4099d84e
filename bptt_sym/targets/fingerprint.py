"""A mark by which two models can be told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bptt_sym.algebra.expressions import MatrixExpr
from bptt_sym.model.model import Declaration, Formula, Model
from bptt_sym.render.plain import ascii_text
from bptt_sym.render.typeset import typeset


def fingerprint(model: Model) -> str:
    """The first digits of the SHA-256 of what a model computes, whatever its file looks like."""
    text = "\n".join(_lines(model))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _lines(model: Model) -> Iterator[str]:
    yield model.vectors
    yield from (entry.name for entry in model.dimensions)
    yield from map(_declared, model.declarations)
    for name, known in model.functions.items():
        yield f"{name}: {known}"
        if isinstance(known, Formula):
            yield f"{name}' = {_math(known.slope)}"
    yield from (f"{_math(d.left)} = {_math(d.expression)}" for d in model.computed)


def _declared(entry: Declaration) -> str:
    initial = "" if entry.initial is None else _math(entry.initial)
    return f"{entry.kind} {entry.name} {entry.shape} {entry.remark} {initial}"


def _math(expression: MatrixExpr) -> str:
    return ascii_text(typeset(expression))
