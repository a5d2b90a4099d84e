"""Files that are no texts: what waits for a writer, folders, links that lead nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Special:
    """A file that is made, a command that is given it as F, and what it says."""

    what: str
    make: Callable[[Path], object]
    command: str
    says: str


def _link(to: str) -> Callable[[Path], object]:
    return lambda path: os.symlink(to, path)


_NAMES = {"show F": "model", "derive elman --notation F": "notation"}

SPECIAL = [
    *(
        Special(f"{what}, as a {kind}", make, command, says.format(kind=kind))
        for command, kind in _NAMES.items()
        for what, make, says in (
            ("a pipe", os.mkfifo, "this is no regular file, not a {kind} file"),
            ("a folder", os.mkdir, "this is a folder, not a {kind} file"),
            ("a device without end", _link("/dev/zero"), "this is no regular file"),
            ("a link to itself", _link("f.toml"), "error: "),
            ("a link to nothing", _link("absent"), "no such {kind} file"),
        )
    ),
    Special("a pipe, as a module", os.mkfifo, "verify F.py", "this is no regular file"),
    Special("a folder, as a module", os.mkdir, "verify F.py", "this is no regular file"),
    Special("a device, as a module", _link("/dev/zero"), "verify F.py", "this is no regular file"),
    Special("a pipe to write to", os.mkfifo, "derive elman -o F", "this is no regular file"),
    Special("a folder to write to", os.mkdir, "derive elman -o F", "this is a folder"),
    Special("a device to write to", _link("/dev/null"), "derive elman --force -o F", "no regular"),
    Special(
        "a link to a foreign file", _link("/etc/hostname"), "derive elman -o F", "was not made by"
    ),
    Special("a link into no folder", _link("a/b"), "derive elman -o F", "folder to write into"),
]
