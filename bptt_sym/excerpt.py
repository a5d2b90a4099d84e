"""A line of a file as a terminal shows it, with a caret under one of its characters."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

WIDEST = 76
"""The columns of a terminal that an excerpt takes at most, the dots where it is cut included."""

_DOTS = "..."
_BEFORE = 46
"""How many of them are at most before the caret."""


def printable(text: str) -> str:
    """The text with an escape for each character that a terminal would obey and not show.

    Such are control characters, those that turn the direction of writing, and halves of others.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@dataclass(frozen=True)
class Excerpt:
    """A line of a file, and the number of one of its characters, from 1, or of its end."""

    line: str
    column: int

    def shown(self, encoding: str = "utf-8") -> str:
        """Two lines: what is around the place, cut where it is long, and a caret under the place.

        What ``encoding`` has no sign for stands as an escape, as all that a terminal would obey.
        """
        at = min(max(self.column - 1, 0), len(self.line))
        signs = {k: _sign(self.line[k], encoding) for k in _around(at, len(self.line))}
        first, before = at, 0
        while first - 1 in signs and before + _width(signs[first - 1]) <= _BEFORE - len(_DOTS):
            first -= 1
            before += _width(signs[first])
        last, width = at, before
        while last in signs and width + _width(signs[last]) <= WIDEST - 2 * len(_DOTS):
            width += _width(signs[last])
            last += 1
        head, tail = _DOTS * (first > 0), _DOTS * (last < len(self.line))
        text = "".join(signs[k] for k in range(first, last))
        return f"{head}{text}{tail}".rstrip() + f"\n{' ' * (len(head) + before)}^"


def _around(at: int, length: int) -> range:
    """The characters that may be shown: a mark takes no width, but a line is not made of marks."""
    return range(max(at - 2 * WIDEST, 0), min(at + 2 * WIDEST, length))


def _sign(character: str, encoding: str) -> str:
    shown = " " if character == "\t" else printable(character)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _width(sign: str) -> int:
    """The columns that a terminal gives to a text: two to a wide character, none to a mark."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in sign
    )
