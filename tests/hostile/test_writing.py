"""Faults while files are written: what was there stays, or all that is new; nothing is torn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from hostile.faults import CASES, COMMANDS, FAULTS, PRINTING
from hostile.watched import Watched

Written: TypeAlias = "Callable[[str], tuple[dict[str, bytes], dict[str, bytes]]]"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def written(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The files of a command, as it writes them first and as it writes them then."""

    @cache
    def of(command: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
        template, *choices = COMMANDS[command]
        folders = [tmp_path_factory.mktemp("written") for _ in choices]
        for folder, choice in zip(folders, choices, strict=True):
            assert watched.run(template.format(choice).split(), folder).code == 0
        return contents(folders[0]), contents(folders[1])

    return of


@pytest.mark.one_in(6)
@pytest.mark.parametrize(("command", "fault"), CASES)
def test_a_fault_leaves_whole_files(
    watched: Watched, written: Written, tmp_path: Path, command: str, fault: str
) -> None:
    """Files of an earlier run are there, which are to be written anew, with other content."""
    old, new = written(command)
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    template, _, choice = COMMANDS[command]
    arguments = template.format(choice).split()
    at, call, does, code = FAULTS[fault]

    found = watched.run(arguments, tmp_path, at=at, call=call, does=does)
    assert found.code == code, found
    left = contents(tmp_path)
    waiting = {name for name in left if name.endswith(".bptt-sym-part")}
    assert all(left[name] in (old.get(name), new.get(name)) for name in left.keys() - waiting)
    assert does == "SIGKILL" or (not waiting and bool(found.err.strip()) == (code == 2))
    if at != "replace":
        assert {name: left[name] for name in left.keys() - waiting} == old

    again = watched.run(arguments, tmp_path)
    assert again.code == 0
    assert contents(tmp_path) == old | new
    assert again.err.startswith("an earlier run was cut off") == bool(waiting)


@pytest.mark.parametrize("command", PRINTING)
def test_an_output_that_is_full_is_told(watched: Watched, tmp_path: Path, command: str) -> None:
    found = watched.run(command.split(), tmp_path, full_output=True)
    assert found.code == 2
    assert found.err == "error: standard output cannot be written: No space left on device\n"
