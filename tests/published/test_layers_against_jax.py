"""Layers against the transposed derivative of their own equations in JAX, jax.vjp."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.running import draw, parameters, sizes_of

import bptt_sym as b

jax.config.update("jax_enable_x64", True)


def lstm_layer(params: Any, x: Any, h0: Any, c0: Any) -> Any:
    """torch.nn.LSTM, by the equations of its documentation: all h, and the last (h, c)."""

    def gate(letter: str, squash: Any, x_t: Any, h: Any) -> Any:
        of_input = x_t @ params[f"W_i{letter}"] + params[f"b_i{letter}"]
        return squash(of_input + h @ params[f"W_h{letter}"] + params[f"b_h{letter}"])

    def step(state: Any, x_t: Any) -> Any:
        h, c = state
        i, f, o = (gate(letter, jax.nn.sigmoid, x_t, h) for letter in "ifo")
        c = f * c + i * gate("g", jnp.tanh, x_t, h)
        h = o * jnp.tanh(c)
        return (h, c), h

    final, h = jax.lax.scan(step, (h0, c0), x)
    return h, final


@pytest.mark.exhaustive
@pytest.mark.parametrize("style", ["fast", "readable"])
def test_backward_is_the_vjp(style: Any) -> None:
    model = b.load_model("lstm-layer")
    module = b.compile(model, style=style)
    arrays = draw(module, sizes_of(model))
    params = parameters(module, arrays)
    x, h0, c0, signal = (arrays[name] for name in ("x", "h0", "c0", "Delta_h"))
    d_final = module.State(h=arrays["D_h"], c=arrays["D_c"])
    values = module.forward(params, x, h0, c0)
    found = module.backward(params, values, {"h": signal}, d_final)
    (h, final), pulled_back = jax.vjp(lstm_layer, params._asdict(), x, h0, c0)
    by_params, by_x, by_h0, by_c0 = pulled_back((signal, tuple(d_final)))
    np.testing.assert_allclose(values.h, h, rtol=1e-12)
    np.testing.assert_allclose(values.c[-1], final[1], rtol=1e-12)
    expected = {**by_params, "x": by_x, "h0": by_h0, "c0": by_c0}
    got = found.parameters._asdict() | found.inputs._asdict() | found.initial._asdict()
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=1e-10, atol=1e-13, err_msg=name)
