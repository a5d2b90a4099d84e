"""Contributions by the step of the loss and the step of the copy: one recursion for each loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bptt_sym.derivation.reduction import Reduction
from bptt_sym.measuring.recursion import Recursion, StepTerms, loss_weights
from bptt_sym.measuring.sharing import Shares, norms, shares, shares_of
from bptt_sym.measuring.values import Values

Array = Any

_MOST_NUMBERS = 4_000_000
"""About so many numbers have the contributions that are computed side by side."""


@dataclass(frozen=True)
class Pairs:
    """The terms of a gradient told apart by the step t whose loss they are of, and the step i whose
    copy of the parameter they reach.

    ``norm`` is (losses, N), with the Frobenius norm of the term of each loss t and step i, and
    ``projection`` <C, g> / ||g||^2. What reaches the parameter through initial values is in
    ``by_loss``, and in neither ``norm`` nor ``by_lag``, whose index is t - i; what is of parameters
    alone is in none. ``dropped`` is what windows of K = 1, ..., N steps leave out: the sum of the
    terms with t - i >= K, where initial values count with step 1. It is None for scans in reverse.
    """

    losses: Array
    norm: Array
    projection: Array
    by_loss: Shares
    by_lag: Shares
    dropped: Shares | None


def pairs_of(
    recursion: Recursion,
    values: Values,
    reduction: Reduction,
    steps: int,
    gradients: dict[str, Array],
    *,
    windows: bool,
) -> dict[str, Pairs]:
    """The pairs for each of the ``gradients``, by the names of the parameters."""
    losses = reduction.losses(steps)
    sums = {name: _Sums(gradient, losses, steps) for name, gradient in gradients.items()}
    entries = sum(gradient.size for gradient in gradients.values())
    numbers = steps * max(entries, values.largest)
    length = max(1, _MOST_NUMBERS // max(numbers, 1))
    for first in range(losses.start, losses.stop, length):
        part = range(first, min(first + length, losses.stop))
        _, terms = recursion.terms(values.arrays, *loss_weights(reduction, steps, part))
        for name, of_name in terms.items():
            sums[name].add(part, of_name)
    return {name: found.pairs(windows=windows) for name, found in sums.items()}


class _Sums:
    """The sums of the terms of one gradient, as they come in."""

    def __init__(self, gradient: Array, losses: range, steps: int) -> None:
        self.gradient, self.losses, self.steps = gradient.reshape(-1), losses, steps
        size = self.gradient.size
        self.norm = np.zeros((len(losses), steps))
        self.product = np.zeros((len(losses), steps))
        self.loss_norm = np.zeros(len(losses))
        self.loss_product = np.zeros(len(losses))
        # At N - 1 + t - i, from -(N - 1) to N - 1.
        self.lags = np.zeros((2 * steps - 1, size))
        self.begun = np.zeros((steps, size))
        """What the loss of step t adds by way of initial values, at t - 1."""

    def add(self, part: range, terms: StepTerms) -> None:
        """Adds the terms of some losses."""
        flat = terms.steps.reshape(self.steps, len(part), -1)
        place = slice(part.start - self.losses.start, part.stop - self.losses.start)
        self.norm[place] = norms(flat).T
        self.product[place] = (flat @ self.gradient).T
        whole = flat.sum(axis=0)
        if terms.beginning is not None:
            begun = terms.beginning.reshape(len(part), -1)
            self.begun[part.start - 1 : part.stop - 1] = begun
            whole = whole + begun
        self.loss_norm[place] = norms(whole)
        self.loss_product[place] = whole @ self.gradient
        for k, loss in enumerate(part):
            # i = 1, ..., N lies at the lags t - 1, ..., t - N.
            self.lags[loss - 1 : loss - 1 + self.steps][::-1] += flat[:, k]

    def pairs(self, *, windows: bool) -> Pairs:
        whole = float(norms(self.gradient[np.newaxis])[0])
        lags = np.arange(1 - self.steps, self.steps)
        used = slice(None) if self.lags[: self.steps - 1].any() else slice(self.steps - 1, None)
        of_losses = shares_of(
            np.asarray(self.losses), self.loss_norm, self.loss_product, self.gradient
        )
        dropped = None
        if windows:
            # Of a window of K: the lags from K on, and the losses of the steps from K + 1 on.
            late = self.lags[self.steps - 1 :] + self.begun
            from_lag = np.cumsum(late[::-1], axis=0)[::-1]
            missing = np.concatenate([from_lag[1:], np.zeros((1, self.gradient.size))])
            dropped = shares(np.arange(1, self.steps + 1), missing, self.gradient)
        return Pairs(
            np.asarray(self.losses),
            self.norm,
            self.product / whole / whole if whole else np.full_like(self.product, np.nan),
            of_losses,
            shares(lags[used], self.lags[used], self.gradient),
            dropped,
        )
