"""Dive into Deep Learning, section 9.7, backpropagation through time (rows D1 to D4)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

from functools import reduce
from itertools import product as outcomes

import numpy as np
import pytest
from support.published import (
    Network,
    backward,
    close,
    edges_of,
    general_of,
    path_value,
    relative_error,
    sigmoid,
    total_of,
)
from sympy import Integer

import bptt_sym as b
from bptt_sym.algebra.expressions import CONTRIBUTION_STEP, LAST_STEP, TIME, product
from bptt_sym.algebra.over_time import TimeProduct
from bptt_sym.model.read import parse_model

# Equations 9.7.1 and 9.7.2: h_t = f(x_t, h_{t-1}, w_h), o_t = g(h_t, w_o).
GENERAL = """
[dimensions]
m = "inputs"
n = "hidden units"
k = "outputs"
[inputs]
x = ["m"]
r = []
[targets]
y = ["k"]
[parameters]
w_h = ["m + n", "n"]
w_o = ["n", "k"]
[states]
h = ["n"]
[functions]
phi = "tanh"
sigma = "sigmoid"
[equations]
h = "phi(concat(x[t], {before}) @ w_h)"
o = "sigma(h[t] @ w_o)"
[preactivations]
h = "a"
o = "c"
[loss]
l = "sum((y[t] - o[t]) ** 2)"
"""
MODEL = parse_model(GENERAL.format(before="h[t-1]").replace("r = []\n", ""))
SIZES = {"m": 2, "n": 4, "k": 3}
T = 6

EQUATIONS = {
    "a": lambda now, before: np.hstack([now.x, before.h]) @ now.w_h,
    "h": lambda now, before: np.tanh(now.a),
    "c": lambda now, before: now.h @ now.w_o,
    "o": lambda now, before: sigmoid(now.c),
    "l": lambda now, before: np.sum((now.y - now.o) ** 2),
}


@pytest.fixture(scope="module")
def network():
    return Network(MODEL, EQUATIONS, T, SIZES)


@pytest.fixture(scope="module")
def factors(network):
    """The derivation's own b_t = df/dw_h and c_t = df/dh_{t-1}, and dl_t/dh_t, in numbers."""
    edges = edges_of(b.derive(MODEL, "w_h", T, level="jacobian"))
    times = network.times
    b_ = {t: path_value(network, edges, [("h", t), ("w_h", t)]) for t in times}
    c = {t: path_value(network, edges, [("h", t), ("h", t - 1)]) for t in times}
    l_ = {t: path_value(network, edges, [("l", t), ("o", t), ("h", t)]) for t in times}
    return b_, c, l_


def falling(c, upper, lower):
    """The product of c_j for j = upper, ..., lower; the identity where there is none."""
    return reduce(np.matmul, (c[j] for j in range(upper, lower - 1, -1)), np.eye(4))


def test_D1_the_gradient_is_the_mean_over_the_steps(network, factors):
    """Equation 9.7.3, with dh_t/dw_h a total derivative."""
    _, _, l_ = factors
    totals = (
        l_[t] @ network.jacobian(("h", t), [("w_h", i) for i in range(1, t + 1)])
        for t in network.times
    )
    expected = network.gradient(network.losses("l"), network.copies("w_h")) / T
    assert close(sum(totals).reshape(expected.shape) / T, expected)
    derived = total_of(b.derive(MODEL, "w_h", T, level="jacobian", loss="sum"), "w_h")
    assert close(network.value(derived.right) / T, expected)


@pytest.mark.parametrize("t", [1, 2, 3, 6])
def test_D1_recursion_and_product_form(network, factors, t):
    """Equations 9.7.4, 9.7.5 and 9.7.7, with a_0 = 0."""
    b_, c, _ = factors
    a = {0: np.zeros_like(b_[1])}
    for step in range(1, t + 1):
        a[step] = b_[step] + c[step] @ a[step - 1]
    unrolled = b_[t] + sum(falling(c, t, i + 1) @ b_[i] for i in range(1, t))
    expected = network.jacobian(("h", t), [("w_h", i) for i in range(1, t + 1)])
    assert close(a[t], expected)
    assert close(unrolled, expected)


@pytest.mark.parametrize("t", [1, 2])
def test_D1_the_product_begins_after_i(network, factors, t):
    """A product from j = i on, as an early edition had it, is another sum: try i = t."""
    b_, c, _ = factors
    right = sum(falling(c, t, i + 1) @ b_[i] for i in range(1, t + 1))
    wrong = sum(falling(c, t, i) @ b_[i] for i in range(1, t + 1))
    expected = network.jacobian(("h", t), [("w_h", i) for i in range(1, t + 1)])
    assert close(right, expected)
    assert relative_error(wrong, expected) > 0.1


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_D1_the_index_range_of_the_derivation(steps):
    """The derivation's product has t >= j > i; with j >= i its sum is not the gradient."""
    network = Network(MODEL, EQUATIONS, steps, SIZES)
    general = general_of(b.derive(MODEL, "w_h", steps, level="jacobian", loss="sum"), "w_h").right
    (found,) = general.atoms(TimeProduct)
    jacobian, j, after, upper = found.args
    assert (after, upper) == (CONTRIBUTION_STEP, TIME)
    wrong = general.xreplace({found: TimeProduct(jacobian, j, after - 1, upper)})
    right, wrong = (form.xreplace({LAST_STEP: Integer(steps)}) for form in (general, wrong))
    expected = network.gradient(network.losses("l"), network.copies("w_h"))
    assert close(network.value(right), expected)
    assert relative_error(network.value(wrong), expected) > 0.1


def test_D2_randomized_truncation_has_the_right_mean(network, factors):
    """Equation 9.7.8: over all outcomes of xi_1, ..., xi_4 the weighted mean is the gradient."""
    b_, c, l_ = factors
    pi = [0.9, 0.2, 0.5, 0.7]
    mean = 0
    for kept in outcomes([True, False], repeat=4):
        weight = np.prod([p if keep else 1 - p for p, keep in zip(pi, kept, strict=True)])
        z, gradient = np.zeros_like(b_[1]), 0
        for t in range(1, 5):
            xi = 1 / pi[t - 1] if kept[t - 1] else 0
            z = b_[t] + xi * c[t] @ z
            gradient = gradient + l_[t] @ z
        mean = mean + weight * gradient
    expected = network.gradient([("l", t) for t in range(1, 5)], network.copies("w_h"))
    assert close(mean.reshape(expected.shape), expected)


# Regular truncation: which contributions (t, i), of the loss at t and the copy at i, are kept.

TAU = 3
STRATEGIES = {
    "the last tau steps": (
        {(t, i) for t in range(1, T + 1) for i in range(1, t + 1) if t - i < TAU},
        lambda t: t - TAU,
    ),
    "segments of tau steps": (
        {(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)}
        | {(4, 4), (5, 4), (5, 5), (6, 4), (6, 5), (6, 6)},
        lambda t: TAU * ((t - 1) // TAU),
    ),
}


def contributions():
    """The chains of the gradient of l_1 + ... + l_T, each by its loss and its copy."""
    total = total_of(b.derive(MODEL, "w_h", T, loss="sum", most_factors=30), "w_h")
    return {(int(chain[0].of.time), int(chain[-1].of.time)): chain for chain in total.factors}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_D3_regular_truncation_keeps_contributions(network, strategy):
    """The kept contributions are the gradient with the state at the cut held constant."""
    kept, cut = STRATEGIES[strategy]
    chains = contributions()
    assert set(chains) == {(t, i) for t in range(1, T + 1) for i in range(1, t + 1)}
    assert kept < set(chains)
    for t in network.times:
        detached = network.gradient(("l", t), network.copies("w_h"), held=[("h", cut(t))])
        terms = [chain for (loss, i), chain in chains.items() if loss == t and (t, i) in kept]
        found = sum(network.value(product(*(f.jacobian for f in chain))) for chain in terms)
        assert close(found.reshape(detached.shape), detached)


def test_D3_every_other_contribution_is_cut(network):
    """A contribution (t, i) with i <= cut is zero where the state at the cut is held."""
    for kept, cut in STRATEGIES.values():
        for t, i in contributions():
            found = network.gradient(("l", t), ("w_h", i), held=[("h", cut(t))])
            assert np.any(found) == ((t, i) in kept)


def test_D3_segments_with_stop_gradient():
    """A model that stops the gradient at the start of a segment, where r = 1, says the same."""
    before = "h[t-1] * (1 - r[t]) + r[t] * stop_gradient(h[t-1])"
    model = parse_model(GENERAL.format(before=before))
    network = Network(MODEL, EQUATIONS, T, SIZES)
    total = total_of(b.derive(model, "w_h", T, loss="sum", level="jacobian"), "w_h")
    r = model.declaration("r").symbol
    starts = {r.at(t): np.array([[float(t % TAU == 1)]]) for t in network.times}
    _, cut = STRATEGIES["segments of tau steps"]
    detached = (
        network.gradient(("l", t), network.copies("w_h"), held=[("h", cut(t))])
        for t in network.times
    )
    assert close(network.value(total.right, starts), sum(detached))


# Equations 9.7.9 and 9.7.10: columns, the identity as activation, the mean of squares.

LINEAR = parse_model("""
vectors = "columns"
[dimensions]
m = "inputs"
n = "hidden units"
k = "outputs"
[inputs]
x = ["m"]
[targets]
y = ["k"]
[parameters]
W_hx = ["n", "m"]
W_hh = ["n", "n"]
W_qh = ["k", "n"]
[states]
h = ["n"]
[equations]
h = "W_hx @ x[t] + W_hh @ h[t-1]"
o = "W_qh @ h[t]"
[loss]
L = "sum((y[t] - o[t]) ** 2) / 6"
""")

LINEAR_EQUATIONS = {
    "h": lambda now, before: now.W_hx @ now.x + now.W_hh @ before.h,
    "o": lambda now, before: now.W_qh @ now.h,
    "L": lambda now, before: np.sum((now.y - now.o) ** 2) / T,
}


@pytest.fixture(scope="module")
def linear():
    network = Network(LINEAR, LINEAR_EQUATIONS, T, SIZES)
    return network, *backward(network, b.derive(LINEAR, steps=T, level="adjoint", loss="sum"))


def test_D4_the_equations_as_printed():
    """Equations 9.7.12 to 9.7.14 and 9.7.16, dL/dv printed as delta v."""
    text = b.derive(LINEAR, level="adjoint", loss="sum", steps=1).text()
    for equation in (
        "∂L/∂W_qh = Σₜ₌₁ᴺ δoₜ hₜᵀ",
        "δh_N = W_qhᵀ δo_N",
        "δhₜ = W_qhᵀ δoₜ + W_hhᵀ δhₜ₊₁   for t = N − 1, …, 1",
        "∂L/∂W_hx = Σₜ₌₁ᴺ δhₜ xₜᵀ",
        "∂L/∂W_hh = Σₜ₌₁ᴺ δhₜ hₜ₋₁ᵀ",
    ):
        assert equation in text


def test_D4_output_adjoints_and_weights(linear):
    """Equations 9.7.11 and 9.7.12."""
    network, delta, gradients = linear
    for t in network.times:
        assert close(delta["o", t], -2 * (network.at(t).y - network.at(t).o) / T)
    assert close(gradients["W_qh"], network.gradient(network.losses("L"), network.copies("W_qh")))
    assert close(gradients["W_qh"], sum(delta["o", t] @ network.at(t).h.T for t in network.times))


@pytest.mark.parametrize("t", range(1, T + 1))
def test_D4_recursion_and_powers(linear, t):
    """Equations 9.7.13 and 9.7.14 are 9.7.15: powers of W_hh^T from i = t to T."""
    network, delta, _ = linear
    W_hh, W_qh = network.at(t).W_hh, network.at(t).W_qh
    powers = sum(
        np.linalg.matrix_power(W_hh.T, T - i) @ W_qh.T @ delta["o", T + t - i]
        for i in range(t, T + 1)
    )
    assert close(delta["h", t], powers)
    assert close(delta["h", t], network.gradient(network.losses("L"), ("h", t)))


def test_D4_hidden_weights(linear):
    """Equation 9.7.16, in which h_0 is not zero."""
    network, delta, gradients = linear
    inputs = sum(delta["h", t] @ network.at(t).x.T for t in network.times)
    states = sum(delta["h", t] @ network.at(t - 1).h.T for t in network.times)
    for name, printed in (("W_hx", inputs), ("W_hh", states)):
        assert close(gradients[name], printed)
        assert close(gradients[name], network.gradient(network.losses("L"), network.copies(name)))
