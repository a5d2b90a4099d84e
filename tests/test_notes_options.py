"""What notes are asked for beside a model: each option says what it says in derive."""

from __future__ import annotations

import re
from typing import get_type_hints

import pytest

import bptt_sym as b
from bptt_sym.choices import SECTION_LEVELS
from bptt_sym.cli import main
from bptt_sym.commands import progress
from bptt_sym.documents.notes_request import NotesOptions, NotesRequest
from bptt_sym.errors import InputError

ELMAN = b.load_model("elman")


def tags(notes):
    """The numbers that stand in the Markdown, in order."""
    return [int(number) for number in re.findall(r"\\tag\{(\d+)\}", notes.markdown())]


def test_what_is_asked_for_in_python_is_what_a_request_holds():
    asked = {name for name in get_type_hints(NotesRequest) if name != "steps"}
    assert asked == set(get_type_hints(NotesOptions))


def test_the_derivation_of_the_course_has_the_numbers_of_the_course():
    """Equations 36 and 37 are of W_y, 38 to 40 the contributions to W_s, 41 their sum."""
    numbers = b.notes(ELMAN, 3, number_from=36).document.numbers
    found = {number: label for label, number in numbers.items() if label.startswith("eq:")}
    labels = ["E_3:W_y", "E_N:W_y", *(f"E_3:W_s:from:s_{i}" for i in (3, 2, 1)), "E_3:W_s"]
    assert [found[number] for number in range(36, 42)] == [f"eq:elman:chain:{x}" for x in labels]


def test_equations_are_counted_from_the_number_asked_for():
    plain, moved = tags(b.notes(ELMAN, 2)), b.notes(ELMAN, 2, number_from=100)
    shift = tags(moved)[0] - plain[0]
    assert shift > 0 and tags(moved) == [number + shift for number in plain]
    for kind in ("fragment", "article"):
        assert rf"\setcounter{{equation}}{{{shift}}}" in moved.tex(kind)


def test_a_number_that_leaves_none_for_the_model_is_refused():
    with pytest.raises(InputError, match="must be at least") as refused:
        b.notes(ELMAN, 1, wrt="W_y", number_from=1)
    least, before = map(int, re.findall(r"\d+", str(refused.value)))
    assert before == least - 1 > 0
    found = b.notes(ELMAN, 1, wrt="W_y", number_from=least)
    assert tags(found)[0] == 1
    assert "setcounter" not in found.tex()


def test_author_and_date_stand_below_the_title_as_they_are():
    hostile = r"A. \input{x} & $B$ [[eq]] <b>"
    notes = b.notes(ELMAN, 2, wrt="W_y", author=hostile, date="50% of 2026")
    for kind in ("article", "slides"):
        assert r"\author{A. \textbackslash{}input\{x\} \& \$B\$ [[eq]]" in notes.tex(kind)
        assert r"\date{50\% of 2026}" in notes.tex(kind)
    assert r"A. \\input\{x\} &amp; \$B\$ \[\[eq\]\] &lt;b&gt;, 50% of 2026" in notes.markdown()
    with pytest.raises(InputError, match="the author must be one line"):
        b.notes(ELMAN, author="two\nlines")


@pytest.mark.parametrize("level", SECTION_LEVELS)
def test_a_fragment_has_the_headings_asked_for(level):
    source = b.notes(ELMAN, 2, wrt="W_y", section_level=level).tex()
    assert set(re.findall(r"\\(chapter|(?:sub)*section)\*", source)) == {level}


def test_the_command_in_a_file_makes_it_again(tmp_path):
    values = tmp_path / "a.toml"
    values.write_text("s0 = [0.1, 0.2]")
    options = {
        "loss": "mean",
        "masked": True,
        "wrt": ("W_s", "W_x"),
        "exercise": ("W_x",),
        "no_exercises": False,
        "sheet": True,
        "marks": True,
        "full": True,
        "most_factors": 5,
        "mark_immediate": True,
        "number_from": 41,
        "seed": 7,
        "values": str(values),
        "macros": True,
        "author": "A & B",
        "date": "today",
        "section_level": "section",
    }
    assert set(options) <= set(get_type_hints(NotesOptions))
    words = "bptt-sym notes elman --steps 4 --loss mean --wrt W_s --wrt W_x --exercise W_x "
    words += f"--number-from 41 --most-factors 5 --values {values} "
    words += "--author 'A & B' --date today "
    words += "--section-level section --seed 7 --notation goodfellow "
    words += "--masked --mark-immediate --macros --full "
    words += "--sheet --marks"
    assert b.notes(ELMAN, 4, notation="goodfellow", **options).document.command == words


def test_a_mask_stands_in_the_loss_and_in_the_code():
    notes = b.notes(ELMAN, 2, wrt="W_s", masked=True, loss="sum")
    assert r"E_{t} &= \mathrm{mask}_{t}" in notes.markdown()
    assert "mask" in notes.notebook().partition("def value_and_grad")[2]


def test_all_immediate_derivatives_are_marked_where_that_is_asked_for():
    assert r"\partial^{+}" not in b.notes(ELMAN, wrt="W_s").tex()
    marked = b.notes(ELMAN, wrt="W_s", mark_immediate=True).tex()
    for step in (1, 2, 3):
        assert rf"\frac{{\partial^{{+}} \bar{{s}}_{{{step}}}}}{{\partial W_{{s}}}}" in marked


def test_long_chains_are_abbreviated_where_that_is_asked_for():
    whole, short = (b.notes(ELMAN, 4, wrt="W_s", most_factors=most).tex() for most in (8, 4))
    assert whole.count(r"\prod") < short.count(r"\prod")


def test_notes_tell_of_many_steps():
    assert r"\bar{s}_{20}" in b.notes(ELMAN, 20, wrt="W_s").tex()


def test_long_work_says_where_it_is_and_short_work_nothing(tmp_path, capsys, monkeypatch):
    for patience, told in ((0.0, True), (1e9, False)):
        monkeypatch.setattr(progress, "PATIENCE", patience)
        with pytest.raises(SystemExit):
            main(["notes", "elman", "--steps", "2", "-o", str(tmp_path / "a.md")])
        lines = capsys.readouterr().err.splitlines()
        assert any(line.endswith("s: notes on elman: recursion") for line in lines) is told
        assert bool(lines) is told
