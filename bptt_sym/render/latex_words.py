"""Plain words in LaTeX."""

from __future__ import annotations


def latex_words(words: str) -> str:
    """Plain text with LaTeX's special characters escaped."""
    return "".join(_ESCAPES.get(character, character) for character in words)


_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
}
