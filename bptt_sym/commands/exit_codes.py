"""What the process ends with."""

from __future__ import annotations

GOOD, CHECK_FAILED, BAD_INPUT, FAULT = 0, 1, 2, 4
INTERRUPTED, TERMINATED = 130, 143
