"""The form of what a refused command says: one line, and below it what a file says there."""

from __future__ import annotations

from bptt_sym.errors import LONGEST_MESSAGE
from bptt_sym.excerpt import WIDEST


def message_of(said: str) -> str:
    """The line with which a command is refused, where all that it says has the form."""
    assert said.endswith("\n"), said
    line, *excerpt = said[:-1].split("\n")
    assert line.isprintable() and len(line) <= LONGEST_MESSAGE, line
    assert "error: " in line and "Traceback" not in said
    assert len(excerpt) in (0, 2), said
    if excerpt:
        assert all(text.isprintable() and len(text) <= WIDEST + 1 for text in excerpt), said
        assert excerpt[1].strip(" ") == "^", said
    return line
