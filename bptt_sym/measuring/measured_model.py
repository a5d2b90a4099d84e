"""How large the terms of a model's gradients are, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bptt_sym.choices import Loss
from bptt_sym.measuring.pairs import Pairs
from bptt_sym.measuring.sharing import Shares, norms
from bptt_sym.measuring.step_products import StepProducts
from bptt_sym.model.model import Model

Array = Any


@dataclass(frozen=True)
class Measured:
    """The terms of the gradient with respect to one parameter.

    ``contributions`` is (N, ...): that of step i, the gradient with respect to the copy of the
    parameter in step i, is at i - 1, and ``by_step`` tells how large they are. Those ``apart`` are
    of no step, by what they are: "initial values" of states, which the parameter makes up, and
    what a loss of "parameters alone" adds. ``by_apart`` tells how large these are, in their order.
    ``gradient`` is the sum of all of them.
    """

    name: str
    gradient: Array
    contributions: Array
    by_step: Shares
    apart: Mapping[str, Array]
    by_apart: Shares
    pairs: Pairs | None

    @property
    def norm(self) -> float:
        """The Frobenius norm of the gradient."""
        return float(norms(self.gradient.reshape(1, -1))[0])

    @property
    def stands_out(self) -> bool:
        """Whether the gradient is more than what rounding leaves of terms that cancel."""
        return bool(np.isfinite(self.by_step.ratio).all())


@dataclass(frozen=True)
class MeasuredModel:
    """The terms of a model's gradients over ``steps`` time steps, at some values.

    ``values`` are the arrays at which they were taken, of one sequence, of which ``given`` names
    those that were not drawn. ``states`` is None where it was left out, or, for what
    ``no_states`` says, cannot be told.
    """

    model: Model
    steps: int
    loss: Loss
    seed: int
    value: float
    values: Mapping[str, Array]
    sizes: Mapping[str, int]
    given: tuple[str, ...]
    window: int | None
    parameters: Mapping[str, Measured]
    states: StepProducts | None
    no_states: str
    command: str
