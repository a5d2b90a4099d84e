"""Losses of cells written a second time, in JAX, for its automatic differentiation.

A function reads arrays of one sequence by the names that the generated module gives them (over
time: the first axis) and returns the loss of each step. Nothing of the package is in it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


class Whole(NamedTuple):
    """The losses of all time steps, and what is added once: for a sequence, and for all."""

    steps: list[Any]
    last: Any = 0.0
    params: Any = 0.0


Losses = Callable[..., Iterable[Any] | Whole]

CELLS: dict[str, Losses] = {}
"""The losses of the cells that are compared."""


def against(name: str) -> Callable[[Losses], Losses]:
    """The losses of the cell tests/cells/NAME.toml."""

    def register(losses: Losses) -> Losses:
        CELLS[name] = losses
        return losses

    return register


REDUCED: dict[str, Callable[[Any], Any]] = {
    "last": lambda losses: losses[-1],
    "sum": jnp.sum,
    "mean": jnp.mean,
}


def gradients(
    losses: Losses,
    module: ModuleType,
    arrays: Mapping[str, Any],
    loss: str,
    steps: int,
    at_last: Iterable[str] = (),
) -> tuple[float, dict[str, Any]]:
    """The loss over a batch, and its gradient with respect to each array that is no label.

    Of the names ``at_last`` a module for the loss of the last step takes that step alone; here it
    stands at all of them.
    """
    taken = inspect.signature(losses).parameters
    given = {name: jnp.asarray(arrays[name]) for name in taken}
    shapes = {name: module.SHAPES[name] for name in taken}
    for name in set(at_last) & {name for name in taken if "T" not in shapes[name]}:
        given[name] = jnp.repeat(given[name][None], steps, axis=0)
        shapes[name] = ("T", *shapes[name])
    axes = {name: shape.index("B") if "B" in shape else None for name, shape in shapes.items()}

    def of_sequence(chosen: dict[str, Any]) -> tuple[Any, Any]:
        found = losses(**chosen)
        whole = found if isinstance(found, Whole) else Whole(list(found))
        every = [jnp.reshape(value, ()) for value in whole.steps]
        steps = REDUCED[loss](jnp.stack(every)) if every else 0.0
        return steps + jnp.reshape(whole.last, ()), jnp.reshape(whole.params, ())

    def total(moved: dict[str, Any]) -> Any:
        of_all, params = jax.vmap(of_sequence, in_axes=(axes,))({**given, **moved})
        return jnp.sum(of_all) + params[0]

    real = {n: given[n] for n in given if np.issubdtype(given[n].dtype, np.floating)}
    value, found = jax.value_and_grad(total)(real)
    return float(value), {name: np.asarray(gradient) for name, gradient in found.items()}
