"""How what reaches a step falls with its distance, over several draws of weights and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bptt_sym.choices import Loss
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.sources import choose_parameters
from bptt_sym.measuring.recursion import NotFiniteError, Recursion, loss_weights
from bptt_sym.measuring.running import Arrays
from bptt_sym.measuring.sharing import norms
from bptt_sym.measuring.untied import untied
from bptt_sym.measuring.values import values_for
from bptt_sym.model.model import Model

Array = Any

_LARGEST = 1e50
"""Beyond this there is nothing to see."""


def small_values(model: Model, steps: int, seed: int, scale: float) -> tuple[Arrays, Arrays]:
    """The parameters and the inputs as ``measure`` draws them, times ``scale``."""
    wanted = Recursion(model, untied(model, ()), {}).wanted()
    found = _scaled(values_for(wanted, steps, seed, {}, {}, {}).arrays, model, scale)
    weights = {name: array for name, array in found.items() if name in model.parameters}
    return weights, {name: array for name, array in found.items() if name not in weights}


def falling(
    model: Model,
    names: Sequence[str],
    steps: int,
    loss: Loss,
    seeds: Iterable[int],
    *,
    scale: float = 1.0,
    reverse: bool = False,
) -> dict[int, dict[str, Array]]:
    """For each seed the norms of the part of one loss that reaches the copies of parameters.

    The loss is that of the last step, in ``reverse`` that of the first; the norms are at the
    distances 0, 1, ..., steps - 1 from there. Parameters and inputs are drawn as for ``measure``,
    times ``scale``. A seed whose
    gradient is not finite, or far too large, has no norms. Raises InputError as
    ``measure`` does.
    """
    recursion = Recursion(model, untied(model, choose_parameters(model, names)), {})
    wanted = recursion.wanted()
    time = 1 if reverse else steps
    weights = loss_weights(reduction_of(model, loss), steps, range(time, time + 1))
    found = {}
    for seed in seeds:
        arrays = values_for(wanted, steps, seed, {}, {}, {}).arrays
        try:
            _, terms = recursion.terms(arrays | _scaled(arrays, model, scale), *weights)
        except NotFiniteError:
            continue
        of_steps = {name: norms(terms[name].steps.reshape(steps, -1)) for name in names}
        if any(norm.max() > _LARGEST for norm in of_steps.values()):
            continue
        found[seed] = of_steps if reverse else {n: norm[::-1] for n, norm in of_steps.items()}
    return found


def _scaled(arrays: Mapping[str, Array], model: Model, scale: float) -> dict[str, Array]:
    inputs = (entry.name for entry in model.varied_inputs)
    return {name: scale * arrays[name] for name in (*model.parameters, *inputs) if name in arrays}
