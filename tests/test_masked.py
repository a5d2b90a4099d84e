"""Sequences of different lengths: the mask in the derivation, and in the generated module."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.draws import draws
from support.random_models import models
from support.running import Arrays, arguments, draw, forward, gradients, parameters, sizes_of

import bptt_sym as b
from bptt_sym.model.read import parse_model


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
    loss, by_params, by_states, *_ = module.value_and_grad(
        module.Parameters(*params), **arrays, **{mask: module.mask_of(lengths, 5)}
    )
    total, sums = 0.0, [0.0] * len(params)
    for k, length in enumerate(lengths):
        own = {
            key: array[:length, k : k + 1] if alone.SHAPES[key][0] == "T" else array[k : k + 1]
            for key, array in arrays.items()
        }
        value, gradients, states, *_ = alone.value_and_grad(params, **own)
        total += value
        sums = [one + other for one, other in zip(sums, gradients, strict=True)]
        for batch, single in zip(by_states, states, strict=True):
            np.testing.assert_allclose(batch[k : k + 1], single, rtol=1e-12, atol=1e-14)
    assert loss == pytest.approx(total, rel=1e-13)
    for one, other in zip(by_params, sums, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_the_loss_of_the_last_step_reads_the_inputs_that_the_sequence_has_there():
    """A query is made of the input at the last step, which each sequence has at its own end."""
    model = b.load_model("linear-attention")
    module, alone = b.compile(model, masked=True, loss="last"), b.compile(model, loss="last")
    arrays = draw(module, sizes_of(model, 5, 2))
    arrays["mask"] = module.mask_of([5, 3], 5)[..., None]
    result = module.value_and_grad(
        parameters(module, arrays), **arguments(module, arrays), inputs=True
    )
    total = 0.0
    for k, length in enumerate([5, 3]):
        x = arrays["x"][:length, k : k + 1]
        own = alone.value_and_grad(
            parameters(alone, arrays), x, arrays["d"][length - 1, k : k + 1], inputs=True
        )
        total += own.value
        np.testing.assert_allclose(result.inputs.x[:length, k : k + 1], own.inputs.x, atol=1e-12)
        assert not np.any(result.inputs.x[length:, k])
    assert result.value == pytest.approx(total, rel=1e-12)


# What lies behind the end of a sequence.

STEPS, SEQUENCES = 6, 5

FILLINGS = (np.nan, np.inf, -np.inf, 1e200, 0.0)
LABELS = (-1, 10**6, -(10**9), 0)


@cache
def compiled(name: str, style: Any, loss: Any = "sum") -> Any:
    return b.compile(b.load_model(name), style=style, loss=loss, masked=True)


def padded(module: Any, arrays: Arrays, number: int) -> Arrays:
    """The arrays with something else behind the ends of the sequences."""
    behind = arrays["mask"] == 0
    found = {key: np.array(array) for key, array in arrays.items()}
    for key, sizes in module.SHAPES.items():
        if sizes[:1] == ("T",) and key != "mask":
            choices = LABELS if found[key].dtype.kind == "i" else FILLINGS
            found[key][behind] = choices[number % len(choices)]
    return found


def assert_same(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        assert np.array_equal(found[key], array, equal_nan=True), key


def drawn(module: Any, model: Any, lengths: Any, seed: int = 0) -> Arrays:
    arrays = draw(module, sizes_of(model, STEPS, SEQUENCES), seed)
    return arrays | {"mask": module.mask_of(lengths, STEPS)}


@pytest.mark.parametrize("style", ["fast", "readable"])
@pytest.mark.parametrize("loss", ["sum", "last"])
@pytest.mark.parametrize("name", b.model_names())
def test_what_lies_in_the_padding_does_not_matter(name: str, loss: str, style: str) -> None:
    """Loss, gradients and the forward pass, bit for bit; and they are numbers."""
    module, model = compiled(name, style, loss), b.load_model(name)
    # Before its first step linear attention divides by the sum of no keys, which is 0.
    shortest = 1 if name == "linear-attention" else 0
    arrays = drawn(module, model, [STEPS, 3, shortest, 1, 2])
    expected, values = gradients(module, arrays), forward(module, arrays)
    assert all(np.all(np.isfinite(array)) for array in expected.values())
    for number in range(len(FILLINGS)):
        other = padded(module, arrays, number)
        assert_same(gradients(module, other), expected)
        assert_same(forward(module, other), values)
        assert (
            module.loss(parameters(module, other), **arguments(module, other)) == (expected["loss"])
        )


@pytest.mark.parametrize(
    "options",
    [{"window": 2}, {"window": 2, "exact": True}, {"checkpoint": 2}, {"checkpoint": "sqrt"}],
)
@pytest.mark.parametrize("loss", ["sum", "mean", "last"])
@pytest.mark.parametrize("name", ["lstm", "elman-character", "sru"])
def test_nor_does_it_in_parts(name: str, loss: str, options: Any) -> None:
    """Chunks in which some of the sequences, or all of them, have ended."""
    module, model = compiled(name, "fast", loss), b.load_model(name)
    for lengths in ([STEPS, 3, 0, 1, 2], [2, 1, 2, 0, 1], [0] * SEQUENCES):
        arrays = drawn(module, model, lengths)
        expected = gradients(module, arrays, **options)
        assert all(np.all(np.isfinite(array)) for array in expected.values())
        for number in range(len(FILLINGS)):
            assert_same(gradients(module, padded(module, arrays, number), **options), expected)


def test_nor_does_it_in_a_workspace_that_serves_again():
    module, model = compiled("elman-character", "fast"), b.load_model("elman-character")
    arrays = drawn(module, model, [STEPS, 3, 0, 1, 2])
    sizes = sizes_of(model, STEPS, SEQUENCES)
    dimensions = module.Dimensions(*(sizes[name] for name in module.Dimensions._fields))
    workspace = module.Workspace(STEPS, SEQUENCES, dimensions)
    expected = gradients(module, arrays)
    for number in range(len(LABELS)):
        found = gradients(module, padded(module, arrays, number), workspace=workspace)
        assert_same(found, expected)


def test_nor_does_it_in_a_step():
    module, model = compiled("lstm", "fast"), b.load_model("lstm")
    arrays = drawn(module, model, [STEPS, 0, STEPS, 0, STEPS])
    params = parameters(module, arrays)
    state = module.initial_state(params, SEQUENCES, arrays["h0"], arrays["c0"])
    expected, _ = module.step(params, state, arrays["x"][0], arrays["mask"][0])
    other = padded(module, arrays, 0)
    found, _ = module.step(params, state, other["x"][0], other["mask"][0])
    assert_same(found._asdict(), expected._asdict())
    assert np.array_equal(found.h[1], arrays["h0"][1])


@pytest.mark.parametrize("style", ["fast", "readable"])
def test_labels_of_steps_that_a_sequence_has_are_still_checked(style: str) -> None:
    module, model = compiled("elman-character", style), b.load_model("elman-character")
    arrays = drawn(module, model, [STEPS, 3, 0, 1, 2])
    for key in ("x", "d"):
        wrong = np.array(arrays[key])
        wrong[0, 0] = 10**6
        for bad in (wrong, arrays[key].astype(float)):
            with pytest.raises(ValueError, match=f"^{key}: labels must be whole numbers from 0"):
                gradients(module, arrays | {key: bad})


@settings(
    max_examples=draws(40),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(
    models(),
    st.sampled_from(["fast", "readable"]),
    st.sampled_from(["sum", "mean", "last"]),
    st.lists(st.integers(0, STEPS), min_size=SEQUENCES, max_size=SEQUENCES),
)
def test_nor_does_it_in_random_models(text: str, style: Any, loss: Any, lengths: list[int]) -> None:
    model = parse_model(text)
    module = b.compile(model, style=style, loss=loss, masked=True)
    arrays = drawn(module, model, lengths)
    with np.errstate(all="ignore"):
        expected = gradients(module, arrays)
        for number in range(len(FILLINGS)):
            assert_same(gradients(module, padded(module, arrays, number)), expected)
