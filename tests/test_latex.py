r"""The LaTeX fragments compile, fit the page, and have labels that can be referred to."""

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import bptt_sym
from bptt_sym.api import notation_names

ROOT = Path(__file__).parent.parent

needs_latex = pytest.mark.skipif(
    not shutil.which("pdflatex") and not os.environ.get("BPTT_SYM_REQUIRE_LATEX"),
    reason="there is no pdflatex (with BPTT_SYM_REQUIRE_LATEX=1 this fails)",
)

TWO_LAYERS = """
title = "Two layers & a percent sign: 100%"
description = "Two recurrent layers, the second above the first."

[dimensions]
m = "inputs"
n = "units of the first layer"
p = "units of the second layer"

[inputs]
x = ["m"]

[targets]
d = ["p"]

[parameters]
W_x = ["m", "n"]
W_s = ["n", "n"]
W_u = ["n", "p"]
W_h = ["p", "p"]

[states]
s = ["n"]
h = ["p"]

[functions]
phi = "tanh"

[equations]
s = "phi(x[t] @ W_x + s[t-1] @ W_s)"
h = "phi(s[t] @ W_u + h[t-1] @ W_h)"

[loss]
E = "sum((d[t] - h[t]) ** 2)"
"""

# amsmath moves a number that lacks room to the next line, silently; here it says so.
DOCUMENT = r"""\documentclass{article}
\usepackage{amsmath}
\makeatletter
\let\placetag=\place@tag
\def\place@tag{\if1\shift@tag\row@\relax\typeout{Moved tag in row \the\row@}\fi\placetag}
\makeatother
\begin{document}
%s
\end{document}
"""

exhaustive = pytest.mark.exhaustive

LEVELS = ("chain", "jacobian", "adjoint")
FITTING = 2.0
"""An overfull box of so many points is not seen."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The models that ship, and one with two states."""
    path = tmp_path_factory.mktemp("models") / "two-layers.toml"
    path.write_text(TWO_LAYERS, encoding="utf-8")
    names = [*bptt_sym.model_names(), str(path)]
    return [bptt_sym.load_model(name) for name in names]


def typeset(fragments: dict[str, str], folder: Path) -> str:
    """Compiles the fragments as one article, with a reference to each label; the second run's log.

    In the log the name of each fragment stands before what LaTeX says about it. Its equations have
    numbers of four digits, wherever it stands.
    """
    body, references = "", ""
    for name, fragment in fragments.items():
        labels = re.findall(r"\\label\{(.*?)\}", fragment)
        assert labels
        references += "".join(rf"\eqref{{{label}}}" + "\n" for label in labels)
        body += f"\\typeout{{Fragment {name}}}\\setcounter{{equation}}{{2000}}\n{fragment}\n"
    # At the end, where they move no equation to another page.
    body += f"\\typeout{{Fragment references}}\n\\newpage\\sloppy {references}"
    (folder / "page.tex").write_text(DOCUMENT % body, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    for _ in range(2):  # references are known in the second run
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        log = (folder / "page.log").read_text(encoding="latin-1")
        assert done.returncode == 0, log[-2000:]
    return log


def complaints(log: str, *patterns: str) -> list[str]:
    """The lines of a log that match one of the patterns, each with the fragment it is about."""
    fragment, found = "", []
    for line in log.splitlines():
        if line.startswith("Fragment "):
            fragment = line.removeprefix("Fragment ")
        if any(re.search(pattern, line) for pattern in patterns):
            found.append(f"{fragment}: {line}")
    return found


def too_wide(log: str) -> list[str]:
    """The overfull boxes that can be seen."""
    boxes = complaints(log, r"^Overfull \\[hv]box")
    return [
        box
        for box in boxes
        if float(re.search(r"\(([\d.]+)pt too", box)[1]) > FITTING  # type: ignore[index]
    ]


PAGES = [
    pytest.param(
        steps, loss, first, marks=() if (steps, loss, first) == (3, "last", None) else exhaustive
    )
    for steps in (1, 3, 12)
    for loss in ("last", "sum")
    for first in (None, 36)
]


@needs_latex
@pytest.mark.parametrize(("steps", "loss", "number_from"), PAGES)
def test_every_fragment_compiles_and_fits(models, loss, steps, number_from, tmp_path):
    """One document holds all models and levels: their labels differ, as a reader would need."""
    fragments = {
        f"{model.name}, {level}, {loss}, N = {steps}": bptt_sym.derive(
            model, steps=steps, level=level, loss=loss, number_from=number_from
        ).latex()
        for model in models
        for level in LEVELS
    }
    log = typeset(fragments, tmp_path)
    assert too_wide(log) == []
    assert complaints(log, "LaTeX Warning") == []  # an undefined reference, a label defined twice
    assert complaints(log, "Moved tag") == []


@needs_latex
@pytest.mark.exhaustive
@pytest.mark.parametrize("notation", [name for name in notation_names() if name != "course"])
def test_every_notation_compiles_and_fits(models, notation, tmp_path):
    fragments = {
        f"{model.name}, {level}": bptt_sym.derive(
            model, level=level, loss="sum", notation=notation
        ).latex()
        for model in models
        for level in LEVELS
    }
    log = typeset(fragments, tmp_path)
    assert too_wide(log) == []
    assert complaints(log, "LaTeX Warning") == []
    assert complaints(log, "Moved tag") == []


@exhaustive
@needs_latex
def test_marked_derivatives_compile_and_fit(models, tmp_path):
    fragments = {
        f"{model.name}, {level}": bptt_sym.derive(model, steps=4, level=level, loss="sum").latex(
            mark_immediate=True
        )
        for model in models
        for level in LEVELS
    }
    log = typeset(fragments, tmp_path)
    assert too_wide(log) == []


@exhaustive
@needs_latex
def test_paths_means_and_masks_compile_and_fit(models, tmp_path):
    choices = {
        "paths": {"paths": True, "steps": 2},
        "mean": {"loss": "mean", "steps": 3},
        "masked": {"masked": True, "steps": 3, "level": "adjoint"},
    }
    for name, options in choices.items():
        fragments = {
            f"{model.name}, {name}": bptt_sym.derive(model, **options).latex() for model in models
        }
        folder = tmp_path / name
        folder.mkdir()
        log = typeset(fragments, folder)
        assert too_wide(log) == []
        assert complaints(log, "Moved tag") == []


@needs_latex
def test_the_checks_can_fail(tmp_path):
    """An equation that fits without its number, then one that does not fit at all."""
    fitting = r"\begin{align} \rule{340pt}{1pt} \label{fitting} \end{align}"
    wide = r"\begin{align} \rule{360pt}{1pt} \label{wide} \end{align}"
    log = typeset({"one": fitting, "two": wide}, tmp_path)
    assert complaints(log, "Moved tag") == ["one: Moved tag in row 1", "two: Moved tag in row 1"]
    assert [box[:44] for box in too_wide(log)] == [r"two: Overfull \hbox (15.0pt too wide) detect"]


@needs_latex
def test_the_picture_can_be_drawn_anew(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "renew.py"), "--no-mutants"]
    command += ["--into", str(tmp_path)]
    subprocess.run(command, check=True)
    head = (tmp_path / "docs" / "derivation.png").read_bytes()[:24]
    width, height = struct.unpack(">II", head[16:24])
    assert head.startswith(b"\x89PNG")
    assert 900 <= width <= 1200
    assert 900 <= height <= 2000
