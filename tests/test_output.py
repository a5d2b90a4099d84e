"""Writing files: in one step, with nothing half-written and nothing foreign lost."""

from __future__ import annotations

import os
import stat

import pytest

import bptt_sym as b
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
