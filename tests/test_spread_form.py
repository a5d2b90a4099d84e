"""What rows, columns and diagonal matrices are spread over is printed as a person writes it."""

from __future__ import annotations

import bptt_sym as b
from bptt_sym.model.read import parse_model

GAINS = """
vectors = "columns"
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[parameters]
U = ["n", "m"]
g = ["m"]
c = ["n"]
[states]
h = ["n"]
[equations]
h = "(g.T * U) @ x[t] + 0.5 * diag(c) @ h[t-1]"
[loss]
E = "sum(h[t] ** 2)"
"""


def adjoints() -> str:
    return b.derive(parse_model(GAINS, "gains"), steps=1, level="adjoint").text()


def test_a_transposed_column_beside_a_matrix_has_no_brackets() -> None:
    text = adjoints()
    assert "hₜ = (gᵀ ⊙ U) xₜ + 0.5 diag(c) hₜ₋₁\n" in text
    assert "∂E₁/∂U = (δh₁ x₁ᵀ) ⊙ gᵀ\n" in text


def test_what_is_spread_collects_a_sum_that_is_explained() -> None:
    text = adjoints()
    assert "∂E₁/∂g = sum_r((δh₁ x₁ᵀ) ⊙ U)ᵀ\n" in text
    assert text.count("sum_r(X) is the sum of the rows of X") == 1


def test_the_gradient_of_a_diagonal_is_a_product_entry_by_entry() -> None:
    assert "∂E₁/∂c = 0.5 δh₁ ⊙ h₀\n" in adjoints()


def test_a_row_in_a_jacobian_is_repeated_in_print() -> None:
    text = b.derive(parse_model(GAINS, "gains"), steps=1, level="jacobian").text()
    assert "∂hₜ/∂U = (Iₙ ⊗ xₜᵀ) diag(𝟏 ⊗ gᵀ)\n" in text
