"""What ``bptt-sym program`` prints says all that a graph holds: it is read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import CELLS, name_of
from support.draws import draws
from support.graph_text import read
from support.random_models import models
from support.same_graph import is_same
from test_random_models import LOSSES, random_models

import bptt_sym as b
from bptt_sym.choices import PASSES
from bptt_sym.graph.build import build_program
from bptt_sym.graph.check import check
from bptt_sym.graph.graph import Graph
from bptt_sym.model.model import Model
from bptt_sym.model.read import parse_model
from bptt_sym.passes.pipeline import rewritten
from bptt_sym.passes.remember import with_stores
from bptt_sym.passes.unweighted import unweighted
from bptt_sym.targets.text.listing import listing


def assert_read_back(graph: Graph) -> None:
    """A graph is well formed, and so is the one that is read, which holds the same."""
    text = listing(graph)
    again = read(text, canonical=graph.canonical)
    check(graph)
    check(again)
    assert listing(again) == text
    assert is_same(again, graph)


def assert_every_form_is_read_back(model: Model, loss: str) -> None:
    built = build_program(model, {}, loss).graph
    graphs = [built, *(rewritten(built, until=name) for name in PASSES)]
    for graph in (*graphs, *map(with_stores, graphs), unweighted(built)):
        assert_read_back(graph)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", CELLS, ids=name_of)
def test_every_form_of_a_cell_is_read_back(name, loss):
    assert_every_form_is_read_back(b.load_model(name), loss)


@settings(random_models, max_examples=draws(100))
@given(models(), st.sampled_from(LOSSES))
def test_every_form_of_a_random_model_is_read_back(text, loss):
    assert_every_form_is_read_back(parse_model(text), loss)


def test_names_of_a_model_may_look_like_those_of_its_gradients():
    """A value dh beside the adjoint of h, an E that is no loss, a parameter v1."""
    model = parse_model(
        """
dimensions = {m = "", n = ""}
inputs = {x = ["m"]}
parameters = {v1 = ["m", "n"], U = ["n", "n"]}
states = {h = ["n"], dh = ["n"]}
loss = {L = "sum(E[t] ** 2)"}
[equations]
h = "tanh(x[t] @ v1 + h[t-1] @ U - dh[t-1])"
dh = "tanh(h[t] - dh[t-1])"
dE = "h[t] * dh[t]"
E = "dE[t] + h[t-1]"
"""
    )
    for loss in LOSSES:
        assert_every_form_is_read_back(model, loss)
    names = [line.split()[0] for line in listing(build_program(model).graph).splitlines() if line]
    assert {"h", "dh", "dh_", "E", "E_", "v1_"} <= set(names)
