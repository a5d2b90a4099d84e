"""Errors that are the user's to mend, with the place where they stand."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from bptt_sym.excerpt import Excerpt, printable


@dataclass(frozen=True)
class Place:
    """A place in a model file: 1-based line and column, both absent for the file as a whole.

    ``text`` is what the line says, where the file is text.
    """

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = field(default=None, compare=False, repr=False)

    @property
    def excerpt(self) -> Excerpt | None:
        """The line with the place in it."""
        if self.text is None or self.column is None:
            return None
        return Excerpt(self.text, self.column)

    def __str__(self) -> str:
        parts = [self.file, self.line, self.column]
        return ":".join(str(part) for part in parts if part is not None)


ERROR = "error:"
LONGEST_MESSAGE = 400
LONGEST_LIST = 120
_NEAR = 0.65
"""How alike two names are that differ in one letter of three."""


class InputError(ValueError):
    """Bad input: one line that says what is wrong, where, and what would be right.

    The command line prints it as ``place: error: message``, with the line of the file and a caret
    below it, and ends with exit code 2. Python shows that excerpt as a note of the error.
    """

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.message = printable(" ".join(message.split()))
        self.place = place
        if self.excerpt:
            self.add_note(self.excerpt.shown())

    @property
    def excerpt(self) -> Excerpt | None:
        """The line of the file with the place in it, where it is known."""
        return self.place.excerpt if self.place else None

    def __str__(self) -> str:
        prefix = f"{self.place}: " if self.place else ""
        return cut(f"{prefix}{ERROR} {self.message}", LONGEST_MESSAGE)


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
    candidates = list(dict.fromkeys(known))
    plain = [candidate.lower() for candidate in candidates]
    near = difflib.get_close_matches(name[:LONGEST_LIST], candidates, 1, _NEAR)
    near = near or difflib.get_close_matches(name[:LONGEST_LIST].lower(), plain, 1, _NEAR)
    if not near:
        return ""
    found = near[0] if near[0] in candidates else candidates[plain.index(near[0])]
    return f" (did you mean '{found}'?)"
