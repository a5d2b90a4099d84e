"""Figures: what they show is the mathematics, and nothing in them lies on anything else."""

import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import bptt_sym
from bptt_sym.derivation.unfolding import Node
from bptt_sym.errors import InputError
from bptt_sym.figures.picture import Rectangle

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") and not os.environ.get("BPTT_SYM_REQUIRE_LATEX"),
    reason="there is no pdflatex (with BPTT_SYM_REQUIRE_LATEX=1 this fails)",
)

MODELS = bptt_sym.model_names()
STEPS = range(1, 9)


def kinds(model):
    """The options of every kind of figure, for the first parameter, the last, a middle one."""
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
            apart = foreign(edge, node) and node.node.name not in ends
            if apart and any(line.overlaps(node.box) for line in lines):
                yield f"the line from {edge.by} to {edge.of} meets {node.node}"
        for other in picture.edges:
            if other.label and any(line.overlaps(other.label.box) for line in lines):
                yield f"the line from {edge.by} to {edge.of} meets {other.label.latex}"
    lines = [(e.by, line) for e in picture.edges for line in segments(e.points)]
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


# What is shown is the mathematics.

ELMAN = bptt_sym.load_model("elman")


def test_the_path_goes_back_along_the_factors_of_the_contribution():
    picture = bptt_sym.figure(ELMAN, path="W_s:1").picture
    path = [(edge.of, edge.by) for edge in picture.edges if edge.on_path]
    nodes = [Node("E", 3), Node("y", 3), Node("s", 3), Node("s", 2), Node("s", 1), Node("W_s", 1)]
    assert sorted(path, key=str) == sorted(itertools.pairwise(nodes), key=str)
    derivatives = [edge.label.latex for edge in picture.edges if edge.on_path]
    assert all(label.startswith(r"\frac{\partial") for label in derivatives)


def test_every_parameter_has_a_copy_at_each_step_that_contributes():
    picture = bptt_sym.figure(ELMAN, simplified="W_s").picture
    copies = [node.node for node in picture.nodes if node.role == "copy"]
    assert copies == [Node("W_s", time) for time in (1, 2, 3)]
    (last,) = [
        node.node
        for node in bptt_sym.figure(ELMAN, simplified="W_y").picture.nodes
        if node.role == "copy"
    ]
    assert last == Node("W_y", 3)


def test_the_middle_of_many_steps_is_left_out():
    picture = bptt_sym.figure(ELMAN, 20).picture
    times = {node.node.time for node in picture.nodes}
    assert times == {0, 1, 2, 3, 18, 19, 20}
    assert picture.dots


# The forms.

FIGURES = [(name, kind) for name in MODELS for kind in kinds(bptt_sym.load_model(name))]


def figures():
    """A figure of every kind of every model."""
    for number, (name, options) in enumerate(FIGURES):
        yield f"figure{number}", bptt_sym.figure(bptt_sym.load_model(name), 3, **options)


@needs_latex
def test_every_figure_compiles_in_a_document(tmp_path):
    r"""One document holds them all, as a user's would: \input and nothing else."""
    body = []
    for name, figure in figures():
        (tmp_path / f"{name}.tex").write_text(figure.tikz(), encoding="utf-8")
        body.append(rf"\noindent\input{{{name}}}\par")
    head = [r"\documentclass{article}", r"\usepackage{amsmath,tikz}", r"\begin{document}"]
    document = "\n".join([*head, *body, r"\end{document}"])
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


@needs_latex
def test_a_figure_is_a_pdf_of_its_own_size():
    figure = bptt_sym.figure(ELMAN)
    data = figure.pdf()
    assert data.startswith(b"%PDF")
    box = re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", data)
    points = [float(number) for number in box.groups()]
    assert points == pytest.approx(
        [figure.picture.width / 2.54 * 72, figure.picture.height / 2.54 * 72], abs=1.5
    )


def test_an_svg_says_what_it_shows_and_needs_nothing_from_outside():
    for _, figure in figures():
        root = ElementTree.fromstring(figure.svg())
        names = [element.tag.partition("}")[2] for element in root.iter()]
        assert names[1:3] == ["title", "desc"]
        assert root[1].text == figure.picture.description
        assert not {"text", "image", "script", "style", "foreignObject", "a"} & set(names)
        for element in root.iter():
            assert not any("href" in key or "url(" in value for key, value in element.items())


MEASURE = """
const found = [...document.querySelectorAll("svg")].map(svg => {
  const view = svg.viewBox.baseVal;
  const boxes = [...svg.querySelectorAll("[data-label]")].map(label => {
    const box = label.getBBox(), m = label.getCTM(), p = svg.getCTM().inverse().multiply(m);
    const points = [[box.x, box.y], [box.x + box.width, box.y + box.height]].map(([x, y]) =>
      [p.a * x + p.c * y + p.e, p.b * x + p.d * y + p.f]);
    const xs = points.map(q => q[0]), ys = points.map(q => q[1]);
    return [label.dataset.label, Math.min(...xs), Math.min(...ys), Math.max(...xs),
            Math.max(...ys)];
  });
  return [view.width, view.height, boxes];
});
document.title = "measured";
document.body.textContent = JSON.stringify(found);
"""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(
    not CHROMIUM and not os.environ.get("BPTT_SYM_REQUIRE_CHROMIUM"),
    reason="there is no chromium (with BPTT_SYM_REQUIRE_CHROMIUM=1 this fails)",
)
def test_a_browser_draws_every_label_inside_and_apart(tmp_path):
    svgs = [figure.svg().partition("-->")[2] for _, figure in figures()]
    page = tmp_path / "all.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><body>{''.join(svgs)}<script>{MEASURE}</script>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    text = html.unescape(re.search(r"<body>(.*)</body>", done.stdout, re.DOTALL)[1])
    measured = json.loads(text)
    assert len(measured) == len(svgs)
    for (width, height, boxes), (name, options) in zip(measured, FIGURES, strict=True):
        assert boxes, (name, options)
        for label, left, top, right, bottom in boxes:
            assert 0 <= left < right <= width, (name, options, label)
            assert 0 <= top < bottom <= height, (name, options, label)
        for one, other in itertools.combinations(boxes, 2):
            apart = (
                one[3] <= other[1] or other[3] <= one[1] or one[4] <= other[2] or other[4] <= one[2]
            )
            assert apart, (name, options, one, other)


# The command.


def figure_command(*arguments):
    command = [sys.executable, "-m", "bptt_sym", "figure", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("ending", [".svg", ".png", ".tex"])
def test_the_command_writes_a_file_and_writes_over_its_own(tmp_path, ending):
    target = tmp_path / f"figure{ending}"
    for steps in (2, 3):
        done = figure_command("elman", "--steps", steps, "-o", target)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    figure = bptt_sym.figure(ELMAN)
    expected = figure.written(ending)
    content = expected if isinstance(expected, bytes) else expected.encode()
    # The command names the file's form, not the file.
    assert len(target.read_bytes()) == len(content)
    assert list(tmp_path.iterdir()) == [target]


BAD = [
    ("--path Q", "unknown parameter 'Q'"),
    ("--path W_s:9", "contribution"),
    ("--path W_s:x", "a path is PARAMETER or PARAMETER:NUMBER"),
    ("--simplified W_s:1", "a contribution is for a path"),
    ("--folded --path W_s", "choose one of these"),
    ("--steps 0", "number of steps"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_cannot_be_drawn_is_refused_in_one_line(options, message):
    words = options.split()
    keys = {"--path": "path", "--simplified": "simplified", "--steps": "steps"}
    chosen = {keys[a]: b for a, b in itertools.pairwise(words) if a in keys}
    chosen = {key: int(value) if key == "steps" else value for key, value in chosen.items()}
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        bptt_sym.figure(ELMAN, folded="--folded" in words, **chosen)
    assert "\n" not in str(refused.value)


def test_an_unknown_ending_and_a_missing_folder_are_refused(tmp_path):
    for target, message in [
        (tmp_path / "a.gif", "unknown ending '.gif'"),
        (tmp_path / "no" / "a.svg", "folder"),
    ]:
        done = figure_command("elman", "-o", target)
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
