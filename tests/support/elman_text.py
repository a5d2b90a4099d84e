"""The file of the course's cell, and what it is with something else in a place of it."""

from __future__ import annotations

from support.cells import text_of

ELMAN = text_of("elman")
STATE = 's = "phi(x[t] @ W_x + s[t-1] @ W_s)"'
W_S = 'W_s = ["n", "n"]'


def changed(old: str, new: str) -> str:
    assert old in ELMAN
    return ELMAN.replace(old, new)
