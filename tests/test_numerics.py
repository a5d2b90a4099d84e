"""Generated modules at the edges: saturation, single precision, empty arrays, wrong arguments."""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
from support.running import (
    Arrays,
    arguments,
    difference,
    draw,
    forward,
    gradients,
    parameters,
    sizes_of,
)

import bptt_sym as b
from bptt_sym.api import program_text
from bptt_sym.choices import LOSSES
from bptt_sym.model.read import parse_model

NAMES = b.model_names()
STYLES = ["fast", "readable"]

NO_STEPS = r"^the loss needs one time step or more$"

LEAST = {"linear-attention": 500, "minlstm": -200}
"""They divide by sums of elu(z) + 1, which are 0 where all arguments are negative, and of gates,
which are less than any number below -745.
"""


@cache
def compiled(name: str, style: Any = "fast", loss: Any = "sum") -> Any:
    return b.compile(b.load_model(name), style=style, loss=loss)


def drawn(name: str, steps: int = 6, sequences: int = 5, loss: str = "sum") -> Arrays:
    return draw(compiled(name, "fast", loss), sizes_of(b.load_model(name), steps, sequences))


def is_label(array: Any) -> bool:
    return np.asarray(array).dtype.kind == "i"


def each(arrays: Arrays, change: Any) -> Arrays:
    """The arrays of real numbers changed, labels as they are."""
    return {key: array if is_label(array) else change(array) for key, array in arrays.items()}


def scaled(arrays: Arrays, scale: float) -> Arrays:
    return each(arrays, lambda array: scale * array)


def is_finite(found: Arrays) -> bool:
    return all(np.all(np.isfinite(array)) for array in found.values())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_saturated_gates_and_large_logits_are_finite(name: str, style: str) -> None:
    """Arguments of functions of about 1000, of either sign, and no warning."""
    module = compiled(name, style)
    arrays = drawn(name)
    scales = (1000, -1000)
    if name in LEAST:
        arrays, scales = each(arrays, np.abs), (1000, LEAST[name])
    inputs = each(arguments(module, arrays, "forward"), np.sign)
    for scale in scales:
        large = arrays | scaled(inputs, scale)
        assert is_finite(gradients(module, large))
        assert is_finite(forward(module, large))
        # Every weight matrix large: the states drive the gates too.
        assert is_finite(gradients(module, scaled(arrays, scale)))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_single_precision_stays_single(name: str, style: str) -> None:
    module, arrays = compiled(name, style), drawn(name)
    single = each(arrays, lambda array: array.astype(np.float32))
    found, exact = gradients(module, single), gradients(module, arrays)
    assert {np.asarray(array).dtype for array in found.values()} == {np.dtype(np.float32)}
    assert difference(found, exact) <= 1e-4
    values = forward(module, single)
    assert {array.dtype for array in values.values()} == {np.dtype(np.float32)}


def test_single_precision_stays_single_with_windows_and_steps() -> None:
    module, arrays = compiled("lstm"), each(drawn("lstm"), lambda array: array.astype(np.float32))
    for options in ({"window": 2}, {"window": 2, "exact": True}, {"checkpoint": 2}):
        found = gradients(module, arrays, **options)
        assert {np.asarray(array).dtype for array in found.values()} == {np.dtype(np.float32)}
    params = parameters(module, arrays)
    state = module.initial_state(params, 5, arrays["h0"], arrays["c0"])
    state, values = module.step(params, state, arrays["x"][0])
    assert {array.dtype for array in (*state, *values)} == {np.dtype(np.float32)}


def is_layer(name: str) -> bool:
    """What a layer hands on counts at the last step alone, so that it needs one."""
    return bool(b.load_model(name).outputs)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NAMES)
def test_no_time_steps(name: str, loss: str, style: str) -> None:
    module, arrays = compiled(name, style, loss), drawn(name, steps=0, loss=loss)
    if loss == "sum" and not is_layer(name):
        found = gradients(module, arrays)
        assert all(not np.any(array) for array in found.values())
        expected = gradients(module, drawn(name))
        assert found.keys() == expected.keys()
        return
    with pytest.raises(ValueError, match=NO_STEPS):
        gradients(module, arrays)
    with pytest.raises(ValueError, match=NO_STEPS):
        module.loss(parameters(module, arrays), **arguments(module, arrays))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bidirectional"])
def test_no_time_steps_in_parts(name: str) -> None:
    module, arrays = compiled(name), drawn(name, steps=0)
    for options in ({"window": 2}, {"window": 2, "exact": True}, {"checkpoint": "sqrt"}):
        if is_layer(name):
            with pytest.raises(ValueError, match=NO_STEPS):
                gradients(module, arrays, **options)
            continue
        assert all(not np.any(array) for array in gradients(module, arrays, **options).values())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NAMES)
def test_no_sequences_and_one_time_step(name: str, loss: str, style: str) -> None:
    module = compiled(name, style, loss)
    nothing = gradients(module, drawn(name, sequences=0, loss=loss))
    assert all(not np.any(array) for array in nothing.values())
    one = gradients(module, drawn(name, steps=1, sequences=1, loss=loss))
    assert is_finite(one) and one["loss"] > 0
    other = gradients(compiled(name, "readable", "sum"), drawn(name, steps=1, sequences=1))
    if loss != "last":
        assert difference(one, other) <= 1e-11


def strided(array: Any) -> Any:
    """An equal array whose entries lie apart, some of them backwards."""
    array = np.asarray(array)
    if not array.ndim:
        return array.copy()
    spaced = np.zeros([2 * size for size in array.shape], array.dtype)
    view = spaced[tuple(slice(None, None, -2) for _ in array.shape)]
    view[...] = array
    return view


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_arrays_that_are_not_contiguous_or_read_only(name: str, style: str) -> None:
    module, arrays = compiled(name, style), drawn(name)
    expected = gradients(module, arrays)
    apart = {key: strided(array) for key, array in arrays.items()}
    for array in apart.values():
        array.setflags(write=False)
    assert difference(gradients(module, apart), expected) <= 1e-12
    fortran = {key: np.array(array, order="F") for key, array in arrays.items()}
    assert difference(gradients(module, fortran), expected) <= 1e-12
    assert all(np.array_equal(apart[key], array) for key, array in arrays.items())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_a_number_reaches_the_loss(name: str, style: str) -> None:
    module, arrays = compiled(name, style), drawn(name)
    for key, array in arrays.items():
        if not is_label(array):
            spoiled = np.array(array)
            spoiled[(0,) * array.ndim] = np.nan
            found = gradients(module, arrays | {key: spoiled})
            assert np.isnan(found["loss"]), key


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_array_is_named(name: str, style: str) -> None:
    """One line says which, the shape it has and the shape it should have."""
    module, arrays = compiled(name, style), drawn(name)
    for key, array in arrays.items():
        for wrong in (
            (array[..., None], array[None], array[..., :0], array[0]) if array.ndim else ()
        ):
            with pytest.raises(ValueError) as error:
                gradients(module, arrays | {key: wrong})
            said = str(error.value)
            assert "\n" not in said and "shape (" in said and "not (" in said
        with pytest.raises(ValueError, match=f"^{key} has the shape .*, not "):
            gradients(module, arrays | {key: array[..., None]})
        for wrong in (array.astype(str), array.astype(object)):
            with pytest.raises(ValueError, match=f"^{key} has the type .*, not a number's$"):
                gradients(module, arrays | {key: wrong})
        if key not in module.Parameters._fields:
            with pytest.raises(ValueError, match=f"^{key} has the type .*, not a number's$"):
                gradients(module, arrays | {key: None})


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_arrays_of_different_lengths_are_refused(name: str, style: str) -> None:
    module, arrays = compiled(name, style), drawn(name)
    for key, array in arrays.items():
        if module.SHAPES[key][:1] == ("T",):
            for wrong in (array[1:], np.concatenate([array, array])):
                with pytest.raises(ValueError, match=r"has the shape .*T="):
                    gradients(module, arrays | {key: wrong})


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["elman-character", "elman-column"])
def test_labels_are_whole_numbers_in_range(name: str, style: str) -> None:
    module, arrays = compiled(name, style), drawn(name)
    labels = {key: array for key, array in arrays.items() if is_label(array)}
    assert labels
    for key, array in labels.items():
        for wrong in (array - 10, array + 10, array.astype(float)):
            with pytest.raises(ValueError, match=f"^{key}: labels must be whole numbers from 0 to"):
                gradients(module, arrays | {key: wrong})
        same = gradients(module, arrays | {key: array.astype(np.uint8)})
        assert difference(same, gradients(module, arrays)) == 0


def test_whole_numbers_are_computed_with_as_floats() -> None:
    for style in STYLES:
        module, arrays = compiled("lstm", style), drawn("lstm")
        whole = {key: np.round(4 * array).astype(int) for key, array in arrays.items()}
        floats = {key: array.astype(float) for key, array in whole.items()}
        assert difference(gradients(module, whole), gradients(module, floats)) <= 1e-14


# Digits: what the logistic function and its kin have left far from zero.

GATES = """
[dimensions]
n = "points"
[inputs]
x = ["n"]
u = ["n"]
[parameters]
b = ["n"]
[states]
s = ["n"]
[equations]
f = "sigmoid(x[t] + b)"
g = "sigmoid(u[t])"
alone = "sigmoid(x[t] + b)"
share = "f[t] / (f[t] + g[t])"
root = "sqrt(f[t])"
logarithm = "log(g[t])"
rate = "g[t] ** 0.25"
soft = "softplus(x[t])"
lsig = "log_sigmoid(x[t])"
swish = "silu(x[t])"
s = "0.5 * s[t-1] + share[t] + root[t] + logarithm[t] + rate[t] + soft[t] + lsig[t] + swish[t]"
[loss]
E = "sum(share[t] * s[t] * alone[t])"
"""

POINTS = (0.0, 1e-300, -1e-300, 1.0, -1.0, 20.0, -20.0, 40.0, -40.0, 80.0, -80.0, 700.0, -700.0)


def sigma(z: Any) -> Any:
    return 1 / (1 + mpmath.exp(-z))


REFERENCES = {
    "f": lambda x, u: sigma(x),
    "share": lambda x, u: sigma(x) / (sigma(x) + sigma(u)),
    "root": lambda x, u: mpmath.sqrt(sigma(x)),
    "rate": lambda x, u: sigma(u) ** mpmath.mpf("0.25"),
    "soft": lambda x, u: mpmath.log1p(mpmath.exp(x)),
    "lsig": lambda x, u: -mpmath.log1p(mpmath.exp(-x)),
    "swish": lambda x, u: x * sigma(x),
}
"""What each equation is, of x and u."""


def gates_at(points: Any, style: Any, dtype: Any) -> tuple[Any, Arrays, Arrays]:
    """The module of the gates with its arguments: each point beside each other."""
    module = b.compile(parse_model(GATES, "gates"), style=style)
    x, u = (grid.ravel().astype(dtype) for grid in np.meshgrid(points, points))
    n = len(x)
    arrays = {"b": np.zeros(n, dtype), "s0": np.zeros((1, n), dtype)}
    arrays |= {"x": x[None, None], "u": u[None, None]}
    return module, arrays, forward(module, arrays)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gates_keep_their_digits_far_from_zero(dtype: Any, style: str) -> None:
    """A few units in the last place, wherever the value itself is a number of the type."""
    limits = np.finfo(dtype)
    points = [z for z in POINTS if abs(z) <= -np.log(limits.tiny)]
    _, arrays, found = gates_at(points, style, dtype)
    with mpmath.workdps(400):
        for name, reference in REFERENCES.items():
            values = found[name].ravel()
            for x, u, value in zip(arrays["x"].ravel(), arrays["u"].ravel(), values, strict=True):
                exact = reference(mpmath.mpf(float(x)), mpmath.mpf(float(u)))
                if abs(exact) >= limits.tiny:
                    error = abs(mpmath.mpf(float(value)) - exact) / abs(exact)
                    assert error <= 8 * limits.eps, (name, x, u)
                else:
                    assert abs(value) <= limits.tiny


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_derivative_of_a_quotient_of_gates_keeps_its_digits(dtype: Any, style: str) -> None:
    """d/dx f / (f + g) = f g (1 - f) / (f + g)^2, where a complex step and the gradient agree."""
    text = GATES.replace('s = "0.5 * s[t-1] + share[t]', 's = "0.5 * s[t-1]')
    text = text[: text.index("[loss]")] + '[loss]\nE = "sum(share[t])"\n'
    module = b.compile(parse_model(text, "gates"), style=style)
    _, arrays, _ = gates_at([z for z in POINTS if abs(z) <= 40 and z <= 1], style, dtype)
    slopes = gradients(module, arrays)["b"]
    with mpmath.workdps(400):
        for x, u, slope in zip(arrays["x"].ravel(), arrays["u"].ravel(), slopes, strict=True):
            f, g = (sigma(mpmath.mpf(float(z))) for z in (x, u))
            exact = f * g * (1 - f) / (f + g) ** 2
            # The rule subtracts f / (f + g) from 1: the error is small beside the larger of both.
            assert abs(mpmath.mpf(float(slope)) - exact) <= 16 * np.finfo(dtype).eps * (1 - f)
    if dtype is np.float64:
        for k in range(0, slopes.size, 7):
            moved = arrays["b"].astype(complex)
            moved[k] += 1e-30j
            params = parameters(module, arrays | {"b": moved})
            step = module.loss(params, **arguments(module, arrays)).imag / 1e-30
            assert abs(step - slopes[k]) <= 1e-14


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gates_that_are_both_shut_have_a_ratio(dtype: Any, style: str) -> None:
    """The minLSTM with both gates' arguments at -40, or -80: each is half of their sum."""
    module = compiled("minlstm", style)
    for z in (-20, -40, -80):
        one = np.ones((1, 1), dtype)
        params = module.Parameters(W_f=z * one, W_i=z * one, W_h=one, V=one)
        arrays = {"x": one[None], "d": one[None], "h0": 0 * one}
        value, by_parameters, by_states, *_ = module.value_and_grad(params, **arrays)
        assert value == 0.25
        assert by_states.h0 == -0.5
        assert np.all(np.isfinite(by_parameters))
        assert np.allclose(np.ravel(by_parameters), [0.25, -0.25, -0.5, -0.5])


@pytest.mark.parametrize("style", STYLES)
def test_a_thousand_overflows_nowhere(style: str) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):  # log(0) and 0 / 0 are what they are
        for dtype in (np.float64, np.float32):
            _, arrays, found = gates_at([-1000.0, 0.0, 1000.0], style, dtype)
            x = arrays["x"].ravel()
            assert np.array_equal(found["f"].ravel(), np.where(x < 0, 0, np.where(x > 0, 1, 0.5)))
            soft = np.where(x > 0, x, dtype(np.log(2)) * (x == 0))
            assert np.array_equal(found["soft"].ravel(), soft)


@pytest.mark.parametrize("name", ["lstm", "gru", "lstm-peephole", "mgu", "mingru", "sru"])
def test_gates_of_which_no_digits_are_wanted_take_the_fast_form(name: str) -> None:
    """One call of tanh; their error is small beside 1, and only sums and products read them."""
    shared = program_text(b.load_model(name), after="share")
    assert "squash(" in shared and "exp(" not in shared and "sigmoid(" not in shared
    wanted = program_text(b.load_model("minlstm"), after="share")
    assert "squash(" not in wanted and "exp(min(" in wanted


@pytest.mark.parametrize("name", ["lstm", "gru", "mgu"])
def test_the_fast_form_has_an_error_small_beside_one(name: str) -> None:
    arrays = each(drawn(name), lambda array: 40 * array)
    fast, readable = (forward(compiled(name, style), arrays) for style in STYLES)
    for key, values in fast.items():
        size = max(np.max(np.abs(values)), 1)
        assert np.max(np.abs(values - readable[key])) <= 1e-11 * size


# Comparisons with what is not a number.

COMPARED = """
[dimensions]
n = "points"
[inputs]
x = ["n"]
u = ["n"]
[parameters]
a = ["n"]
b = ["n"]
[states]
s = ["n"]
[equations]
s = "0 * s[t-1] + where(x[t] {sign} u[t], 1 * a, 2 * b)"
[loss]
E = "sum(s[t])"
"""


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("sign", [">", ">=", "<", "<="])
def test_a_comparison_with_what_is_not_a_number_does_not_hold(sign: str, style: str) -> None:
    module = b.compile(parse_model(COMPARED.replace("{sign}", sign), "compared"), style=style)
    points = [-1.0, 0.0, 1.0, np.inf, -np.inf, np.nan]
    x, u = (grid.reshape(1, 1, -1) for grid in np.meshgrid(points, points))
    n = x.size
    arrays = {"x": x, "u": u, "a": np.ones(n), "b": np.ones(n), "s0": np.zeros((1, n))}
    holds = {">": x > u, ">=": x >= u, "<": x < u, "<=": x <= u}[sign].ravel()
    assert np.array_equal(forward(module, arrays)["s"].ravel(), np.where(holds, 1, 2))
    found = gradients(module, arrays)
    assert np.array_equal(found["a"], np.where(holds, 1, 0))
    assert np.array_equal(found["b"], np.where(holds, 0, 2))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("sign", "holds"), [(">", True), (">=", True), ("<", False), ("<=", False)]
)
def test_numbers_are_compared_too(sign: str, holds: bool, style: str) -> None:
    text = COMPARED.replace("x[t] {sign} u[t]", f"2 {sign} 1")
    module = b.compile(parse_model(text, "compared"), style=style)
    arrays = draw(module, {"n": 3, "T": 2, "B": 2})
    found = gradients(module, arrays)
    assert np.array_equal(found["a"], np.full(3, 4.0 * holds))
    assert np.array_equal(found["b"], np.full(3, 8.0 * (not holds)))
