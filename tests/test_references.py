"""The texts that notes refer to: the model's own, and those on what is said."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

import bptt_sym as b

TEXTS = tomllib.loads(files("bptt_sym").joinpath("documents/chapters/references.toml").read_text())[
    "text"
]


def listed(name, steps=3, **options):
    *_, last = b.notes(b.load_model(name), steps, **options).document.sections
    return last.blocks[0].items if last.name == "references" else ()


def test_the_source_of_a_model_comes_first_and_the_standard_texts_follow():
    found = listed("elman")
    assert found[0].startswith("J. L. Elman, Finding structure in time, Cognitive Science 14")
    names = [text["authors"] for text in TEXTS]
    assert [next(n for n in names if item.startswith(n)) for item in found[1:]] == names
    first, second, *_ = listed("lstm", 2, wrt="V")
    assert "Hochreiter" in first and "Gers" in second


def test_a_text_is_listed_only_where_its_chapter_is():
    told = " ".join(listed("elman", 1))
    assert "Werbos" in told
    for name in ("Goodfellow", "Pascanu", "Simard", "Peng"):
        assert name not in told


def test_a_sheet_of_exercises_and_solutions_have_no_references():
    notes = b.notes(b.load_model("elman"), sheet=True)
    for document in (notes.document, notes.solutions):
        assert all(section.name != "references" for section in document.sections)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text["authors"])
def test_the_chapters_of_a_text_are_chapters(text):
    names = {s.name.partition("-")[0] for s in b.notes(b.load_model("elman")).document.sections}
    assert set(text["chapters"]) <= names
