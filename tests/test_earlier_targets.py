"""Targets of earlier time steps: a decoder that is fed what it should have said, by JAX too.

Teacher forcing is from Williams and Zipser, A learning algorithm for continually running fully
recurrent neural networks, Neural Computation 1 (1989), section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.model.read import parse_model

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy
jax.config.update("jax_enable_x64", True)

TEXT = """
[dimensions]
n = "hidden units"
k = "characters"
[targets]
d = {target}
[parameters]
W_e = ["k", "n"]
W_s = ["n", "n"]
W_y = ["n", "k"]
c_0 = ["k"]
[states]
s = ["n"]
[equations]
s = "tanh(d[t-1] @ W_e + s[t-1] @ W_s)"
o = "s[t] @ W_y"
[loss]
E = "cross_entropy(o[t], d[t]) + 0.1 * sum((o[t] - d[t-1]) ** 2)"
"""

T, B, N, K = 5, 3, 4, 6


def drawn() -> tuple[dict[str, Any], Any, Any]:
    rng = np.random.default_rng(5)
    shapes = {"W_e": (K, N), "W_s": (N, N), "W_y": (N, K), "c_0": (K,)}
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    return params, rng.integers(K, size=(T, B)), rng.standard_normal((B, N))


def losses(params: dict[str, Any], labels: Any, s0: Any, d0: Any) -> Any:
    """The losses of all steps, summed over the sequences."""
    s, before, found = s0, d0, []
    for now in jnp.eye(K)[labels]:
        s = jnp.tanh(before @ params["W_e"] + s @ params["W_s"])
        o = s @ params["W_y"]
        entropy = jax.scipy.special.logsumexp(o, axis=-1) - jnp.sum(now * o, axis=-1)
        found.append(jnp.sum(entropy + 0.1 * jnp.sum((o - before) ** 2, axis=-1)))
        before = now
    return jnp.stack(found)


REDUCED: dict[str, Any] = {"last": lambda E: E[-1], "sum": jnp.sum, "mean": jnp.mean}


@pytest.mark.parametrize("style", ["fast", "readable"])
@pytest.mark.parametrize("loss", REDUCED)
def test_labels_of_the_step_before_are_fed_back(loss: Any, style: Any) -> None:
    """What comes before the first label is an argument, a vector: zeros, or a mark of the start."""
    module = b.compile(parse_model(TEXT.format(target='{shape = ["k"], labels = true}')), loss=loss)
    params, labels, s0 = drawn()
    d0 = np.zeros((B, K))
    found = module.value_and_grad(module.Parameters(**params), labels, s0, d0)
    reduced = lambda params: REDUCED[loss](losses(params, labels, s0, d0))  # noqa: E731
    value, gradients = jax.value_and_grad(reduced)(params)
    np.testing.assert_allclose(found.value, value, rtol=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(getattr(found.gradients, name), gradient, rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(found.final.d, np.eye(K)[labels[-1]])


@pytest.mark.parametrize("loss", REDUCED)
def test_what_comes_before_the_first_target_is_learned(loss: Any) -> None:
    module = b.compile(
        parse_model(TEXT.format(target='{shape = ["k"], initial = "c_0"}')), loss=loss
    )
    params, labels, s0 = drawn()
    found = module.value_and_grad(module.Parameters(**params), np.eye(K)[labels], s0)
    reduced = lambda params: REDUCED[loss](losses(params, labels, s0, params["c_0"]))  # noqa: E731
    for name, gradient in jax.grad(reduced)(params).items():
        np.testing.assert_allclose(getattr(found.gradients, name), gradient, rtol=1e-10)


def test_a_derivation_reads_the_target_of_the_step_before() -> None:
    """The last line is the gradient for any number of steps."""
    model = parse_model(TEXT.format(target='["k"]'))
    text = b.derive(model, "W_e", 2, level="adjoint").text()
    assert "∂E₂/∂W_e = d₁ᵀ δz_{s,2} + d₀ᵀ δz_{s,1}" in text
    assert text.rstrip().endswith("∂E_N/∂W_e = Σₜ₌₁ᴺ dₜ₋₁ᵀ δz_{s,t}")


def test_steps_hand_on_the_target() -> None:
    """Steps of a stream give what the whole sequence gives; verify says so in both styles."""
    model = parse_model(TEXT.format(target='{shape = ["k"], labels = true}'))
    for masked in (False, True):
        assert b.verify(model, masked=masked)
