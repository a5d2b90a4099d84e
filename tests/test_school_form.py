"""What is printed is in the form in which a person writes: scalars are scalars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.cells import CELLS, name_of
from support.draws import draws
from support.page import compared
from sympy import DiagMatrix, Identity, KroneckerProduct, MatMul, MatrixExpr, Transpose, ZeroMatrix

import bptt_sym as b
from bptt_sym.algebra.derivatives import Commutation
from bptt_sym.algebra.over_time import TimeProduct
from bptt_sym.algebra.school_form import school_form
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model

VOLATILITY = """
[inputs]
x = []
[parameters]
a = []
[states]
v = {shape = [], initial = 1}
[equations]
v = "a + x[t] ** 2 + a * v[t-1]"
[loss]
L = "0.5 * (log(v[t]) + x[t] ** 2 / v[t])"
"""

MEMORY = """
[dimensions]
n = "key"
p = "value"
[inputs]
k = ["n"]
v = ["p"]
beta = []
[targets]
d = ["p"]
[parameters]
W = ["n", "n"]
[states]
S = {shape = ["n", "p"], initial = 0}
[equations]
q = "k[t] @ W"
S = "S[t-1] + beta[t] * outer(q[t], v[t])"
y = "q[t] @ S[t]"
[loss]
E = "sum((y[t] - d[t]) ** 2)"
"""


def printed(model: b.Model, level: str, steps: int = 2) -> str:
    return b.derive(model, steps=steps, level=level).text()  # type: ignore[arg-type]


def test_derivatives_of_scalars_are_scalars() -> None:
    text = printed(parse_model(VOLATILITY, "volatility"), "jacobian")
    assert "∂Lₜ/∂vₜ = 1 / (2 vₜ) − xₜ² / (2 vₜ²)\n" in text
    assert "∂vₜ/∂vₜ₋₁ = a\n" in text
    assert "∂vₜ/∂a = 1 + vₜ₋₁\n" in text


def test_a_product_of_one_scalar_over_time_is_a_power() -> None:
    text = printed(parse_model(VOLATILITY, "volatility"), "jacobian")
    assert "Σᵢ₌₁ᴺ (1 / (2 v_N) − x_N² / (2 v_N²)) aᴺ⁻ⁱ vᵢ₋₁" in text


def test_adjoints_of_scalars_are_scalars() -> None:
    text = printed(parse_model(VOLATILITY, "volatility"), "adjoint", 1)
    assert "δv₁ = 1 / (2 v₁) − x₁² / (2 v₁²)\n" in text


def test_scalars_stand_in_front_and_identities_go() -> None:
    text = printed(parse_model(MEMORY, "memory"), "jacobian")
    assert "∂⁺Sₜ/∂qₜ = βₜ (Iₙ ⊗ vₜᵀ)\n" in text
    assert "∏" not in text


CELL = """
[inputs]
x = []
[targets]
d = []
[parameters]
a = []
b = []
[states]
h = []
g = []
[functions]
phi = "tanh"
[equations]
u = "%s"
g = "%s"
h = "%s"
[loss]
E = "(d[t] - h[t]) ** 2 / (1 + %s ** 2)"
"""

LEAVES = ["x[t]", "h[t-1]", "g[t-1]", "a", "b", "a * h[t-1]", "b * g[t-1]", "x[t] ** 2"]


def scalars(*more: str) -> st.SearchStrategy[str]:
    """Scalars: sums, products, quotients, powers and functions of what a cell reads."""
    return st.recursive(
        st.sampled_from([*LEAVES, *more]),
        lambda inner: st.one_of(
            st.builds(
                "{}({})".format, st.sampled_from(["tanh", "sigmoid", "phi", "exp", ""]), inner
            ),
            st.builds("({}) {} ({})".format, inner, st.sampled_from("+-*"), inner),
            st.builds("({}) / (1 + ({}) ** 2)".format, inner, inner),
            st.builds("({}) / exp({}) / 2".format, inner, inner),
        ),
        max_leaves=4,
    )


@settings(max_examples=draws(20), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    equations=st.tuples(scalars(), scalars("u[t]"), scalars("u[t]", "g[t]"), scalars("u[t]")),
    level=st.sampled_from(["jacobian", "adjoint"]),
)
def test_the_print_of_any_scalar_cell_is_the_gradient(
    equations: tuple[str, ...], level: str
) -> None:
    try:
        model = parse_model(CELL % equations, "cell")
    except InputError:
        assume(False)
    equations = printed(model, level).split("\n\n")[2:]
    assert not re.search(r"I₁|diag|ᵀ|⊗|⊙|vec|K\(", "\n".join(equations[1:]))
    assert max(compared(model, level, "sum")) < 1e-9


def all_nodes(expression: Any) -> Iterator[Any]:
    yield expression
    for argument in expression.args:
        yield from all_nodes(argument)


def is_left_over(node: Any) -> bool:
    """Whether a person would not write this: a scalar as a matrix, a factor of one or zero."""
    if isinstance(node, DiagMatrix | Transpose | Commutation):
        return bool(node.rows * node.cols == 1)
    if isinstance(node, KroneckerProduct):
        plain = [factor for factor in node.args if not isinstance(factor, Identity)]
        return not plain or any(factor.shape == (1, 1) for factor in node.args)
    if isinstance(node, MatMul):
        if len(node.args) == 2 and node.args[0].is_Rational:
            return isinstance(node.args[1], ZeroMatrix)  # a number times the identity is one
        return any(isinstance(factor, Identity | ZeroMatrix) for factor in node.args)
    if isinstance(node, TimeProduct):
        return isinstance(node.body, Identity)
    return bool(node == Identity(1)) if isinstance(node, MatrixExpr) else False


@pytest.mark.parametrize("level", ["jacobian", "adjoint"])
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_nothing_is_left_that_a_person_would_not_write(cell: str | Path, level: str) -> None:
    derivation = b.derive(b.load_model(cell), steps=2, level=level)  # type: ignore[arg-type]
    for equation in derivation.equations:
        for node in all_nodes(school_form(equation.right)):
            assert not is_left_over(node), node


GATED = """
[dimensions]
n = "units"
[inputs]
gate = ["n"]
[parameters]
w = ["n"]
[states]
h = ["n"]
[equations]
h = "softmax(gate[t] * h[t-1] + w)"
[loss]
E = "sum(h[t] * h[t])"
"""


def test_what_a_sum_sign_reaches_stands_in_brackets() -> None:
    text = printed(parse_model(GATED, "gated"), "adjoint")
    assert "Eₜ = Σ (hₜ ⊙ hₜ)" in text
    assert "(δhₜ − Σ (δhₜ ⊙ hₜ)) ⊙ hₜ" in text


def test_a_bar_is_over_the_whole_word() -> None:
    latex = b.derive(parse_model(GATED, "gated"), level="adjoint").latex()
    assert r"\overline{\mathrm{gate}}_{t}" in latex
    assert r"\bar{\mathrm" not in latex


@pytest.mark.parametrize("level", ["jacobian", "adjoint"])
def test_words_are_read_back(level: str) -> None:
    model = parse_model(GATED.replace("softmax", "tanh"), "gated")
    assert max(compared(model, level, "sum")) < 1e-12
