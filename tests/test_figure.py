"""Figures: what they show is the mathematics, and nothing in them lies on anything else."""

import itertools
import re
from dataclasses import replace

import pytest
from support.cells import CORPUS, deepest, name_of

import bptt_sym
from bptt_sym.derivation.step import written_step
from bptt_sym.figures.figure import Figure
from bptt_sym.figures.lanes import nets
from bptt_sym.figures.outlines import label_outline
from bptt_sym.figures.picture import Rectangle
from bptt_sym.figures.spacing import COMPACT
from bptt_sym.model.read import parse_model

MODELS = bptt_sym.model_names()
STEPS = range(1, 9)


def kinds(model):
    """The options of every kind of figure, for the first parameter, the last and a middle one."""
    step = written_step(model)
    read = {edge.by.name for edge in (*step.edges, *step.initial)}
    names = [name for name in model.parameters if name in read]
    names = list(dict.fromkeys((names[0], names[len(names) // 2], names[-1])))
    yield {"folded": True}
    yield {"cell": True}
    yield {}
    yield {"loss": "sum"}
    for name in names:
        yield {"simplified": name}
        yield {"path": name}


def all_pictures(model, steps):
    for options in kinds(model):
        if steps == 1 or not {"folded", "cell"} & set(options):
            yield options, bptt_sym.figure(model, steps, **options).picture
            if steps in (2, 5):
                yield options | COMPACTLY, compact(bptt_sym.figure(model, steps, **options)).picture


COMPACTLY = {"space": COMPACT}


def compact(figure):
    """The figure with the measures of one in a text."""
    return Figure(replace(figure.request, **COMPACTLY))


def foreign(edge, node):
    return node.node not in (edge.of, edge.by)


def segments(points):
    """The lines between points as thin boxes."""
    for (x, y), (other_x, other_y) in itertools.pairwise(points):
        width, height = abs(other_x - x), abs(other_y - y)
        yield Rectangle((x + other_x) / 2, (y + other_y) / 2, width, height)


def faults(picture, *, folded=False):
    """What lies on what it must not lie on, in words."""
    whole = Rectangle(picture.width / 2, picture.height / 2, picture.width, picture.height)
    for label in picture.labels:
        box = label.box
        if box.left < 0 or box.right > picture.width or box.bottom < 0 or box.top > picture.height:
            yield f"{label.latex} is outside {whole}"
    for one, other in itertools.combinations(picture.labels, 2):
        if one.box.overlaps(other.box):
            yield f"{one.latex} is on {other.latex}"
    for one, other in itertools.combinations([*picture.nodes, *picture.delays], 2):
        if one.box.overlaps(other.box):
            yield f"{one.label.latex} is on {other.label.latex}"
    boxes = [*picture.nodes, *picture.delays]
    for label in picture.labels:
        for node in boxes:
            if node.label is label:
                inside = label.box.width <= node.box.width and label.box.height <= node.box.height
                if not inside:
                    yield f"{label.latex} is larger than its node"
            elif label.box.overlaps(node.box):
                yield f"{label.latex} is on the node {node.label.latex}"
    for edge in picture.edges:
        lines = list(segments(edge.points))
        for line in lines:
            if min(line.width, line.height) > 1e-3:
                yield f"a line to {edge.of} is askew"
        for node in picture.nodes:
            ends = (edge.of.name, edge.by.name) if folded else ()
            met = any(line.overlaps(node.box) for line in lines)
            if met and foreign(edge, node) and node.node.name not in ends:
                yield f"the line from {edge.by} to {edge.of} meets {node.node}"
        for other in picture.edges:
            if other.label and any(line.overlaps(other.label.box) for line in lines):
                yield f"the line from {edge.by} to {edge.of} meets {other.label.latex}"
    lines = [
        (e.by.name if folded else e.by, line) for e in picture.edges for line in segments(e.points)
    ]
    upright = sorted((line.x, line.bottom, line.top, by) for by, line in lines if line.width < 1e-3)
    level = sorted((line.y, line.left, line.right, by) for by, line in lines if line.height < 1e-3)
    for along in (upright, level):
        for k, (x, low, high, by) in enumerate(along):
            for other_x, other_low, other_high, other in along[k + 1 :]:
                if other_x > x + 0.06:
                    break
                if other != by and other_low < high - 0.03 and low < other_high - 0.03:
                    yield f"lines from {by} and {other} lie on each other"


@pytest.mark.parametrize("name", MODELS)
def test_nothing_lies_on_anything_else(name):
    model = bptt_sym.load_model(name)
    for steps in STEPS:
        for options, picture in all_pictures(model, steps):
            found = list(faults(picture, folded="folded" in options))
            assert not found, (options, steps, found[:4])


@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_nor_in_other_models(path):
    model = bptt_sym.load_model(str(path))
    # So many that every parameter has a path from the last loss.
    steps = max(3, deepest(model) + 1)
    for options in kinds(model):
        figure = bptt_sym.figure(model, steps, **options)
        for picture in (figure.picture, compact(figure).picture):
            found = list(faults(picture, folded="folded" in options))
            assert not found, (options, picture.space is COMPACT, found[:4])


def test_the_checks_can_fail():
    """A node moved onto its neighbour is found, and so is one outside of the picture."""
    good = bptt_sym.figure(bptt_sym.load_model("elman")).picture
    assert not list(faults(good))
    first, second, *others = good.nodes
    moved = replace(first, box=second.box, label=replace(first.label, box=second.box))
    assert list(faults(replace(good, nodes=(moved, second, *others))))
    assert list(faults(replace(good, width=good.width / 2)))


@pytest.mark.parametrize("name", MODELS)
def test_letters_stay_in_the_box_of_their_label(name):
    """So what is measured without a font holds for the font."""
    model = bptt_sym.load_model(name)
    labels = [
        label
        for options in kinds(model)
        for label in bptt_sym.figure(model, 2, **options).picture.labels
    ]
    assert_in_boxes(labels)


@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_letters_of_operations_stay_in_their_box(path):
    model = bptt_sym.load_model(str(path))
    assert_in_boxes(bptt_sym.figure(model, cell=True).picture.labels)


def assert_in_boxes(labels):
    for label in set(labels):
        points = [point for part in label_outline(label) for point in part.points]
        for along, (low, high) in (
            (0, (label.box.left, label.box.right)),
            (1, (label.box.bottom, label.box.top)),
        ):
            assert low <= min(point[along] for point in points) + 1e-6, label
            assert max(point[along] for point in points) <= high + 1e-6, label


def edges(picture):
    """{(of, by): label} of a picture, the names with their time steps."""
    return {
        (f"{e.of.name}{e.of.time}", f"{e.by.name}{e.by.time}"): e.label and e.label.latex
        for e in picture.edges
    }


def test_the_unfolded_model_at_time_step_3():
    """The seed's figure: every edge, with the weight that stands at it."""
    shown = edges(bptt_sym.figure(bptt_sym.load_model("elman"), 3).picture)
    expected = {}
    for t in (1, 2, 3):
        expected[f"s{t}", f"x{t}"] = "W_{x}"
        expected[f"s{t}", f"s{t - 1}"] = "W_{s}"
        expected[f"y{t}", f"s{t}"] = "W_{y}"
    expected["E3", "y3"] = expected["E3", "d3"] = None
    assert shown == expected


def test_the_simplified_model_for_adjusting_w_s():
    """The seed's figure: the copies of W_s and what is on a path from them to the loss."""
    shown = edges(bptt_sym.figure(bptt_sym.load_model("elman"), 3, simplified="W_s").picture)
    assert set(shown) == {
        ("s1", "W_s1"), ("s2", "W_s2"), ("s3", "W_s3"),
        ("s2", "s1"), ("s3", "s2"), ("y3", "s3"), ("E3", "y3"),
    }  # fmt: skip


def test_the_path_in_colour_is_the_contribution():
    """At the edges of each path by W_s stand the factors of the contribution's chain."""
    model = bptt_sym.load_model("elman")
    gradient = bptt_sym.derive(model, "W_s", 3).data()["sections"][0]
    found = [e for e in gradient["equations"] if e["contribution"]]
    assert [e["contribution"]["time_step"] for e in found] == [3, 2, 1]
    for equation in found:
        time = equation["contribution"]["time_step"]
        picture = bptt_sym.figure(model, 3, path=f"W_s:{time}").picture
        shown = {edge.label.latex for edge in picture.edges if edge.on_path}
        (chain,) = equation["chains"]
        factors = {factor["derivative"]["latex"] for factor in chain}
        assert shown == factors


@pytest.mark.parametrize("name", MODELS)
def test_what_is_in_colour_are_the_paths_of_the_derivation(name):
    """Their edges, each with a label; the copies that are drawn are those that contribute."""
    model = bptt_sym.load_model(name)
    names = list(model.parameters)
    for parameter in dict.fromkeys((names[0], names[-1])):
        paths = {}
        for section in bptt_sym.derive(model, parameter, 2, paths=True).sections:
            for equation in section.equations:
                paths.setdefault(equation.path[-1].time, []).append(equation.path)
        simplified = bptt_sym.figure(model, 2, simplified=parameter).picture
        assert {node.node.time for node in simplified.nodes if node.role == "copy"} == set(paths)
        for time, found in paths.items():
            drawn = bptt_sym.figure(model, 2, path=f"{parameter}:{time}").picture
            on_path = [edge for edge in drawn.edges if edge.on_path]
            assert all(edge.label for edge in on_path)
            assert {(edge.of, edge.by) for edge in on_path} == {
                pair for path in found for pair in itertools.pairwise(path)
            }


def test_of_many_steps_the_middle_is_left_out():
    model = bptt_sym.load_model("elman")
    picture = bptt_sym.figure(model, 20, path="W_s:10").picture
    assert {node.node.time for node in picture.nodes} == {1, 2, 3, 9, 10, 11, 18, 19, 20}
    assert [bool(dots.paths) for dots in picture.dots] == [False, True]
    assert not list(faults(picture))
    for name in MODELS:
        found = bptt_sym.figure(bptt_sym.load_model(name), 20).picture
        assert found.dots and not list(faults(found)), name


def test_the_text_alternative_says_what_is_shown():
    figure = bptt_sym.figure(bptt_sym.load_model("elman"), 2, path="W_s:1")
    assert figure.description.isascii()
    assert "over 2 time steps, every path to the copy of W_s in step 1." in (figure.description)
    order = "d E[2] / d y[2], d y[2] / d s[2], d s[2] / d s[1], d s[1] / d W_s[1]"
    assert f"The path: {order}." in figure.description


WEIGHTS = {
    "tanh(x[t] @ W) @ V": "W,V",
    "tanh(tanh(x[t] @ W) @ V) @ U": "W,V,U",
    "2 * (b * tanh(x[t] @ W + h[t-1]))": "W,b",
    "sigmoid(a * (x[t] @ V.T))": "V,a",
    "x[t] @ (W + V) + h[t-1]": "W,V",
    "x[t] @ tanh(W)": "W",
    "tanh(x[t] @ W) * (h[t-1] @ V)": "W",
}
"""The parameters along the edge from x, the inner ones first."""


@pytest.mark.parametrize("right", WEIGHTS)
def test_an_edge_bears_every_parameter_that_multiplies_along_it(right):
    text = (
        '[dimensions]\nn = ""\n[inputs]\nx = ["n"]\n[parameters]\nW = ["n", "n"]\nV = ["n", "n"]\n'
        'U = ["n", "n"]\nb = ["n"]\na = []\n[states]\nh = ["n"]\n[equations]\n'
        f'h = "0.5 * h[t-1] + {right}"\n[loss]\nE = "sum(h[t] ** 2)"\n'
    )
    edges = bptt_sym.figure(parse_model(text), 1).picture.edges
    label = next(edge.label for edge in edges if edge.by.name == "x")
    assert re.sub(r"\\bar|[{}]", "", label.latex) == WEIGHTS[right]


def test_each_path_of_a_handful_has_its_own_colour():
    """Of W_s over three steps there are three, the one to the latest copy first."""
    picture = bptt_sym.figure(bptt_sym.load_model("elman"), 3, path="W_s").picture
    assert picture.colors == 3
    passing = {
        (f"{e.of.name}{e.of.time}", f"{e.by.name}{e.by.time}"): e.paths for e in picture.edges
    }
    assert passing == {
        ("E3", "y3"): (0, 1, 2), ("y3", "s3"): (0, 1, 2), ("s3", "W_s3"): (0,),
        ("s3", "s2"): (1, 2), ("s2", "W_s2"): (1,), ("s2", "s1"): (2,), ("s1", "W_s1"): (2,),
    }  # fmt: skip
    drawn = [lane for net in nets(picture) for lane in net]
    assert len(drawn) == 12 and len({lane.points for lane in drawn}) == 12
    assert all(lane.head > (0, 0) for lane in drawn)


def test_of_more_paths_none_has_a_colour_of_its_own():
    """In a text their edges have no labels then: the figure says what is reached."""
    figure = bptt_sym.figure(bptt_sym.load_model("lstm"), 3, path="W_hf")
    assert figure.picture.colors == 1
    assert all(edge.on_path and edge.label for edge in figure.picture.edges)
    small = compact(figure).picture
    assert all(edge.on_path and not edge.label for edge in small.edges)
    assert small.width < 9 and small.height < 6
