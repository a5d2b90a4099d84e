"""Lines of LaTeX are as wide as they are taken to be, fill the measure, and fit it."""

from __future__ import annotations

import re
import statistics
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from support.cells import CELLS, name_of
from test_latex import LEVELS, complaints, needs_latex, too_wide, typeset

import bptt_sym as b
from bptt_sym.algebra.boxes import Box, Factors, Glyph, Ratio, Terms
from bptt_sym.render.latex import EXACTNESS, PAGE, TEXT_WIDTH
from bptt_sym.render.line_breaking import broken
from bptt_sym.render.show import typesetter
from bptt_sym.render.tex import tex
from bptt_sym.render.tex_width import SIGN, THIN, width

TOO_DEEP = "axes"
"""The cell that nests its brackets deeper than a page is wide."""


def boxes_of(name: str, level: str) -> dict[str, Box]:
    derivation = b.derive(b.load_model(name), steps=2, level=level)
    return {
        tex(box): box
        for section in derivation.sections
        for equation in section.lines
        for box in [typesetter(derivation, section)(equation.right)]
    }


@needs_latex
def test_widths_are_those_of_pdflatex(tmp_path: Path):
    found: dict[str, Box] = {}
    for name in ("lstm", "gru", "elman-column", "linear-attention", "bidirectional"):
        for level in LEVELS:
            found |= islice(boxes_of(name, level).items(), 12)
    texts = sorted(found)
    measured = "".join(
        f"\\setbox0\\hbox{{$\\displaystyle {text}$}}\\typeout{{Width \\the\\wd0}}\n"
        for text in texts
    )
    source = r"\documentclass{article}\usepackage{amsmath}\begin{document}%s\end{document}"
    (tmp_path / "boxes.tex").write_text(source % ("\n" + measured), encoding="utf-8")
    command = ["pdflatex", "-interaction=batchmode", "boxes.tex"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    log = (tmp_path / "boxes.log").read_text(encoding="latin-1")
    wide = [float(points) / 10 for points in re.findall(r"Width ([\d.]+)pt", log)]
    ratios = [width(found[text]) / true for text, true in zip(texts, wide, strict=True)]
    assert len(ratios) > 100
    assert min(ratios) > EXACTNESS - 0.02 and max(ratios) < 1.25
    assert 1 <= statistics.median(ratios) < 1.03


W = Glyph("W")
FULL = {"product": Factors((W,) * 100), "sum": Terms(((1, W),) * 100)}


@pytest.mark.parametrize("box", FULL.values(), ids=FULL)
@pytest.mark.parametrize("room", [10.0, TEXT_WIDTH])
def test_lines_are_filled(box: Box, room: float):
    first, *between, last = (line.count("W") for line in broken(box, room, PAGE))
    assert first + sum(between) + last == 100
    assert len(set(between)) == 1 and first - 2 <= between[0] <= first and last <= between[0]
    gap = SIGN if isinstance(box, Terms) else THIN
    filled = first * width(W) + (first - 1) * gap
    assert room - gap - width(W) < filled <= room


def test_a_fraction_that_has_no_room_is_a_quotient():
    over = Terms(((1, W),) * 18)
    written = broken(Ratio(over, W), 16.0, PAGE)
    assert written[0].startswith(r"\bigl( W + W") and written[-1].endswith(r"W \bigr) / W")
    written = broken(Ratio(over, Factors((W, W, W))), 16.0, PAGE)
    assert written[-1] == r"/ \left( W \, W \, W \right)"
    assert broken(Ratio(over, W), 99.0, PAGE) == [tex(Ratio(over, W))]


@needs_latex
@pytest.mark.exhaustive
@pytest.mark.parametrize("loss", ["last", "sum"])
def test_documents_of_all_cells_fit(loss: str, tmp_path: Path):
    fragments = {
        f"{name_of(cell)}, {level}": b.derive(
            b.load_model(str(cell)), level=level, loss=loss
        ).latex()
        for cell in CELLS
        if name_of(cell) != TOO_DEEP
        for level in LEVELS
    }
    log = typeset(fragments, tmp_path)
    assert too_wide(log) == []
    assert complaints(log, "Moved tag") == []
