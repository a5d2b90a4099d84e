"""Every cell that ships, and a corpus of published ones, derives, prints, emits and verifies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cell_values import CellValues

import bptt_sym as b
from bptt_sym.api import model_text

CORPUS = sorted((Path(__file__).parent / "cells").glob("*.toml"))

CELLS = [*b.model_names(), *CORPUS]

STEPS = 3


@pytest.fixture(params=CELLS, ids=lambda cell: cell.stem if isinstance(cell, Path) else cell)
def cell(request):
    return b.load_model(request.param)


def test_a_cell_cites_its_source(cell):
    assert cell.source
    assert f"Source: {cell.source}" in model_text(cell)


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_a_cell_derives_and_prints(cell, level, loss):
    """The equation for N steps of each parameter stands in text, LaTeX and JSON."""
    derivation = b.derive(cell, steps=2, level=level, loss=loss)
    shown, latex, label = derivation.text(), derivation.latex(), cell.loss.name
    label += "_N" if loss == "last" else "_1..N"
    for parameter in cell.parameters:
        assert f"∂{cell.loss.name}{'_N' if loss == 'last' else ''}/∂" in shown
        assert f":{label}:{parameter}}}" in latex
    assert derivation.json()


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
    return CellValues(cell, STEPS, request.param, sizes)


def assert_gradients(found, values):
    """Each gradient that is found is that of the module."""
    loss, expected = values.expected()
    for by, gradient in found.items():
        if by in expected:  # an initial value that is a number has none
            scale = max(np.max(np.abs(expected[by])), 1e-6 * abs(loss))
            difference = np.reshape(gradient, expected[by].shape) - expected[by]
            assert np.max(np.abs(difference)) <= 1e-9 * scale, by


def test_the_equations_give_the_loss_of_the_module(values):
    variable = values.model.loss.variable
    steps = [STEPS] if values.loss == "last" else range(1, STEPS + 1)
    loss = sum(values[variable.at(time)].item() for time in steps)
    loss /= STEPS if values.loss == "mean" else 1
    assert loss == pytest.approx(values.expected()[0], rel=1e-12)


def test_the_recursion_gives_every_gradient(values):
    derivation = b.derive(values.model, steps=STEPS, level="adjoint", loss=values.loss)
    _, expected = values.expected()
    for general in (False, True):
        found = values.adjoints(derivation, general=general)
        assert found.keys() >= expected.keys()
        assert_gradients(found, values)


def test_the_products_give_every_gradient(values):
    """Chains of few factors, so that total derivatives are abbreviated."""
    options = {"steps": STEPS, "loss": values.loss, "most_factors": 4}
    matrices = b.derive(values.model, level="jacobian", **options)
    for found in values.products(matrices).values():
        assert_gradients(found, values)
    assert_gradients(values.chains(b.derive(values.model, **options), matrices), values)
