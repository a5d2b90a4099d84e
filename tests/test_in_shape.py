"""Level jacobian ends with what a row times a factor is in the shape of the parameter."""

from __future__ import annotations

import re

import pytest
from support.cell_values import CellValues, assert_gradients
from support.cells import CELLS, name_of
from support.shapes_check import assert_shapes

import bptt_sym as b
from bptt_sym.model.read import parse_model


def last_lines(model: b.Model, **asked: object) -> list[str]:
    """The equations of the last section, without their numbers and the spaces before them."""
    text = b.derive(model, level="jacobian", **asked).text(width=200)
    section = text.partition("Gradients in the shape of their parameters")[2]
    return re.findall(r"^ +\(\d+\) *(.*)$", section, re.MULTILINE)


def test_a_row_times_a_kronecker_product_is_an_outer_product():
    assert last_lines(b.load_model("elman")) == [
        "δo_N = δy_N ⊙ σ′(o_N)",
        "δzₜ = δsₜ ⊙ φ′(zₜ)   for t = N, …, 1",
        "δoₜ (sₜ ⊗ Iₖ) = vec(sₜᵀ δoₜ)",
        "∂E_N/∂W_y = s_Nᵀ δo_N",
        "∂E_N/∂W_s = Σₜ₌₁ᴺ sₜ₋₁ᵀ δzₜ",
        "∂E_N/∂W_x = Σₜ₌₁ᴺ xₜᵀ δzₜ",
    ]


def test_columns_are_transposed_to_be_rows():
    lines = last_lines(b.load_model("elman-column"), wrt="W")
    assert "δaₜᵀ (Iₙ ⊗ hₜ₋₁ᵀ) = vec(δaₜ hₜ₋₁ᵀ)" in lines
    assert lines[-1] == "∂L_N/∂W = Σₜ₌₁ᴺ δaₜ hₜ₋₁ᵀ"


def test_a_notation_without_adjoints_has_derivatives_which_are_rows():
    """In it vectors are columns."""
    assert last_lines(b.load_model("elman"), wrt="W_s", notation="d2l") == [
        "∂L_T/∂aₜ = ∂L_T/∂hₜ · diag(φ′(aₜ))   for t = T, …, 1",
        "∂L_T/∂aₜ · (Iₕ ⊗ hₜ₋₁ᵀ) = vec((∂L_T/∂aₜ)ᵀ hₜ₋₁ᵀ)",
        "∂L_T/∂W_hh = Σₜ₌₁^T (∂L_T/∂aₜ)ᵀ hₜ₋₁ᵀ",
    ]


@pytest.mark.parametrize("notation", ["pascanu", "d2l"])
@pytest.mark.parametrize("name", ["elman", "lstm", "linear-attention", "indrnn"])
def test_a_derivative_of_the_loss_is_transposed_in_gradients_alone(name, notation):
    """No left side is a transpose, and no transpose one of what is transposed."""
    lines = last_lines(b.load_model(name), notation=notation)
    assert not [line for line in lines if line.startswith("(")]
    assert not [line for line in lines if re.search(r"ᵀ[^()]*\)ᵀ", line)]


def test_each_form_has_one_line():
    """An entrywise factor is a diagonal matrix, one of a matrix a Kronecker product."""
    lines = last_lines(b.load_model("indrnn"))
    forms = [line for line in lines if re.match("δ.*(⊗|diag)", line)]
    assert forms == ["δzₜ (xₜ ⊗ Iₙ) = vec(xₜᵀ δzₜ)", "δzₜ diag(hₜ₋₁) = δzₜ ⊙ hₜ₋₁"]


SCALAR = """
[inputs]
x = []
[targets]
d = []
[parameters]
w = []
u = []
[states]
h = []
[equations]
h = "tanh(w * x[t] + u * h[t-1])"
[loss]
E = "(d[t] - h[t]) ** 2"
"""


@pytest.mark.parametrize(
    ("model", "wrt"), [(parse_model(SCALAR, "scalar"), None), (b.load_model("elman-bias"), "b_s")]
)
def test_what_has_its_shape_already_has_no_such_section(model, wrt):
    text = b.derive(model, wrt, level="jacobian").text()
    assert "in the shape of their" not in text and "djoint" not in text


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
@pytest.mark.one_in(16)
def test_what_is_said_of_shapes_holds(cell, loss):
    model = b.load_model(str(cell))
    values = CellValues(model, 3, loss, {e.name: 2 + k for k, e in enumerate(model.dimensions)})
    found = assert_shapes(values, b.derive(model, level="jacobian", loss=loss))
    assert_gradients(found, values)
