"""Measuring the gradients of a model: values, contributions, their sums, Jacobians of the step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.sources import choose_parameters
from bptt_sym.limits import MEASURED_PAIRS
from bptt_sym.measuring.array_files import arrays_from
from bptt_sym.measuring.asked import Asked
from bptt_sym.measuring.measured_model import Measured
from bptt_sym.measuring.measurement import Measurement
from bptt_sym.measuring.pairs import pairs_of
from bptt_sym.measuring.recursion import NotFiniteError, Recursion, StepTerms, loss_weights
from bptt_sym.measuring.running import plain_name
from bptt_sym.measuring.sharing import shares
from bptt_sym.measuring.state_signals import stepping
from bptt_sym.measuring.step_products import step_products
from bptt_sym.measuring.untied import untied
from bptt_sym.measuring.values import Values, Wanted, halved, values_for
from bptt_sym.measuring.weight_files import weights_from
from bptt_sym.model.model import Model

Array = Any

_ROUNDING = 1e-14
"""A gradient that is so small beside its terms is 0 but for rounding: shares of it mean nothing."""

_MOST_HALVINGS = 8
"""Values that are drawn are halved so often, until the gradient is finite."""


def measured(asked: Asked) -> Measurement:
    """The measurement that is asked for. Raises InputError as ``measure`` does."""
    asked.check()
    model, steps = _with_plain_mask(asked.model), asked.steps
    parameters = choose_parameters(model, asked.wrt)
    reduction = reduction_of(model, asked.loss)
    recursion = Recursion(model, untied(model, parameters), asked.activation)
    wanted = recursion.wanted()
    masks = {entry.name: "mask" for entry in asked.model.declarations if entry.mask}
    wanted = replace(wanted, kinds={**wanted.kinds, **masks})
    weights, data = weights_from(asked.weights, model), arrays_from(asked.data)
    values = values_for(wanted, steps, asked.seed, asked.sizes, weights, data)
    entries = sum(np.size(values.arrays[parameter.name]) for parameter in parameters)
    if "pairs" not in asked.without:
        MEASURED_PAIRS.check(len(reduction.losses(steps)) * steps * entries)
    values, value, terms = _finite(recursion, wanted, values, reduction, steps)
    found = {name: _measured(name, of_name) for name, of_name in terms.items()}
    if "pairs" not in asked.without:
        found = _with_pairs(found, recursion, values, reduction, windows=not asked.reverse)
    no_states, states = _no_states(model, asked.reverse), None
    if not no_states and "states" not in asked.without:
        states = step_products(
            stepping(model), asked.activation, values.arrays, values.sizes, steps
        )
    return Measurement(
        asked.model,
        steps,
        reduction.name,
        asked.seed,
        value,
        values.arrays,
        {plain_name(name): values.sizes[name] for name in wanted.dimensions},
        values.given,
        asked.window,
        found,
        states,
        no_states,
        asked.command,
    )


def _with_pairs(
    found: dict[str, Measured],
    recursion: Recursion,
    values: Values,
    reduction: Reduction,
    *,
    windows: bool,
) -> dict[str, Measured]:
    # Of a gradient that is 0 but for rounding there are no shares.
    gradients = {n: entry.gradient * entry.stands_out for n, entry in found.items()}
    steps = values.sizes["T"]
    pairs = pairs_of(recursion, values, reduction, steps, gradients, windows=windows)
    return {name: replace(entry, pairs=pairs[name]) for name, entry in found.items()}


def _with_plain_mask(model: Model) -> Model:
    """The model with its mask as an input like others.

    A module takes what stands behind the end of a sequence for padding, but what the loss of a step
    counts as, and error signals of the last one, are none.
    """
    plain = (replace(entry, mask=False) for entry in model.declarations)
    return replace(model, declarations=tuple(plain)) if model.masked else model


def _no_states(model: Model, reverse: tuple[str, ...]) -> str:
    """Why there are no Jacobians of a step, where there are none."""
    if reverse:
        return f"{reverse[0]} is scanned in reverse, so that no step hands on all states"
    return "" if model.states else "the model has no states"


def _finite(
    recursion: Recursion, wanted: Wanted, values: Values, reduction: Reduction, steps: int
) -> tuple[Values, float, dict[str, StepTerms]]:
    """The values, or what was drawn of them smaller, with the loss and its terms there."""
    weights, last = loss_weights(reduction, steps, reduction.losses(steps))
    for _ in range(_MOST_HALVINGS):
        try:
            found = recursion.terms(values.arrays, weights.sum(axis=1, keepdims=True), last[-1:])
        except NotFiniteError:
            values = halved(values, wanted)
        else:
            return values, *found
    raise NotFiniteError


def _measured(name: str, terms: StepTerms) -> Measured:
    contributions = terms.steps[:, 0]
    parts = {
        "initial values": None if terms.beginning is None else terms.beginning[0],
        "parameters alone": terms.regularizer,
    }
    apart = {kind: part for kind, part in parts.items() if part is not None}
    gradient = sum(apart.values(), contributions.sum(axis=0))
    shown = gradient if _stands_out(gradient, contributions, *apart.values()) else gradient * 0
    stacked = np.stack(list(apart.values())) if apart else np.zeros((0, gradient.size))
    return Measured(
        name,
        gradient,
        contributions,
        shares(np.arange(1, len(contributions) + 1), contributions, shown),
        apart,
        shares(np.arange(len(apart)), stacked, shown),
        None,
    )


def _stands_out(gradient: Array, *terms: Array) -> bool:
    """Whether a sum of terms is more than what is left of their rounding."""
    largest = sum(float(np.sum(np.abs(term))) for term in terms)
    return float(np.sum(np.abs(gradient))) > _ROUNDING * largest
