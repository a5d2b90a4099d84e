"""Figures: what they show is the mathematics, and nothing in them lies on anything else."""

import itertools
import os
import shutil

import pytest

import bptt_sym
from bptt_sym.figures.picture import Rectangle

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") and not os.environ.get("BPTT_SYM_REQUIRE_LATEX"),
    reason="there is no pdflatex (with BPTT_SYM_REQUIRE_LATEX=1 this fails)",
)

MODELS = bptt_sym.model_names()
STEPS = range(1, 9)


def kinds(model):
    """The options of every kind of figure, the parameters being the first, the last, a middle one."""
    names = list(model.parameters)
    names = list(dict.fromkeys((names[0], names[len(names) // 2], names[-1])))
    yield {"folded": True}
    yield {}
    yield {"loss": "sum"}
    for name in names:
        yield {"simplified": name}
        yield {"path": name}


def all_pictures(model, steps):
    for options in kinds(model):
        if steps == 1 or not options.get("folded"):
            yield options, bptt_sym.figure(model, steps, **options).picture


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
            if foreign(edge, node) and node.node.name not in ends:
                if any(line.overlaps(node.box) for line in lines):
                    yield f"the line from {edge.by} to {edge.of} meets {node.node}"
        for other in picture.edges:
            if other.label and any(line.overlaps(other.label.box) for line in lines):
                yield f"the line from {edge.by} to {edge.of} meets {other.label.latex}"
    lines = [(e.by.name if folded else e.by, line) for e in picture.edges for line in segments(e.points)]
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
