"""Sequences of different lengths: the mask in the derivation, and in the generated module."""

import numpy as np
import pytest

import bptt_sym as b


def test_the_derivation_shows_the_mask_as_a_factor():
    derivation = b.derive(b.load_model("elman"), wrt="W_s", steps=2, level="jacobian", masked=True)
    shown = derivation.text()
    assert "sₜ = maskₜ φ(xₜ W_x + sₜ₋₁ W_s) + (1 − maskₜ) sₜ₋₁" in shown
    assert "(∏[N ≥ j > i] (maskⱼ diag(φ′(zⱼ)) W_sᵀ + (1 − maskⱼ) Iₙ))" in shown
    assert "--masked" in derivation.data()["command"]


@pytest.mark.parametrize("name", ["elman", "lstm", "bidirectional"])
def test_a_short_sequence_in_a_batch_has_the_loss_and_gradient_that_it_has_alone(name):
    module = b.compile(b.load_model(name), masked=True)
    alone = b.compile(b.load_model(name))
    rng = np.random.default_rng(0)
    sizes = {"T": 5, "B": 2, "m": 3, "n": 4, "k": 2}
    arrays = {
        key: rng.standard_normal([sizes[size] for size in shape])
        for key, shape in alone.SHAPES.items()
    }
    params = alone.Parameters(*(arrays.pop(field) for field in alone.Parameters._fields))
    lengths = [5, 3]
    (mask,) = set(module.SHAPES) - set(alone.SHAPES)
    loss, by_params, by_states = module.value_and_grad(
        module.Parameters(*params), **arrays, **{mask: module.mask_of(lengths, 5)}
    )
    total, sums = 0.0, [0.0] * len(params)
    for k, length in enumerate(lengths):
        own = {
            key: array[:length, k : k + 1] if alone.SHAPES[key][0] == "T" else array[k : k + 1]
            for key, array in arrays.items()
        }
        value, gradients, states = alone.value_and_grad(params, **own)
        total += value
        sums = [one + other for one, other in zip(sums, gradients, strict=True)]
        for batch, single in zip(by_states, states, strict=True):
            np.testing.assert_allclose(batch[k : k + 1], single, rtol=1e-12, atol=1e-14)
    assert loss == pytest.approx(total, rel=1e-13)
    for one, other in zip(by_params, sums, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
