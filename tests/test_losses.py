"""Losses that are added once: one of the last time step, one of parameters alone."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from support.running import draw

import bptt_sym as b
from bptt_sym.model.read import parse_model

CELL = """
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[targets]
d = ["n"]
[parameters]
W = ["m", "n"]
U = ["n", "n"]
[states]
s = {{shape = ["n"], initial = 0}}
[functions]
phi = "tanh"
[equations]
s = "phi(x[t] @ W + s[t-1] @ U)"
[loss]
{}
"""
E, OF_STATE = 'E = "sum((d[t] - s[t]) ** 2)"', 'E_last = "sum(s[t] ** 4)"'
OF_MORE = 'E_last = "dot(d[t], s[t-1])"'
DECAY = 'E_params = "3 * sum(U ** 2)"'
LOSSES = ("last", "sum", "mean")
T, B = 7, 3


def model_of(*losses: str) -> b.Model:
    return parse_model(CELL.format("\n".join(losses)))


def lines(model: b.Model, level: str, loss: str = "sum", wrt: str = "U") -> list[str]:
    shown = b.derive(model, wrt=wrt, level=level, loss=loss).text(width=200)
    return [" ".join(line.split()) for line in shown.splitlines()]


# What is derived.


def test_the_loss_is_the_sum_of_its_parts():
    model = model_of(E, OF_STATE, DECAY)
    assert "Loss: E = Σₜ₌₁³ Eₜ + E_{last,3} + E_params (--loss sum)." in lines(model, "chain")
    assert "Loss: E = E₃ + E_{last,3} + E_params (--loss last)." in lines(model, "chain", "last")
    mean = lines(model, "adjoint", "mean")
    assert "Loss: E = 1/3 Σₜ₌₁³ Eₜ + E_{last,3} + E_params (--loss mean)." in mean


def test_the_last_adjoint_has_one_term_more():
    found = lines(model_of(E, OF_STATE), "adjoint")
    assert "(1) δs₃ = −2 (d₃ − s₃) + 4 s₃³" in found
    assert "(3) δs₂ = −2 (d₂ − s₂) + δz_{s,3} Uᵀ" in found


def test_a_mean_is_no_part_of_what_is_added_once():
    found = lines(model_of(E, OF_STATE, DECAY), "adjoint", "mean")
    assert "(1) δs₃ = −2/3 (d₃ − s₃) + 4 s₃³" in found
    assert "(7) ∂E/∂U = s₂ᵀ δz_{s,3} + s₁ᵀ δz_{s,2} + s₀ᵀ δz_{s,1} + 6 U" in found


def test_weight_decay_adds_one_derivative_to_the_chains():
    model = model_of(E, DECAY)
    assert any(line.endswith("+ ∂E_params/∂U") for line in lines(model, "chain"))
    assert any(line.endswith("+ 6 U") for line in lines(model, "jacobian"))
    assert not any("∂E_params" in line for line in lines(model, "chain", wrt="W"))


@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_a_loss_of_the_last_step_alone_is_that_whatever_is_asked(level):
    model = model_of(OF_MORE)
    last, *others = ([*lines(model, level, loss)] for loss in LOSSES)
    for other in others:
        assert [line.split("(--loss")[0] for line in other] == [
            line.split("(--loss")[0] for line in last
        ]


def test_notes_say_what_is_no_path():
    notes = b.notes(model_of(OF_STATE, 'E_params = "sum(W ** 2) + sum(U ** 2)"')).markdown()
    assert "and of the derivative of $E_{\\mathrm{params}}$, which is added once" in notes
    assert "contributions and the derivative of $E_{\\mathrm{params}}$:" in notes


# What is computed.


@cache
def module_of(losses, loss, style, masked=False):
    return b.compile(model_of(*losses), loss=loss, style=style, masked=masked)


def computed(losses, loss, style="fast", masked=False, lengths=None, **options):
    """The Result of a module, and of each sequence by itself, without padding."""
    module = module_of(losses, loss, style, masked)
    sizes = {"m": 2, "n": 4, "T": T, "B": B}
    arrays = draw(module, sizes)
    fields = module.Parameters._fields
    params = module.Parameters(*(arrays.pop(name) for name in fields))
    if masked:
        arrays["mask"] = module.mask_of(lengths, T)
    whole = module.value_and_grad(params, **arrays, **options)
    alone = module_of(losses, loss, "readable")
    parts = [
        alone.value_and_grad(
            params,
            **{
                name: arrays[name][:end, k : k + 1] if "T" in alone.SHAPES[name] else
                arrays[name][end - 1, k : k + 1] if arrays[name].ndim == 3 else
                arrays[name][k : k + 1]
                for name in alone.SHAPES if name in arrays
            },
        )
        for k, end in enumerate(lengths or [T] * B)
    ]  # fmt: skip
    return params, whole, parts


FORMS = [(E, OF_STATE, DECAY), (E, OF_MORE, DECAY), (E, DECAY), (OF_MORE, DECAY), (OF_STATE,)]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("style", ["fast", "readable"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("losses", FORMS)
def test_a_batch_has_the_decay_once(losses, loss, style):
    params, whole, parts = computed(losses, loss, style)
    extra = (B - 1) * (DECAY in losses)
    value = sum(part.value for part in parts) - extra * 3 * np.sum(params.U**2)
    by_U = sum(part.gradients.U for part in parts) - extra * 6 * params.U
    np.testing.assert_allclose(whole.value, value, rtol=1e-12)
    np.testing.assert_allclose(whole.gradients.U, by_U, atol=1e-12)


@pytest.mark.parametrize("losses", FORMS)
def test_the_last_step_is_the_last_that_a_sequence_has(losses):
    params, whole, parts = computed(losses, "sum", masked=True, lengths=[T, 4, 2])
    extra = (B - 1) * (DECAY in losses)
    value = sum(part.value for part in parts) - extra * 3 * np.sum(params.U**2)
    by_U = sum(part.gradients.U for part in parts) - extra * 6 * params.U
    np.testing.assert_allclose(whole.value, value, rtol=1e-12)
    np.testing.assert_allclose(whole.gradients.U, by_U, atol=1e-12)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("losses", FORMS)
def test_parts_of_a_sequence_have_it_once_together(losses, loss):
    params, whole, _ = computed(losses, loss)
    _, saved, _ = computed(losses, loss, checkpoint=3)
    np.testing.assert_allclose(saved.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(saved.gradients.U, whole.gradients.U, atol=1e-12)
    for options in ({"window": 3}, {"window": 3, "exact": True}):
        _, cut, _ = computed(losses, loss, **options)
        np.testing.assert_allclose(cut.value, whole.value, rtol=1e-12)
    # Of a window of one step nothing goes back in time, and the decay is there all the same.
    _, cut, _ = computed(losses, loss, window=1)
    _, same, _ = computed(losses, loss, window=1, exact=True)
    np.testing.assert_allclose(cut.gradients.U, same.gradients.U, atol=1e-12)
    if losses == (E, DECAY):
        bare = computed((E,), loss, window=2)[1].gradients.U
        decayed = computed(losses, loss, window=2)[1].gradients.U
        np.testing.assert_allclose(decayed, bare + 6 * params.U, atol=1e-12)
