"""Published recurrences against their own equations in JAX: loss and all gradients.

Each function is written from the source that its model file cites, and not from that file.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from published import jax_control, jax_memories, jax_series  # noqa: F401 - for their cells
from support.draws import in_turn
from support.jax_losses import CELLS, Whole, against, gradients
from support.running import arguments, by_name, draw, parameters, sizes_of

import bptt_sym as b

FOLDER = Path(__file__).parent.parent / "cells"


@against("delta-rule")
def delta_rule(W_q, W_k, W_v, w, V, x, d):
    """Schlag et al. 2021, equations 23 and 24."""
    S = jnp.zeros((W_q.shape[1], W_q.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        q, k, v = jax.nn.softmax(x_t @ W_q), jax.nn.softmax(x_t @ W_k), x_t @ W_v
        beta = jax.nn.sigmoid(x_t @ w)
        S = S + beta * jnp.outer(k, v - k @ S)
        yield jnp.sum((d_t - q @ S @ V) ** 2)


@against("axes")
def along_axes(W, R, c, S0, x):
    """Every operation along an axis, with NumPy's own axes."""
    S, softmax, moments = S0, jax.nn.softmax, {"keepdims": True}

    def rms_norm(v):
        return v / jnp.sqrt(jnp.mean(v**2, axis=-1, keepdims=True) + 1e-5)

    for x_t in x:
        A = softmax(S * R + jnp.outer(x_t, S.sum(axis=0)), axis=1) + jax.nn.log_softmax(S, axis=0)
        scaled = A * W
        centred = scaled - scaled.mean(axis=0, **moments)
        normed = centred / jnp.sqrt(scaled.var(axis=0, **moments) + 1e-5)
        G = normed + rms_norm(A) * jnp.cumsum(S, axis=0) + jnp.cumsum(A, axis=-1) - S
        S = jnp.tanh(G) + jnp.outer(jnp.tanh(G).max(axis=1), S.mean(axis=-2)) / 4
        norms = jnp.linalg.norm(S, axis=0)
        yield (
            jax.nn.logsumexp(S, axis=1).sum() + jnp.sqrt(jnp.sum(S**2)) + S.max() + S.var()
            + jnp.sum(S.var(axis=0) * norms * S.min(axis=0))
            + rms_norm(x_t * c) @ jnp.cumsum(c) + c.min() * S.mean()
        )  # fmt: skip


@against("kalman-vector")
def kalman_vector(A, C, L, K_R, y):
    """Murphy 2023, section 8.2.2, with the density of the measurements as SciPy's."""
    n, m = len(A), len(C)
    mu, Sigma = jnp.zeros(n), jnp.eye(n)
    for y_t in y:
        mu, Sigma = A @ mu, A @ Sigma @ A.T + L @ L.T + jnp.eye(n) / 2
        S = C @ Sigma @ C.T + K_R @ K_R.T + jnp.eye(m)
        density = jax.scipy.stats.multivariate_normal.logpdf(y_t, C @ mu, S)
        yield -density - m / 2 * jnp.log(2 * jnp.pi)
        gain = jnp.linalg.solve(S, C @ Sigma).T
        mu, Sigma = mu + gain @ (y_t - C @ mu), (jnp.eye(n) - gain @ C) @ Sigma


@against("information-filter")
def information_filter(V, forget, x, d):
    """Anderson and Moore 1979, section 6.3."""
    J, r = jnp.eye(len(V)), jnp.zeros(len(V))
    keep = jax.nn.sigmoid(jnp.reshape(forget, ()))
    for x_t, d_t in zip(x, d, strict=True):
        u, output = x_t + jnp.tanh(x_t @ V), jnp.reshape(d_t, ())
        error = output - u @ jnp.linalg.inv(J) @ r
        J, r = keep * J + jnp.outer(u, u), keep * r + output * u
        yield error**2 + 0.1 / jnp.prod(jnp.linalg.eigvalsh(J))


@against("phased-lstm")
def phased_lstm(W_i, W_f, W_c, W_o, U_i, U_f, U_c, U_o, tau, shift, r, x, time, c0, h0, d):
    """Neil, Pfeiffer and Liu 2016, equations 1 to 12."""
    c, h = c0, h0
    for x_t, time_t, d_t in zip(x, time, d, strict=True):
        phase = ((time_t - shift) % tau) / tau
        rest = jnp.where(phase < r, 2 - 2 * phase / r, 0.001 * phase)
        k = jnp.where(phase < r / 2, 2 * phase / r, rest)
        i, f, o = (jax.nn.sigmoid(x_t @ W + h @ U) for W, U in ((W_i, U_i), (W_f, U_f), (W_o, U_o)))
        proposed = f * c + i * jnp.tanh(x_t @ W_c + h @ U_c)
        c = k * proposed + (1 - k) * c
        h = k * o * jnp.tanh(proposed) + (1 - k) * h
        yield jnp.sum((d_t - h) ** 2)


@against("lstm-three-layers")
def three_lstm_layers(
    W_1, W_2, W_3, U_1, U_2, U_3, b_1, b_2, b_3,
    c_1_0, c_2_0, c_3_0, h_1_0, h_2_0, h_3_0, V, x, d,
):  # fmt: skip
    """torch.nn.LSTM(num_layers=3): layer after layer, each over the whole sequence."""

    def scan(W, U, bias, c, h, sequence):
        for x_t in sequence:
            i, f, g, o = jnp.split(x_t @ W + h @ U + bias, 4)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            yield h

    first = scan(W_1, U_1, b_1, c_1_0, h_1_0, x)
    second = scan(W_2, U_2, b_2, c_2_0, h_2_0, first)
    third = scan(W_3, U_3, b_3, c_3_0, h_3_0, second)
    return [jnp.sum((d_t - h @ V) ** 2) for d_t, h in zip(d, third, strict=True)]


@against("gru-two-bidirectional")
def two_bidirectional_gru_layers(
    W_f1, W_f2, U_f1, U_f2, W_b1, W_b2, U_b1, U_b2, f_1_0, f_2_0, b_1_0, b_2_0, V, x, d
):
    """torch.nn.GRU(num_layers=2, bidirectional=True), whose gates are reset, update and new."""

    def scan(W, U, h, sequence):
        for x_t in sequence:
            (r, z, n), (r_h, z_h, n_h) = jnp.split(W @ x_t, 3), jnp.split(U @ h, 3)
            r, z = jax.nn.sigmoid(r + r_h), jax.nn.sigmoid(z + z_h)
            h = (1 - z) * jnp.tanh(n + r * n_h) + z * h
            yield h

    sequence = list(x)
    for W_f, U_f, f, W_b, U_b, b_ in (
        (W_f1, U_f1, f_1_0, W_b1, U_b1, b_1_0),
        (W_f2, U_f2, f_2_0, W_b2, U_b2, b_2_0),
    ):
        onward = scan(W_f, U_f, f, sequence)
        back = reversed(list(scan(W_b, U_b, b_, sequence[::-1])))
        sequence = [jnp.concatenate(pair) for pair in zip(onward, back, strict=True)]
    return jnp.sum((d - jnp.stack(sequence) @ V.T) ** 2, axis=-1)


@against("retention-heads")
def retention(W_q, W_k, W_v, g, V, x, d):
    """Sun et al. 2023, equation 6: S_n = gamma S_{n-1} + K_n^T V_n, o_n = Q_n S_n, each head."""
    heads, n = g.size, W_q.shape[-1]
    W_q, W_k, W_v = (W.reshape(heads, -1, n) for W in (W_q, W_k, W_v))
    S = jnp.zeros((heads, n, n))
    for x_t, d_t in zip(x, d, strict=True):
        q, k, v = (jnp.einsum("m,hmn->hn", x_t, W) for W in (W_q, W_k, W_v))
        S = jax.nn.sigmoid(g)[:, None, None] * S + jnp.einsum("hi,hj->hij", k, v)
        yield jnp.sum((d_t - jnp.tanh(jnp.einsum("hi,hij->hj", q, S)) @ V) ** 2)


@against("weight-decay")
def weight_decay(W_x, W_s, W_y, lam, s0, x, d):
    """Krogh and Hertz 1991, equation 2: the decay is added to the error of all examples."""
    s, losses = s0, []
    for x_t, d_t in zip(x, d, strict=True):
        s = jnp.tanh(x_t @ W_x + s @ W_s)
        losses.append(jnp.sum((d_t - s @ W_y) ** 2) / 2)
    weights = jnp.concatenate([jnp.ravel(W) for W in (W_x, W_s, W_y)])
    return Whole(losses, params=lam / 2 * weights @ weights)


@against("many-to-one")
def many_to_one(W, U, W_z, U_z, V, alpha, x, d):
    """Cho et al. 2014, with the elastic net of Zou and Hastie 2005; what is read is the last step.

    A target of the last step alone stands at all of them.
    """
    h = before = jnp.zeros(len(U))
    for x_t in x:
        z = jax.nn.sigmoid(x_t @ W_z + h @ U_z)
        before, h = h, z * h + (1 - z) * jnp.tanh(x_t @ W + h @ U)
    logits = (h + before / 2) @ V
    norms = alpha * jnp.sum(V**2) + (1 - alpha) * jnp.sum(jnp.abs(U))
    penalty = 0.1 * norms - jnp.log(alpha)
    return Whole([], -jax.nn.log_softmax(logits)[jnp.ravel(d)[-1]], penalty)


@pytest.mark.one_in(16)
@pytest.mark.parametrize(("name", "loss"), in_turn(CELLS, ["sum", "last"]))
def test_loss_and_gradients(name, loss):
    model = b.load_model(FOLDER / f"{name}.toml")
    module = b.compile(model, loss=loss)
    sizes = sizes_of(model)
    arrays = draw(module, sizes)
    targets = [entry.name for entry in model.declared("target")]
    value, expected = gradients(CELLS[name], module, arrays, loss, sizes["T"], targets)

    given = arguments(module, arrays)
    result = module.value_and_grad(parameters(module, arrays), **given, inputs=True)

    assert float(result.value) == pytest.approx(value, rel=1e-10)
    for wanted, gradient in by_name(result).items():
        scale = max(1, np.max(np.abs(expected[wanted])))
        np.testing.assert_allclose(gradient, expected[wanted], atol=1e-10 * scale, rtol=1e-10)
