"""Runs of neighbours that go together."""

from __future__ import annotations

from collections.abc import Callable


def runs(count: int, goes_on: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Where the longest runs of so many neighbours begin and end.

    ``goes_on(start, place)`` tells whether a run from ``start`` goes on at a place.
    """
    found = []
    start = 0
    for stop in range(1, count + 1):
        if stop == count or not goes_on(start, stop):
            found.append((start, stop))
            start = stop
    return found
