"""The acceptance table of the course: equations 36 to 47 of the seed model, and what follows."""

from __future__ import annotations

import pytest

import bptt_sym as b

ELMAN = b.load_model("elman")

EQUATIONS = {
    36: "∂E₃/∂W_y = ∂E₃/∂y₃ · ∂y₃/∂W_y",
    37: "∂E_N/∂W_y = ∂E_N/∂y_N · ∂y_N/∂W_y",
    38: "from s₃:  ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂W_s",
    39: "from s₂:  ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂W_s",
    40: "from s₁:  ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_s",
    41: "∂E₃/∂W_s = ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂W_s"
    " + ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂W_s"
    " + ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_s",
    42: "∂E_N/∂W_s = Σᵢ₌₁ᴺ ∂E_N/∂y_N · ∂y_N/∂sᵢ · ∂sᵢ/∂W_s",
    43: "from s₃:  ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂W_x",
    44: "from s₂:  ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂W_x",
    45: "from s₁:  ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_x",
    46: "∂E₃/∂W_x = ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂W_x"
    " + ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂W_x"
    " + ∂E₃/∂y₃ · ∂y₃/∂s₃ · ∂s₃/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_x",
    47: "∂E_N/∂W_x = Σᵢ₌₁ᴺ ∂E_N/∂y_N · ∂y_N/∂sᵢ · ∂sᵢ/∂W_x",
}


def numbered(text: str) -> dict[int, str]:
    """The equations of a text by their numbers, each on one line."""
    found: dict[int, str] = {}
    last = None
    for line in text.splitlines():
        body = line.strip()
        if line.startswith("  (") or (line.startswith("   (") and body[1:2].isdigit()):
            number, _, rest = body[1:].partition(")")
            last = int(number)
            found[last] = rest.strip()
        elif last is not None and body[:2] in ("+ ", "− "):
            found[last] += " " + body
        else:
            last = None
    return found


def test_the_course_equations():
    derivation = b.derive(ELMAN, steps=3, number_from=36)
    assert numbered(derivation.text()) == EQUATIONS


def test_one_step_has_one_contribution():
    equations = numbered(b.derive(ELMAN, wrt="W_s", steps=1).text())
    assert equations == {
        1: "from s₁:  ∂E₁/∂y₁ · ∂y₁/∂s₁ · ∂s₁/∂W_s",
        2: "∂E₁/∂W_s = ∂E₁/∂y₁ · ∂y₁/∂s₁ · ∂s₁/∂W_s",
        3: "∂E_N/∂W_s = Σᵢ₌₁ᴺ ∂E_N/∂y_N · ∂y_N/∂sᵢ · ∂sᵢ/∂W_s",
    }


def test_sum_of_losses_sums_over_both_steps():
    equations = numbered(b.derive(ELMAN, wrt="W_s", steps=2, loss="sum").text())
    assert equations == {
        1: "from s₂:  ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂W_s",
        2: "from s₁:  ∂E₁/∂y₁ · ∂y₁/∂s₁ · ∂s₁/∂W_s + ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_s",
        3: "∂E/∂W_s = ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂W_s + ∂E₁/∂y₁ · ∂y₁/∂s₁ · ∂s₁/∂W_s"
        " + ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂W_s",
        4: "∂E/∂W_s = Σₜ₌₁ᴺ Σᵢ₌₁ᵗ ∂Eₜ/∂yₜ · ∂yₜ/∂sᵢ · ∂sᵢ/∂W_s",
    }


def test_factors_as_matrices():
    derivation = b.derive(ELMAN, level="jacobian")
    assert list(numbered(derivation.text()).values())[:6] == [
        "∂Eₜ/∂yₜ = −2 (dₜ − yₜ)",
        "∂yₜ/∂sₜ = diag(σ′(oₜ)) W_yᵀ",
        "∂sₜ/∂sₜ₋₁ = diag(φ′(zₜ)) W_sᵀ",
        "∂yₜ/∂W_y = diag(σ′(oₜ)) (sₜ ⊗ Iₖ)",
        "∂sₜ/∂W_s = diag(φ′(zₜ)) (sₜ₋₁ ⊗ Iₙ)",
        "∂sₜ/∂W_x = diag(φ′(zₜ)) (xₜ ⊗ Iₙ)",
    ]


def test_backward_recursion_for_any_number_of_steps():
    derivation = b.derive(ELMAN, level="adjoint", loss="sum", steps=1)
    general = [section for section in derivation.sections if section.general]
    first = general[0].equations[0].number
    equations = numbered(derivation.text())
    assert [equations[number] for number in range(first, first + 9)] == [
        "δyₜ = −2 (dₜ − yₜ)   for t = N, …, 1",
        "δoₜ = δyₜ ⊙ σ′(oₜ)   for t = N, …, 1",
        "δs_N = δo_N W_yᵀ",
        "δsₜ = δoₜ W_yᵀ + δzₜ₊₁ W_sᵀ   for t = N − 1, …, 1",
        "δzₜ = δsₜ ⊙ φ′(zₜ)   for t = N, …, 1",
        "∂E/∂W_y = Σₜ₌₁ᴺ sₜᵀ δoₜ",
        "∂E/∂W_s = Σₜ₌₁ᴺ sₜ₋₁ᵀ δzₜ",
        "∂E/∂W_x = Σₜ₌₁ᴺ xₜᵀ δzₜ",
        "∂E/∂s₀ = δz₁ W_sᵀ",
    ]


def test_the_last_factor_is_immediate_and_the_others_are_total():
    derivation = b.derive(ELMAN, wrt="W_s", steps=3)
    chains = [chain for equation in derivation.equations for chain in equation.factors]
    assert chains
    for *others, last in chains:
        assert last.kind == "immediate"
        assert {factor.kind for factor in others} <= {"total", "both"}
    assert "∂⁺s₂/∂W_s" in derivation.text(mark_immediate=True)
    assert r"\frac{\partial^{+} \bar{s}_{2}}{\partial W_{s}}" in derivation.latex(
        mark_immediate=True
    )


def test_a_long_chain_is_one_factor_that_is_defined_once():
    text = b.derive(ELMAN, wrt="W_s", steps=30).text()
    assert numbered(text)[30] == "from s₁:  ∂E₃₀/∂y₃₀ · ∂y₃₀/∂s₃₀ · ∂s₃₀/∂s₁ · ∂s₁/∂W_s"
    definitions = [line.strip() for line in text.splitlines() if " = ∏" in line or " · ∏" in line]
    assert definitions == [
        "∂s₃₀/∂sᵢ = ∏[30 ≥ j > i] ∂sⱼ/∂sⱼ₋₁",
        "∂y_N/∂sᵢ = ∂y_N/∂s_N · ∏[N ≥ j > i] ∂sⱼ/∂sⱼ₋₁",
    ]


@pytest.mark.parametrize("loss", ["last", pytest.param("sum", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_the_output_is_linear_in_the_number_of_steps(level, loss):
    lengths = [
        len(b.derive(ELMAN, steps=steps, level=level, loss=loss).latex())
        for steps in (100, 150, 200)
    ]
    first, second = lengths[1] - lengths[0], lengths[2] - lengths[1]
    assert second == pytest.approx(first, rel=0.01)


def test_the_general_form_does_not_depend_on_the_number_of_steps():
    """Row S1 of the table: the text of equation 42 is the same for every N."""
    texts = {numbered(b.derive(ELMAN, wrt="W_s", steps=n).text())[n + 2] for n in range(1, 12)}
    assert texts == {EQUATIONS[42]}


def test_equation_labels_say_what_the_equation_is():
    latex = b.derive(ELMAN, wrt="W_s", steps=3, number_from=38).latex()
    assert r"\tag{39} \label{eq:elman:chain:E_3:W_s:from:s_2}" in latex
    assert r"\tag{42} \label{eq:elman:chain:E_N:W_s}" in latex
    assert r"\tag" not in b.derive(ELMAN).latex()


def test_a_derivation_shows_itself_in_a_notebook():
    shown = b.derive(ELMAN, wrt="W_y")._repr_latex_()
    assert shown.startswith("$$\\begin{aligned}")
    assert r"\label" not in shown
