"""What the formats of notes look like: pages, headings, figures and tables."""

from __future__ import annotations

import ast
import json
import re
import time
from functools import cache
from pathlib import Path

import pytest
from support.cells import CORPUS, name_of
from test_notes import ELMAN, assert_clean, compiled, needs_latex, run

import bptt_sym as b
from bptt_sym.documents.document import Document, Drawing, NotesSection, Table, formulas
from bptt_sym.documents.formats.latex_notes import latex
from bptt_sym.documents.formats.markdown import markdown
from bptt_sym.documents.formats.slides import MOST_WORDS, frames
from bptt_sym.documents.numbering import numbered
from bptt_sym.render.mathjax import for_github

PAGES = {"elman": 6, "gru": 8, "lstm": 8}
"""So many pages an article has at most."""

exhaustive = pytest.mark.exhaustive


@cache
def notes_on(name):
    """The notes on a model that ships, with no option."""
    return b.notes(b.load_model(name))


# The article.


@needs_latex
@pytest.mark.parametrize(
    "name", ["elman", pytest.param("gru", marks=exhaustive), pytest.param("lstm", marks=exhaustive)]
)
def test_an_article_has_few_pages_and_bookmarks_of_plain_words(tmp_path, name):
    source = b.notes(b.load_model(name), author="A. Jones & Søn", date="May 2026").tex("article")
    log = compiled(tmp_path, source)
    assert_clean(log)
    assert "Warning" not in log
    assert max(map(int, re.findall(r"\[(\d+)[\]{]", log))) <= PAGES[name]


def test_figures_stand_where_the_text_has_them():
    source = notes_on("elman").tex("article")
    assert r"\begin{figure}" not in source
    assert source.count(r"\begin{tikzpicture}") == source.count(r"\endcsname{figure}") == 2


def test_a_sum_is_unbroken_where_it_has_room():
    """On a page of an article, and not in the narrower text of LaTeX's own."""
    notes = b.notes(ELMAN, wrt="W_s")

    def lines(kind):
        source = notes.tex(kind)
        end = source.index(r"\label{eq:elman:chain:E_3:W_s}")
        return source[source.rindex(r"\begin{align}", 0, end) : end].count(r"\\") + 1

    assert lines("article") == 1 < lines("fragment")


# Tables.

TABLE = Table(("gate", "$N$", "norm"), (("input | $|x|$", "$-3$", "1.5"), ("a", "10", "2")), "Size")


def document(*blocks):
    section = NotesSection("one", "Heading", blocks)
    return numbered(Document("d", "Title", "command", (section,)))


def test_columns_of_numbers_end_at_the_right():
    assert r"\begin{tabular}{@{}lrr@{}}" in latex(document(TABLE), "fragment")
    assert "| :-- | --: | --: |" in markdown(document(TABLE))


def test_a_table_with_a_title_has_a_number():
    assert "*Table 1. Size*" in markdown(document(TABLE))
    assert r"\caption{Size}" in latex(document(TABLE), "fragment")


def test_a_bar_in_a_table_of_markdown_ends_no_cell():
    row = next(line for line in markdown(document(TABLE)).splitlines() if "input" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 4


# Markdown.

SIGNS = re.compile(r"\\[^A-Za-z\s]|[|<>*]|\]\(")
"""What Markdown, HTML or a table reads in its own way within a formula."""


def formulas_of(text):
    return [a or b for a, b in re.findall(r"\$\$(.*?)\$\$|(?<!\\)\$([^$]+)\$", text, re.DOTALL)]


@pytest.mark.parametrize("name", ["elman", "linear-attention"])
def test_formulas_of_markdown_are_such_as_github_renders(name):
    formulas = formulas_of(b.notes(b.load_model(name), 2).markdown())
    assert len(formulas) > 50
    for formula in formulas:
        assert not re.search(r"\\(operatorname|phantom|allowbreak)\b", formula)
        assert not SIGNS.search(formula)


@exhaustive
@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_formulas_of_markdown_of_any_cell_are_such_as_github_renders(path):
    for formula in formulas_of(b.notes(b.load_model(str(path)), 2, loss="sum").markdown()):
        assert not re.search(r"\\(operatorname|phantom|allowbreak)\b", formula)
        assert not SIGNS.search(formula)


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        (r"a \, b\,c", r"a \thinspace b\thinspace c"),
        (r"\operatorname{diag}(v)", r"\mathrm{diag}(v)"),
        (r"\left\| v \right\|", r"\left\Vert v \right\Vert"),
        (r"\{ x \mid x<1 \}", r"\lbrace x \mid x\lt 1 \rbrace"),
        ("a & b \\\\\nc", "a & b \\cr\nc"),
        (r"[a](b)^{*}", r"[a\rbrack(b)^{\ast}"),
    ],
)
def test_signs_have_names_in_formulas_for_github(formula, written):
    assert for_github(formula) == written


def test_quarto_has_a_front_matter_and_an_anchor_for_each_reference(tmp_path):
    words = 'A "B" & C: #1'
    text = b.notes(ELMAN, author=words, date="2026", number_from=36).quarto("n-")
    first, made, *matter = text.split("\n---\n")[0].splitlines()
    assert first == "---" and made.startswith("# Made by bptt-sym")
    told = dict(line.split(": ", 1) for line in matter)
    assert json.loads(told["author"]) == r'A "B" &amp; C: \#1'
    assert json.loads(told["title"]).endswith("Elman network")
    anchors = re.findall(r"\{#([^} ]+)", text)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= set(anchors)
    assert {kind for kind, _, _ in (a.partition("-") for a in anchors)} >= {"sec", "eq", "fig"}


def test_notes_for_quarto_write_over_their_own_files(tmp_path):
    for steps in (2, 3):
        assert run("elman", "--steps", steps, "-o", tmp_path / "notes.qmd") == 0
    (tmp_path / "notes.qmd").write_text("---\ntitle: mine\n---\n")
    assert run("elman", "-o", tmp_path / "notes.qmd") == 2


def captions(model, steps=3):
    document = b.notes(b.load_model(model), steps).document
    return [drawing.caption for drawing in document.drawings]


def test_a_caption_says_what_its_figure_shows():
    """Of an Elman network three paths in colours; of an LSTM one step is large, paths are many."""
    whole, paths, *_ = captions("elman")
    assert whole == "The model, unfolded over 3 time steps."
    assert paths.endswith(": each colour is one path from $E_{3}$ to a copy of $W_{s}$.")
    whole, paths, *_ = captions("lstm")
    assert whole.startswith("The model over 3 time steps, step 2 with its inside")
    assert ": the lines are all the paths from $E_{3}$ to the copies of" in paths


# Slides.

FRAMES = {"elman": 30, "lstm": 40}
"""So many frames a deck has at most."""


@pytest.mark.parametrize("name", FRAMES)
def test_a_deck_has_few_frames_of_few_words(name):
    document = notes_on(name).document
    assert latex(document, "slides").count("\\begin{frame}") <= FRAMES[name]
    for frame in frames(document):
        if frame.heading != "Exercises" and frame.shown:
            assert frame.words <= MOST_WORDS or len(frame.before) + len(frame.after) == 1


def test_contributions_are_uncovered_below_a_figure_that_stands_still():
    (frame,) = (frame for frame in frames(notes_on("elman").document) if frame.steps)
    assert [type(block) for block in frame.shown] == [Drawing]
    assert [step.text.lead for step in frame.steps] == ["Step 3.", "Step 2.", "Step 1."]
    source = notes_on("elman").tex("slides")
    assert [source.count(rf"\only<{k}>") for k in (1, 2, 3, 4)] == [1, 1, 1, 0]


@pytest.mark.parametrize("name", ["elman", "lstm", pytest.param("gru", marks=exhaustive)])
def test_slides_show_each_equation_of_the_text_once(name):
    document = notes_on(name).document
    shown = [f for frame in frames(document) for block in frame.shown for f in formulas(block)]
    shown += [f for frame in frames(document) for s in frame.steps for f in s.equations.formulas]
    told = [f for s in document.sections for block in s.blocks for f in formulas(block)]
    assert sorted(f.lines for f in shown) == sorted(f.lines for f in told)


@needs_latex
@exhaustive
@pytest.mark.parametrize("name", ["gru", "lstm", "bidirectional", "linear-attention"])
def test_frames_have_room_for_what_is_on_them(tmp_path, name):
    assert_clean(compiled(tmp_path, notes_on(name).tex("slides"), runs=1))


def test_slides_of_many_steps_are_made_in_time():
    """In seconds of the processor, where they took minutes."""
    started = time.process_time()
    b.notes(b.load_model("lstm"), 6).tex("slides")
    assert time.process_time() - started < 30


# The notebook.


@pytest.mark.parametrize(
    ("name", "loss"), [("elman", "sum"), pytest.param("gru", "last", marks=exhaustive)]
)
def test_each_section_of_a_notebook_has_the_cell_that_computes_it(name, loss):
    cells = json.loads(b.notes(b.load_model(name), 2, loss=loss).notebook())["cells"]
    order = [cell["id"] for cell in cells]
    code = {cell["id"]: cell["source"] for cell in cells if cell["cell_type"] == "code"}
    for section in ("matrices", "recursion", "vanishing", "truncation"):
        assert order[order.index(section) + 1] == f"{section}-code"
        assert f"loss={loss!r}" in code[f"{section}-code"]
    assert order.index("recursion-code") < order.index("module-code") < order.index("vanishing")
    assert order[-1] == "check-code"


def test_the_name_of_a_file_is_no_code_in_a_notebook(tmp_path):
    path = tmp_path / "a'+print(1)+'.toml"
    path.write_text(Path(b.__file__).parent.joinpath("model", "cells", "elman.toml").read_text())
    cells = json.loads(b.notes(b.load_model(str(path)), 1).notebook())["cells"]
    (setup,) = (cell["source"] for cell in cells if cell["id"] == "setup")
    (call,) = (n for n in ast.walk(ast.parse(setup)) if isinstance(n, ast.Call))
    assert ast.literal_eval(call.args[0]) == str(path)


def executed(notes):
    """The names that the code of a notebook leaves, run from top to bottom."""
    names = {}
    for cell in json.loads(notes.notebook())["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], names)
    return names


def test_a_notebook_on_a_mask_is_computed_with_it():
    notes = b.notes(ELMAN, 2, wrt="W_s", masked=True)
    text = notes.notebook()
    assert text.count("masked=True") >= text.count("b.measure(") + text.count("b.derive(") > 3
    assert executed(notes)["measured"].parameters.keys() == {"W_s"}


@exhaustive
@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_a_notebook_of_any_cell_runs(path, loss):
    assert "gradient_errors" in executed(b.notes(b.load_model(str(path)), 2, loss=loss))


@needs_latex
@exhaustive
@pytest.mark.parametrize("path", CORPUS, ids=name_of)
def test_articles_and_slides_of_any_cell_fit(tmp_path, path):
    notes = b.notes(b.load_model(str(path)), loss="sum")
    for kind in ("article", "slides"):
        assert_clean(compiled(tmp_path, notes.tex(kind), runs=1), references=False)
