"""The text of a model file: read within limits, with the place of each key."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bptt_sym.errors import InputError, Place
from bptt_sym.quoting import shown_path

LARGEST_FILE = 1_000_000

_HEADER = re.compile(r"\s*\[\[?\s*([\w-]+)\s*\]")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*=\s*""")
_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True)
class Source:
    """A model file's name, its tables, and where each key stands."""

    file: str
    tables: dict[str, Any]
    lines: tuple[str, ...] = field(repr=False)

    def place(self, section: str | None = None, key: str | None = None) -> Place:
        """The place of a key, of a section's header, or of the file."""
        found = self._find(section, key)
        return Place(self.file, *found[:2]) if found else Place(self.file)

    def within(self, section: str, key: str, offset: int) -> Place:
        """The place of a character of the key's text."""
        found = self._find(section, key)
        if not found:
            return Place(self.file)
        line, column, value = found
        quoted = self.lines[line - 1][value : value + 1] in ("'", '"')
        return Place(self.file, line, value + 2 + offset if quoted else column)

    def _find(self, section: str | None, key: str | None) -> tuple[int, int, int] | None:
        current = None
        for number, line in enumerate(self.lines, start=1):
            header = _HEADER.match(line)
            if header:
                current = header[1]
                if key is None and current == section:
                    return number, header.start(1) + 1, 0
            match = _KEY.match(line)
            if match and key is not None and (current, match[1]) == (section, key):
                return number, match.start(1) + 1, match.end()
        return None


def read_source(path: Path, kind: str = "model") -> Source:
    """The tables of a file of a kind. Raises InputError if it cannot be read as UTF-8 TOML."""
    file = shown_path(path)
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise InputError(f"this is {what}, not a {kind} file", Place(file))
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise InputError(f"no such {kind} file", Place(file)) from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", Place(file)) from None
    if len(data) > LARGEST_FILE:
        raise InputError(f"a {kind} file has at most {LARGEST_FILE} bytes", Place(file))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise InputError("not UTF-8 text", Place(file, line, column)) from None
    return parse_source(text, file, kind)


def parse_source(text: str, file: str, kind: str = "model") -> Source:
    """The tables of a TOML text; ``file`` is its name in messages."""
    lines = tuple(text.splitlines())
    try:
        return Source(file, tomllib.loads(text), lines)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        place = Place(file, len(lines) or 1, 1)
        if position:
            place = Place(file, int(position[1]), int(position[2]))
            message = message[: position.start()].strip()
        raise InputError(f"not valid TOML: {message}", place) from None
    except RecursionError:
        raise InputError(f"not a {kind} file: nested too deeply", Place(file)) from None
