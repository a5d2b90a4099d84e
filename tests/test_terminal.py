"""What is printed fits the terminal, keeps to its signs, and has colour where that is wanted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.cells import CELLS, CORPUS, name_of

import bptt_sym as b
from bptt_sym.algebra.names import GREEK
from bptt_sym.api import model_text
from bptt_sym.cli import cli
from bptt_sym.commands.terminal import complaint
from bptt_sym.errors import InputError, Place
from bptt_sym.model.notations import notation_names
from bptt_sym.render.medium import NARROWEST, Medium, cells

LEVELS = ("chain", "jacobian", "adjoint")


CHOSEN = ("LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR", "LESSCHARSET")


def printed(*arguments: str, **environment: str | None) -> str:
    clean: dict[str, str | None] = dict.fromkeys(CHOSEN)
    result = CliRunner(env=clean | environment).invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("notation", notation_names())
@pytest.mark.parametrize("model", b.model_names())
@pytest.mark.one_in(12)
def test_ascii_is_ascii(model, notation, level):
    derivation = b.derive(b.load_model(model), steps=2, level=level, notation=notation)
    text, plain = derivation.text(), derivation.text(ascii=True)
    assert plain.isascii() and not text.isascii()
    # Line for line the same: nothing is escaped and nothing lost.
    assert "\\" not in plain
    assert re.findall(r"^ +\((\d+)\)", plain, re.M) == re.findall(r"^ +\((\d+)\)", text, re.M)


@pytest.mark.parametrize("cell", [*b.model_names(), *CORPUS], ids=name_of)
def test_a_model_is_shown_in_ascii(cell):
    shown = model_text(b.load_model(str(cell)), Medium(ascii=True))
    assert shown.isascii() and not set(GREEK.values()) & set(shown)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cell", CORPUS, ids=name_of)
@pytest.mark.one_in(15)
def test_a_published_cell_is_printed_in_ascii(cell, level):
    derivation = b.derive(b.load_model(str(cell)), steps=2, level=level)
    assert derivation.text(width=80, ascii=True).isascii()


def places_to_break(line: str) -> list[str]:
    """The signs of a line, outside of brackets, before which it could have been broken."""
    words, depth, found = line.split(" "), 0, []
    for k, word in enumerate(words):
        begun = any(w and w not in SIGNS for w in words[:k])
        if not depth and begun and word in SIGNS:
            found.append(word)
        depth += sum(map(word.count, "([")) - sum(map(word.count, ")]"))
        if depth < 0:
            break  # the rest is behind what a line before has opened
    return found


SIGNS = {"+", "−", "·", "⊙", "⊗", "∘", "for"}


@pytest.mark.parametrize("width", [30, 60, 80, 200])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
@pytest.mark.one_in(40)
def test_lines_fit(cell, level, width):
    """What does not fit has no place to break: a derivative of tuples, a matrix."""
    derivation = b.derive(b.load_model(str(cell)), steps=2, level=level, loss="sum")
    for line in derivation.text(width=width).splitlines():
        equation = re.sub(r"^ *(\(\d+\))? *([^=]*= )?", "", line)
        if cells(line) > max(width, NARROWEST):
            whole = line.lstrip().startswith("for ") or not places_to_break(equation)
            assert line.startswith("  ") and whole
    wide, narrow = (derivation.text(width=w).split() for w in (200, width))
    assert len(wide) <= len(narrow)  # later lines begin with their sign once more


@pytest.mark.one_in(2)
@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("model", ["lstm", "gru", "lstm-peephole"])
def test_lines_are_filled(model, width):
    """The next factor of a chain would not have had room."""
    text = b.derive(b.load_model(model), steps=4).text(width=width)
    pairs = [pair for pair in pairwise(text.splitlines()) if re.match(" +· ", pair[1])]
    assert pairs
    for line, later in pairs:
        first = re.match(r" +(· [^·]*[^· ])", later)
        assert first and cells(line) + 1 + cells(first[1]) > width


def test_later_lines_are_indented_by_what_they_are_part_of():
    lines = b.derive(b.load_model("lstm"), "W_hf", 2, level="jacobian").text(width=60).splitlines()
    start = next(k for k, line in enumerate(lines) if "∂E₂/∂W_hf = " in line)
    column = lines[start].index(" = ") + 3
    signs = [line[column:][:3] for line in lines[start : start + 5]]
    assert signs == ["−2 ", "  ·", "  ·", "− 2", "  ·"]


def test_a_wide_left_side_has_a_line_of_its_own():
    text = b.derive(b.load_model("lstm"), "W_hf", 2).text(width=60)
    left, right = text.partition("∂(hₜ, cₜ)/∂(hₜ₋₁, cₜ₋₁)")[2].splitlines()[:2]
    assert left == "" and right.strip().startswith("= ⎡ ∂hₜ/∂hₜ₋₁")


def test_equations_are_broken_where_there_is_no_room():
    derivation = b.derive(b.load_model("lstm"), steps=4, level="adjoint")
    for width in (60, 80, 100):
        lines = derivation.text(width=width).splitlines()
        # What is longer is one factor with its left side.
        equations = [line for line in lines if " = " in line and "for" not in line]
        assert max(map(cells, equations)) <= width


def test_the_width_is_that_of_the_terminal():
    narrow, wide = (printed("derive", "--level", "adjoint", COLUMNS=n) for n in ("60", "160"))
    # For which steps a line holds stands behind it.
    lines = [line.split("   for ")[0] for line in narrow.splitlines()]
    assert max(map(cells, lines)) <= 60 < max(map(cells, wide.splitlines())) <= 160
    assert max(map(cells, printed("models", COLUMNS="60").splitlines())) <= 60
    assert max(map(cells, printed("derive", "--level", "adjoint").splitlines())) <= 80


def test_signs_where_the_locale_has_them():
    assert "∂E₃/∂W_s" in printed("derive")
    assert "∂E₃/∂W_s" in printed("derive", LANG="de_DE.UTF-8")
    plain = {"LC_ALL": "C"}, {"LANG": "POSIX"}, {"LC_CTYPE": "C", "LANG": "en_US.UTF-8"}
    for environment in plain:
        assert "dE_3/dW_s" in printed("derive", **environment)
        assert printed("derive", **environment).isascii()
    assert printed("derive", "--ascii") == printed("derive", LC_ALL="C")
    assert printed("derive", "--ascii") == printed("derive", LESSCHARSET="latin1")
    assert printed("show", "lstm", "--ascii").isascii()


def test_files_hold_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    printed("derive", "-o", "a.txt", LC_ALL="C", COLUMNS="40")
    printed("derive", "-o", "b.txt", "--color")
    assert Path("a.txt").read_text(encoding="utf-8") == Path("b.txt").read_text(encoding="utf-8")
    printed("derive", "-o", "c.txt", "--ascii")
    assert "dE_3/dW_s" in Path("c.txt").read_text(encoding="ascii")


def test_programs_and_proofs_fit_the_terminal():
    for command, width in (("program", 50), ("verify", 70)):
        lines = printed(command, "lstm", COLUMNS=str(width)).splitlines()
        assert max(map(cells, lines)) <= width
        assert printed(command, "lstm", "--ascii").isascii()
        assert "\x1b[1m" in printed(command, "lstm", "--color")


def test_a_complaint_has_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    place = Place("cell.toml", 1, 5, "x = (")
    wrong = InputError("this is not what a file of a model says, and here is why", place)
    plain = complaint(wrong, [])
    assert plain.splitlines() == [f"{place}: error: {wrong.message}", "x = (", "    ^"]
    colored = complaint(wrong, ["derive", "--color"])
    assert "\x1b[1;31merror:\x1b[0m" in colored and colored.endswith("\x1b[1;31m    ^\x1b[0m")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    on_terminal = complaint(wrong, [])
    assert "\x1b" in on_terminal
    assert max(cells(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in on_terminal.splitlines()) <= 40
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in complaint(wrong, [])
    assert complaint(InputError("Größe"), ["--ascii"]).isascii()


def test_colour_is_asked_for_or_left_out():
    assert "\x1b" not in printed("derive")
    colored = printed("derive", "--color")
    assert colored.startswith("\x1b[1m")
    assert re.sub(r"\x1b\[\d*m", "", colored) == printed("derive")
    assert "\x1b" in printed("derive", "--color", NO_COLOR="1")
    assert "\x1b" in printed("show", "elman", "--color")


def test_the_cells_of_signs():
    assert cells("s\u0304ₜ") == 2
    assert cells("文") == 2
    assert cells("abc") == 3


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_options(shell):
    """As the README says."""
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"{shell}_source" in readme
    source = subprocess.run(
        ["bptt-sym"],
        check=False,
        env={**os.environ, "_BPTT_SYM_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
    )
    assert source.returncode == 0 or shell == "bash"  # which wants bash 4.4
    told = subprocess.run(
        ["bptt-sym"],
        check=True,
        env={
            **os.environ,
            "_BPTT_SYM_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": "bptt-sym derive --le",
            "COMP_CWORD": "--le" if shell == "fish" else "2",
        },
        capture_output=True,
        text=True,
    )
    assert "--level" in told.stdout


def test_the_line_of_a_complaint_is_in_the_signs_of_the_terminal():
    wrong = InputError("no equation", Place("cell.toml", 1, 9, 'h = "µ + é"'))
    assert complaint(wrong, []).splitlines()[1:] == ['h = "µ + é"', "        ^"]
    line, caret = complaint(wrong, ["--ascii"]).splitlines()[1:]
    assert line == r'h = "\xb5 + \xe9"' and caret.index("^") == line.index(r" \xe9")


def test_texts_of_one_process_have_a_width_each():
    """What a template says is wrapped for the text that is written, and not for an earlier one."""
    derivation = b.derive(b.load_model("elman"), "W_s", level="jacobian")
    wide, narrow = derivation.text(width=120), derivation.text(width=50)
    assert max(map(len, narrow.splitlines())) <= 50
    assert derivation.text(width=120) == wide
