"""Which arrays share memory: one takes the place of another that nothing reads any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bptt_sym.memory.storage import Storage

Events = Mapping[Storage, Sequence[tuple[int, bool]]]
"""When each array is written (True) or read, by a clock."""


def shared_buffers(
    events: Events, in_place: Sequence[tuple[int, Storage, Storage]], *, reuse: bool
) -> dict[Storage, Storage]:
    """For each array the one whose memory it takes, itself where it has its own.

    Liveness by linear scan (Poletto and Sarkar 1999). An array that a call reads for the last time
    may give its memory to what the call writes, where both are passed over entry by entry.
    """
    lives = {storage: _life(times) for storage, times in events.items()}
    given = {(clock, old, new) for clock, old, new in in_place}
    entries = {storage: storage.entries for storage in lives}
    owners: dict[Storage, Storage] = {}
    ends: dict[Storage, int] = {}
    for storage in sorted(lives, key=lambda storage: lives[storage][0]):
        first, last = lives[storage]
        free = [
            owner
            for owner, end in ends.items()
            if reuse
            and entries[owner] == entries[storage]
            and not (owner.depth or storage.depth)
            and (end < first or _hands_over(owners, given, lives, owner, end, storage, first))
        ]
        # What was used last is still in the cache.
        owner = max(free, key=lambda owner: ends[owner], default=storage)
        owners[storage] = owner
        ends[owner] = last
    return owners


def _life(times: Sequence[tuple[int, bool]]) -> tuple[int, int]:
    clocks = [clock for clock, _ in times]
    return min(clocks), max(clocks)


def _hands_over(
    owners: Mapping[Storage, Storage],
    given: set[tuple[int, Storage, Storage]],
    lives: Mapping[Storage, tuple[int, int]],
    owner: Storage,
    end: int,
    storage: Storage,
    first: int,
) -> bool:
    """Whether the array that has the memory gives it to this one in one call."""
    return end == first and any(
        (first, old, storage) in given and lives[old][1] == first and old.shape == storage.shape
        for old, its in owners.items()
        if its is owner
    )
