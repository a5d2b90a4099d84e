"""Memories of matrices and state-space models, from their papers' own equations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from support.jax_losses import against

sigmoid, softplus = jax.nn.sigmoid, jax.nn.softplus


def by_head(weights, heads, columns):
    """H x m x n of a module's array, whose rows stand one below the other."""
    return weights.reshape(heads, -1, columns)


def read(x, weights):
    """x W of each head."""
    return jnp.einsum("m,hmn->hn", x, weights)


@against("mamba")
def mamba(A, W_b, W_c, W_d, b, D, x, d):
    """Gu and Dao 2023, equations 2 and 4 with A-bar = exp(Delta A) and B-bar = Delta B."""
    h = jnp.zeros(A.shape)
    for x_t, d_t in zip(x, d, strict=True):
        delta, B, C = softplus(x_t @ W_d + b), x_t @ W_b, x_t @ W_c
        A_bar = jnp.exp(delta[:, None] * -jnp.exp(A))
        h = A_bar * h + (delta[:, None] * B[None, :]) * x_t[:, None]
        yield jnp.sum((d_t - (h @ C + D * x_t)) ** 2)


@against("mlstm-heads")
def mlstm_heads(W_q, W_k, W_v, W_o, w_i, w_f, b_i, b_f, x, d):
    """Beck et al. 2024, equations 19 to 27; here a key is a row and a value a column."""
    heads, n = b_i.size, W_q.shape[-1]
    W_q, W_k, W_v, W_o = (by_head(W, heads, n) for W in (W_q, W_k, W_v, W_o))
    w_i, w_f = (w.reshape(heads, -1) for w in (w_i, w_f))
    C, norm, m = jnp.zeros((heads, n, n)), jnp.zeros((heads, n)), jnp.zeros(heads)
    for x_t, d_t in zip(x, d, strict=True):
        q, k, v = read(x_t, W_q), read(x_t, W_k) / jnp.sqrt(n), read(x_t, W_v)
        log_i = w_i @ x_t + b_i
        log_f = -softplus(-(w_f @ x_t + b_f))
        new = jnp.maximum(log_f + m, log_i)
        i, f = jnp.exp(log_i - new), jnp.exp(log_f + m - new)
        C = f[:, None, None] * C + i[:, None, None] * jnp.einsum("hk,hv->hkv", k, v)
        norm, m = f[:, None] * norm + i[:, None] * k, new
        under = jnp.maximum(jnp.abs(jnp.sum(norm * q, axis=1)), jnp.exp(-m))
        h = sigmoid(read(x_t, W_o)) * jnp.einsum("hk,hkv->hv", q, C) / under[:, None]
        yield jnp.sum((d_t - h) ** 2)


@against("slstm-heads")
def slstm_heads(W_z, W_i, W_f, W_o, R_z, R_i, R_f, R_o, b_z, b_f, h0, x, d):
    """Beck et al. 2024, equations 8 to 17 with the stabiliser of equations 15 to 17."""
    heads, n = b_z.shape
    W_z, W_i, W_f, W_o = (by_head(W, heads, n) for W in (W_z, W_i, W_f, W_o))
    R_z, R_i, R_f, R_o = (by_head(R, heads, n) for R in (R_z, R_i, R_f, R_o))

    def pre(x, h, W, R):
        return read(x, W) + jnp.einsum("hm,hmn->hn", h, R)

    c, norm, m, h = jnp.zeros((heads, n)), jnp.ones((heads, n)), jnp.zeros((heads, n)), h0
    for x_t, d_t in zip(x, d, strict=True):
        z, log_i = jnp.tanh(pre(x_t, h, W_z, R_z) + b_z), pre(x_t, h, W_i, R_i)
        o = sigmoid(pre(x_t, h, W_o, R_o))
        log_f = jnp.log(sigmoid(pre(x_t, h, W_f, R_f) + b_f))
        new = jnp.maximum(log_f + m, log_i)
        i, f = jnp.exp(log_i - new), jnp.exp(log_f + m - new)
        c, norm, m = f * c + i * z, f * norm + i, new
        h = o * c / norm
        yield jnp.sum((d_t - h) ** 2)


@against("rwkv-state")
def rwkv(W_k, W_v, w, u, x, d):
    """Peng et al. 2023, equation 16, as sums over all earlier steps without a stabiliser."""
    keys, values = x @ W_k, x @ W_v
    for t, d_t in enumerate(d):
        ages = jnp.arange(t - 1, -1, -1)[:, None]
        weights = jnp.exp(-ages * jnp.exp(w) + keys[:t])
        own = jnp.exp(u + keys[t])
        over = jnp.sum(weights * values[:t], axis=0) + own * values[t]
        yield jnp.sum((d_t - over / (jnp.sum(weights, axis=0) + own)) ** 2)


@against("gated-deltanet")
def gated_deltanet(W_q, W_k, W_v, w_a, w_b, x, d):
    """Yang et al. 2024, equation 10: S_t = S_{t-1} alpha (I - beta k k^T) + beta v k^T."""
    S = jnp.zeros((W_v.shape[1], W_k.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        q, k, v = x_t @ W_q, x_t @ W_k, x_t @ W_v
        q, k = q / jnp.sqrt(q @ q), k / jnp.sqrt(k @ k)
        alpha, beta = sigmoid(x_t @ w_a), sigmoid(x_t @ w_b)
        S = S @ (alpha * (jnp.eye(k.size) - beta * jnp.outer(k, k))) + beta * jnp.outer(v, k)
        yield jnp.sum((d_t - S @ q) ** 2)


@against("kimi-delta-attention")
def kimi(W_q, W_k, W_v, W_a, w_b, x, d):
    """Kimi Team 2025, equation 1: S_t = (I - beta k k^T) Diag(alpha) S_{t-1} + beta k v^T."""
    S = jnp.zeros((W_k.shape[1], W_v.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        k, alpha, beta = jnp.tanh(x_t @ W_k), sigmoid(x_t @ W_a), sigmoid(x_t @ w_b)
        forget = (jnp.eye(k.size) - beta * jnp.outer(k, k)) @ jnp.diag(alpha)
        S = forget @ S + beta * jnp.outer(k, x_t @ W_v)
        yield jnp.sum((d_t - S.T @ (x_t @ W_q)) ** 2)


@against("titans")
def titans(W_q, W_k, W_v, w_a, w_e, w_r, x, d):
    """Behrouz et al. 2025: the surprise is a gradient that JAX takes."""

    def surprise(M, k, v):
        return jnp.sum((k @ M - v) ** 2)

    M = S = jnp.zeros((W_k.shape[1], W_v.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        alpha, eta, theta = sigmoid(x_t @ w_a), sigmoid(x_t @ w_e), sigmoid(x_t @ w_r)
        S = eta * S - theta * jax.grad(surprise)(M, x_t @ W_k, x_t @ W_v)
        M = (1 - alpha) * M + S
        yield jnp.sum((d_t - x_t @ W_q @ M) ** 2)


@against("gated-linear-attention")
def gated_linear_attention(W_q, W_k, W_v, W_a, b_a, x, d):
    """Yang et al. 2023, equation 3, gates to the power 1/16, the output normalised."""
    S = jnp.zeros((W_k.shape[1], W_v.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        alpha = sigmoid(x_t @ W_a + b_a) ** (1 / 16)
        S = jnp.diag(alpha) @ S + jnp.outer(x_t @ W_k, x_t @ W_v)
        o = (x_t @ W_q) @ S
        y = (o - jnp.mean(o)) / jnp.sqrt(jnp.var(o) + 1e-5)
        yield jnp.sum((d_t - y) ** 2)


@against("hgrn2")
def hgrn2(W_f, W_i, W_o, c, x, d):
    """Qin et al. 2024, equation 5: h_t = Diag(f) h_{t-1} + (1 - f) (x) i, y_t = o h_t."""
    h = jnp.zeros((W_f.shape[1], W_i.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        bound = sigmoid(c)
        f = bound + (1 - bound) * sigmoid(x_t @ W_f)
        h = jnp.diag(f) @ h + jnp.outer(1 - f, jax.nn.silu(x_t @ W_i))
        yield jnp.sum((d_t - sigmoid(x_t @ W_o) @ h) ** 2)


@against("ttt-linear")
def ttt_linear(W_q, W_k, W_v, w_e, W_0, b_0, x, d):
    """Sun et al. 2024, equation 4: a step along the gradient, which JAX takes."""

    def reconstruction(inner, k, v):
        return jnp.sum((k @ inner[0] + inner[1] - v) ** 2)

    W, b = W_0, b_0
    for x_t, d_t in zip(x, d, strict=True):
        by_W, by_b = jax.grad(reconstruction)((W, b), x_t @ W_k, x_t @ W_v)
        rate = sigmoid(x_t @ w_e)
        W, b = W - rate * by_W, b - rate * by_b
        yield jnp.sum((d_t - (x_t @ W_q @ W + b)) ** 2)


@against("longhorn")
def longhorn(W_q, W_k, W_b, x, d):
    """Liu et al. 2024: each row is the minimum of |s - s_{t-1}|^2 + beta (s k - x)^2."""
    S = jnp.zeros((W_q.shape[0], W_k.shape[1]))
    for x_t, d_t in zip(x, d, strict=True):
        k, beta = x_t @ W_k, sigmoid(x_t @ W_b)
        # Longhorn keeps the diagonal of k k^T alone.
        epsilon = beta / (1 + beta * (k @ k))
        S = S - epsilon[:, None] * k**2 * S + epsilon[:, None] * x_t[:, None] * k
        yield jnp.sum((d_t - S @ (x_t @ W_q)) ** 2)


@against("lmu")
def lmu(e_x, e_h, e_m, W_x, W_h, W_m, A, G, h0, s0, x, d):
    """Voelker et al. 2019, equations 4 to 7."""
    h, m = h0, s0
    for x_t, d_t in zip(x, d, strict=True):
        u = e_x @ x_t + e_h @ h + e_m @ m
        m = A.T @ m + G * u
        h = jnp.tanh(W_x.T @ x_t + W_h.T @ h + W_m.T @ m)
        yield jnp.sum((d_t - h) ** 2)
