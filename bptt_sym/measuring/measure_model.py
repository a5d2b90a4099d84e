"""The function of the Python interface that measures a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from bptt_sym.choices import Loss
from bptt_sym.derivation.masked_model import masked_model
from bptt_sym.measuring.asked import ArraysOrFile, Asked
from bptt_sym.model.model import Model

if TYPE_CHECKING:
    from bptt_sym.measuring.measurement import Measurement


def measure(
    model: Model,
    wrt: str | Iterable[str] | None = None,
    steps: int = 10,
    *,
    loss: Loss = "last",
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    weights: ArraysOrFile = None,
    data: ArraysOrFile = None,
    window: int | None = None,
    activation: Mapping[str, str] | None = None,
    without: Iterable[str] = (),
    masked: bool = False,
) -> Measurement:
    """How large the terms of a model's gradients are, in numbers, for one sequence.

    For each parameter of ``wrt`` (all, if None) the contributions by the step i whose copy they are
    the gradient with respect to, by the step t of the loss, and by the lag t - i; the sum that a
    ``window`` of K steps drops; and for the states the Jacobians ds_t/ds_{t-1} of the steps and the
    norms of their products. Each is the generated recursion at work, on a model in which every step
    has its own copy of the parameter. ``weights`` and ``data`` are arrays by their names, or the
    path of an .npz file, with the shapes of generated modules (the axis of the sequences may lack);
    what they do not hold is drawn, of ``sizes`` by the names of dimensions, else of small
    ones. ``without`` leaves out "pairs" (by loss and by lag, one recursion for each loss) or
    "states". ``masked`` adds a mask, an input that is 1 up to the end of the sequence, and at all
    steps where it is not given. Raises InputError for what is not among these, for arrays that do
    not fit, and for more than the limits of the package.

    >>> from bptt_sym.model.library import load_model
    >>> round(float(measure(load_model("elman"), "W_s")["W_s"].by_step.projection.sum()), 12)
    1.0
    """
    from bptt_sym.measuring.measuring import measured

    return measured(
        Asked(
            masked_model(model, loss) if masked else model,
            (wrt,) if isinstance(wrt, str) else None if wrt is None else tuple(wrt),
            steps,
            loss,
            seed,
            sizes or {},
            weights,
            data,
            window,
            activation or {},
            tuple(without),
        )
    )
