"""Control, policies, spikes, differential equations and attention."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from support.jax_losses import Whole, against

sigmoid = jax.nn.sigmoid


@jax.custom_jvp
def spike(z):
    """A step, whose derivative is decreed: SuperSpike's, Zenke and Ganguli 2018."""
    return jnp.where(z > 0, 1.0, 0.0)


@spike.defjvp
def _surrogate(primals, tangents):
    (z,), (dz,) = primals, tangents
    return spike(z), dz / (1 + 10 * jnp.abs(z)) ** 2


@against("spiking")
def spiking(W, V, a, b, c0, u0, s0, x, d):
    """Neftci et al. 2019, equations 4 to 6."""
    current, u, s = c0, u0, s0
    for x_t, d_t in zip(x, d, strict=True):
        current = sigmoid(a) * current + x_t @ W + s @ V
        u = sigmoid(b) * u + current - s
        s = spike(u - 1)
        yield jnp.sum((d_t - s) ** 2) + 0.1 * jnp.sum(u**2)


@against("reinforce")
def reinforce(W, R, V, c, h0, x, r, a):
    """Williams 1992: the return times the logarithm of the policy, less the entropy."""
    h = h0
    for x_t, r_t, a_t in zip(x, r, a, strict=True):
        h = jnp.tanh(x_t @ W + h @ R)
        policy = jax.nn.softmax(h @ V)
        yield -r_t * jnp.log(policy[a_t]) + c * jnp.sum(policy * jnp.log(policy))


@against("linear-quadratic")
def linear_quadratic(K, A, G, Q, x0):
    """The closed loop x A - x K B, its costs x Q Q^T x^T and u u^T."""
    x = x0
    for _ in range(6):
        u = -x @ K
        x = x @ (A - K @ G)
        yield x @ (Q @ Q.T) @ x + u @ u


@against("lqr-terminal")
def lqr_terminal(K, A, B_u, L, q, r, x0, w):
    """Anderson and Moore 1990, section 2.1, with S = L L^T."""
    x, costs = x0, []
    for w_t in w:
        u = -K @ x
        x = A @ x + B_u @ u + w_t
        costs.append(x @ jnp.diag(q) @ x + r * u @ u)
    return Whole(costs, last=x @ (L @ L.T) @ x)


@against("pendulum")
def pendulum(W, b, V, a0, w0):
    """Doya 2000, semi-implicit Euler steps."""
    angle, speed = a0, w0
    for _ in range(6):
        seen = jnp.concatenate([jnp.sin(angle), jnp.cos(angle), speed])
        u = jnp.tanh(jnp.tanh(seen @ W + b) @ V)
        speed = speed + 0.05 * (9.8 * jnp.sin(angle) - 0.01 * speed + 5 * u)
        angle = angle + 0.05 * speed
        yield 1 - jnp.cos(angle) + 0.1 * speed**2 + 0.01 * u**2


@against("pid")
def pid(k_p, k_i, k_d, r):
    """Astrom and Hagglund 1995, equation 3.1; the derivative of the error is r' - y'."""
    y = v = total = before = jnp.zeros(1)
    for r_t in r:
        error = r_t - y
        total = total + 0.1 * error
        u = k_p * error + k_i * total + k_d * ((r_t - before) * 10 - v)
        u = jnp.minimum(jnp.maximum(u, -10), 10)
        v = v + 0.1 * (u - y - 0.5 * v)
        y, before = y + 0.1 * v, r_t
        yield (r_t - y) ** 2 + 0.001 * u**2


@against("neural-ode")
def neural_ode(W, b, V, x0, d):
    """Kutta 1901, steps of 0.1."""

    def field(x):
        return jnp.tanh(x @ W + b) @ V

    x, step = x0, 0.1
    for d_t in d:
        k1 = field(x)
        k2 = field(x + step / 2 * k1)
        k3 = field(x + step / 2 * k2)
        k4 = field(x + step * k3)
        x = x + step * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        yield jnp.sum((d_t - x) ** 2)


@against("bahdanau")
def bahdanau(W_a, U_a, v_a, Y, C, U, Y_r, C_r, U_r, Y_z, C_z, U_z, V, s0, K, y):
    """Bahdanau et al. 2015, appendix A.2.2: one energy for each word of the source."""
    s, last = s0, jnp.zeros(Y.shape[0])
    for y_t in y:
        energies = jnp.stack([v_a @ jnp.tanh(W_a.T @ s + U_a.T @ h) for h in K])
        c = jax.nn.softmax(energies) @ K
        r = sigmoid(last @ Y_r + s @ U_r + c @ C_r)
        z = sigmoid(last @ Y_z + s @ U_z + c @ C_z)
        proposal = jnp.tanh(last @ Y + (r * s) @ U + c @ C)
        s = (1 - z) * s + z * proposal
        last = jax.nn.one_hot(y_t, Y.shape[0], dtype=s.dtype)
        yield -jax.nn.log_softmax(s @ V)[y_t]
