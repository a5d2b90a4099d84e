"""Derivations share: a factor is written once and named, so they grow with the equations."""

from __future__ import annotations

import pytest
from growing_models import in_a_row, nested

import bptt_sym as b
from bptt_sym.choices import LEVELS
from bptt_sym.model.read import parse_model

LAYERS = """
title = "Layers"
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[targets]
d = ["n"]
[layers]
repeat = {count}
below = {{first = "x", then = "h"}}
[layers.parameters]
W = ["below", "n"]
U = ["n", "n"]
[layers.states]
c = ["n"]
h = ["n"]
[layers.equations]
c = "c[t-1] * sigmoid(below[t] @ W + h[t-1] @ U)"
h = "tanh(c[t])"
[loss]
E = "sum((d[t] - h[t]) ** 2)"
"""


def length(text: str, level: str) -> int:
    return len(b.derive(parse_model(text), level=level).text(width=80))


@pytest.mark.parametrize("level", LEVELS)
def test_the_text_is_linear_in_the_number_of_equations(level):
    lengths = [length(in_a_row(count), level) for count in (20, 40)]
    assert lengths[1] < 2.2 * lengths[0]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("level", ["chain", "jacobian"])
@pytest.mark.parametrize("count", [8, 10, 12])
def test_few_equations_take_no_more_than_many(level, count):
    """Up to some number chains are written from the loss to the parameter."""
    assert length(in_a_row(count), level) < 1.5 * length(in_a_row(40), level)


@pytest.mark.parametrize("level", LEVELS)
def test_functions_within_functions_are_named(level):
    lengths = {depth: length(nested(depth), level) for depth in (3, 4, 8, 30)}
    assert lengths[30] < 4 * lengths[8]
    assert lengths[4] < 1.2 * lengths[8]
    assert lengths[3] < lengths[8]


@pytest.mark.parametrize("level", LEVELS)
def test_layers_are_told_once(level):
    lengths = [length(LAYERS.format(count=count), level) for count in (3, 12)]
    assert lengths[1] < 3.5 * lengths[0]
