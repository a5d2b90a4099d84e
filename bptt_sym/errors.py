"""Errors that are the user's to mend, with the place where they stand."""

from __future__ import annotations

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
        return f"{prefix}error: {self.message}"


def printable(text: str) -> str:
    """The text with an escape for each character that a terminal would obey and not show.

    Such are control characters, those that turn the direction of writing, and halves of others.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def listed(names: Iterable[object]) -> str:
    """The names a user may choose from, as they stand in a message; "none" where there is none."""
    return ", ".join(map(str, names)) or "none"
