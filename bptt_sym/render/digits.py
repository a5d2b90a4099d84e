"""Whole numbers of any size, which Python writes up to some thousand digits only."""

from __future__ import annotations

_CHUNK = 1000


def digits(number: int) -> str:
    """All digits of a number that is not negative."""
    chunks: list[int] = []
    while number >= 10**_CHUNK:
        number, chunk = divmod(number, 10**_CHUNK)
        chunks.append(chunk)
    return str(number) + "".join(f"{chunk:0{_CHUNK}d}" for chunk in reversed(chunks))


def breakable_digits(number: int) -> str:
    """All digits of a number for LaTeX, which may break the line after each third from the end."""
    text = digits(number)
    first = len(text) % 3 or 3
    groups = [text[:first], *(text[k : k + 3] for k in range(first, len(text), 3))]
    return r"\,\allowbreak ".join(groups)
