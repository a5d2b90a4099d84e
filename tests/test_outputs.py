"""A layer: a model whose outputs the layer above gives error signals, in the place of a loss."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model
from tests.support.running import draw, parameters, sizes_of

HEAD = """
[dimensions]
m = "inputs"
n = "units"
k = "classes"
[inputs]
x = ["m"]
"""
PARAMETERS = """
[parameters]
U = ["m", "n"]
W = ["n", "n"]
V = ["n", "k"]
[states]
s = ["n"]
[equations]
s = "tanh(x[t] @ U + s[t-1] @ W)"
y = "s[t] @ V"
"""
LAYER = f'outputs = ["s", "y"]\n{HEAD}{PARAMETERS}'
LOSS = '[loss]\nE = "sum((d[t] - sin(y[t])) ** 2) + sum(q * s[t] ** 2)"'
WITH_LOSS = f'{HEAD}q = {{shape = ["n"], once = true}}\n[targets]\nd = ["k"]\n{PARAMETERS}{LOSS}'

STYLES = pytest.mark.parametrize("style", ["readable", "fast"])


def lines(model: b.Model, **options: Any) -> list[str]:
    text = b.derive(model, steps=2, level="adjoint", **options).text()
    return [line.partition(")  ")[2].strip() for line in text.splitlines()]


def drawn(module: ModuleType, model: b.Model, seed: int = 0) -> tuple[Any, dict[str, Any]]:
    arrays = draw(module, sizes_of(model), seed)
    params = parameters(module, arrays)
    return params, {name: arrays[name] for name in arrays if name not in params._fields}


def gradients(found: Any) -> dict[str, Any]:
    parts = (found[0], found.initial, found.inputs)
    return {name: array for part in parts for name, array in part._asdict().items()}


def of_result(result: Any) -> dict[str, Any]:
    return gradients(result._replace(value=result.gradients))


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-9, atol=1e-11, err_msg=name)


# The derivation.


def test_the_derivation_starts_from_the_error_signals():
    found = lines(parse_model(LAYER))
    assert "δy₂ = Δ_{y,2}" in found
    assert "δs₂ = δy₂ Vᵀ + Δ_{s,2}" in found
    assert "δs₁ = δy₁ Vᵀ + Δ_{s,1} + δz_{s,2} Wᵀ" in found
    assert "∂E/∂U = Σₜ₌₁ᴺ xₜᵀ δz_{s,t}" in found


def test_it_says_what_is_given():
    model = parse_model(LAYER)
    assert (
        "Loss: E is that of the layer above; its immediate derivatives with respect to sₜ and yₜ "
        "are given: Δ_{s,t} and Δ_{y,t}. E has the gradients of Σₜ₌₁³ Eₜ, in which Δ_{s,t} and "
        "Δ_{y,t} are held constant." in " ".join(b.derive(model).text(width=10**4).split())
    )
    one = parse_model(LAYER.replace('"s", "y"', '"s"'))
    given = r"its immediate derivative with respect to $\bar{s}_{t}$ is given: $\bar{\Delta}_{s,t}$"
    assert given in b.derive(one).latex()
    notes = b.notes(one).markdown()
    assert given in notes
    assert r"error signal $\bar{\Delta}_{s,t}$" in notes


def test_every_loss_is_the_sum_that_stands_in():
    model = parse_model(LAYER)
    assert b.derive(model, loss="mean").data() == b.derive(model).data()
    assert b.derive(model).data()["loss"] == "sum"
    kinds = {
        entry["name"]: entry["kind"] for entry in b.derive(model).data()["model"]["declarations"]
    }
    assert (kinds["Delta_s"], kinds["Delta_y"]) == ("signal", "signal")


@pytest.mark.parametrize("shape", ["[]", '["n"]', '["n", "n"]', '["H", "n", "n"]'])
@pytest.mark.parametrize("vectors", ["rows", "columns"])
def test_outputs_of_any_shape(shape, vectors):
    model = parse_model(
        f"""
outputs = ["S"]
vectors = "{vectors}"
[dimensions]
n = "units"
H = "heads"
[inputs]
x = {shape}
[parameters]
a = {shape}
r = ["H"]
[states]
S = {shape}
[equations]
S = "sum(r) * tanh(a * x[t] + S[t-1])"
"""
    )
    for level in ("chain", "jacobian", "adjoint"):
        assert b.derive(model, level=level).text()
    assert b.verify(model).holds
    assert b.verify(b.compile(model, style="readable")).holds


# Modules.


@STYLES
def test_a_module_says_what_its_loss_stands_for(style):
    head = " ".join(b.generate(parse_model(LAYER), style=style).split('"""')[1].split())
    assert "the loss of the layer above, which gives Delta_{s,t}, Delta_{y,t}: while" in head
    assert "the layer above" not in b.generate(b.load_model("elman"), style=style)


@STYLES
def test_backward_carries_a_loss_above_to_everything_below(style):
    """The gradients of a model with a loss are those of its layer under the loss's derivatives."""
    layer, whole = parse_model(LAYER), parse_model(WITH_LOSS)
    module, other = b.compile(layer, style=style), b.compile(whole, style=style)
    params, given = drawn(other, whole)
    expected = of_result(other.value_and_grad(params, **given, inputs=True))
    above = {"q": expected.pop("q")}
    values = module.forward(params, given["x"], given["s0"])
    errors = given["d"] - np.sin(values.y)
    signals = module.Outputs(s=2 * given["q"] * values.s, y=-2 * errors * np.cos(values.y))
    assert_same(gradients(module.backward(params, values, signals)), expected)
    assert_same({"q": np.sum(values.s**2, axis=0)}, above)


@STYLES
def test_parts_of_a_sequence_hand_back_what_the_whole_does(style):
    model = b.load_model("lstm-layer")
    module = b.compile(model, style=style)
    params, given = drawn(module, model)
    x, h0, c0, signal = (given[name] for name in ("x", "h0", "c0", "Delta_h"))
    whole = module.backward(params, module.forward(params, x, h0, c0), {"h": signal})
    first = module.forward(params, x[:2], h0, c0)
    second = module.forward(params, x[2:], first.h[-1], first.c[-1])
    later = module.backward(params, second, {"h": signal[2:]})
    final = module.State(h=later.initial.h0, c=later.initial.c0)
    earlier = module.backward(params, first, {"h": signal[:2]}, final)
    total = {
        name: array + getattr(later.parameters, name)
        for name, array in earlier.parameters._asdict().items()
    }
    assert_same(total, whole.parameters._asdict())
    assert_same(earlier.initial._asdict(), whole.initial._asdict())
    joined = np.concatenate([earlier.inputs.x, later.inputs.x])
    assert_same({"x": joined}, whole.inputs._asdict())


@STYLES
def test_two_layers_are_the_model_of_both(style):
    above = b.compile(parse_model(LAYER), style=style)
    text = (
        'outputs = ["s", "y"]\n'
        + HEAD
        + """
[parameters]
A = ["m", "n"]
R = ["n", "n"]
U = ["n", "n"]
W = ["n", "n"]
V = ["n", "k"]
[states]
h = ["n"]
s = ["n"]
[equations]
h = "tanh(x[t] @ A + h[t-1] @ R)"
s = "tanh(h[t] @ U + s[t-1] @ W)"
y = "s[t] @ V"
"""
    )
    both = parse_model(text)
    single = (
        'outputs = ["h"]\n'
        + HEAD.replace('k = "classes"\n', "")
        + (
            '[parameters]\nA = ["m", "n"]\nR = ["n", "n"]\n[states]\nh = ["n"]\n[equations]\n'
            'h = "tanh(x[t] @ A + h[t-1] @ R)"\n'
        )
    )
    below, whole = b.compile(parse_model(single), style=style), b.compile(both, style=style)
    params, given = drawn(whole, both)
    expected = whole.backward(
        params,
        whole.forward(params, given["x"], given["h0"], given["s0"]),
        {"s": given["Delta_s"], "y": given["Delta_y"]},
    )
    p, q = (
        m.Parameters(*(getattr(params, n) for n in m.Parameters._fields)) for m in (below, above)
    )
    first = below.forward(p, given["x"], given["h0"])
    second = above.forward(q, first.h, given["s0"])
    from_above = above.backward(q, second, {"s": given["Delta_s"], "y": given["Delta_y"]})
    found = below.backward(p, first, {"h": from_above.inputs.x})
    assert_same(found.inputs._asdict(), expected.inputs._asdict())
    assert_same(
        found.parameters._asdict() | from_above.parameters._asdict(),
        expected.parameters._asdict(),
    )


@STYLES
def test_backward_may_be_called_again_and_leaves_values_as_they_are(style):
    model = parse_model(LAYER)
    module = b.compile(model, style=style)
    params, given = drawn(module, model)
    values = module.forward(params, given["x"], given["s0"])
    before = [np.array(array) for array in (values.s, values.y)]
    signals = {"s": given["Delta_s"], "y": given["Delta_y"]}
    found = gradients(module.backward(params, values, signals))
    twice = {name: 2 * array for name, array in signals.items()}
    doubled = gradients(module.backward(params, values, twice))
    assert_same({name: array / 2 for name, array in doubled.items()}, found)
    for array, kept in zip((values.s, values.y), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert_same(gradients(module.backward(params, copy.deepcopy(values), signals)), found)


def test_a_workspace_serves_any_number_of_passes():
    model = parse_model(LAYER)
    module = b.compile(model)
    params, given = drawn(module, model)
    _, other = drawn(module, model, seed=1)
    sizes = sizes_of(model)
    work = module.Workspace(
        sizes["T"], sizes["B"], module.Dimensions(sizes["m"], sizes["n"], sizes["k"])
    )
    signals = {"s": given["Delta_s"], "y": given["Delta_y"]}
    expected = gradients(
        module.backward(params, module.forward(params, given["x"], given["s0"]), signals)
    )
    values = module.forward(params, given["x"], given["s0"], workspace=work)
    module.forward(params, other["x"], other["s0"], workspace=work)
    assert_same(gradients(module.backward(params, values, signals)), expected)
    module.value_and_grad(params, **other, workspace=work)
    assert_same(gradients(module.backward(params, values, signals)), expected)


@STYLES
def test_complex_error_signals(style):
    model = parse_model(LAYER)
    module = b.compile(model, style=style)
    params, given = drawn(module, model)
    values = module.forward(params, given["x"], given["s0"])
    signals = {"s": given["Delta_s"], "y": given["Delta_y"]}
    turned = {name: array * 1j for name, array in signals.items()}
    found = gradients(module.backward(params, values, turned))
    expected = gradients(module.backward(params, values, signals))
    assert_same({name: array / 1j for name, array in found.items()}, expected)


@STYLES
def test_what_is_no_error_signal_is_refused(style):
    model = parse_model(LAYER)
    module = b.compile(model, style=style)
    params, given = drawn(module, model)
    values = module.forward(params, given["x"], given["s0"])
    signals = {"s": given["Delta_s"], "y": given["Delta_y"]}
    with pytest.raises(ValueError, match="d_outputs must have s, y"):
        module.backward(params, values, {"s": signals["s"]})
    with pytest.raises(ValueError, match="d_outputs has s, y, not s, z"):
        module.backward(params, values, {"s": signals["s"], "z": signals["y"]})
    with pytest.raises(TypeError, match="d_outputs must be a tuple of this module or a mapping"):
        module.backward(params, values, signals["s"])
    with pytest.raises(ValueError, match="Delta_s has the shape"):
        module.backward(params, values, {**signals, "s": signals["s"][:1]})
    with pytest.raises(ValueError, match="d_final has s, not y"):
        module.backward(params, values, signals, {"y": signals["y"][0]})
    if style == "fast":
        state = module.initial_state(params, sizes_of(model)["B"], given["s0"])
        _, one = module.step(params, state, given["x"][0])
        with pytest.raises(ValueError, match="not for a single step"):
            module.backward(params, one, signals)


# What a model file may say.


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("[]", "'outputs' is a list of names"),
        ('"s"', "'outputs' is a list of names"),
        ("[1]", "'outputs' is a list of names"),
        ('["q"]', "the output 'q' has no equation"),
        ('["x"]', "the output 'x' has no equation"),
        ('["s", "s"]', "the output 's' is listed twice"),
    ],
)
def test_what_is_no_output_is_refused(outputs, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_model(LAYER.replace('["s", "y"]', outputs), file="layer.toml")
    assert str(caught.value.place).startswith("layer.toml:1:")


def test_a_model_has_outputs_or_a_loss():
    with pytest.raises(InputError, match="or a loss, not both"):
        parse_model(LAYER + '[loss]\nE = "sum(y[t])"')
    with pytest.raises(InputError, match=r"\[loss\] is missing or empty.*outputs"):
        parse_model(LAYER.replace('outputs = ["s", "y"]', ""))


def test_names_of_the_model_come_first():
    text = LAYER.replace("U", "Delta_s").replace("V", "E")
    model = parse_model(text)
    assert model.outputs == {"s": "Delta_s2", "y": "Delta_y"}
    assert model.loss.name == "L"
    assert b.verify(model).holds


def test_error_signals_of_names_that_are_alike_are_apart():
    text = LAYER.replace('"s", "y"', '"s_1", "s1"').replace("s[t", "s_1[t").replace("y = ", "s1 = ")
    model = parse_model(text.replace('s = ["n"]', 's_1 = ["n"]').replace('s = "', 's_1 = "'))
    assert model.outputs == {"s_1": "Delta_s1", "s1": "Delta_s12"}


def test_a_cell_as_a_function_has_outputs():
    @b.cell(
        outputs=["s"],
        dimensions={"n": "units"},
        inputs={"x": ["n"]},
        parameters={"W": ["n", "n"]},
        states={"s": ["n"]},
    )
    def layer(c, t):
        c.s = c.tanh(c.x[t] + c.s[t - 1] @ c.W)

    assert layer.outputs == {"s": "Delta_s"}
    assert b.verify(layer).holds
