"""How the expressions of a derivation are shown: in the notation of its model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    LAST_STEP,
    TIME,
    Adjoint,
    Expr,
    Parameter,
    PartialDerivative,
    S,
)
from bptt_sym.derivation.derivation import Derivation, Section
from bptt_sym.render.typeset import typeset

Show = Callable[[Expr], Box]
"""Makes the box of an expression."""


def is_marked(derivation: Derivation, *, asked: bool = False) -> bool:
    """Whether immediate derivatives carry a mark: where it is ``asked`` for or tells them apart."""
    return asked or derivation.needs_marks or derivation.model.notation.mark_immediate


def typesetter(
    derivation: Derivation, section: Section | None = None, *, mark_immediate: bool = False
) -> Show:
    """What makes the boxes of a derivation, or of a section of it."""
    return partial(
        typeset,
        notation=derivation.model.notation,
        mark_immediate=is_marked(derivation, asked=mark_immediate),
        loss=derivation.objective(general=section is not None and section.general),
    )


def words_of(derivation: Derivation, write: Callable[[Box], str]) -> dict[str, object]:
    """What the sentences of a derivation speak of: its symbols, and what derivatives look like.

    ``write`` makes text of a box.
    """
    u, v = (Parameter(name, S.One, S.One) for name in "uv")
    whole = derivation.objective(general=True)

    def sign(expression: Expr) -> str:
        box = typeset(expression, derivation.model.notation, mark_immediate=True, loss=whole)
        return write(box)

    return {
        "time": TIME,
        "copy": CONTRIBUTION_STEP,
        "last": LAST_STEP,
        "loss": derivation.objective(),
        "total": sign(PartialDerivative(u, v, False)),
        "immediate": sign(PartialDerivative(u, v, True)),
        "adjoint": sign(Adjoint(v)),
    }
