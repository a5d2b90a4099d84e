"""What a sequence is given once: a context, a length, a label, the states of an encoder.

The decoder attends over encoder states K, which have an axis of their own, as in Luong, Pham and
Manning, Effective approaches to attention-based neural machine translation (2015), section 3.1,
with the score "general" of equation 8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.errors import InputError
from bptt_sym.model.orientation import turned
from bptt_sym.model.read import parse_model

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy
jax.config.update("jax_enable_x64", True)

TEXT = """
[dimensions]
m = "inputs"
n = "hidden units"
S = "positions of the source"
k = "outputs"
[inputs]
x = ["m"]
K = {shape = ["S", "n"], once = true, meaning = "states of the encoder"}
g = {shape = ["k"], once = true, labels = true, meaning = "the speaker"}
q = {shape = [], once = true, positive = true, meaning = "the length"}
[targets]
d = ["k"]
[parameters]
W_x = ["m", "n"]
W_s = ["n", "n"]
W_a = ["n", "n"]
W_g = ["k", "n"]
W_y = ["n", "k"]
b = ["n"]
[states]
s = ["n"]
[equations]
s = "tanh(x[t] @ W_x + s[t-1] @ W_s + g @ W_g)"
a = "softmax(s[t] @ W_a @ K.T)"
y = "(s[t] + a[t] @ K) @ W_y"
[loss]
E = "sum((d[t] - y[t]) ** 2) / q + dot(b, b) * sum(K)"
"""

T, B, M, N, S, O = 5, 3, 4, 6, 7, 2  # noqa: E741


def drawn() -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(3)
    shapes = {
        "W_x": (M, N), "W_s": (N, N), "W_a": (N, N), "W_g": (O, N), "W_y": (N, O), "b": (N,),
    }  # fmt: skip
    given = {"x": (T, B, M), "K": (B, S, N), "q": (B, 1), "d": (T, B, O), "s0": (B, N)}
    params = {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}
    arrays = {name: rng.standard_normal(shape) for name, shape in given.items()}
    return params, arrays | {"q": np.exp(arrays["q"]), "g": rng.integers(O, size=B)}


def losses(p: dict[str, Any], given: dict[str, Any]) -> Any:
    """The losses of all steps, each summed over the sequences."""
    s, K, found = given["s0"], given["K"], []
    for x, d in zip(given["x"], given["d"], strict=True):
        s = jnp.tanh(x @ p["W_x"] + s @ p["W_s"] + jnp.eye(O)[given["g"]] @ p["W_g"])
        a = jax.nn.softmax(jnp.einsum("bn,bsn->bs", s @ p["W_a"], K))
        y = (s + jnp.einsum("bs,bsn->bn", a, K)) @ p["W_y"]
        errors = jnp.sum((d - y) ** 2, axis=-1) / given["q"][:, 0]
        found.append(jnp.sum(errors) + jnp.sum(p["b"] ** 2) * jnp.sum(K))
    return jnp.stack(found)


REDUCED: dict[str, Any] = {"last": lambda E: E[-1], "sum": jnp.sum, "mean": jnp.mean}


@pytest.mark.parametrize("style", ["fast", "readable"])
@pytest.mark.parametrize("loss", REDUCED)
def test_gradients_are_those_of_jax(loss: Any, style: Any) -> None:
    module = b.compile(parse_model(TEXT), loss=loss, style=style)
    params, given = drawn()
    targets = {"d": given["d"][-1]} if loss == "last" else {}
    found = module.value_and_grad(module.Parameters(**params), **(given | targets))
    value, gradients = jax.value_and_grad(lambda p: REDUCED[loss](losses(p, given)))(params)
    np.testing.assert_allclose(found.value, value, rtol=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(
            getattr(found.gradients, name), gradient, rtol=1e-9, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("exact", [True, False])
def test_each_window_has_what_its_sequence_was_given(exact: bool) -> None:
    """Two sequences at once, in windows of two steps, are what each of them is alone."""
    module = b.compile(parse_model(TEXT))
    params, given = drawn()
    whole = module.value_and_grad(module.Parameters(**params), **given, window=2, exact=exact)
    total = np.zeros_like(params["W_a"])
    for one in range(B):
        alone = {
            name: array[:, [one]] if module.SHAPES[name][0] == "T" else array[[one]]
            for name, array in given.items()
        }
        part = module.value_and_grad(module.Parameters(**params), **alone, window=2, exact=exact)
        total += part.gradients.W_a
    np.testing.assert_allclose(whole.gradients.W_a, total, rtol=1e-9)


def test_its_gradient_is_the_sum_of_what_each_step_contributes() -> None:
    """As a parameter's: every time step reads a copy of its own."""
    text = b.derive(parse_model(TEXT), "g", 2).text()
    assert "from s₂:  ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂⁺s₂/∂g" in text
    assert "from s₁:  ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂s₁ · ∂⁺s₁/∂g" in text
    general = b.derive(parse_model(TEXT), "g", 2, level="adjoint").text()
    assert general.rstrip().endswith("∂E_N/∂g = Σₜ₌₁ᴺ δz_{s,t} W_gᵀ")


def test_the_default_is_the_parameters() -> None:
    names = [parameter.name for parameter in b.derive(parse_model(TEXT), steps=2).parameters]
    assert names == ["W_x", "W_s", "W_a", "W_g", "W_y", "b"]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("vectors", ["rows", "columns"])
def test_every_function_of_a_module_takes_it(vectors: str, masked: bool) -> None:
    model = parse_model(TEXT)
    if vectors == "columns":
        model = turned(model)
    assert b.verify(model, masked=masked)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("g @ W_g", "g[t] @ W_g", "'g' has no time step; write g"),
        ("g @ W_g", "g[t-1] @ W_g", "'g' has no time step; write g"),
        ("g = {", "g = {initial = 0, ", "'g' is given once: it has no value before the first step"),
        ("once = true, labels", "once = 1, labels", "'once' of 'g' must be true or false"),
        ("W_s = [", 'W_s = {once = true, shape = [', "unknown entry 'once' for 'W_s'"),
    ],
)  # fmt: skip
def test_a_bad_use_is_refused(old: str, new: str, message: str) -> None:
    text = TEXT.replace(old, new)
    text = text.replace('once = true, shape = ["n", "n"]', 'once = true, shape = ["n", "n"]}')
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        parse_model(text)
