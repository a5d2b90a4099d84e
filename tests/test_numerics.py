"""Generated modules at the edges: saturation, single precision, empty arrays, wrong arguments."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from running import Arrays, arguments, difference, draw, forward, gradients, parameters, sizes_of

import bptt_sym as b
from bptt_sym.derivation.derivation import LOSSES

NAMES = b.model_names()
STYLES = ["fast", "readable"]

NO_STEPS = r"^the loss needs one time step or more$"

ZERO_DIVISION = {"linear-attention", "minlstm"}
"""They divide by sums of elu(z) + 1 and of gates, which are 0 where all arguments are negative."""


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
    if name in ZERO_DIVISION:
        arrays, scales = each(arrays, np.abs), (1000, 500)
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


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NAMES)
def test_no_time_steps(name: str, loss: str, style: str) -> None:
    module, arrays = compiled(name, style, loss), drawn(name, steps=0, loss=loss)
    if loss == "sum":
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
