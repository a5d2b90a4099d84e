"""Writing files: in one step, with nothing half-written and nothing foreign lost."""

from __future__ import annotations

import json
import os
import stat
import struct
from shutil import which

import pytest

import bptt_sym as b
from bptt_sym import cli
from bptt_sym.made_by import is_ours
from bptt_sym.output import write_output, write_outputs

OURS = "Made by bptt-sym 0: earlier\n"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file(tmp_path):
    write_output(tmp_path / "a.txt", "text\n")
    assert (tmp_path / "a.txt").read_text() == "text\n"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_of_ours_is_replaced_and_keeps_its_mode(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(OURS)
    path.chmod(0o640)
    write_output(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_foreign_file_needs_force(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("mine")
    with pytest.raises(b.InputError, match="--force writes over it"):
        write_output(path, "new")
    assert path.read_text() == "mine"
    write_output(path, "new", force=True)
    assert path.read_text() == "new"


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text(OURS)
    link.symlink_to(target)
    write_output(link, "new")
    assert link.is_symlink() and target.read_text() == "new"


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, step):
    path = tmp_path / "a.txt"
    path.write_text(OURS)

    def fails(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(b.InputError, match="No space left on device"):
        write_output(path, "new")
    assert path.read_text() == OURS
    assert names(tmp_path) == ["a.txt"]


def test_several_files_are_written_all_or_none(tmp_path):
    """The second one may not be written over: the first is left as it was, too."""
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text(OURS)
    second.write_text("somebody's own")
    with pytest.raises(b.InputError, match="not made by bptt-sym"):
        write_outputs({first: "new", second: "new"})
    assert first.read_text() == OURS
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_a_disk_that_fills_up_leaves_none_of_several_files(tmp_path, monkeypatch):
    calls = []

    def fails_at_last(*_args):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails_at_last)
    contents = {tmp_path / f"{name}.txt": "text" for name in "abc"}
    with pytest.raises(b.InputError, match=r"c\.txt: error: cannot be written: No space left"):
        write_outputs(contents)
    assert names(tmp_path) == []


# Whose a file is: the mark stands where the format has it, or the file is foreign.


def command(capsys, *arguments):
    """The exit code of a command and what it says is wrong."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return end.value.code, capsys.readouterr().err


WRITERS = {
    "text": ("derive", "elman", "--steps", 2, "--wrt", "W_y", "-o", "f"),
    "latex": ("derive", "elman", "--steps", 2, "--wrt", "W_y", "--format", "latex", "-o", "f"),
    "json": ("derive", "elman", "--steps", 2, "--wrt", "W_y", "--format", "json", "-o", "f"),
    "fast": ("generate", "elman", "-o", "f"),
    "readable": ("generate", "elman", "--style", "readable", "-o", "f"),
    "svg": ("figure", "elman", "--steps", 1, "-o", "f.svg"),
    "png": ("figure", "elman", "--steps", 1, "-o", "f.png"),
    "tikz": ("figure", "elman", "--steps", 1, "-o", "f.tex"),
    "fragment": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "-o", "f.tex"),
    "article": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "--document", "-o", "f.tex"),
    "slides": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "--slides", "-o", "f.tex"),
    "macros": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "--macros", "-o", "f.tex"),
    "exercise": ("notes", "elman", "--steps", 2, "--exercise", "W_y", "-o", "f.tex"),
    "markdown": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "-o", "f.md"),
    "notebook": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "-o", "f.ipynb"),
}
PDF = {
    "pdf figure": ("figure", "elman", "--steps", 1, "-o", "f.pdf"),
    "pdf notes": ("notes", "elman", "--steps", 2, "--wrt", "W_y", "-o", "f.pdf"),
}


@pytest.mark.parametrize(
    "name",
    [
        *WRITERS,
        *(pytest.param(n, marks=pytest.mark.skipif(not which("pdflatex"), reason="no pdflatex"))
          for n in PDF),
    ],
)  # fmt: skip
def test_what_we_wrote_we_write_over(capsys, tmp_path, monkeypatch, name):
    """Every file that the command writes; and none of them once its mark stands elsewhere."""
    monkeypatch.chdir(tmp_path)
    arguments = (WRITERS | PDF)[name]
    assert command(capsys, *arguments) == (0, "")
    written = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert all(map(is_ours, written))
    assert command(capsys, *arguments) == (0, "")
    for path, content in written.items():
        # Something in front, as a preface or a first line of its own; the mark is still there.
        mark = content.index(b"Made by bptt-sym")
        foreign = content[:mark].replace(b"\n", b"\nmine\n", 1) + b"mine " + content[mark:]
        path.write_bytes(foreign)
        code, said = command(capsys, *arguments)
        assert code == 2 and "this file was not made by bptt-sym" in said, path
        assert path.read_bytes() == foreign
        path.write_bytes(content)


WORDS = f"Made by bptt-sym {b.__version__}"
FOREIGN = {
    "a sentence": f"Notes.\n{WORDS}: see there.\n",
    "a first line that says it": f"{WORDS} and by me.\n",
    "no version": "Made by bptt-sym: and by me.\n",
    "a script": f'"""Mine.\n\nSome of it is\n{WORDS} from the model elman:\n"""\n',
    "a comment of Python": f"# {WORDS} from the model elman:\nx = 1\n",
    "a script's string": f'x = """Mine.\n\n{WORDS} from the model elman:\n"""\n',
    "LaTeX": f"\\documentclass{{article}}\n% {WORDS}:\n",
    "LaTeX that says so": f"{WORDS}\\par: mine\n",
    "TikZ": f"\\usepackage{{tikz}}\n% {WORDS}: mine\n",
    "a page": f"# Mine\n\n<!-- {WORDS}: x -->\n",
    "a figure": f'<svg xmlns="http://www.w3.org/2000/svg">\n<!-- {WORDS}: x -->\n</svg>\n',
    "data": json.dumps({"schema": "mine", "model": {"made_by": WORDS}}),
    "data that says so": json.dumps({"note": WORDS}),
    "a list": json.dumps([{"made_by": WORDS}]),
    "a notebook": json.dumps({"metadata": {"title": WORDS}, "cells": [], "made_by": WORDS}),
    "a notebook's cell": json.dumps({"metadata": {}, "cells": [{"source": WORDS}]}),
    "half of a JSON": f'{{"made_by": "{WORDS}", ',
    "bytes": b"\xff\xfe" + WORDS.encode(),
    "a PNG's comment": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", len(WORDS) + 8, b"tEXt")
    + b"Comment\0" + WORDS.encode() + bytes(4),
    "a PNG's tail": b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 0, b"IDAT") + bytes(4)
    + struct.pack(">I4s", len(WORDS) + 9, b"tEXt") + b"Software\0" + WORDS.encode() + bytes(4),
    "a PDF": b"%PDF-1.5\n%\xd0\xd4\n1 0 obj\n<< /Producer (" + WORDS.encode() + b") >>\nendobj\n",
    "a PDF's later object": b"%PDF-1.5\n%\xd0\n1 0 obj\n(mine)\nendobj\n2 0 obj\n("
    + WORDS.encode() + b")\nendobj\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_that_holds_the_words_needs_force(tmp_path, name):
    path, content = tmp_path / "f", FOREIGN[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(b.InputError, match="--force writes over it"):
        write_output(path, "new")
    write_output(path, "new", force=True)
    assert path.read_text() == "new"
