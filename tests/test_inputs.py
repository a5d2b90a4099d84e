"""The gradient with respect to an input, which is another one at each time step."""

from __future__ import annotations

import json

import pytest

import bptt_sym as b
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model

WINDOW = """
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[parameters]
U = ["m", "n"]
V = ["m", "n"]
W = ["n", "n"]
[states]
h = ["n"]
[equations]
h = "x[t] @ U + x[t-1] @ V + h[t-1] @ W"
[loss]
E = "sum(h[t])"
"""


def lines(derivation: b.Derivation) -> list[str]:
    return [line.partition(")  ")[2].strip() for line in derivation.text().splitlines()]


def test_the_level_below_gets_it_at_every_step():
    found = lines(b.derive(b.load_model("elman"), ["x", "W_x"], steps=2, level="adjoint"))
    assert "∂E₂/∂x₂ = δz₂ W_xᵀ" in found
    assert "∂E₂/∂x₁ = δz₁ W_xᵀ" in found
    assert "∂E_N/∂xₜ = δzₜ W_xᵀ   for t = N, …, 1" in found
    assert "∂E_N/∂W_x = Σₜ₌₁ᴺ xₜᵀ δzₜ" in found


def test_the_last_step_of_an_input_has_no_later_reader():
    found = lines(b.derive(parse_model(WINDOW), "x", level="adjoint", loss="sum"))
    assert "∂E/∂x_N = δh_N Uᵀ" in found
    assert "∂E/∂xₜ = δhₜ Uᵀ + δhₜ₊₁ Vᵀ   for t = N − 1, …, 1" in found


def test_an_input_that_the_loss_does_not_reach_everywhere():
    text = WINDOW.replace("x[t-1] @ V + h[t-1] @ W", "x[t-1] @ V")
    found = lines(b.derive(parse_model(text.replace('W = ["n", "n"]\n', "")), "x", level="adjoint"))
    assert "∂E₃/∂x₁ = 0" in found
    assert "∂E_N/∂xₜ = 0   for t = N − 2, …, 1" in found


def test_latex_and_json_name_it():
    derivation = b.derive(b.load_model("elman"), "x", level="adjoint")
    left = r"\frac{\partial E_{N}}{\partial \bar{x}_{t}}"
    assert rf"{left} &= \delta \bar{{z}}_{{t}} \, W_{{x}}^{{\top}}" in derivation.latex()
    data = json.loads(derivation.json())
    assert data["parameters"] == ["x"]
    assert "--wrt x --level adjoint" in data["command"]


def test_the_chain_to_each_step():
    found = lines(b.derive(b.load_model("elman"), "x", steps=2))
    assert "∂E₂/∂x₁ = ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂s₁ · ∂⁺s₁/∂x₁" in found
    assert "∂E_N/∂xᵢ = ∂E_N/∂y_N · ∂y_N/∂sᵢ · ∂⁺sᵢ/∂xᵢ   for i = N, …, 1" in found
    assert "copy" not in b.derive(b.load_model("elman"), "x").text()


def test_the_jacobians_to_each_step():
    found = lines(b.derive(b.load_model("elman"), "x", steps=1, level="jacobian"))
    assert "∂⁺sₜ/∂xₜ = diag(φ′(zₜ)) W_xᵀ" in found
    assert "∂E₁/∂x₁ = −2 (d₁ − y₁) diag(σ′(o₁)) W_yᵀ diag(φ′(z₁)) W_xᵀ" in found


def refusal(model: b.Model, wrt: str | list[str], **options: object) -> str:
    with pytest.raises(InputError) as refused:
        b.derive(model, wrt, **options)
    return str(refused.value)


def test_what_has_none_is_refused():
    elman, characters = b.load_model("elman"), b.load_model("elman-character")
    assert "the input 'x' is given by labels: there is no gradient" in refusal(characters, "x")
    assert "the input 'mask' is a mask" in refusal(elman, "mask", masked=True)
    assert "not to an input" in refusal(elman, "x", paths=True)


@pytest.mark.parametrize("level", ["chain", "jacobian"])
def test_where_no_one_chain_leads_to_an_input_the_recursion_does(level):
    way_out = "no single chain serves all time steps of x: level adjoint has it (--level adjoint)"
    assert way_out in refusal(parse_model(WINDOW), "x", level=level)
    assert way_out in refusal(b.load_model("bidirectional"), "x", level=level)
    assert "else ask for the inputs alone, x" in refusal(
        b.load_model("elman"), ["x", "W_x"], level=level
    )
