"""Faults while files are written: what was there stays, or all that is new; nothing is torn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.faults import COMMANDS, FAULTS, PRINTING
from hostile.watched import Watched


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with Watched() as process:
        yield process


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("command", "fault"), itertools.product(COMMANDS, FAULTS))
def test_a_fault_leaves_whole_files(
    watched: Watched, tmp_path: Path, command: str, fault: str
) -> None:
    """Files of an earlier run are there; they are written anew, with other content."""
    arguments, (at, call, does, code) = COMMANDS[command].split(), FAULTS[fault]
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, steps in ((before, 2), (after, 3)):
        folder.mkdir()
        assert watched.run([*arguments, "--steps", steps], folder).code == 0
    old, new = contents(before), contents(after)
    several = len(new) > 1

    found = watched.run([*arguments, "--steps", 3], before, at=at, call=call, does=does)
    left = contents(before)
    waiting = [name for name in left if name.endswith(".bptt-sym-part")]
    if call > 1 and not several:
        assert found.code == 0 and left == new
        return
    assert found.code == code, found
    assert all(left[name] in (old.get(name), new.get(name)) for name in left if name not in waiting)
    killed = does == "SIGKILL"
    assert killed or not waiting
    assert killed or found.err == "" or len(found.err.splitlines()) == 1
    if not several and not killed and not does.startswith("SIG"):
        assert left == old

    again = watched.run([*arguments, "--steps", 3], before)
    assert again.code == 0
    assert contents(before) == old | new
    assert again.err.startswith("an earlier run was cut off") == bool(waiting)


@pytest.mark.parametrize("command", PRINTING)
def test_an_output_that_is_full_is_told(watched: Watched, tmp_path: Path, command: str) -> None:
    found = watched.run(command.split(), tmp_path, full_output=True)
    assert found.code == 2
    assert found.err == "error: standard output cannot be written: No space left on device\n"
