"""Lines of code that are broken where they are too long."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from bptt_sym.targets.numpy.precedence import call

WIDTH = 100

DEEPEST = 8
"""The indents of a function and of a loop."""


def fitted_lines(items: Iterable[str], opening: str, closing: str, indent: int = 4) -> list[str]:
    """Items in brackets on one line where they fit, else on one of their own, else one a line."""
    return call(opening, items, closing).lines("", WIDTH - indent, packed=False)


def wrapped_lines(text: str, width: int, first: str = "    ", later: str = "    ") -> list[str]:
    """A text in lines of a width, each behind what stands before it; words stay whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def wrapped(text: str, first: int = 0, later: int = 0) -> str:
    """A text in lines behind indents; the first one stands already."""
    return "\n".join(wrapped_lines(text, WIDTH, " " * first, " " * later))[first:]


def wrapped_comment(text: str) -> list[str]:
    """A comment in as many lines as it needs."""
    return wrapped_lines(text, WIDTH - DEEPEST, "# ", "#     ")


def fitted(items: Iterable[str], opening: str, closing: str, indent: int = 0) -> str:
    """The same as one text, whose first line stands behind an indent that is there."""
    return f"\n{' ' * indent}".join(fitted_lines(items, opening, closing, indent))
