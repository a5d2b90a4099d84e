"""PyTorch's layers with two biases, and four gated units of one name (rows L2 and L3)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

import numpy as np
import pytest
from support.published import (
    Network,
    backward,
    close,
    relative_error,
    sigmoid,
    terms_of,
    totals_of,
)

import bptt_sym as b

STEPS = 5
SIZES = {"m": 2, "n": 4, "k": 3}
OUTPUT = {
    "y": lambda v, before: v.h @ v.V,
    "E": lambda v, before: np.sum((v.d - v.y) ** 2),
}

RNN = {
    "z": lambda v, before: v.x @ v.W_i + v.b_i + before.h @ v.W_h + v.b_h,
    "h": lambda v, before: np.tanh(v.z),
    **OUTPUT,
}

# The input gate, i in the documentation, is p.
LSTM = {
    "z_i": lambda v, before: v.x @ v.W_ii + v.b_ii + before.h @ v.W_hi + v.b_hi,
    "i": lambda v, before: sigmoid(v.z_i),
    "z_f": lambda v, before: v.x @ v.W_if + v.b_if + before.h @ v.W_hf + v.b_hf,
    "f": lambda v, before: sigmoid(v.z_f),
    "z_g": lambda v, before: v.x @ v.W_ig + v.b_ig + before.h @ v.W_hg + v.b_hg,
    "g": lambda v, before: np.tanh(v.z_g),
    "z_o": lambda v, before: v.x @ v.W_io + v.b_io + before.h @ v.W_ho + v.b_ho,
    "o": lambda v, before: sigmoid(v.z_o),
    "c": lambda v, before: v.f * before.c + v.i * v.g,
    "h": lambda v, before: v.o * np.tanh(v.c),
    **OUTPUT,
}

# The candidate, n in the documentation, is c; reset_after=True of Keras is the same unit.
GRU = {
    "a_r": lambda v, before: v.x @ v.W_ir + v.b_ir + before.h @ v.W_hr + v.b_hr,
    "r": lambda v, before: sigmoid(v.a_r),
    "a_z": lambda v, before: v.x @ v.W_iz + v.b_iz + before.h @ v.W_hz + v.b_hz,
    "z": lambda v, before: sigmoid(v.a_z),
    "q": lambda v, before: before.h @ v.W_hn + v.b_hn,
    "a_n": lambda v, before: v.x @ v.W_in + v.b_in + v.r * v.q,
    "c": lambda v, before: np.tanh(v.a_n),
    "h": lambda v, before: (1 - v.z) * v.c + v.z * before.h,
    **OUTPUT,
}

# Cho et al.: the gate r resets h before the product with U; z keeps the old state.
CHO = {
    "z_r": lambda v, before: v.x @ v.W_r + before.h @ v.U_r,
    "r": lambda v, before: sigmoid(v.z_r),
    "z_z": lambda v, before: v.x @ v.W_z + before.h @ v.U_z,
    "z": lambda v, before: sigmoid(v.z_z),
    "z_htilde": lambda v, before: v.x @ v.W + (v.r * before.h) @ v.U,
    "h_tilde": lambda v, before: np.tanh(v.z_htilde),
    "h": lambda v, before: v.z * before.h + (1 - v.z) * v.h_tilde,
    **OUTPUT,
}

# Chung et al.: z takes the new state.
CHUNG = CHO | {"h": lambda v, before: (1 - v.z) * before.h + v.z * v.h_tilde}

# Keras with reset_after=False: Cho's unit with one bias for each gate.
ONE_BIAS = CHO | {
    "z_r": lambda v, before: v.x @ v.W_r + before.h @ v.U_r + v.b_r,
    "z_z": lambda v, before: v.x @ v.W_z + before.h @ v.U_z + v.b_z,
    "z_htilde": lambda v, before: v.x @ v.W + (v.r * before.h) @ v.U + v.b,
}

CELLS = {
    "rnn": RNN,
    "lstm": LSTM,
    "gru": GRU,
    "gru-cho": CHO,
    "gru-chung": CHUNG,
    "gru-bias": ONE_BIAS,
}


def network(cell, **options):
    return Network(b.load_model(cell), CELLS[cell], STEPS, SIZES, **options)


def derived(numbers):
    return backward(numbers, b.derive(numbers.model, steps=STEPS, level="adjoint", loss="sum"))


@pytest.mark.parametrize("cell", CELLS)
def test_L2_and_L3_every_gradient(cell):
    numbers = network(cell)
    _, gradients = derived(numbers)
    for name, gradient in gradients.items():
        state = (name, 0) in numbers.given
        by = (name, 0) if state else numbers.copies(name)
        assert close(gradient, numbers.gradient(numbers.losses(), by))


@pytest.mark.parametrize("cell", ["gru", "gru-cho", "gru-chung", "gru-bias"])
def test_L3_each_contribution(cell):
    """The term of step i is the gradient with respect to the copy of U of step i."""
    numbers = network(cell)
    name = "W_hn" if cell == "gru" else "U"
    derivation = b.derive(numbers.model, name, STEPS, level="jacobian")
    totals = totals_of(derivation, numbers)
    for term in terms_of(derivation, name):
        expected = numbers.gradient(("E", STEPS), (name, term.contribution.step))
        assert close(numbers.value(term.right, totals), expected)


BIASES = {
    "rnn": [("b_i", "b_h")],
    "lstm": [(f"b_i{gate}", f"b_h{gate}") for gate in "ifgo"],
    "gru": [(f"b_i{gate}", f"b_h{gate}") for gate in "rz"],
}


@pytest.mark.parametrize("cell", BIASES)
def test_L2_two_biases_have_one_gradient(cell):
    _, gradients = derived(network(cell))
    for one, other in BIASES[cell]:
        assert close(gradients[one], gradients[other])


def test_L2_but_not_those_of_the_candidate_of_the_gru():
    """db_in is the sum of dn, db_hn that of dn r."""
    numbers = network("gru")
    delta, gradients = derived(numbers)
    r = {t: numbers.at(t).r for t in numbers.times}
    assert close(gradients["b_in"], sum(delta["a_n", t] for t in numbers.times))
    assert close(gradients["b_hn"], sum(delta["a_n", t] * r[t] for t in numbers.times))
    assert relative_error(gradients["b_hn"], gradients["b_in"]) > 0.1


@pytest.mark.parametrize("t", range(1, STEPS + 1))
def test_L2_the_backward_pass_of_the_gru(t):
    """dn, dq, dr, dz of a step, and dh of the step before."""
    numbers = network("gru")
    delta, gradients = derived(numbers)
    v, before, dh = numbers.at(t), numbers.at(t - 1), delta["h", t]
    dn = dh * (1 - v.z) * (1 - v.c**2)
    dq = dn * v.r
    dr = dn * v.q * v.r * (1 - v.r)
    dz = dh * (before.h - v.c) * v.z * (1 - v.z)
    for name, printed in (("a_n", dn), ("q", dq), ("a_r", dr), ("a_z", dz)):
        assert close(delta[name, t], printed)
    back = dh * v.z + dr @ v.W_hr.T + dz @ v.W_hz.T + dq @ v.W_hn.T
    if t == 1:
        assert close(gradients["h"], back)
    else:
        output = -2 * (before.d - before.y) @ v.V.T
        assert close(delta["h", t - 1], back + output)


# The same data for both units of a pair; of the weights, those that are named are changed.


def weights(numbers, **changed):
    return {name: numbers.given[name, 1] for name in numbers.model.parameters} | changed


def test_L3_cho_and_chung_are_equivalent_under_z_and_1_minus_z():
    """sigma(-a) = 1 - sigma(a): with W_z and U_z negated the one unit is the other."""
    cho = network("gru-cho")
    negated = {name: -cho.given[name, 1] for name in ("W_z", "U_z")}
    chung = network("gru-chung", given=weights(cho, **negated))
    as_it_is = network("gru-chung", given=weights(cho))
    for t in cho.times:
        assert close(chung.at(t).z, 1 - cho.at(t).z)
        assert close(chung.at(t).h, cho.at(t).h)
        assert relative_error(as_it_is.at(t).h, cho.at(t).h) > 1e-3
    (_, one), (_, other) = derived(chung), derived(cho)
    for name, gradient in one.items():
        assert close(gradient, -other[name] if name in negated else other[name])


def reset_before_and_after(**changed):
    """Keras' two units with the same weights: reset after the product with U_n, and before."""
    after = network("gru", given=weights(network("gru"), **changed))
    w = {name: after.given[name, 1] for name in after.model.parameters}
    before = {
        "W_r": w["W_ir"],
        "U_r": w["W_hr"],
        "b_r": w["b_ir"] + w["b_hr"],
        "W_z": w["W_iz"],
        "U_z": w["W_hz"],
        "b_z": w["b_iz"] + w["b_hz"],
        "W": w["W_in"],
        "U": w["W_hn"],
        "b": w["b_in"] + w["b_hn"],
        "V": w["V"],
    }
    return network("gru-bias", given=before), after


NO_BIAS = {"b_hn": np.zeros((1, 4))}
DIAGONAL = {"W_hn": np.diag([0.5, -0.3, 0.8, 0.2])}
ONE_RESET = {"W_ir": np.ones((2, 4)), "W_hr": np.ones((4, 4)), "b_ir": np.ones((1, 4))}
ONE_RESET |= {"b_hr": np.ones((1, 4))}


@pytest.mark.parametrize(
    ("changed", "equal"),
    [
        pytest.param({}, False, id="as drawn"),
        pytest.param(NO_BIAS, False, id="b_hn = 0"),
        pytest.param(DIAGONAL, False, id="U_n diagonal"),
        pytest.param(ONE_RESET, False, id="all r_i equal"),
        pytest.param(NO_BIAS | DIAGONAL, True, id="b_hn = 0, U_n diagonal"),
        pytest.param(NO_BIAS | ONE_RESET, True, id="b_hn = 0, all r_i equal"),
    ],
)
def test_L3_reset_before_and_after_are_not_equivalent(changed, equal):
    """Equal if and only if b_hn = 0 and U_ij (r_i - r_j) = 0 for all i and j."""
    before, after = reset_before_and_after(**changed)
    r, U, b_hn = after.at(1).r, after.at(1).W_hn, after.at(1).b_hn
    assert equal == (not np.any(b_hn) and np.allclose(U * (r.T - r), 0))
    errors = [relative_error(before.at(t).h, after.at(t).h) for t in after.times]
    assert max(errors) < 1e-12 if equal else min(errors) > 1e-4


def test_L3_where_they_are_equal_the_derivations_are():
    before, after = reset_before_and_after(**NO_BIAS, **DIAGONAL)
    (_, one), (_, other) = derived(before), derived(after)
    for name, same in {"W": "W_in", "b": "b_in", "W_z": "W_iz", "U_r": "W_hr", "V": "V"}.items():
        assert close(one[name], other[same])
