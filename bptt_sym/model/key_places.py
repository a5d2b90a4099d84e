"""Where each key of a TOML text stands, and its value: found in one pass, within limits.

``tomllib`` gives values without places, and takes time and memory as the square of the parts of a
key. The pass is made first, and stops where the text is no TOML, which ``tomllib`` then says.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from dataclasses import dataclass

from bptt_sym.errors import Place
from bptt_sym.limits import ENTRIES, KEY_PARTS, NESTING

KeyPath = tuple[str, ...]
"""The parts of a key, from the top of the file."""

_SPACE = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})|'
    r"'''.*?'''(?:'{0,2})|"
    r'"(?:[^"\\\n]|\\.)*"|'
    r"'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_VALUE = re.compile(r"[^\s,\[\]{}#\"']+(?:[ \t]+[0-9:.Z+-]+)?")
_ESCAPE = re.compile(r"\\(?:u.{4}|U.{8}|[ \t]*\n\s*|.)", re.DOTALL)


@dataclass(frozen=True)
class Spot:
    """The offsets at which a key begins and its value, which a header has none of."""

    key: int
    value: int | None = None


def key_spots(text: str, file: str) -> dict[KeyPath, Spot]:
    """The first spot of each key and table of a text, by its path from the top.

    Raises InputError where a limit is passed, with the place in ``file``.
    """
    scanner = _Scanner(text, file)
    with contextlib.suppress(_NotTomlError):
        scanner.document()
    return scanner.spots


def place_at(text: str, offset: int, file: str) -> Place:
    """The line and column of an offset."""
    begin = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line = text[begin : None if end < 0 else end]
    return Place(file, text.count("\n", 0, offset) + 1, offset - begin + 1, line)


def offset_within(text: str, value: int, position: int) -> int:
    """The offset of a character of the string that begins at ``value``."""
    quote = text[value]
    if quote not in "'\"":
        return value
    delimiter = quote * 3 if text.startswith(quote * 3, value) else quote
    offset = value + len(delimiter)
    if len(delimiter) == 3 and text.startswith("\n", offset):
        offset += 1
    while position > 0:
        escape = _ESCAPE.match(text, offset) if quote == '"' else None
        offset = escape.end() if escape else offset + 1
        if not (escape and "\n" in escape[0]):
            position -= 1
    return offset


class _NotTomlError(Exception):
    """The text is no TOML from here on."""


class _Scanner:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.position = 0
        self.entries = 0
        self.spots: dict[KeyPath, Spot] = {}

    def here(self) -> Place:
        return place_at(self.text, self.position, self.file)

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        if not match:
            raise _NotTomlError
        self.position = match.end()
        return match[0]

    def taken(self, sign: str) -> bool:
        """Whether the sign stands here, which is then passed."""
        found = self.text.startswith(sign, self.position)
        self.position += len(sign) if found else 0
        return found

    def count(self) -> None:
        self.entries += 1
        ENTRIES.check(self.entries, self.here)

    def document(self) -> None:
        table: KeyPath = ()
        self.skip(_BETWEEN)
        while self.position < len(self.text):
            if self.taken("["):
                many = self.taken("[")
                self.skip(_SPACE)
                begin = self.position
                table = self.key()
                self.note(table, begin)
                if not self.taken("]]" if many else "]"):
                    raise _NotTomlError
            else:
                self.pair(table, 0)
            self.skip(_BETWEEN)

    def pair(self, table: KeyPath, depth: int) -> None:
        """A key with its value."""
        begin = self.position
        path = (*table, *self.key())
        if not self.taken("="):
            raise _NotTomlError
        self.skip(_SPACE)
        self.note(path, begin, self.position)
        self.value(path, depth)

    def key(self) -> KeyPath:
        """The parts of a key, with the spaces behind it."""
        parts: list[str] = []
        while True:
            KEY_PARTS.check(len(parts) + 1, self.here)
            parts.append(self.part())
            self.skip(_SPACE)
            if not self.taken("."):
                self.count()
                return tuple(parts)
            self.skip(_SPACE)

    def part(self) -> str:
        if self.text.startswith(("'", '"'), self.position):
            quoted = self.skip(_STRING)
            try:
                return str(tomllib.loads(f"{quoted} = 0").popitem()[0])
            except tomllib.TOMLDecodeError:
                raise _NotTomlError from None
        return self.skip(_BARE_KEY)

    def note(self, path: KeyPath, key: int, value: int | None = None) -> None:
        for length in range(1, len(path)):
            self.spots.setdefault(path[:length], Spot(key))
        self.spots.setdefault(path, Spot(key, value))

    def value(self, path: KeyPath, depth: int) -> None:
        self.count()
        if self.text.startswith(("'", '"'), self.position):
            self.skip(_STRING)
        elif self.taken("["):
            self.items("]", path, depth + 1)
        elif self.taken("{"):
            self.items("}", path, depth + 1)
        else:
            self.skip(_PLAIN_VALUE)

    def items(self, closing: str, path: KeyPath, depth: int) -> None:
        NESTING.check(depth, self.here)
        self.skip(_BETWEEN)
        while not self.taken(closing):
            if closing == "}":
                self.pair(path, depth)
            else:
                self.value((), depth)
            self.skip(_BETWEEN)
            if self.taken(","):
                self.skip(_BETWEEN)
            elif not self.text.startswith(closing, self.position):
                raise _NotTomlError
