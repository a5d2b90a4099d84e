"""Errors that are the user's to mend, with the place where they stand."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A place in a model file: 1-based line and column, both absent for the file as a whole."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)


LONGEST_MESSAGE = 300
LONGEST_LIST = 120


class InputError(ValueError):
    """Bad input: one line that says what is wrong, where, and what would be right.

    The command line prints it as ``place: error: message`` and ends with exit code 2.
    """

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = printable(" ".join(message.split()))
        self.place = place

    def __str__(self) -> str:
        prefix = f"{self.place}: " if self.place else ""
        return cut(f"{prefix}error: {self.message}", LONGEST_MESSAGE)


def printable(text: str) -> str:
    """The text with an escape for each character that a terminal would obey and not show.

    Such are control characters, those that turn the direction of writing, and halves of others.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def cut(text: str, length: int) -> str:
    """The text, or as much of it as fits with dots behind it."""
    return text if len(text) <= length else text[: length - 3] + "..."


def listed(names: Iterable[object]) -> str:
    """The names a user may choose from, as they stand in a message: the first of many, and how many
    more there are; "none" where there is none.
    """
    texts = list(map(str, names))
    shown = len(texts)
    while shown > 1 and len(", ".join(texts[:shown])) > LONGEST_LIST:
        shown -= 1
    more = [f"and {len(texts) - shown} more"] if shown < len(texts) else []
    return ", ".join([*texts[:shown], *more]) or "none"


def closest(name: str, known: Iterable[str]) -> str:
    """What a message adds where a name that is not known is nearly one that is."""
    near = difflib.get_close_matches(name[:LONGEST_LIST], list(known), 1)
    return f" (did you mean '{near[0]}'?)" if near else ""
