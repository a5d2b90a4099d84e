"""What the formats of notes look like: pages, headings, figures and tables."""

from __future__ import annotations

import re

import pytest
from test_notes import ELMAN, assert_clean, compiled, needs_latex

import bptt_sym as b
from bptt_sym.documents.document import Document, NotesSection, Table
from bptt_sym.documents.latex_notes import latex
from bptt_sym.documents.markdown import markdown
from bptt_sym.documents.numbering import numbered

PAGES = {"elman": 6, "gru": 8, "lstm": 8}
"""So many pages an article has at most."""

exhaustive = pytest.mark.exhaustive


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
    source = b.notes(ELMAN).tex("article")
    assert r"\begin{figure}" not in source
    assert source.count(r"\begin{tikzpicture}") == source.count(r"\caption") == 2


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
