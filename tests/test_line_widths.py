"""Lines of LaTeX are as wide as they are taken to be, fill the measure, and fit it."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.cells import CELLS, name_of
from support.draws import draws
from support.latex_reader import Reader
from support.random_models import models
from test_latex import LEVELS, complaints, needs_latex, too_wide, typeset
from test_random_models import random_models

import bptt_sym as b
from bptt_sym.algebra.boxes import (
    Box,
    Brackets,
    Call,
    Cases,
    Factors,
    Fraction,
    Glyph,
    ModuloOf,
    Negative,
    Number,
    Part,
    Ratio,
    Relation,
    Row,
    Superscript,
    Terms,
    with_parts,
)
from bptt_sym.api import notation_names
from bptt_sym.model.read import parse_model
from bptt_sym.render.latex import EXACTNESS, PAGE, TEXT_WIDTH
from bptt_sym.render.line_breaking import broken
from bptt_sym.render.medium import Medium
from bptt_sym.render.show import typesetter
from bptt_sym.render.tex import tex
from bptt_sym.render.tex_height import fence
from bptt_sym.render.tex_width import SIGN, THIN, width

TOO_DEEP = "axes"
"""The cell that nests its brackets deeper than a page is wide."""


def boxes_of(name: str, level: str, notation: str) -> dict[str, Box]:
    derivation = b.derive(b.load_model(name), steps=2, level=level, notation=notation)
    return {
        tex(box): box
        for section in derivation.sections
        for equation in section.lines
        for box in [typesetter(derivation, section)(equation.right)]
    }


def widths_in_tex(texts: Sequence[str], folder: Path) -> list[float]:
    """How wide pdflatex makes formulas, in ems."""
    measured = "".join(
        f"\\setbox0\\hbox{{$\\displaystyle {text}$}}\\typeout{{Width \\the\\wd0}}\n"
        for text in texts
    )
    source = r"\documentclass{article}\usepackage{amsmath}\begin{document}%s\end{document}"
    (folder / "boxes.tex").write_text(source % ("\n" + measured), encoding="utf-8")
    command = ["pdflatex", "-interaction=batchmode", "boxes.tex"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    log = (folder / "boxes.log").read_text(encoding="latin-1")
    return [float(points) / 10 for points in re.findall(r"Width ([\d.]+)pt", log)]


@needs_latex
@pytest.mark.parametrize("notation", notation_names())
def test_widths_are_those_of_pdflatex(notation: str, tmp_path: Path):
    found: dict[str, Box] = {}
    for name in ("lstm", "gru", "elman-column", "linear-attention", "bidirectional"):
        for level in LEVELS:
            found |= islice(boxes_of(name, level, notation).items(), 12)
    texts = sorted(found)
    wide = widths_in_tex(texts, tmp_path)
    ratios = [width(found[text]) / true for text, true in zip(texts, wide, strict=True)]
    assert len(ratios) > 100
    assert min(ratios) > EXACTNESS - 0.02 and max(ratios) < 1.15
    assert 0.99 <= statistics.median(ratios) < 1.03


@needs_latex
@pytest.mark.parametrize("notation", ["course", "goodfellow"])
def test_brackets_are_as_wide_as_those_that_tex_chooses(notation: str, tmp_path: Path):
    """They are as high as what is in them, of one of six sizes."""
    found: dict[str, Box] = {}

    def look(box: Box) -> Box:
        if isinstance(box, Brackets):
            found[tex(box.body)] = box.body
        with_parts(box, look)
        return box

    for name in ("lstm", "gru", "elman-column", "linear-attention", "bidirectional"):
        for level in LEVELS:
            for box in boxes_of(name, level, notation).values():
                look(box)
    texts = sorted(found)
    wide = widths_in_tex([rf"\left( {text} \right)" for text in texts], tmp_path)
    inside = widths_in_tex(texts, tmp_path)
    wrong = [
        text
        for text, outer, inner in zip(texts, wide, inside, strict=True)
        if abs((outer - inner) / 2 - fence(found[text]).width) > 0.02
    ]
    assert len(texts) > 50 and len(wrong) < 0.15 * len(texts), wrong


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


def test_brackets_around_several_lines_are_as_high_as_what_is_in_them():
    """They open on one line and close on another, so that TeX cannot size them."""
    high = Superscript(Brackets(Fraction(W, W)), None)
    for factor, size in ((W, "big"), (high, "Bigg")):
        product = Factors((factor,) * 12, "elementwise")
        first, *_, last = broken(Negative(Superscript(Brackets(product), None)), 16.0, PAGE)
        assert first.startswith(rf"-\{size}l( ") and last.endswith(rf" \{size}r)^{{\top}}")


LONG = Terms(((1, W),) * 12)


def test_a_relation_is_broken_before_its_sign_where_both_sides_are_long():
    def lines(left: Box, right: Box) -> list[str]:
        return broken(Relation(left, "at least", right, indicator=True), width(LONG) + 9, PAGE)

    half = tex(LONG)
    assert lines(LONG, LONG) == [rf"\mathbf{{1}}[{half}", rf"\quad \ge {half}]"]
    twice = Factors((Brackets(LONG), Brackets(LONG)))
    one, other = rf"\left( {half} \right)", rf"\cdot \left( {half} \right)"
    assert lines(W, twice) == [rf"\mathbf{{1}}[W \ge {one}", rf"\quad \quad {other}]"]
    assert lines(twice, W) == [rf"\mathbf{{1}}[{one}", rf"\quad \quad {other} \ge W]"]


def test_a_remainder_is_broken_before_its_sign():
    assert broken(ModuloOf(LONG, LONG), width(LONG) + 4, PAGE) == [tex(LONG), rf"\bmod {tex(LONG)}"]


def cases(left: Box, right: Box) -> Cases:
    return Cases(Negative(Brackets(LONG)), Relation(left, "greater", right), LONG)


def test_cases_without_room_have_rows_that_go_on():
    assert broken(cases(W, W), 20.0, PAGE) == [
        r"\begin{cases} -\bigl( W + W + W + W + W \\ \quad \quad + W + W + W + W + W \\ "
        r"\quad \quad + W + W \bigr) & W > W \\ W + W + W + W + W + W \\ "
        r"\quad + W + W + W + W + W + W & \text{else} \end{cases}"
    ]
    in_text = broken(cases(W, W), 36, Medium().page)
    assert in_text == [
        "(−(W + W + W + W + W + W + W",
        "      + W + W + W + W + W)",
        "  if W > W,",
        "  else W + W + W + W + W + W + W + W",
        "    + W + W + W + W)",
    ]


@pytest.mark.parametrize("room", [14.0, 18.0, 25.0, 60.0])
@pytest.mark.parametrize(("left", "right"), [(W, LONG), (LONG, W), (LONG, LONG)])
def test_cases_in_rows_are_read_as_cases(room: float, left: Box, right: Box):
    """And a root over several lines as a root."""

    def read(text: str) -> float:
        return Reader(text, {}, lambda symbol, times: 0.5, {}).whole()

    for box in (
        cases(left, right),
        Call("sqrt", Terms(((1, cases(left, right)), (1, LONG), (1, LONG)))),
    ):
        assert read(" ".join(broken(box, room, PAGE))) == read(tex(box)) != 0


def test_what_stands_behind_brackets_stands_behind_their_last_line():
    for box, end in (
        (Superscript(Row((LONG, LONG)), None), r"]^{\top}"),
        (Part(Brackets(LONG), Number(0), W), r"\bigr)[0:W]"),
    ):
        first, *_, last = broken(box, width(LONG), PAGE)
        assert first.count("W") < 13 and last.endswith(end)


def test_a_left_side_without_room_is_broken_like_a_right_side():
    """And not where a line is full, with an operator at its end."""
    derivation = b.derive(b.load_model("tests/cells/lru.toml"), level="jacobian")
    assert r"""
&\quad \quad \quad \quad \quad \quad - \sin(\exp(\bar{\theta})) \odot \bar{w}_{t-1} \bigr) \notag \\
&\quad \quad \quad \quad \odot \exp(-\exp(\bar{\nu})) \odot \exp(\bar{\nu})) \notag \\
&\quad = -\delta \bar{u}_{t}""" in derivation.latex()
    assert """
  (51)  −δwₜ diag((sin(exp(θ)) ⊙ uₜ₋₁ + cos(exp(θ)) ⊙ wₜ₋₁)
              ⊙ exp(−exp(ν)) ⊙ exp(ν))
                       = −δwₜ ⊙ (sin(exp(θ)) ⊙ uₜ₋₁ + cos(exp(θ)) ⊙ wₜ₋₁)
""" in derivation.text(width=80)


DEEP = 0.03
"""So many of the random models nest their brackets deeper than a page is wide."""


def random_texts(number: int) -> list[str]:
    texts: list[str] = []

    @settings(random_models, max_examples=number)
    @given(models())
    def draw(text: str) -> None:
        texts.append(text)

    draw()
    return texts


@needs_latex
@pytest.mark.exhaustive
def test_documents_of_random_models_fit(tmp_path: Path):
    texts = random_texts(draws(80))
    fragments = {}
    for k, text in enumerate(texts):
        for level in LEVELS:
            fragment = b.derive(parse_model(text, f"model-{k}"), level=level, loss="sum").latex()
            if r"\label" in fragment:
                fragments[f"model-{k}, {level}"] = fragment
    log = typeset(fragments, tmp_path)
    found = {line.split(",")[0] for line in [*too_wide(log), *complaints(log, "Moved tag")]}
    assert len(found) <= DEEP * len(texts)


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
