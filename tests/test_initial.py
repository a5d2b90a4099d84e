"""How modules draw parameters: as the model file says, or as their place in it suggests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.running import arguments, draw

import bptt_sym as b
from bptt_sym.api import model_text
from bptt_sym.errors import InputError
from bptt_sym.model.model import INITS
from bptt_sym.model.read import parse_model

STYLES = ("fast", "readable")
SIZES = {"m": 40, "n": 30, "k": 20}

TEXT = """
vectors = "{vectors}"
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[parameters]
W = {W}
U = ["n", "n"]
g = {g}
v = ["n"]
b = ["n"]
a = []
c = []
[states]
s = ["n"]
[equations]
s = "{equation}"
[loss]
E = "sum(s[t] ** 2)"
"""

ROWS = "tanh(g * (x[t] @ W + s[t-1] @ U) / v * a + b + c)"
COLUMNS = "tanh(g * (W @ x[t] + U @ s[t-1]) / v * a + b + c)"


def model_of(W: str = "", g: str = "", vectors: str = "rows") -> b.Model:
    sizes = '["m", "n"]' if vectors == "rows" else '["n", "m"]'
    said = f"{{shape = {sizes}{W}}}", f'{{shape = ["n"]{g}}}'
    equation = ROWS if vectors == "rows" else COLUMNS
    return parse_model(TEXT.format(W=said[0], g=said[1], vectors=vectors, equation=equation))


def drawn(model: b.Model, style: Any = "fast", seed: int = 0, dtype: Any = np.float64) -> Any:
    module = b.compile(model, style=style)
    dimensions = module.Dimensions(*(SIZES[name] for name in module.Dimensions._fields))
    return module.init_parameters(np.random.default_rng(seed), dimensions, dtype)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([*INITS, -0.25, 3]),
    st.sampled_from(STYLES),
    st.sampled_from(["rows", "columns"]),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 99),
)
def test_a_matrix_begins_as_its_model_says(
    init: Any, style: str, vectors: str, dtype: Any, seed: int
) -> None:
    said = f', init = "{init}"' if isinstance(init, str) else f", init = {init}"
    W = drawn(model_of(W=said, vectors=vectors), style, seed, dtype).W
    assert W.dtype == dtype
    assert W.shape == ((40, 30) if vectors == "rows" else (30, 40))
    rows, columns = W.shape
    match init:
        case "zeros" | "ones":
            assert np.all((init == "ones") == W)
        case "normal":
            assert W.std() == pytest.approx(rows**-0.5, rel=0.1)
        case "uniform":
            # Whichever way vectors stand, the matrix leads to 30 units.
            assert 0.95 * 30**-0.5 < np.abs(W).max() <= 30**-0.5
            assert W.std() == pytest.approx((3 * 30) ** -0.5, rel=0.1)
        case "glorot":
            bound = np.sqrt(6 / (rows + columns))
            assert 0.95 * bound < np.abs(W).max() <= bound
        case "orthogonal":
            product = W @ W.T if rows < columns else W.T @ W
            np.testing.assert_allclose(product, np.eye(30), atol=1e-5)
        case number:
            assert np.all(number == W)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("vectors", ["rows", "columns"])
def test_what_multiplies_entry_by_entry_begins_at_one(vectors: str, style: str) -> None:
    """From 0 no gradient would go through it; what is added begins at 0."""
    params = drawn(model_of(vectors=vectors), style)
    begins = {name: set(np.unique(getattr(params, name))) for name in "gvabc"}
    assert begins == {"g": {1}, "v": {1}, "a": {1}, "b": {0}, "c": {0}}
    assert params.U.std() == pytest.approx(30**-0.5, rel=0.1)
    assert np.all(drawn(model_of(g=", init = 0.5", vectors=vectors), style).g == 0.5)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("init", INITS[:4])
@pytest.mark.parametrize("shape", ["[]", '["n"]'])
def test_vectors_and_scalars_are_drawn_too(shape: str, init: str, style: str) -> None:
    said = f'g = {{shape = {shape}, init = "{init}"}}'
    text = TEXT.format(W='["m", "n"]', g='["n"]', vectors="rows", equation=ROWS)
    g = drawn(parse_model(text.replace('g = ["n"]', said)), style).g
    length = 30 if g.ndim else 1
    bound = {"zeros": 0, "ones": 1, "uniform": length**-0.5}.get(init, 5 * length**-0.5)
    assert np.all(np.abs(g) <= bound) and np.any(g) == (init != "zeros")


@pytest.mark.parametrize("style", STYLES)
def test_gradients_of_a_gain_are_not_zero(style: Any) -> None:
    """A layer-norm gain: were it 0, nothing before it would ever learn."""
    model = parse_model(TEXT.format(
        W='["m", "n"]', g='["n"]', vectors="rows",
        equation="tanh(g * layer_norm(x[t] @ W + s[t-1] @ U) / v * a + b + c)",
    ))  # fmt: skip
    module = b.compile(model, style=style)
    arrays = draw(module, SIZES | {"T": 4, "B": 2})
    result = module.value_and_grad(drawn(model, style), **arguments(module, arrays))
    assert all(np.any(np.abs(gradient) > 1e-9) for gradient in result.gradients[:3])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_cells_of_the_form_of_pytorch_begin_as_there(name: str, style: str) -> None:
    for key, array in drawn(b.load_model(name), style)._asdict().items():
        if key != "V":
            assert 0.5 * 30**-0.5 < np.abs(array).max() <= 30**-0.5


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["gru-cho", "gru-bias"])
def test_recurrent_matrices_of_gated_units_begin_orthogonal(name: str, style: str) -> None:
    """Cho et al. (2014) and Keras, whose matrices of the inputs begin as Glorot and Bengio say."""
    params = drawn(b.load_model(name), style)
    for U in (params.U_r, params.U_z, params.U):
        np.testing.assert_allclose(U @ U.T, np.eye(30), atol=1e-12)
    if name == "gru-bias":
        bound = np.sqrt(6 / (SIZES["m"] + SIZES["n"]))
        for W in (params.W_r, params.W_z, params.W):
            assert 0.95 * bound < np.abs(W).max() <= bound


@pytest.mark.parametrize(
    ("W", "g", "message"),
    [
        (', init = "one"', "", "the init of 'W' is a number or one of"),
        (", init = true", "", "the init of 'W' is a number or one of"),
        (", init = inf", "", "the init of 'W' is a number or one of"),
        (", init = [1]", "", "the init of 'W' is a number or one of"),
        ("", ', init = "glorot"', "the init \"glorot\" is for matrices, and 'g' is none"),
        ("", ', init = "orthogonal"', "is for matrices, and 'g' is none"),
        ("", ", init = 1, frozen = true", "'g' is frozen: an argument, which nothing draws"),
    ],
)
def test_what_is_no_init_is_refused(W: str, g: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        model_of(W=W, g=g)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_parameter_is_not_drawn() -> None:
    text = TEXT.format(W='["m", "n"]', g='["n"]', vectors="rows", equation=ROWS)
    with pytest.raises(InputError, match="unknown entry 'init' for 'x'"):
        parse_model(text.replace('x = ["m"]', 'x = {shape = ["m"], init = 1}'))


def test_show_tells_how_a_parameter_begins() -> None:
    assert "init uniform" in model_text(b.load_model("lstm"))
    assert "init" not in model_text(b.load_model("elman"))
