"""Greff et al., LSTM: A Search Space Odyssey, arXiv 1503.04069, with peepholes (row L1).

The input gate, i in the paper, is a; initial states are not zero.
"""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from support.published import (
    At,
    Network,
    backward,
    close,
    relative_error,
    sigmoid,
    terms_of,
    totals_of,
)

import bptt_sym as b

MODEL = b.load_model("lstm-peephole")
STEPS = 5
GATES = {"z": "z_bar", "i": "i_bar", "f": "f_bar", "o": "o_bar"}

EQUATIONS = {
    "z_bar": lambda v, before: v.W_z @ v.x + v.R_z @ before.y + v.b_z,
    "z": lambda v, before: np.tanh(v.z_bar),
    "i_bar": lambda v, before: v.W_i @ v.x + v.R_i @ before.y + v.p_i * before.c + v.b_i,
    "i": lambda v, before: sigmoid(v.i_bar),
    "f_bar": lambda v, before: v.W_f @ v.x + v.R_f @ before.y + v.p_f * before.c + v.b_f,
    "f": lambda v, before: sigmoid(v.f_bar),
    "c": lambda v, before: v.z * v.i + before.c * v.f,
    "o_bar": lambda v, before: v.W_o @ v.x + v.R_o @ before.y + v.p_o * v.c + v.b_o,
    "o": lambda v, before: sigmoid(v.o_bar),
    "y": lambda v, before: np.tanh(v.c) * v.o,
    "u": lambda v, before: v.V @ v.y,
    "E": lambda v, before: np.sum((v.d - v.u) ** 2),
}


@pytest.fixture(scope="module")
def network():
    return Network(MODEL, EQUATIONS, STEPS, {"m": 2, "n": 4, "k": 3})


@pytest.fixture(scope="module")
def derived(network):
    return backward(network, b.derive(MODEL, steps=STEPS, level="adjoint", loss="sum"))


def printed_backward(network):
    """The backward pass as the paper prints it; behind the last step all is zero."""
    delta = defaultdict(lambda: np.zeros((4, 1)))
    values = defaultdict(lambda: np.zeros((4, 1)), network.values)
    for t in reversed(network.times):
        v, before, after = (At(values, step) for step in (t, t - 1, t + 1))
        d, d_after = At(delta, t), At(delta, t + 1)
        Delta = v.V.T @ (-2 * (v.d - v.u))
        delta["y", t] = (
            Delta
            + v.R_z.T @ d_after.z_bar
            + v.R_i.T @ d_after.i_bar
            + v.R_f.T @ d_after.f_bar
            + v.R_o.T @ d_after.o_bar
        )
        delta["o_bar", t] = d.y * np.tanh(v.c) * v.o * (1 - v.o)
        delta["c", t] = (
            d.y * v.o * (1 - np.tanh(v.c) ** 2)
            + v.p_o * d.o_bar
            + v.p_i * d_after.i_bar
            + v.p_f * d_after.f_bar
            + d_after.c * after.f
        )
        delta["f_bar", t] = d.c * before.c * v.f * (1 - v.f)
        delta["i_bar", t] = d.c * v.z * v.i * (1 - v.i)
        delta["z_bar", t] = d.c * v.i * (1 - v.z**2)
    return delta


@pytest.mark.parametrize("name", ["y", "o_bar", "c", "f_bar", "i_bar", "z_bar"])
def test_L1_the_adjoints_of_the_blocks(network, derived, name):
    """delta y, delta o, delta c, delta f, delta i, delta z of every step."""
    delta, _ = derived
    expected = printed_backward(network)
    for t in network.times:
        assert close(delta[name, t], expected[name, t])
        assert close(delta[name, t], network.gradient(network.losses(), (name, t)))


def test_L1_the_adjoint_of_the_input(network, derived):
    """delta x is the sum of W^T delta over the four gates."""
    delta, _ = derived
    for t in network.times:
        v = network.at(t)
        terms = (getattr(v, f"W_{gate}").T @ delta[bar, t] for gate, bar in GATES.items())
        assert close(sum(terms), network.gradient(network.losses(), ("x", t)))


@pytest.mark.parametrize("gate", GATES)
def test_L1_the_gradients_of_a_gate(network, derived, gate):
    """<delta, x>, <delta, y> of the step before, with y_0, and the sum of delta."""
    delta, gradients = derived
    bars = {t: delta[GATES[gate], t] for t in network.times}
    printed = {
        f"W_{gate}": sum(bars[t] @ network.at(t).x.T for t in network.times),
        f"R_{gate}": sum(bars[t] @ network.at(t - 1).y.T for t in network.times),
        f"b_{gate}": sum(bars.values()),
    }
    for name, value in printed.items():
        assert close(gradients[name], value)
        assert close(gradients[name], network.gradient(network.losses(), network.copies(name)))


PEEPHOLES = {"p_i": ("i_bar", 1), "p_f": ("f_bar", 1), "p_o": ("o_bar", 0)}


@pytest.mark.parametrize("name", PEEPHOLES)
def test_L1_the_gradients_of_the_peepholes(network, derived, name):
    """p_i and p_f see the cell of the step before, p_o that of the same step."""
    delta, gradients = derived
    bar, lag = PEEPHOLES[name]
    right, wrong = (
        sum(network.at(max(t - back, 0)).c * delta[bar, t] for t in network.times)
        for back in (lag, 1 - lag)
    )
    assert close(gradients[name], right)
    assert close(gradients[name], network.gradient(network.losses(), network.copies(name)))
    assert relative_error(wrong, gradients[name]) > 0.01


@pytest.mark.parametrize("gate", GATES)
def test_L1_the_initial_state_is_kept(network, derived, gate):
    """The sum that is printed, over t = 1, ..., T - 1, lacks the term of y_0 and that alone."""
    delta, gradients = derived
    bar = GATES[gate]
    printed = sum(delta[bar, t + 1] @ network.at(t).y.T for t in range(1, STEPS))
    missing = delta[bar, 1] @ network.at(0).y.T
    assert relative_error(printed, gradients[f"R_{gate}"]) > 0.01
    assert close(printed + missing, gradients[f"R_{gate}"])


@pytest.mark.parametrize("loss", ["last", "sum"])
def test_L1_each_contribution(network, loss):
    """The term of step i, with all paths through y and c, is the gradient of its copy."""
    derivation = b.derive(MODEL, ["W_f", "p_i", "p_o"], STEPS, level="jacobian", loss=loss)
    totals = totals_of(derivation, network)
    of = network.losses() if loss == "sum" else network.losses()[-1]
    for name in ("W_f", "p_i", "p_o"):
        terms = terms_of(derivation, name)
        assert [term.contribution.step for term in terms] == [5, 4, 3, 2, 1]
        for term in terms:
            expected = network.gradient(of, (name, term.contribution.step))
            assert close(network.value(term.right, totals), expected)


def test_L1_the_gradients_of_the_initial_states(network, derived):
    _, gradients = derived
    for state in ("y", "c"):
        assert close(gradients[state], network.gradient(network.losses(), (state, 0)))
