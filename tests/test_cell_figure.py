"""Figures for a text, and of the inside of a step: true to the equations, legible, and small."""

import re

import pytest
from support.cells import CELLS, model_of, name_of
from test_figure import faults

import bptt_sym
from bptt_sym.algebra.expressions import TIME
from bptt_sym.errors import InputError
from bptt_sym.figures.inside import inside
from bptt_sym.figures.weights import weights

WIDTH = 16.0
"""Of the text of a page, in centimetres."""

LARGE = {"gru-two-bidirectional", "lstm-three-layers"}
"""Cells of layers of gates, of which not every drawing can be as narrow as a page."""


def read_by(found, key):
    """The variables, with their lags, that a node within a step comes from, values apart."""
    reached = set()
    waiting = list(found.node[key].lines)
    while waiting:
        by = waiting.pop().by
        named = next((name for name, value in found.values.items() if value == by), None)
        if by in found.given:
            variable = found.given[by]
            reached.add((variable.name, int(TIME - variable.time)))
        elif named:
            reached.add((named, 0))
        else:
            waiting += found.node[by].lines
    return reached


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_the_operations_of_a_step_read_what_its_equations_read(cell):
    assert_reads(model_of(name_of(cell)))


def assert_reads(model):
    for whole in (True, False):
        found = inside(model, model.all_equations, TIME, whole=whole)
        for equation in model.all_equations:
            read = {(link.name, link.lag) for link in weights(equation)}
            assert read_by(found, found.values[equation.name]) == read, (equation.name, whole)


def plain(latex):
    r"""W_{\mathrm{ii}} as W_ii."""
    return re.sub(r"\\operatorname|\\mathrm|\\bar|[{}]", "", latex)


def lines_of(picture):
    """(of, by): label, the names of values with their time steps; an operation by what it is."""
    signs = {node.node: plain(node.label.latex) for node in picture.nodes}

    def name(node):
        within = "." in node.name
        return signs[node] if within else f"{node.name}{node.time}"

    return [
        (name(edge.of), name(edge.by), edge.label and plain(edge.label.latex))
        for edge in picture.edges
    ]


def test_the_inside_of_an_lstm():
    """Four gates, of which a sum enters each function, products and a sum."""
    picture = bptt_sym.figure(bptt_sym.load_model("lstm"), 3, width=WIDTH).picture
    found = lines_of(picture)
    for gate in "ifgo":
        assert (f"{gate}2", "x2", f"W_i{gate}") in found
        assert (f"{gate}2", "h1", f"W_h{gate}") in found
    product = r"\odot"
    inner = [(of, by) for of, by, _ in found if of in (product, "c2", r"\tanh", "h2")]
    assert sorted(inner) == sorted([
        (product, "f2"), (product, "c1"), (product, "i2"), (product, "g2"), ("c2", product),
        ("c2", product), (r"\tanh", "c2"), ("h2", "o2"), ("h2", r"\tanh"),
    ])  # fmt: skip
    assert ("y2", "h2", "V") in found
    assert ("E3", "y3", None) in found and ("E3", "d3", None) in found
    signs = {tuple(node.node): plain(node.label.latex) for node in picture.nodes}
    expected = ["sigmoid", "sigmoid", r"\tanh", "sigmoid", "+", product]
    assert [signs[name, 2] for name in "ifgoch"] == expected
    assert {plain(tag.latex) for tag in picture.tags} >= {"i_2", "f_2", "g_2", "o_2", "c_2", "h_2"}
    assert "c[2] depends on f[2], c[1], i[2] and g[2]." in picture.description


def loose_ends(picture):
    """The edges to a node or from one that do not meet it, round as it is at its ends."""
    nodes = {node.node: node for node in picture.nodes}
    boxes = {node.node.time for node in picture.nodes if node.role == "step"}
    for edge in picture.edges:
        # From step to step a value comes from a box, whatever is drawn below or above that.
        from_box = bool(boxes) and edge.by.time != edge.of.time
        ends = (
            (edge.by, edge.points[0], edge.from_gap or from_box),
            (edge.of, edge.points[-1], edge.to_gap),
        )
        for end, (x, y), in_gap in ends:
            if end in nodes and not in_gap:
                box, radius = nodes[end].box, nodes[end].radius
                beside = max(0.0, abs(x - box.x) - box.width / 2 + radius)
                beyond = max(0.0, abs(y - box.y) - box.height / 2 + radius)
                outside = (beside**2 + beyond**2) ** 0.5 - radius
                # A line that ends in the middle of a side is outside by less than nothing.
                if abs(outside) > 0.06:
                    yield edge.of, edge.by, round(outside, 3)


def for_a_text(model, steps, **options):
    return bptt_sym.figure(model, steps, width=WIDTH, **options)


def texts(model, steps):
    name = list(model.parameters)[-1]
    for options in ({}, {"loss": "sum"}, {"cell": True}, {"folded": True}, {"path": name}):
        try:
            yield options, for_a_text(model, steps, **options)
        except InputError as error:
            assert "contributes nothing" in str(error)


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_a_figure_for_a_text_is_legible_and_fits(cell):
    model = model_of(name_of(cell))
    for steps in (1, 3, 12):
        for options, figure in texts(model, steps):
            picture = figure.picture
            found = list(faults(picture, folded="folded" in options))
            assert not found, (options, steps, found[:4])
            assert not list(loose_ends(picture)), (options, steps)
            assert figure.smallest_label >= 7
            if name_of(cell) not in LARGE:
                assert picture.width <= WIDTH, (options, steps)


def test_the_figures_of_the_course_are_low():
    """An Elman network takes the height of ten lines, an LSTM a quarter of a page."""
    assert for_a_text(bptt_sym.load_model("elman"), 3).picture.height < 4
    assert for_a_text(bptt_sym.load_model("elman"), 3, path="W_s").picture.height < 4.5
    for name in ("lstm", "gru", "gru-cho", "stacked", "linear-attention"):
        model = bptt_sym.load_model(name)
        for steps in (3, 6, 12):
            assert for_a_text(model, steps).picture.height < 6.5, (name, steps)


def test_of_a_long_chain_the_end_is_drawn():
    """The large step is the last but one, so that the loss is seen; dots stand for the first."""
    picture = for_a_text(bptt_sym.load_model("lstm"), 12).picture
    assert {node.node.time for node in picture.nodes if node.role == "step"} == {10, 12}
    assert {node.node.time for node in picture.nodes if node.role == "operation"} == {11}
    assert [node.node for node in picture.nodes if node.role == "loss"] == [("E", 12)]
    assert len(picture.dots) == 2
    assert "dots stand for steps left out" in picture.description


@pytest.mark.parametrize("width", [0.5, 101.0, float("nan")])
def test_a_width_that_is_none(width):
    with pytest.raises(InputError, match="the width of a figure is 1 to 100 centimetres"):
        bptt_sym.figure(bptt_sym.load_model("elman"), 3, width=width)


def test_a_cell_in_every_form():
    figure = bptt_sym.figure(bptt_sym.load_model("gru"), cell=True)
    assert figure.svg().count("data-label=") == len(figure.picture.labels)
    for label in figure.picture.labels:
        assert label.latex in figure.tikz()
    assert figure.png()[:4] == b"\x89PNG"
    told = figure.tikz().split("\n")[1]
    assert told.endswith("bptt-sym figure gru --cell --loss last -o FILE.tex")
