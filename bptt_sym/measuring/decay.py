"""How what reaches a step falls with its distance, over several draws of weights and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Draw:
    """The ``arrays`` of a draw, and the norms of the part of one loss that reaches the copies of
    each parameter, at the distances 0, 1, ... from the step of the loss.
    """

    arrays: Arrays
    norms: Mapping[str, Array]


def falling(
    model: Model,
    names: Sequence[str],
    steps: int,
    loss: Loss,
    seeds: Iterable[int],
    *,
    scale: float = 1.0,
    reverse: bool = False,
) -> dict[int, Draw]:
    """For each seed a draw, with the norms for the parameters ``names``.

    The loss is that of the last step, in ``reverse`` that of the first. Parameters and inputs are
    drawn as for ``measure``, times ``scale``. A seed whose gradient is not finite, or far too
    large, has no draw. Raises InputError as ``measure`` does.
    """
    recursion = Recursion(model, untied(model, choose_parameters(model, names)), {})
    wanted = recursion.wanted()
    time = 1 if reverse else steps
    weights = loss_weights(reduction_of(model, loss), steps, range(time, time + 1))
    found = {}
    for seed in seeds:
        arrays = _scaled(values_for(wanted, steps, seed, {}, {}, {}).arrays, model, scale)
        try:
            _, terms = recursion.terms(arrays, *weights)
        except NotFiniteError:
            continue
        of_steps = {name: norms(terms[name].steps.reshape(steps, -1)) for name in names}
        if all(norm.max() < _LARGEST for norm in of_steps.values()):
            order = slice(None) if reverse else slice(None, None, -1)
            found[seed] = Draw(arrays, {name: norm[order] for name, norm in of_steps.items()})
    return found


def _scaled(arrays: Arrays, model: Model, scale: float) -> dict[str, Array]:
    inputs = (entry.name for entry in model.varied_inputs)
    return dict(arrays) | {name: scale * arrays[name] for name in (*model.parameters, *inputs)}
