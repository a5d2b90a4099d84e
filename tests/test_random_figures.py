"""Figures of random cells: nothing lies on anything else, and operations read what is written."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from support.draws import SEARCHING, draws
from support.random_models import models
from test_cell_figure import WIDTH, assert_reads
from test_figure import faults

import bptt_sym as b
from bptt_sym.model.read import parse_model

KINDS = ({"cell": True}, {"width": WIDTH}, {"loss": "sum", "width": WIDTH})


@settings(
    max_examples=draws(96),
    derandomize=not SEARCHING,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(models())
def test_a_figure_of_any_cell(text: str) -> None:
    model = parse_model(text)
    assert_reads(model)
    for options in KINDS:
        found = list(faults(b.figure(model, 3, **options).picture))
        assert not found, (options, found[:4])
