"""How many random examples a test draws.

``BPTT_SYM_DRAWS`` is a factor of what each test names: an eighth without it, 1 in an exhaustive
run, more to search for faults; above 1 others are drawn each time, and the smallest is told.
"""

from __future__ import annotations

import os
from fractions import Fraction
from math import ceil

FACTOR = Fraction(os.environ.get("BPTT_SYM_DRAWS", "1/8"))
SEARCHING = FACTOR > 1


def draws(number: int) -> int:
    """So many examples of the ``number`` that an exhaustive run draws."""
    return ceil(number * FACTOR)
