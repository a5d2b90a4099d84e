"""Figures as files: a browser and LaTeX show what the layout meant; bad input is told in a line."""

import functools
import html
import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import bptt_sym
from bptt_sym import cli
from bptt_sym.figures.measure import POINT

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") and not os.environ.get("BPTT_SYM_REQUIRE_LATEX"),
    reason="there is no pdflatex (with BPTT_SYM_REQUIRE_LATEX=1 this fails)",
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    not CHROMIUM and not os.environ.get("BPTT_SYM_REQUIRE_CHROMIUM"),
    reason="there is no chromium (with BPTT_SYM_REQUIRE_CHROMIUM=1 this fails)",
)

SVG = "{http://www.w3.org/2000/svg}"

MEASURE = """
const found = [...document.querySelectorAll("svg")].map(svg => ({
    view: svg.getAttribute("viewBox").split(" ").map(Number),
    labels: [...svg.querySelectorAll("[data-label]")].map(label => {
        const box = label.getBBox();
        return [label.dataset.label, box.x, box.y, box.width, box.height];
    }),
}));
const out = document.createElement("pre");
out.id = "measured";
out.textContent = JSON.stringify(found);
document.body.replaceChildren(out);
"""


@functools.cache
def samples():
    """Every kind of figure of every model, and one to eight steps, and many, of a few."""
    found = []
    for name in bptt_sym.model_names():
        model = bptt_sym.load_model(name)
        parameter = list(model.parameters)[len(model.parameters) // 2]
        found.append(bptt_sym.figure(model, folded=True))
        found.append(bptt_sym.figure(model, cell=True))
        found.append(bptt_sym.figure(model, 3, loss="sum"))
        found.append(bptt_sym.figure(model, 2, path=parameter))
    for name, parameter in (("elman", "W_s"), ("bidirectional", "U_b"), ("stacked", "W_1")):
        model = bptt_sym.load_model(name)
        for steps in (1, 2, 4, 5, 6, 7, 8, 20):
            found.append(bptt_sym.figure(model, steps, simplified=parameter))
            found.append(bptt_sym.figure(model, steps, path=f"{parameter}:1", loss="sum"))
    return found


def wrong_places(measured):
    """The labels that are outside of their picture or on each other, as a browser shows them."""
    labels = measured["labels"]
    _, _, width, height = measured["view"]
    for latex, x, y, w, h in labels:
        if not (x >= 0 and x + w <= width and y >= 0 and y + h <= height and w > 0 and h > 0):
            yield f"{latex} is outside"
    for (one, x, y, w, h), (other, u, v, a, b) in itertools.combinations(labels, 2):
        if x < u + a and u < x + w and y < v + b and v < y + h:
            yield f"{one} is on {other}"


@needs_chromium
def test_a_browser_shows_every_label_in_its_place(tmp_path):
    pictures = [figure.svg() for figure in samples()]
    # Of the last ones the labels are moved, to see that this is found.
    good = bptt_sym.figure(bptt_sym.load_model("elman"), 1).svg()
    labels = re.findall(r'<path data-label="[^"]*" d="([^"]*)"', good)
    pictures += [
        good.replace(f'd="{labels[0]}"', f'd="{labels[1]}"'),
        re.sub(r'viewBox="0 0 (\d+) (\d+)"', r'viewBox="0 0 \1 20"', good),
    ]
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><body>{''.join(pictures)}<script>{MEASURE}</script>", encoding="utf-8"
    )
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    *measured, on_another, outside = json.loads(html.unescape(found[1]))
    for figure, seen in zip(samples(), measured, strict=True):
        assert sorted(label[0] for label in seen["labels"]) == sorted(
            label.latex for label in figure.picture.labels
        )
        assert list(wrong_places(seen)) == [], figure
    assert any("is on" in wrong for wrong in wrong_places(on_another))
    assert any("is outside" in wrong for wrong in wrong_places(outside))


def test_an_svg_stands_alone():
    """It is XML, has a title and a description, and needs no font, style, script or network."""
    for figure in samples()[:20]:
        root = ElementTree.fromstring(figure.svg())
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title").text == figure.picture.title
        assert root.find(f"{SVG}desc").text == figure.picture.description
        named = [part.get("id") for part in root.iter() if part.get("id")]
        assert root.get("aria-labelledby").split() == named
        assert {part.tag.removeprefix(SVG) for part in root.iter()} == {
            "svg", "title", "desc", "rect", "path",
        }  # fmt: skip


def typeset(folder, source):
    (folder / "page.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / "page.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    return log


@pytest.mark.exhaustive
@needs_latex
def test_every_tikz_picture_compiles_and_fits_the_line(tmp_path):
    body = "\n\n".join(rf"\noindent {figure.tikz()}\newpage" for figure in samples())
    labels = {(label.latex, label.points): label for f in samples() for label in f.picture.labels}
    for latex, points in labels:
        display = r"\displaystyle" if r"\frac" in latex else ""
        body += (
            rf"\setbox0\hbox{{\fontsize{{{points}}}{{{points}}}\selectfont${display}{latex}$}}"
            r"\typeout{Size \the\wd0, \the\dimexpr\ht0+\dp0\relax}"
        )
    log = typeset(
        tmp_path,
        rf"\documentclass{{article}}\usepackage{{tikz}}\begin{{document}}{body}\end{{document}}",
    )
    assert "Overfull" not in log
    sizes = re.findall(r"^Size ([\d.]+)pt, ?([\d.]+)pt", log, re.MULTILINE)
    too_large = [
        (label.latex, width, height)
        for label, (width, height) in zip(labels.values(), sizes, strict=True)
        if float(width) * POINT > label.box.width or float(height) * POINT > label.box.height
    ]
    assert not too_large
    assert f"Output written on page.pdf ({len(samples())} pages" in log


@needs_latex
def test_a_tikz_picture_compiles_alone(tmp_path):
    found = subprocess.run(["kpsewhich", "standalone.cls"], capture_output=True, check=False)
    if found.returncode and not os.environ.get("BPTT_SYM_REQUIRE_LATEX"):
        pytest.skip("this LaTeX has no class standalone")
    (tmp_path / "figure.tex").write_text(samples()[0].tikz(), encoding="utf-8")
    document = (
        r"\documentclass{standalone}\usepackage{amsmath,tikz}\begin{document}%s\end{document}"
    )
    typeset(tmp_path, document % r"\input{figure}")


@needs_latex
def test_a_pdf_is_one_page_as_large_as_the_picture():
    figure = bptt_sym.figure(bptt_sym.load_model("elman"))
    written = figure.pdf()
    assert written.startswith(b"%PDF-")
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", written)
    points_of_pdf = 72 / 2.54
    assert float(box[0]) == pytest.approx(figure.picture.width * points_of_pdf, abs=0.1)
    assert float(box[1]) == pytest.approx(figure.picture.height * points_of_pdf, abs=0.1)


def test_a_png_is_as_large_as_the_picture():
    figure = bptt_sym.figure(bptt_sym.load_model("elman"))
    written = figure.png()
    assert written.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", written[16:24])
    assert width / height == pytest.approx(figure.picture.width / figure.picture.height, rel=0.01)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(["figure", *map(str, arguments)])
    return end.value.code, capsys.readouterr().err


ENDINGS = [".svg", ".png", ".tex", ".SVG", pytest.param(".pdf", marks=needs_latex)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_command_writes_each_form_and_writes_over_its_own(capsys, tmp_path, ending):
    path = tmp_path / f"figure{ending}"
    assert run(capsys, "elman", "--path", "W_s:1", "-o", path) == (0, "")
    first = path.read_bytes()
    assert run(capsys, "elman", "--folded", "-o", path) == (0, "")
    assert path.read_bytes() != first
    path.write_text("of someone else")
    code, err = run(capsys, "elman", "-o", path)
    assert code == 2 and "--force" in err
    assert run(capsys, "elman", "--force", "-o", path) == (0, "")


def test_a_figure_is_the_same_each_time():
    again = bptt_sym.figure(bptt_sym.load_model("elman"), folded=True)
    (before,) = (f for f in samples() if f.description == again.description)
    assert (again.svg(), again.tikz(), again.png()) == (before.svg(), before.tikz(), before.png())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--path", "W_s:9"), "those of 1, 2, 3"),
        (("--path", "W_s:0"), "no contribution 0"),
        (("--path", "W_s:"), "PARAMETER:NUMBER"),
        (("--path", "Q"), "unknown parameter 'Q'"),
        (("--simplified", "s"), "'s' is a state, not a parameter"),
        (("--simplified", "W_s:1"), "for a path"),
        (("--simplified", "W_s", "--folded"), "choose one"),
        (("--steps", "0"), "from 1 to 10000"),
        (("--loss", "first"), "'first' is not one of"),
        (("-o", "figure.gif"), "choose from .svg, .pdf, .png, .tex"),
        (("-o", "-"), "unknown ending"),
        (("-o", "nowhere/figure.svg"), "folder to write into does not exist"),
    ],
)
def test_bad_input_is_told_in_a_line(capsys, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    code, err = run(capsys, "elman", "-o", "figure.svg", *arguments)
    assert code == 2
    assert told in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_without_matplotlib(capsys, tmp_path, monkeypatch, ending):
    from bptt_sym.figures import outlines

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    for cached in (outlines._typeset, outlines._typesetter):
        cached.cache_clear()
    code, err = run(capsys, "elman", "-o", tmp_path / f"figure.{ending}")
    assert code == 2
    assert err.count("\n") == 1 and "pip install 'bptt-sym[figures]'" in err
    assert run(capsys, "elman", "-o", tmp_path / "figure.tex") == (0, "")


def test_without_pdflatex(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, err = run(capsys, "elman", "-o", tmp_path / "figure.pdf")
    assert code == 2
    assert err.count("\n") == 1 and "PDF needs pdflatex" in err


def test_a_hostile_title_stays_text(tmp_path):
    source = (cli.Path(bptt_sym.__file__).parent / "model" / "cells" / "elman.toml").read_text()
    title = r"--> </title><script>1</script> & \input{x} % é"
    path = tmp_path / "a --> \n b.toml"
    path.write_text(
        re.sub("title = .*", lambda _: f"title = '{title}'", source, count=1), encoding="utf-8"
    )
    figure = bptt_sym.figure(bptt_sym.load_model(str(path)), 1)
    root = ElementTree.fromstring(figure.svg())
    assert root.find(f"{SVG}title").text.startswith("--> </title><script>1</script> & \\input{x}")
    assert all(line.startswith("%") for line in figure.tikz().splitlines() if r"\input" in line)
