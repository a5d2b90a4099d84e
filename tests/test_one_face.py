"""A name has one face: what derivations call so themselves gives way to the names of a model."""

from __future__ import annotations

import re

import pytest
from support.page import compared

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
{first} = ["n", "n"]
{second} = ["n"]
[states]
h = ["n"]
[equations]
{gate} = "sigmoid(x[t] @ W + {second})"
h = "tanh({gate}[t] @ {first} + h[t-1] * {gate}[t])"
[loss]
E = "sum((d[t] - h[t]) ** 2)"
[latex]
{latex}
"""


def cell(first: str = "U", second: str = "b", gate: str = "g", latex: str = "") -> b.Model:
    return parse_model(CELL.format(first=first, second=second, gate=gate, latex=latex), "cell")


def indices(model: b.Model) -> list[str]:
    """What contributions are summed over, and what products run over."""
    text = b.derive(model, level="jacobian").text(width=200)
    return [re.search(r"Σ_?{?(.+?)[=₌]", text)[1], re.search(r"∏\[N ≥ (.+?) >", text)[1]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({}, ["ᵢ", "j"]),
        ({"gate": "i"}, ["τ", "j"]),
        ({"gate": "i", "second": "tau"}, ["ₗ", "j"]),
        ({"gate": "j"}, ["ᵢ", "k"]),
        ({"gate": "i", "first": "j"}, ["τ", "k"]),
        ({"gate": "i_1"}, ["τ", "j"]),
        ({"second": "x_i"}, ["τ", "j"]),
        ({"latex": 'g = "i"'}, ["τ", "j"]),
    ],
)
def test_a_running_index_is_none_of_the_names(names, expected):
    assert indices(cell(**names)) == expected


def test_one_index_is_in_text_latex_and_sentences():
    derivation = b.derive(cell(gate="i"))
    assert "each step τ has its own copy" in derivation.text(width=200)
    assert r"\sum_{\tau=1}^{N}" in derivation.latex()
    assert "Σ" not in derivation.text(width=200, ascii=True)


def test_the_default_indices_stay_for_what_a_notation_names():
    derivation = b.derive(cell(), notation="goodfellow")
    assert "copy" in derivation.text() and "Σᵢ" in derivation.text()


def test_adjoints_are_derivatives_where_a_name_reads_delta():
    for model in (cell(second="delta"), cell(latex=r"b = '\delta'")):
        derivation = b.derive(model, "W", level="adjoint")
        assert "∂E_N/∂hₜ" in derivation.text(width=200)
        assert not re.search(r"δ\w", derivation.text(width=200))
        assert r"\delta" not in derivation.latex().partition("Adjoints")[2]
    assert "δhₜ" in b.derive(cell(), "W", level="adjoint").text(width=200)


@pytest.mark.parametrize("level", ["jacobian", "adjoint"])
def test_the_print_with_other_letters_is_the_gradient(level):
    for names in ({"gate": "i", "second": "delta"}, {"first": "j", "second": "tau"}):
        assert max(compared(cell(**names), level, "sum")) < 1e-12


@pytest.mark.parametrize(
    ("latex", "terminal", "typeset"),
    [
        (r"\lambda", "λₜ", r"\bar{\lambda}_{t}"),
        ("r", "rₜ", r"\bar{r}_{t}"),
        ("W_{s}", "W_{s,t}", r"\bar{W}_{s,t}"),
        (r"\mathrm{gate}", "gateₜ", r"\overline{\mathrm{gate}}_{t}"),
        (r"\tilde{h}", "h̃ₜ", r"{\tilde{h}}_{t}"),
        (r"\hat{\sigma}_1", "σ̂_{1,t}", r"{\hat{\sigma}_1}_{t}"),
        (r"\mathcal{W}", "gₜ", r"{\mathcal{W}}_{t}"),
    ],
)
def test_latex_decides_what_a_name_is_in_a_terminal(latex, terminal, typeset):
    model = cell(latex=f"g = '{latex}'")
    assert f"  {terminal} = sigmoid" in b.api.model_text(model)
    assert typeset in b.derive(model).latex()


def test_a_name_that_is_its_own_latex_has_no_bar():
    assert r"\bar{g}" not in b.derive(cell(latex='g = "g"')).latex()


def test_names_that_would_print_alike_are_refused():
    with pytest.raises(b.InputError, match="prints like"):
        cell(latex="U = 'W'")
