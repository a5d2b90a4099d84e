"""Modules as an attacker would write them: sealed as if bptt-sym had written them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import bptt_sym as b
from bptt_sym.targets.numpy.accepted import SEAL, UNSEALED, sealed


@cache
def _written() -> str:
    return b.generate(b.load_model("linear"), style="readable")


def forged(change: Callable[[str], str], *, seal: bool = True) -> str:
    """A module of ours that was changed, with the digest of the change if ``seal``."""
    changed = change(_written())
    if not seal:
        return changed
    lines = changed.split("\n")
    line = next(k for k, text in enumerate(lines) if text.startswith(SEAL))
    lines[line] = UNSEALED
    return sealed("\n".join(lines))
