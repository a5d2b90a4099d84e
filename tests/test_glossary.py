"""What is not school mathematics is explained where it is printed, once, and nowhere else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from support.cells import CELLS, name_of

import bptt_sym as b
from bptt_sym.choices import Level
from bptt_sym.model.read import parse_model

NO_LIMITS = r"(?![_^₀-₉ₐ-ₜᵢⱼ])"

TEXT = {
    r" ⊙ ": "the product entry by entry",
    r" ⊗ ": "the Kronecker product",
    rf"Σ{NO_LIMITS}": "the sum of all entries",
    r"sum_r\(": "the sum of the rows of X",
    r"sum_c\(": "the sum of the columns of X",
    r"sum_h\(": "the sum of the heads of X",
    r"\bdiag\(": "the diagonal matrix with the entries",
    r"\bvec\(": "the row of the entries of X",
    r"\bmatrix\(": "the matrix whose rows",
    r"\bK\(": "the matrix with vec(Xᵀ) = vec(X) K(m, n)",
    r"𝟏(?!\[)": "a vector or matrix of ones",
    r"𝟏\[": "1 in each entry where this holds",
    r"I(_\{[^}]*\}|_[A-Za-z]|[ₐ-ₛ₊]+)(?!\[)": "the identity matrix",
    r"I(_\{[^}]*\}|_\w|[ₐ-ₛ₊₀-₉]+)\[": "columns a to b − 1 of",
    r"∏": "and so on down to",
    r"[\w})ᵀ](?<!I)\[[\w+ ]+:": "entries a to b − 1 of v",
    r"[ (]\[[^:\]]+, ": "the vector of the entries of u",
    r"stop_gradient\(": "v, with the derivative 0",
    r"\bfloor\(": "the largest whole number that is not above",
    r" mod ": "when a whole multiple of v is taken off",
    r"⁻ᵀ": "the transpose of A⁻¹, the inverse of A",
    r"inverse_deviation\(": "1 over the root of the variance",
    r"∂⁺": "∂⁺u/∂v is immediate",
}
"""Signs in text and words that explain them."""

TEX = {
    r"\\odot": "the product entry by entry",
    r"\\otimes": "the Kronecker product",
    r"\\sum(?!_)": "the sum of all entries",
    r"\\operatorname\{sum\}_\{r\}": "the sum of the rows of $X",
    r"\\operatorname\{sum\}_\{c\}": "the sum of the columns of $X",
    r"\\operatorname\{sum\}_\{h\}": "the sum of the heads of $X",
    r"\\operatorname\{diag\}": "the diagonal matrix with the entries",
    r"\\operatorname\{vec\}\(": "the row of the entries of",
    r"\\operatorname\{vec\}\^": "the matrix whose rows",
    r"\bK\(": "the matrix with $",
    r"\\mathbf\{1\}(?!\[)": "a vector or matrix of ones",
    r"\\mathbf\{1\}\[": "1 in each entry where this holds",
    r"\bI_\{[^}]*\}(?!\[)": "the identity matrix",
    r"\\prod": "and so on down to",
    r"\\lfloor": "the largest whole number that is not above",
    r"\\bmod": "when a whole multiple of",
    r"\^\{-\\top\}": "the inverse of",
    r"\\operatorname\{sg\}": "with the derivative 0",
    r"\\operatorname\{dev\}": "1 over the root of the variance",
    r"\\partial\^\{\+\}": "A derivative marked as in",
}

SHAPES = r"∂[^ ]*/∂"


@cache
def model_of(cell: str | Path) -> b.Model:
    return b.load_model(cell)


def check(cell: str | Path, text: str, signs: dict[str, str]) -> None:
    if any(entry.name == "I" for entry in model_of(cell).declarations):
        # As that of an epidemic does, at steps t, N and numbers.
        text = re.sub(r"I(ₜ|_N|₀|₁|₂|_\{N)", "infected", text)
    equations = "\n".join(line for line in text.splitlines() if not is_said(line))
    for sign, words in signs.items():
        occurs = re.search(sign, equations) is not None
        assert text.count(words) == occurs, (sign, words)


def is_said(line: str) -> bool:
    """Whether a line of the output is a sentence, not an equation."""
    if "which $" in line:
        return False  # a function with its derivative
    return bool(re.match(r"( *Here |[A-Z][\w ]*:|%|\w+(-\w+)*: )", line)) or line.endswith(".")


@pytest.mark.one_in(2)
@pytest.mark.parametrize("level", get_args(Level))
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_text_explains_what_it_prints(cell: str | Path, level: Level) -> None:
    text = b.derive(model_of(cell), steps=2, level=level).text()
    check(cell, text, TEXT)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("level", get_args(Level))
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_latex_explains_what_it_prints(cell: str | Path, level: Level) -> None:
    latex = b.derive(model_of(cell), steps=2, level=level).latex()
    check(cell, latex, TEX)


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_a_model_explains_what_it_prints(cell: str | Path) -> None:
    check(cell, b.api.model_text(model_of(cell)), TEXT)


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_notes_explain_what_they_print(cell: str | Path) -> None:
    check(cell, b.notes(model_of(cell), steps=2).tex(), TEX)


@pytest.mark.parametrize("level", get_args(Level))
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_the_shape_of_a_derivative_is_told_where_one_is_printed(
    cell: str | Path, level: Level
) -> None:
    model = model_of(cell)
    text = b.derive(model, steps=2, level=level).text()
    told = "is (size of u) × (size of v)" in text
    # Of scalars alone there is nothing to tell.
    shaped = any(entry.shape != (1, 1) for entry in model.declarations)
    assert told == (shaped and level != "adjoint") or not shaped
    assert ("a gradient has the shape" in text) == (shaped and level != "chain") or not shaped


SCALARS = """
[parameters]
a = []
[states]
v = []
[equations]
v = "a * v[t-1]"
[loss]
L = "v[t] ** 2"
"""


@pytest.mark.parametrize("level", get_args(Level))
def test_of_scalars_nothing_is_told_of_shapes(level: Level) -> None:
    text = b.derive(parse_model(SCALARS, "scalars"), level=level).text()
    assert "Convention" not in text
    assert not re.search("Here(?! ∏)", text)


def test_an_own_function_is_not_explained_as_a_sign() -> None:
    own = SCALARS.replace("a * v[t-1]", "vec(a * v[t-1])").replace(
        "[equations]", '[functions]\nvec = "tanh"\n[equations]'
    )
    assert "row after row" not in b.derive(parse_model(own, "own")).text()


SPREAD = """
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[targets]
d = ["n"]
[parameters]
W = ["m", "n"]
g = ["n"]
[states]
h = ["n"]
[equations]
h = "tanh(x[t] @ ({}) + h[t-1])"
[loss]
E = "sum((d[t] - h[t]) ** 2)"
"""


def test_what_goes_with_each_row_is_said() -> None:
    said = {
        "g * W": "v ⊙ X is the product of the row, column or head v with each of X",
        "g - W": "v + X is the sum of the row, column or head v with each of X",
    }
    for written, sentence in said.items():
        shown = b.api.model_text(parse_model(SPREAD.format(written)))
        assert sentence in shown
        assert sum(other in shown for other in said.values()) == 1
    assert "row, column or head" not in b.api.model_text(parse_model(SPREAD.format("W")))
