"""Pascanu, Mikolov and Bengio, arXiv 1211.5063, equations 2 to 7 (rows P1 and P2)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from support.published import (
    Network,
    close,
    edges_of,
    path_value,
    relative_error,
    sigmoid,
    terms_of,
    total_of,
)

import bptt_sym as b
from bptt_sym.model.read import parse_model

# Equation 2, the activation inside: x_t = W_rec sigma(x_{t-1}) + W_in u_t + b.
TEXT = """
vectors = "columns"
[dimensions]
m = "inputs"
n = "hidden units"
[inputs]
u = ["m"]
[targets]
d = ["n"]
[parameters]
W_rec = ["n", "n"]
W_in = ["n", "m"]
b = ["n"]
[states]
x = ["n"]
[functions]
sigma = "SIGMA"
[equations]
x = "W_rec @ sigma(x[t-1]) + W_in @ u[t] + b"
[loss]
E = "sum((d[t] - x[t]) ** 2)"
"""
STEPS = 5
SIZES = {"m": 3, "n": 4}
SIGMAS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, 1),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z)), 1 / 4),
}


class Flow:
    """The model with one of the activations, its derivation, and networks of random numbers."""

    def __init__(self, name):
        self.sigma, self.slope, self.gamma = SIGMAS[name]
        self.model = parse_model(TEXT.replace("SIGMA", name))
        self.edges = edges_of(b.derive(self.model, "W_rec", STEPS, level="jacobian"))
        self.equations = {
            "x": lambda now, before: now.W_rec @ self.sigma(before.x) + now.W_in @ now.u + now.b,
            "E": lambda now, before: np.sum((now.d - now.x) ** 2),
        }

    def network(self, steps=STEPS, sizes=SIZES, **options):
        return Network(self.model, self.equations, steps, sizes, **options)

    def jacobian(self, network, t, k):
        """The derivation's dx_t/dx_k for k < t."""
        return path_value(network, self.edges, [("x", time) for time in range(t, k - 1, -1)])


@pytest.fixture(params=SIGMAS, scope="module")
def flow(request):
    return Flow(request.param)


def diag(vector):
    return np.diag(vector.ravel())


def norm(matrix):
    """The spectral norm, the largest singular value."""
    return np.linalg.norm(matrix, 2)


def test_P1_equations_3_and_4_immediate_derivatives(flow):
    """dE/dtheta is a sum over t of a sum over k of dE_t/dx_t dx_t/dx_k d^+x_k/dtheta."""
    network = flow.network()
    for name in flow.model.parameters:
        edge = edges_of(b.derive(flow.model, name, STEPS, level="jacobian"))
        expected = network.gradient(network.losses(), network.copies(name))
        printed = sum(
            path_value(network, edge, [("E", t), *(("x", j) for j in range(t, k - 1, -1))])
            @ network.jacobian(("x", k), (name, k))
            for t in network.times
            for k in range(1, t + 1)
        )
        assert close(printed.reshape(expected.shape), expected)
        derived = total_of(b.derive(flow.model, name, STEPS, level="jacobian", loss="sum"), name)
        assert close(network.value(derived.right), expected)


def test_P1_the_immediate_derivative_is_marked(flow):
    """In the notation of the paper: a plus at the last derivative of each term, and there alone."""
    text = b.derive(flow.model, "W_rec", 3).text(mark_immediate=True)
    assert "∂E₃/∂x₃ · ∂x₃/∂x₂ · ∂x₂/∂x₁ · ∂⁺x₁/∂W_rec" in text
    assert "∂E_N/∂W_rec = Σᵢ₌₁ᴺ ∂E_N/∂xᵢ · ∂⁺xᵢ/∂W_rec" in text


def test_P1_equation_5_the_jacobian_of_the_flow(flow):
    """dx_t/dx_k is the product of W_rec diag(sigma'(x_{i-1})), the latest step on the left."""
    network = flow.network()
    for t in range(2, STEPS + 1):
        for k in range(1, t):
            expected = network.jacobian(("x", t), ("x", k))
            steps = (
                network.at(t).W_rec @ diag(flow.slope(network.at(i - 1).x)) for i in times(t, k)
            )
            assert close(flow.jacobian(network, t, k), expected)
            assert close(reduce(np.matmul, steps), expected)


def times(t, k):
    """The steps t >= i > k."""
    return range(t, k, -1)


def test_P1_equation_5_as_printed_is_wrong(flow):
    """W_rec^T diag(sigma') is the Jacobian neither in numerator nor in denominator layout."""
    network = flow.network()
    for t, k in ((2, 1), (5, 1)):
        printed = reduce(
            np.matmul,
            (network.at(t).W_rec.T @ diag(flow.slope(network.at(i - 1).x)) for i in times(t, k)),
        )
        found = flow.jacobian(network, t, k)
        assert relative_error(printed, found) > 0.1
        assert relative_error(printed, found.T) > 0.1


def test_P1_the_bounds_hold_for_the_printed_form_too(flow):
    """Equations 6 and 7 bound norms, which a transposition leaves as they are."""
    network = flow.network()
    W_rec, slopes = network.at(1).W_rec, diag(flow.slope(network.at(1).x))
    assert np.isclose(norm(W_rec), norm(W_rec.T))
    assert norm(W_rec.T @ slopes) <= norm(W_rec) * flow.gamma
    assert norm(W_rec @ slopes) <= norm(W_rec) * flow.gamma


def test_P2_the_bound_on_100_random_networks(flow):
    """|dE_t/dx_t dx_t/dx_k| <= eta^(t-k) |dE_t/dx_t|, eta = gamma times the singular value."""
    scales = np.random.default_rng(0).uniform(0.1, 3, size=100)
    for seed, scale in enumerate(scales):
        W_rec = np.random.default_rng(seed).normal(size=(4, 4))
        W_rec *= scale / norm(W_rec) / flow.gamma
        network = flow.network(seed=seed, given={"W_rec": W_rec})
        eta = flow.gamma * norm(W_rec)
        assert np.isclose(eta, scale)
        row = path_value(network, flow.edges, [("E", STEPS), ("x", STEPS)])
        for k in range(1, STEPS):
            jacobian = flow.jacobian(network, STEPS, k)
            assert norm(jacobian) <= eta ** (STEPS - k)
            assert norm(row @ jacobian) <= eta ** (STEPS - k) * norm(row)


# At rest, x = 0, the Jacobian of the tanh network is W_rec itself.
REST = {"W_in": np.zeros((2, 3)), "b": np.zeros((2, 1))}


def at_rest(W_rec, steps):
    flow = Flow("tanh")
    network = flow.network(steps, {"m": 3, "n": 2}, given={"W_rec": W_rec, **REST})
    network.given["x", 0] = np.zeros((2, 1))
    network.values = network.run()
    return flow, network


def test_P2_it_is_the_singular_value_and_not_the_eigenvalue():
    """A matrix that is not normal: its spectral radius is 1/2, and a gradient grows."""
    W_rec = np.array([[0.5, 10], [0, 0.5]])
    flow, network = at_rest(W_rec, 4)
    assert max(abs(np.linalg.eigvals(W_rec))) == 0.5 < 1 < norm(W_rec)
    for k in range(1, 4):
        jacobian = flow.jacobian(network, 4, k)
        assert close(jacobian, np.linalg.matrix_power(W_rec, 4 - k))
        assert norm(jacobian) > 1 > 0.5 ** (4 - k)
        assert norm(jacobian) <= norm(W_rec) ** (4 - k)


def test_P2_a_large_singular_value_does_not_suffice_to_explode():
    """The same matrix over 40 steps: the singular value is above 1, and the gradient vanishes."""
    W_rec = np.array([[0.5, 10], [0, 0.5]])
    flow, network = at_rest(W_rec, 41)
    assert norm(flow.jacobian(network, 41, 1)) < 1e-8


def test_P2_a_small_singular_value_suffices_to_vanish(flow):
    W_rec = np.random.default_rng(0).normal(size=(4, 4))
    W_rec *= 0.5 / flow.gamma / norm(W_rec)
    network = flow.network(30, given={"W_rec": W_rec})
    terms = terms_of(b.derive(flow.model, "b", 30, level="jacobian", most_factors=40), "b")
    sizes = [norm(network.value(term.right)) for term in terms]
    assert all(later <= 0.5 * sooner for sooner, later in pairwise(sizes))
