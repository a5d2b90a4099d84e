"""Every cell that ships, and a corpus of published ones, derives, prints, emits and verifies."""

from __future__ import annotations

import numpy as np
import pytest
from support.cell_values import (
    CellValues,
    assert_inputs,
    assert_loss,
    assert_products,
    assert_recursion,
    draw,
)
from support.cells import CELLS, CORPUS, deepest, name_of

import bptt_sym as b
from bptt_sym.api import model_text

STEPS = 3


@pytest.fixture(params=CELLS, ids=name_of)
def cell(request):
    return b.load_model(request.param)


def test_a_cell_cites_its_source(cell):
    assert cell.source
    assert f"Source: {cell.source}" in model_text(cell)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_a_cell_derives_and_prints(cell, level, loss):
    """The equation for N steps of each parameter stands in text, LaTeX and JSON."""
    derivation = b.derive(cell, steps=2, level=level, loss=loss)
    shown, latex, label = derivation.text(), derivation.latex(), cell.loss.name
    # The loss of a layer is that of all steps, whatever is asked for.
    at_last = (loss == "last" and not cell.outputs) or cell.ends
    label += "_N" if at_last else "_1..N"
    for parameter in cell.parameters:
        assert f"∂{cell.total}{'_N' if at_last and not cell.added else ''}/∂" in shown
        lines = {
            derivation.line(equation).meaning
            for equation in derivation.equations
            if equation.meaning[-2:] == (label, parameter) and equation.meaning[0] != "shape"
        }
        assert lines
        assert all(f":{':'.join(line)}}}" in latex for line in lines)
    assert derivation.json()


@pytest.mark.one_in(4)
@pytest.mark.parametrize("loss", ["sum", "last"])
def test_a_cell_verifies(cell, loss):
    report = b.verify(cell, loss=loss)
    assert report.holds, [(check.name, check.method, check.error) for check in report.failures]


@pytest.mark.parametrize("name", ["lstm", "linear-attention", "bidirectional", "stacked"])
def test_a_masked_cell_verifies(name):
    for loss in ("sum", "last"):
        assert b.verify(b.load_model(name), loss=loss, masked=True).holds


def test_every_cell_has_one_line_of_description():
    for name in b.model_names():
        assert b.load_model(name).description.endswith(".")


# What is derived, with numbers put in, is the gradient of the emitted module.


@pytest.fixture(params=["last", "sum", "mean"])
def values(cell, request):
    sizes = {entry.name: 2 + k for k, entry in enumerate(cell.dimensions)}
    return CellValues(cell, max(STEPS, 2 * deepest(cell)), request.param, sizes)


def test_the_equations_give_the_loss_of_the_module(values):
    assert_loss(values)


@pytest.mark.one_in(2)
def test_the_recursion_gives_every_gradient(values):
    assert_recursion(values)


@pytest.mark.one_in(2)
def test_the_recursion_gives_the_gradient_of_every_input(values):
    assert_inputs(values)


@pytest.mark.one_in(3)
def test_the_products_give_every_gradient(values):
    assert_products(values)


# Cells that say the same in two ways, and one against the formula of its paper.


def drawn(model):
    """A module with its parameters and its arguments, for five steps of two sequences."""
    module = b.compile(model)
    sizes = {entry.name: 3 + k for k, entry in enumerate(model.dimensions)}
    arrays = draw(module, sizes | {"T": 5, "B": 2})
    params = module.Parameters(*(arrays.pop(name) for name in module.Parameters._fields))
    return module, params, arrays


def shipped_or_not(name):
    return b.load_model(next((path for path in CORPUS if path.stem == name), name))


def test_the_stabiliser_of_slstm_cancels():
    """Its gradient may be stopped: every gradient stays what it is."""
    module, params, given = drawn(shipped_or_not("slstm"))
    stopped = b.compile(shipped_or_not("slstm-stopped"))
    value, gradients, *_ = module.value_and_grad(params, **given)
    other, others, *_ = stopped.value_and_grad(stopped.Parameters(*params), **given)
    assert value == pytest.approx(other, rel=1e-14)
    for one, two in zip(gradients, others, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-10, atol=1e-12)


def test_lstm_whose_gates_see_one_column_is_lstm():
    module, params, given = drawn(b.load_model("lstm"))
    joined = b.compile(shipped_or_not("lstm-joined"))
    weights = {"V": params.V.T}
    for gate, ours in (("i", "i"), ("f", "f"), ("g", "C"), ("o", "o")):
        recurrent, incoming = (getattr(params, f"W_{side}{gate}") for side in "hi")
        weights[f"W_{ours}"] = np.concatenate([recurrent, incoming]).T
        weights[f"b_{ours}"] = getattr(params, f"b_h{gate}") + getattr(params, f"b_i{gate}")
    given["C0"] = given.pop("c0")
    same = joined.value_and_grad(joined.Parameters(**weights), **given)
    given["c0"] = given.pop("C0")
    value, gradients, states, *_ = module.value_and_grad(params, **given)
    assert same[0] == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(same[1].W_C.T[-len(params.W_ig) :], gradients.W_ig, rtol=1e-10)
    np.testing.assert_allclose(same[1].b_f, gradients.b_hf, rtol=1e-10)
    np.testing.assert_allclose(same[2].C0, states.c0, rtol=1e-10)


def test_the_stable_form_of_rwkv_is_its_formula():
    """wkv = (sum of e^(k_i - (t-1-i) w) v_i + e^(u + k_t) v_t) over the same without v."""
    module, params, given = drawn(shipped_or_not("rwkv"))
    x = np.concatenate([given["x0"][None], given["x"]])

    def mixed(mu, weights):
        return (mu * x[1:] + (1 - mu) * x[:-1]) @ weights

    k, v = mixed(params.mu_k, params.W_k), mixed(params.mu_v, params.W_v)
    r, decay = mixed(params.mu_r, params.W_r), np.exp(params.w)
    loss = 0
    for t in range(len(k)):
        lags = t - 1 - np.arange(t)[:, None, None]
        weights = np.concatenate([np.exp(k[:t] - lags * decay), np.exp(params.u + k[t])[None]])
        wkv = np.sum(weights * v[: t + 1], axis=0) / np.sum(weights, axis=0)
        y = (wkv / (1 + np.exp(-r[t]))) @ params.W_o @ params.V
        loss += np.sum((given["d"][t] - y) ** 2)
    assert module.loss(params, **given) == pytest.approx(loss, rel=1e-12)
