"""Models of series: volatility, epidemics, smoothing, filters and hidden states."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy import stats
from support.jax_losses import against

sigmoid = jax.nn.sigmoid


@against("hmm")
def hidden_markov_model(A, G, p, o):
    """Rabiner 1989, equations 19 to 21, in probabilities; the chain moves before it is seen."""
    alpha, moves, shows = jax.nn.softmax(p), jax.nn.softmax(A, axis=1), jax.nn.softmax(G, axis=1)
    for symbol in o:
        alpha = (alpha @ moves) * shows[:, symbol]
        yield -jnp.log(jnp.sum(alpha))


@against("garch")
def garch(w, a, b, c, e, e0):
    """Bollerslev 1986: the density of each return is that of a normal distribution."""
    v, last = c, e0
    for e_t in e:
        v, last = w + a * last**2 + b * v, e_t
        yield -stats.norm.logpdf(e_t, scale=jnp.sqrt(v))


@against("egarch")
def egarch(w, a, b, g, l0, e, e0):
    """Nelson 1991, equations 2.1 and 2.2, E|z| = sqrt(2 / pi)."""
    log_v, last = l0, e0
    for e_t in e:
        z = last / jnp.sqrt(jnp.exp(log_v))
        log_v = w + b * log_v + g * z + a * (jnp.abs(z) - jnp.sqrt(2 / jnp.pi))
        last = e_t
        yield -stats.norm.logpdf(e_t, scale=jnp.exp(log_v / 2))


@against("gjr-garch")
def gjr_garch(w, a, b, g, e, e0):
    """Glosten, Jagannathan and Runkle 1993."""
    v, last = w, e0
    for e_t in e:
        v = w + a * last**2 + g * jnp.minimum(last, 0) ** 2 + b * v
        last = e_t
        yield 0.5 * jnp.log(v) + 0.5 * e_t**2 / v


@against("sir-poisson")
def sir(b, g, q, c):
    """Kermack and McKendrick 1927, by the chance to escape infection for a day."""
    infected = sigmoid(q)
    susceptible = 1 - infected
    for c_t in c:
        new = susceptible * (1 - jnp.exp(-jnp.exp(b) * infected))
        susceptible, infected = susceptible - new, infected + new - sigmoid(g) * infected
        yield new - c_t * jnp.log(new)


@against("seir-groups")
def seir(G, a, g, r, d):
    """Keeling and Rohani 2008, compartments S, E and I of several groups."""
    exposed = sigmoid(r)
    susceptible, infectious = 1 - exposed, jnp.zeros(r.shape)
    for d_t in d:
        force = jnp.einsum("i,ij->j", infectious, jax.nn.softplus(G))
        new = susceptible * -jnp.expm1(-force)
        onset, recovered = sigmoid(a) * exposed, sigmoid(g) * infectious
        susceptible, exposed = susceptible - new, exposed + new - onset
        infectious = infectious + onset - recovered
        yield jnp.sum((d_t - infectious) ** 2)


@against("holt-winters")
def holt_winters(a, b, g, l0, r0, s0, y):
    """Hyndman and Athanasopoulos 2021, section 8.3, additive."""
    level, trend, seasons = l0, r0, list(s0)
    for y_t in y:
        season = seasons[-4]
        yield (y_t - (level + trend + season)) ** 2
        before, rise = level, trend
        level = sigmoid(a) * (y_t - season) + (1 - sigmoid(a)) * (before + rise)
        trend = sigmoid(b) * (level - before) + (1 - sigmoid(b)) * rise
        seasons.append(sigmoid(g) * (y_t - before - rise) + (1 - sigmoid(g)) * season)


@against("holt-winters-multiplicative")
def holt_winters_multiplicative(a, b, g, c, s0, y):
    """Seasons multiply; their logarithms are smoothed."""
    level, trend, seasons = c, 0.1, list(s0)
    for y_t in y:
        season = seasons[-3]
        yield (y_t - (level + trend) * jnp.exp(season)) ** 2
        before, rise = level, trend
        level = sigmoid(a) * y_t / jnp.exp(season) + (1 - sigmoid(a)) * (before + rise)
        trend = sigmoid(b) * (level - before) + (1 - sigmoid(b)) * rise
        ratio = jnp.log(y_t) - jnp.log1p((before + rise) ** 2)
        seasons.append(sigmoid(g) * ratio + (1 - sigmoid(g)) * season)


@against("ctc")
def connectionist_temporal_classification(W, R, V, J, h0, x, L, z, e):
    """Graves et al. 2006, equations 6 to 8; J moves one label on."""
    h, alpha = h0, jnp.ones(z.shape)
    for x_t in x:
        h = jnp.tanh(x_t @ W + h @ R)
        y = jax.nn.softmax(h @ V)
        one = J.T @ alpha
        alpha = (alpha + one + z * (J.T @ one)) * (L @ y)
        yield -jnp.log(alpha @ e)


@against("local-level")
def local_level(s_e, s_n, m_0, y):
    """Durbin and Koopman 2012, equation 2.15."""
    a, P = m_0, 1.0
    for y_t in y:
        F = P + jnp.exp(s_e)
        yield -stats.norm.logpdf(y_t, loc=a, scale=jnp.sqrt(F))
        a, P = a + P / F * (y_t - a), P - P**2 / F + jnp.exp(s_n)


@against("deepar")
def deepar(W_r, W_u, W_c, w_r, w_u, w_c, U_r, U_u, U_c, v_m, v_s, h0, x, z):
    """Salinas et al. 2017: the parameters of a normal distribution are read off the state."""
    h, last = h0, jnp.zeros(1)
    for x_t, z_t in zip(x, z, strict=True):
        r = sigmoid(x_t @ W_r + last * w_r + h @ U_r)
        u = sigmoid(x_t @ W_u + last * w_u + h @ U_u)
        c = jnp.tanh(x_t @ W_c + last * w_c + (r * h) @ U_c)
        h, last = u * h + (1 - u) * c, z_t
        yield -stats.norm.logpdf(z_t, loc=h @ v_m, scale=jax.nn.softplus(h @ v_s))
