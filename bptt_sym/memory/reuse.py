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
    lives = {
        storage: (min(clock for clock, _ in times), max(clock for clock, _ in times))
        for storage, times in events.items()
    }
    entries = {storage: storage.entries for storage in lives}
    givers: dict[Storage, list[tuple[int, Storage]]] = {}
    for clock, old, new in in_place:
        givers.setdefault(new, []).append((clock, old))
    owners: dict[Storage, Storage] = {}
    ends: dict[Storage, int] = {}

    def hands_over(owner: Storage, storage: Storage) -> bool:
        """Whether the array that has the memory gives it to this one in one call."""
        return any(
            owners.get(old) is owner
            and clock == ends[owner] == lives[old][1] == lives[storage][0]
            and old.shape == storage.shape
            for clock, old in givers.get(storage, ())
        )

    for storage in sorted(lives, key=lambda storage: lives[storage][0]):
        free = [
            owner
            for owner, end in ends.items()
            if reuse
            and entries[owner] == entries[storage]
            and not (owner.depth or storage.depth)
            and (end < lives[storage][0] or hands_over(owner, storage))
        ]
        # What was used last is still in the cache.
        owner = max(free, key=lambda owner: ends[owner], default=storage)
        owners[storage] = owner
        ends[owner] = lives[storage][1]
    return owners
