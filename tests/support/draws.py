"""How many random examples a test draws.

``BPTT_SYM_DRAWS`` is a factor of what each test names: an eighth without it, 1 in an exhaustive
run, more to search for faults; above 1 others are drawn each time, and the smallest is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

import pytest

FACTOR = Fraction(os.environ.get("BPTT_SYM_DRAWS", "1/8"))
SEARCHING = FACTOR > 1

EXHAUSTIVE = pytest.mark.exhaustive


def draws(number: int) -> int:
    """So many examples of the ``number`` that an exhaustive run draws."""
    return ceil(number * FACTOR)


def in_turn(names: Iterable[str], losses: Sequence[str]) -> list[Any]:
    """Names with losses, for ``parametrize``: each with one; with the others exhaustively."""
    return [
        pytest.param(name, loss, marks=() if k % len(losses) == losses.index(loss) else EXHAUSTIVE)
        for k, name in enumerate(names)
        for loss in losses
    ]
