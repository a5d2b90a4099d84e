"""A stream that is cut into pieces, each of which begins where the one before it ended."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import model_of
from support.running import Arrays, arguments, difference, draw, forward, parameters, sizes_of

import bptt_sym as b
from bptt_sym.model.read import parse_model

STYLES, STEPS = ("fast", "readable"), 8

ONWARD = [
    *(name for name in b.model_names() if name != "bidirectional"),
    *("lag-two", "learned-start", "mlstm", "qrnn", "rwkv", "rwkv-channel", "slstm", "time-delay"),
]


@cache
def compiled(name: str, style: Any, masked: bool = False) -> Any:
    return b.compile(model_of(name), style=style, masked=masked)


def handed_on(model: b.Model) -> list[str]:
    return [e.name for e in model.declarations if e.kind == "state" or model.depth(e.name)]


CARRIED = [
    name
    for name in ONWARD
    if all(model_of(name).declaration(e).initial is None for e in handed_on(model_of(name)))
]
"""The models whose calls take all that a State holds."""


def result(module: Any, arrays: Arrays, **options: Any) -> Any:
    given = arguments(module, arrays)
    return module.value_and_grad(parameters(module, arrays), **given, **options)


def piece(module: Any, arrays: Arrays, begin: int, end: int) -> Arrays:
    """The arrays of some steps; what a layer is told of the last state counts in the last piece."""
    found = {
        name: array[begin:end] if module.SHAPES[name][:1] == ("T",) else array
        for name, array in arrays.items()
    }
    if end < STEPS:
        found |= {name: np.zeros_like(array) for name, array in found.items() if name[:2] == "D_"}
    return found


def begun(module: Any, arrays: Arrays, state: Any) -> Arrays:
    """Arrays that begin with a State."""
    starts = {f"{field}_0" if "_" in field else f"{field}0": field for field in state._fields}
    assert starts.keys() <= arrays.keys()
    return arrays | {name: getattr(state, field) for name, field in starts.items()}


def states(model: b.Model, state: Any) -> Arrays:
    """The states alone: what an input holds behind the end of its sequence does not matter."""
    names = {entry.name for entry in model.declared("state")}
    return {name: array for name, array in state._asdict().items() if name in names}


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(CARRIED),
    st.sampled_from(STYLES),
    st.booleans(),
    st.sets(st.integers(1, 7), max_size=3),
    st.integers(0, 99),
)
def test_pieces_of_a_stream_have_the_loss_of_the_whole(
    name: str, style: str, masked: bool, cuts: set[int], seed: int
) -> None:
    model, module = model_of(name), compiled(name, style, masked)
    arrays = draw(module, sizes_of(model, 8, 2), seed)
    whole = result(module, arrays)
    ends = [*sorted(cuts), 8]
    total, start = 0.0, arrays
    for begin, end in zip([0, *ends], ends, strict=False):
        found = result(module, piece(module, start, begin, end))
        total += found.value
        start = begun(module, arrays, found.final)
    assert total == pytest.approx(whole.value, rel=1e-11)
    assert difference(states(model, found.final), states(model, whole.final)) <= 1e-11


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(ONWARD),
    st.sampled_from([{}, {"window": 2}, {"window": 3, "exact": True}, {"checkpoint": 2}]),
    st.booleans(),
    st.sets(st.integers(1, 7), max_size=3),
    st.integers(0, 99),
)
def test_pieces_may_begin_with_the_state_itself(
    name: str, options: dict[str, Any], masked: bool, cuts: set[int], seed: int
) -> None:
    """Also where the model file says how a sequence begins."""
    model, module = model_of(name), compiled(name, "fast", masked)
    arrays = draw(module, sizes_of(model, 8, 2), seed)
    whole = result(module, arrays)
    ends = [*sorted(cuts), 8]
    total, start = 0.0, None
    for begin, end in zip([0, *ends], ends, strict=False):
        found = result(module, piece(module, arrays, begin, end), start=start, **options)
        total, start = total + found.value, found.final
    assert total == pytest.approx(whole.value, rel=1e-11)
    assert difference(states(model, start), states(model, whole.final)) <= 1e-11


@pytest.mark.parametrize("name", ["lstm", "learned-start", "mlstm", "lag-two"])
def test_the_gradient_of_a_piece_is_that_of_a_chunk(name: str) -> None:
    """What a loss owes to a step before the piece is dropped, a learned start among it."""
    model, module = model_of(name), compiled(name, "fast")
    arrays = draw(module, sizes_of(model, 6, 2))
    first = result(module, piece(module, arrays, 0, 3))
    second = result(module, piece(module, arrays, 3, 6), start=first.final)
    chunks = result(module, arrays, window=3).gradients
    total = {
        key: array + getattr(second.gradients, key)
        for key, array in first.gradients._asdict().items()
    }
    assert difference(chunks._asdict(), total) <= 1e-12


@pytest.mark.parametrize("name", ["elman", "lstm", "lag-two", "rwkv", "learned-start", "stacked"])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_both_styles_and_all_ways_end_in_the_same_state(name: str, steps: int) -> None:
    """The last of the forward pass, or what was there before where there is no step."""
    model, module = model_of(name), compiled(name, "fast")
    arrays = draw(module, sizes_of(model, steps, 2))
    params, given = parameters(module, arrays), arguments(module, arrays)
    final = module.value_and_grad(params, **given).final._asdict()
    other = compiled(name, "readable").value_and_grad(tuple(params), **given).final._asdict()
    assert difference(final, other) <= 1e-12
    for options in ({"window": 2}, {"window": 2, "exact": True}, {"checkpoint": 2}):
        found = module.value_and_grad(params, **given, **options).final._asdict()
        assert difference(found, final) <= 1e-12
    values = forward(module, arrays)
    for field, array in final.items():
        if steps > 1 and field in values:
            assert np.allclose(np.reshape(array, (-1, *values[field].shape[1:]))[-1],
                               values[field][-1], rtol=1e-12)  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_a_step_goes_on_from_the_state_behind_the_last_step(style: str) -> None:
    model, module, other = model_of("lstm"), compiled("lstm", "fast"), compiled("lstm", style)
    arrays = draw(module, sizes_of(model, 5, 2))
    params = parameters(module, arrays)
    final = result(other, piece(module, arrays, 0, 4)).final
    _, values = module.step(params, module.State(*final), arrays["x"][4])
    last = {name: array[4] for name, array in forward(module, arrays).items()}
    assert difference(values._asdict(), last) <= 1e-12


def test_a_state_may_be_called_like_the_first_value_of_another():
    """A step has the same names for what it takes and returns as the module around it."""
    model = parse_model("""
dimensions = {m = "", n = ""}
inputs = {x = ["m"]}
states = {s = ["n"], s0 = ["n"]}
parameters = {U = ["m", "n"], W = ["n", "n"]}
loss = {E = "sum(s[t] ** 2)"}
[equations]
s = "tanh(x[t] @ U + s0[t-1] @ W)"
s0 = "sigmoid(s[t] - s[t-1])"
""")
    module: Any = b.compile(model)
    arrays = draw(module, sizes_of(model, 1, 2))
    params, first = parameters(module, arrays), [arrays[name] for name in ("s0", "s00")]
    state, values = module.step(params, module.State(*first), arrays["x"][0])
    assert difference(values._asdict(), {n: a[0] for n, a in forward(module, arrays).items()}) == 0
    assert np.array_equal(state.s, values.s)


@pytest.mark.parametrize("style", STYLES)
def test_what_runs_in_reverse_is_not_carried_on(style: str) -> None:
    module = compiled("bidirectional", style)
    model = model_of("bidirectional")
    onward = tuple(e.name for e in model.declared("state") if not e.reverse)
    arrays = draw(module, sizes_of(model, 4, 2))
    found = result(module, arrays)
    assert found._fields == ("value", "gradients", "initial", "final", "inputs")
    assert found.final._fields == module.State._fields == onward
    for name in onward:
        assert np.array_equal(getattr(found.final, name), forward(module, arrays)[name][-1])
