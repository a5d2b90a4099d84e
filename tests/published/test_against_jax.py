"""Published recurrences against their own equations in JAX: loss and all gradients.

Each function is written from the source that its model file cites, and not from that file.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.draws import in_turn
from support.jax_losses import Losses, gradients
from support.running import arguments, draw, parameters, sizes_of

import bptt_sym as b

CELLS: dict[str, Losses] = {}
FOLDER = Path(__file__).parent.parent / "cells"


def against(name: str):
    """The losses of the cell tests/cells/NAME.toml."""

    def register(losses: Losses) -> Losses:
        CELLS[name] = losses
        return losses

    return register


@against("delta-rule")
def delta_rule(W_q, W_k, W_v, w, V, x, d):
    """Schlag et al. 2021, equations 23 and 24."""
    S = jnp.zeros((W_q.shape[1], W_q.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        q, k, v = jax.nn.softmax(x_t @ W_q), jax.nn.softmax(x_t @ W_k), x_t @ W_v
        beta = jax.nn.sigmoid(x_t @ w)
        S = S + beta * jnp.outer(k, v - k @ S)
        yield jnp.sum((d_t - q @ S @ V) ** 2)


@pytest.mark.parametrize(("name", "loss"), in_turn(CELLS, ["sum", "last"]))
def test_loss_and_gradients(name, loss):
    model = b.load_model(str(FOLDER / f"{name}.toml"))
    module = b.compile(model, loss=loss)
    sizes = sizes_of(model)
    arrays = draw(module, sizes)
    targets = [entry.name for entry in model.declared("target")]
    value, expected = gradients(CELLS[name], module, arrays, loss, sizes["T"], targets)

    result = module.value_and_grad(parameters(module, arrays), **arguments(module, arrays))

    assert float(result.value) == pytest.approx(value, rel=1e-10)
    found = {**result.gradients._asdict(), **result.initial._asdict()}
    for wanted, gradient in found.items():
        scale = max(1, np.max(np.abs(expected[wanted])))
        np.testing.assert_allclose(gradient, expected[wanted], atol=1e-10 * scale, rtol=1e-10)
