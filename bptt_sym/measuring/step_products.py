"""How the states of one step depend on those of earlier ones: Jacobians of the step, in numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from bptt_sym.limits import MEASURED_STATES
from bptt_sym.measuring.running import (
    Arrays,
    compiled_sum,
    initial_arguments,
    plain_name,
    value_and_grad,
)
from bptt_sym.measuring.state_signals import Stepping
from bptt_sym.verification.sizes import number

Array = Any

_LEAST = 1e-290
"""What is smaller beside a norm of 1 counts as 0: processors are slow with smaller numbers."""

_MOST_NUMBERS = 2_000_000
"""About so many numbers has an array of what is computed at once."""


@dataclass(frozen=True)
class StepProducts:
    """The step's Jacobians J_t = ds_t/ds_{t-1} for t = 1, ..., N, total derivatives, and their
    products ds_N/ds_i = J_N ... J_{i+1}.

    s_t is all that a step hands to the next, ``entries`` numbers: every state, and where a step
    reads further back, the earlier ones as well. ``largest`` and ``smallest`` are the singular
    values of J_t for t = 1, ..., N. ``log_norm`` is the decadic logarithm of the spectral norm of
    ds_N/ds_i for i = 0, ..., N, and ``log_bound`` that of the product of the spectral norms of its
    factors, which is never less; -inf stands for 0.
    """

    entries: int
    jacobians: Array
    largest: Array
    smallest: Array
    log_norm: Array
    log_bound: Array


def step_products(
    stepping: Stepping,
    functions: Mapping[str, str],
    arrays: Arrays,
    sizes: Mapping[str, int],
    steps: int,
) -> StepProducts:
    """The products for a model whose states are all scanned forward."""
    states = _states(compiled_sum(stepping.model, functions), arrays, sizes, steps)
    module = compiled_sum(stepping.anywhere, functions)
    kept = _Kept.of(stepping, module)
    widths = kept.widths(states[0])
    entries = sum(kept.depths[name] * width for name, width in widths.items())
    MEASURED_STATES.check(steps * entries**3)
    rows = sum(widths.values())
    length = max(1, _MOST_NUMBERS // (rows * entries))
    chunks = [range(k, min(k + length, steps)) for k in range(0, steps, length)]
    parts = [_jacobians(module, kept, widths, arrays, states, times) for times in chunks]
    jacobians = np.concatenate(parts)
    values = np.linalg.svd(jacobians, compute_uv=False)
    return _products(jacobians, values[:, 0], values[:, -1])


@dataclass(frozen=True)
class _Kept:
    """The fields of a State: error signals of states and the arguments that these begin with, and
    of how many steps a field holds values.
    """

    signals: dict[str, str]
    arguments: dict[str, str]
    depths: dict[str, int]

    @classmethod
    def of(cls, stepping: Stepping, module: ModuleType) -> _Kept:
        depths = dict(zip(module.State._fields, module.DEPTHS, strict=True))
        arguments = initial_arguments(stepping.anywhere, module)
        fields = [name for name in depths if plain_name(name) in stepping.signals]
        return cls(
            {name: stepping.signals[plain_name(name)] for name in fields},
            {name: arguments[plain_name(name)] for name in fields},
            depths,
        )

    def widths(self, state: dict[str, Array]) -> dict[str, int]:
        return {name: state[name].size // self.depths[name] for name in self.signals}


def _states(
    module: ModuleType, arrays: Arrays, sizes: Mapping[str, int], steps: int
) -> list[dict[str, Array]]:
    """What each step reads of those before it, by the names of the State."""
    shapes = {
        name: tuple(number(axis, sizes) for axis in axes) for name, axes in module.STATES.items()
    }
    known = {name: arrays[plain_name(name)] for name in module.SHAPES if plain_name(name) in arrays}
    over_time = {name for name, axes in module.SHAPES.items() if axes[:1] == ("T",)}
    parameters = module.Parameters()

    def taken(function: Any, time: int = 0) -> dict[str, Array]:
        names = set(inspect.signature(function).parameters) & known.keys()
        counts = inspect.signature(function).parameters.keys() & sizes.keys()
        return {n: sizes[n] for n in counts} | {
            n: known[n][time] if n in over_time else known[n] for n in names
        }

    found = []
    with np.errstate(all="ignore"):
        state = module.initial_state(parameters, **taken(module.initial_state))
        for time in range(steps):
            # Where all entries are one number, it may stand for them.
            known_now = state._asdict().items()
            found.append({name: np.broadcast_to(a, shapes[name]).copy() for name, a in known_now})
            state, _ = module.step(parameters, state, **taken(module.step, time))
    return found


def _jacobians(
    module: ModuleType,
    kept: _Kept,
    widths: dict[str, int],
    arrays: Arrays,
    states: list[dict[str, Array]],
    times: range,
) -> Array:
    """ds_t/ds_{t-1} for some steps: each row is the gradient of one entry of s_t.

    All of them are sequences of one step, side by side.
    """
    rows, count = sum(widths.values()), len(times)
    given = dict(arrays)
    for name, axes in module.SHAPES.items():
        if axes[:1] == ("T",) and plain_name(name) in arrays:
            of_steps = np.moveaxis(arrays[plain_name(name)][times.start : times.stop], 1, 0)
            given[plain_name(name)] = np.repeat(of_steps, rows, axis=1)
    units = np.split(np.eye(rows), np.cumsum(list(widths.values()))[:-1], axis=1)
    for (name, signal), unit in zip(kept.signals.items(), units, strict=True):
        shape = states[0][name].shape[1:] if kept.depths[name] == 1 else states[0][name].shape[2:]
        given[signal] = np.tile(unit, (count, 1)).reshape(1, count * rows, *shape)
    start = {}
    for name, depth in kept.depths.items():
        axis = 1 if depth > 1 else 0
        of_times = np.concatenate([states[time][name] for time in times], axis=axis)
        start[name] = np.repeat(of_times, rows, axis=axis)
    for name, argument in kept.arguments.items():
        given[argument] = start[name]
    found = value_and_grad(module, given, 1, count * rows, start=module.State(**start))
    gradients = {n: getattr(found.initial, a) for n, a in kept.arguments.items()}
    return _with_shifts(gradients, kept, widths, count)


def _with_shifts(gradients: Arrays, kept: _Kept, widths: dict[str, int], count: int) -> Array:
    """The Jacobians of all that is handed on: what is kept of t - 1 is handed on as it is.

    Both ways a state's values stand from the oldest to the newest.
    """
    rows = sum(widths.values())
    of_newest = np.concatenate(
        [
            part.reshape(count, rows, widths[name])
            for name in kept.signals
            for part in np.reshape(gradients[name], (kept.depths[name], count * rows, widths[name]))
        ],
        axis=2,
    )
    entries = of_newest.shape[2]
    whole = np.zeros((count, entries, entries))
    place = row = 0
    for name, width in widths.items():
        older = width * (kept.depths[name] - 1)
        whole[:, place : place + older, place + width : place + width + older] = np.eye(older)
        place += older
        whole[:, place : place + width] = of_newest[:, row : row + width]
        place, row = place + width, row + width
    return whole


def _spectral_norm(matrix: Array) -> float:
    largest = float(np.max(np.abs(matrix)))
    if largest == 0:
        return 0.0
    # Smaller entries are below all rounding, and slow.
    scaled = np.where(np.abs(matrix) < 1e-100 * largest, 0, matrix / largest)
    return largest * float(np.linalg.svd(scaled, compute_uv=False)[0])


def _products(jacobians: Array, largest: Array, smallest: Array) -> StepProducts:
    steps, entries, _ = jacobians.shape
    with np.errstate(divide="ignore"):
        bounds = np.concatenate([np.cumsum(np.log10(largest)[::-1])[::-1], [0.0]])
    log_norm = np.zeros(steps + 1)
    product, scale = np.eye(entries), 0.0
    for time in reversed(range(steps)):
        product = product @ jacobians[time]
        product[np.abs(product) < _LEAST] = 0
        norm = _spectral_norm(product)
        if norm == 0:
            log_norm[: time + 1] = -np.inf
            break
        # Thousands of factors leave the range of numbers; their logarithms do not.
        product = product / norm
        scale += math.log10(norm)
        log_norm[time] = scale
    return StepProducts(entries, jacobians, largest, smallest, log_norm, bounds)
