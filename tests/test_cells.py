"""Every cell that ships, and a corpus of published ones, derives, prints, emits and verifies."""

from __future__ import annotations

from pathlib import Path

import pytest

import bptt_sym as b
from bptt_sym.api import model_text

CORPUS = sorted((Path(__file__).parent / "cells").glob("*.toml"))

CELLS = [*b.model_names(), *CORPUS]


@pytest.fixture(params=CELLS, ids=lambda cell: cell.stem if isinstance(cell, Path) else cell)
def cell(request):
    return b.load_model(request.param)


def test_a_cell_cites_its_source(cell):
    assert cell.source
    assert f"Source: {cell.source}" in model_text(cell)


@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_a_cell_derives_and_prints(cell, level):
    """The equation for N steps of each parameter stands in text and in LaTeX."""
    derivation = b.derive(cell, steps=2, level=level)
    shown, latex = derivation.text(), derivation.latex()
    for parameter in cell.parameters:
        assert f"∂{cell.loss.name}_N/∂" in shown
        assert f":{cell.loss.name}_N:{parameter}}}" in latex


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
