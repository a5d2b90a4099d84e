"""What small files ask for is refused in one line, or read as data, with nothing else done."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.message import message_of

from hostile.special import SPECIAL, Special
from hostile.table import KINDS, OBEYED, Case
from hostile.watched import MEMORY, SECONDS, Ended, Watched

pytestmark = pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork")


def marks(case: Case) -> list[pytest.MarkDecorator]:
    """What is ended when its time is over takes that long."""
    return [pytest.mark.exhaustive] if case.runs and "MB of memory" not in case.says else []


def cases(kinds: dict[str, list[Case]]) -> list[object]:
    return [
        pytest.param(case, id=f"{kind}: {case.what}", marks=marks(case))
        for kind, entries in kinds.items()
        for case in entries
    ]


def ended(watched: Watched, folder: Path, case: Case) -> Ended:
    """How the command of a case ended, in a folder that holds its file."""
    path = folder / case.name
    content = case.content if isinstance(case.content, bytes) else case.content.encode()
    path.write_bytes(content)
    words = shlex.split(case.command) if "'" not in case.command else case.command.split(" ")
    return watched.run([case.name if word == "F" else word for word in words], folder)


def assert_it_did_nothing_else(found: Ended, case: Case) -> None:
    assert all(case.runs and what.startswith("ran ") for what in found.did)
    assert found.seconds <= SECONDS
    assert found.memory <= MEMORY


@pytest.mark.parametrize("case", cases(KINDS))
def test_it_is_refused_in_one_line(watched: Watched, tmp_path: Path, case: Case) -> None:
    found = ended(watched, tmp_path, case)
    assert (found.code, found.out) == (2, ""), found
    assert case.says in found.err
    message_of(found.err)
    assert found.wrote == frozenset()
    assert [path.name for path in tmp_path.iterdir()] == [case.name]
    assert_it_did_nothing_else(found, case)


@pytest.mark.parametrize("case", cases(OBEYED))
def test_it_is_read_as_data(watched: Watched, tmp_path: Path, case: Case) -> None:
    found = ended(watched, tmp_path, case)
    assert (found.code, found.err) == (0, "")
    written = {path for path in tmp_path.iterdir() if path.name != case.name}
    (output,) = (path for path in written if path.stem == "out")
    text = output.read_text(encoding="utf-8")
    assert case.says in text
    assert all(line.isprintable() for line in text.splitlines())
    if case.command.startswith("notes"):
        assert not re.search(r"\b(nan|inf)\b", text)
    assert {Path(name) for name in found.wrote if not name.endswith("-part")} == written
    assert_it_did_nothing_else(found, case)


@pytest.mark.parametrize("special", SPECIAL, ids=lambda special: special.what)
def test_a_file_that_is_none_is_refused(watched: Watched, tmp_path: Path, special: Special) -> None:
    name = "f.py" if "F.py" in special.command else "f.toml"
    special.make(tmp_path / name)
    words = special.command.split()
    found = watched.run([name if word.startswith("F") else word for word in words], tmp_path)
    assert (found.code, found.out) == (2, ""), found
    assert special.says in message_of(found.err)
    assert (found.wrote, found.did) == (frozenset(), ())
    assert [path.name for path in tmp_path.iterdir()] == [name]
