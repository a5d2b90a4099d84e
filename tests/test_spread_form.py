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


def test_a_row_spread_over_a_column_is_a_column_times_a_row() -> None:
    text = """
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[parameters]
U = ["m", "n"]
g = ["n"]
c = ["m", 1]
[states]
h = ["n"]
[equations]
h = "tanh(x[t] @ (g * U * c) + h[t-1])"
[loss]
E = "sum(h[t] ** 2)"
"""
    printed = b.derive(parse_model(text, "gains"), level="jacobian", wrt="U").text(width=200)
    assert "∂hₜ/∂U = diag(1 − hₜ²) (xₜ ⊗ Iₙ) diag(vec(c g))\n" in printed


GATES = """
[dimensions]
n = "units"
[inputs]
x = ["{size}"]
[states]
h = ["n"]
[parameters]
W = ["{size}", "{size}"]
[equations]
a = "x[t] @ W"
{gates}
h = "{read}"
[loss]
E = "sum(h[t] ** 2)"
"""


def joined(size: str, read: str, **slices: str) -> str:
    gates = "\n".join(f'{name} = "tanh(a[t][{span}])"' for name, span in slices.items())
    text = GATES.format(size=size, gates=gates, read=read)
    printed = b.derive(parse_model(text, "gates"), steps=1, level="adjoint").text(width=200)
    return next(line for line in printed.splitlines() if "δa₁ = " in line).partition(" = ")[2]


def test_slices_hand_back_one_vector() -> None:
    three = {"f": "0:n", "o": "2*n:3*n", "p": "n:2*n"}
    all_read = "f[t] * h[t-1] + o[t] * p[t]"
    assert joined("3*n", all_read, **three) == "[δz_{f,1}, δz_{p,1}, δz_{o,1}]"
    assert joined("4*n", all_read, **three) == "[δz_{f,1}, δz_{p,1}, δz_{o,1}, 0]"
    apart = {"f": "0:n", "o": "2*n:3*n"}
    assert joined("3*n", "f[t] * o[t]", **apart) == "[δz_{f,1}, 0, δz_{o,1}]"


def test_slices_that_meet_are_added() -> None:
    meeting = {"f": "0:n", "o": "1:n+1"}
    found = joined("2*n", "f[t] * o[t]", **meeting)
    assert found == "[δz_{f,1}, 0] + [0, δz_{o,1}, 0]"
