"""What a user asks to see of a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from bptt_sym.algebra.expressions import TIME
from bptt_sym.choices import SHOWN_LOSSES, ShownLoss
from bptt_sym.derivation.derive import check_choice, check_number
from bptt_sym.derivation.paths import losses_of
from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.sources import choose_parameters
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.errors import InputError
from bptt_sym.figures.spacing import COMPACT, ROOMY, Spacing
from bptt_sym.limits import DERIVATION_STEPS, DRAWN
from bptt_sym.model.model import Model

Kind = Literal["folded", "unfolded", "simplified", "path", "cell", "chain"]


ENDS = 3
"""How many steps are drawn at each end where some are left out."""

MOST_DRAWN = 2 * ENDS + 2
"""Of more steps than this, those in the middle are left out."""


@dataclass(frozen=True)
class Request:
    """What a user asks to see: a model, its steps, the loss, a parameter, a copy of it.

    It is drawn with the measures of ``space``; of many steps, so many are drawn at both ``ends``.
    A cell is drawn with all operations if it is ``whole``, else with its equations alone; paths
    with their colours and derivatives, else in one colour.
    It may be made for a text of a ``width``.
    """

    model: Model
    kind: Kind
    steps: int
    loss: ShownLoss
    parameter: str | None = None
    contribution: int | None = None
    space: Spacing = ROOMY
    ends: int = ENDS
    whole: bool = True
    width: float | None = None

    @property
    def roots(self) -> list[Vertex]:
        """The losses that are looked at: those of time steps, and the one of the last."""
        return losses_of(self.model, self.steps, self.reduction)

    @property
    def most_drawn(self) -> int:
        """Of more steps than this, those in the middle are left out."""
        return 2 * self.ends + 2

    @property
    def reduction(self) -> Reduction:
        """How the scalar that is looked at is made of the losses of all steps."""
        return reduction_of(self.model, self.loss)


def drawn(model: Model, steps: int, *, labelled: bool) -> int:
    """The values of a figure, and the arrows between them if each has its label."""
    read = [leaf for equation in model.all_equations for leaf in equation.reads()]
    # A line of more than one step passes the columns between.
    passed = sum(abs(int(TIME - leaf.time)) for leaf in read)
    return (len(model.all_equations) + len(read) * labelled) * min(steps, MOST_DRAWN) + passed


def in_text(request: Request) -> Iterator[Request]:
    """How what is asked for may be drawn in a text, the best drawing first."""
    small = replace(request, space=COMPACT)
    yield small
    if request.kind == "unfolded" and is_causal(request.model):
        yield replace(small, kind="chain")
        yield replace(small, kind="chain", whole=False)
    if request.kind in ("cell", "path"):
        small = replace(small, whole=False)
        yield small
    if request.kind in ("unfolded", "simplified", "path"):
        # Of at least four steps some are left out.
        for ends in range(ENDS - 1, 0, -1):
            if request.steps > 2 * ends + 2:
                yield replace(small, ends=ends)


def is_causal(model: Model) -> bool:
    """Whether no step reads one behind it."""
    leaves = (leaf for equation in model.all_equations for leaf in equation.reads())
    return all(int(TIME - leaf.time) >= 0 for leaf in leaves)


def parse_request(
    model: Model,
    steps: int,
    folded: bool,
    simplified: str | None,
    path: str | None,
    loss: ShownLoss,
    cell: bool = False,
) -> Request:
    """The request of these options. Raises InputError for what does not go together."""
    check_number("number of steps", steps, 1, DERIVATION_STEPS.most)
    check_choice("loss", loss, SHOWN_LOSSES)
    loss = reduction_of(model, loss).shown
    DRAWN.check(drawn(model, 1 if folded else steps, labelled=path is not None))
    if [folded, cell, simplified is not None, path is not None].count(True) > 1:
        raise InputError(
            "a figure is folded, of a cell, simplified or with a path: choose one of these"
        )
    if cell:
        return Request(model, "cell", 1, loss)
    if folded:
        return Request(model, "folded", 1, loss)
    if simplified is None and path is None:
        return Request(model, "unfolded", steps, loss)
    name, colon, number = (simplified or path or "").partition(":")
    if simplified is not None and colon:
        raise InputError(f"a contribution is for a path: path {simplified!a}")
    (parameter,) = choose_parameters(model, name)
    contribution = None
    if colon:
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise InputError(f"a path is PARAMETER or PARAMETER:NUMBER, e.g. W:2, not {path!a}")
        contribution = int(number)
    kind: Kind = "simplified" if path is None else "path"
    return Request(model, kind, steps, loss, parameter.name, contribution)
