"""Writing files: in one step, with nothing half-written and nothing foreign lost."""

from __future__ import annotations

import os
import stat

import pytest

import bptt_sym as b
from bptt_sym.output import write_output

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
