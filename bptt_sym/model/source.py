"""The text of a model file: read within limits, with the place of each key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bptt_sym.errors import InputError, Place
from bptt_sym.limits import FILE_BYTES
from bptt_sym.model.key_places import Spot, key_spots, offset_within, place_at
from bptt_sym.quoting import shown_path

_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True)
class Source:
    """A model file's name, its tables, and where each key stands."""

    file: str
    tables: dict[str, Any]
    text: str = field(repr=False)
    spots: Mapping[tuple[str, ...], Spot] = field(repr=False)

    def place(self, *path: str | None) -> Place:
        """The place of a key, by its path from the top: of the nearest one around it that the file
        has; of the file where there is none. None stands for the top itself.
        """
        spot = self._spot(tuple(part for part in path if part is not None))
        return place_at(self.text, spot.key, self.file) if spot else Place(self.file)

    def within(self, path: tuple[str, ...], position: int) -> Place:
        """The place of a character of the text that a key, or the one around it, has as value."""
        spot = self._spot(path)
        if spot is None or spot.value is None:
            return self.place(*path)
        return place_at(self.text, offset_within(self.text, spot.value, position), self.file)

    def _spot(self, path: tuple[str, ...]) -> Spot | None:
        lengths = range(len(path), 0, -1)
        return next((self.spots[path[:k]] for k in lengths if path[:k] in self.spots), None)


def read_source(path: Path, kind: str = "model") -> Source:
    """The tables of a file of a kind. Raises InputError if it cannot be read as UTF-8 TOML."""
    file = shown_path(path)
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise InputError(f"this is {what}, not a {kind} file", Place(file))
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES.most + 1)
    except FileNotFoundError:
        raise InputError(f"no such {kind} file", Place(file)) from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {reason}", Place(file)) from None
    FILE_BYTES.check(len(data), Place(file))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = data.decode("utf-8", "backslashreplace")
        offset = len(data[: error.start].decode("utf-8"))
        raise InputError("not UTF-8 text", place_at(shown, offset, file)) from None
    return parse_source(text, file, kind)


def parse_source(text: str, file: str, kind: str = "model") -> Source:
    """The tables of a TOML text; ``file`` is its name in messages.

    Raises InputError for what is no TOML, or passes a limit.
    """
    text = text.replace("\r\n", "\n")
    spots = key_spots(text, file)
    try:
        return Source(file, tomllib.loads(text), text, spots)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        place = place_at(text, len(text.rstrip("\n")), file)
        if position:
            line, column = int(position[1]), int(position[2])
            place = Place(file, line, column, text.split("\n")[line - 1])
            message = message[: position.start()].strip()
        raise InputError(f"not valid TOML: {message}", place) from None
    except ValueError:
        # Python converts whole numbers of some thousand digits only.
        raise InputError("not valid TOML: a number is too long", Place(file)) from None
    except RecursionError:
        raise InputError(f"not a {kind} file: nested too deeply", Place(file)) from None
