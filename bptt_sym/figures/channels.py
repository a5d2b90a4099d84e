"""The channels between the ranks of a graph from left to right, and the tracks in them."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from functools import cached_property

from bptt_sym.figures.levels import FAR, Levels
from bptt_sym.figures.ranks import Station
from bptt_sym.figures.tracks import User, lie_on_each_other, ordered

PARTED = 24
"""So often lines that lie on each other are moved apart."""


class Channels:
    """What runs in the channel behind each rank, along upright tracks from left to right.

    What is ``above`` leaves upward behind its own rank.
    """

    def __init__(self, levels: Levels, above: Collection[str]) -> None:
        self.levels, self.above = levels, above
        self.stacks, self.last = levels.stacks, levels.last
        self.close = levels.space.track / 2
        self._part()

    @cached_property
    def tracks(self) -> dict[int, list[str]]:
        """The tracks of each channel from left to right."""
        return {r: ordered(self._users(r), self.close) for r in range(self.last)}

    def _users(self, r: int) -> dict[str, User]:
        """What needs a track in a channel. There tracks go from left to right, not from below."""
        users: dict[str, User] = {}
        for key, (left, rights) in self._ends(r).items():
            up = key in self.above and self.stacks.rank[key] == r
            if left is not None and not up and all(abs(y - left) < 1e-6 for y in rights):
                continue
            ends = [FAR] * up + [-FAR] * (left is None)
            users[key] = User([] if left is None else [left], list(rights), ends)
        return users

    def _ends(self, r: int) -> dict[str, tuple[float | None, list[float]]]:
        """What runs in the channel behind a rank: the height at its left, those at its right."""
        found: dict[str, tuple[float | None, list[float]]] = {}
        for one, other in self.stacks.joined:
            if one.rank != r:
                continue
            left = None if r == 0 and one.key in self.levels.below else self.levels.y[one]
            port = (
                self.levels.port.get((other.key, one.key), 0.0)
                if self.levels.is_node(other)
                else 0.0
            )
            found.setdefault(one.key, (left, []))[1].append(self.levels.y[other] + port)
        for key in self.above:
            if self.stacks.rank[key] == r:
                left = (
                    None if r == 0 and key in self.levels.below else self.levels.y[Station(key, r)]
                )
                found.setdefault(key, (left, []))
        return found

    def _part(self) -> None:
        """Moves ports a little where two lines would lie on each other, however tracks are ordered.

        That is so where each of two values leaves at the height at which the other one enters.
        """
        for r in range(self.last):
            for _ in range(PARTED):
                users = self._users(r)
                tracks = ordered(users, self.close)
                pair = next(
                    (
                        (one, other)
                        for one, other in itertools.combinations(tracks, 2)
                        if lie_on_each_other(users[one], users[other], self.close)
                    ),
                    None,
                )
                if pair is None:
                    break
                self._move_end(pair[0], users[pair[1]].downs[0], r)

    def _move_end(self, key: str, away: float, r: int) -> None:
        """Moves the right end of a line in the channel behind a rank away from a height."""
        for one, other in self.stacks.joined:
            if one.key != key or one.rank != r:
                continue
            port = (
                self.levels.port.get((other.key, key), 0.0) if self.levels.is_node(other) else 0.0
            )
            distance = self.levels.y[other] + port - away
            if abs(distance) > self.close:
                continue
            shift = (self.close + 1e-3) * (1 if distance >= 0 else -1) - distance
            if self.levels.is_node(other):
                self.levels.port[other.key, key] += shift
            else:
                self.levels.y[other] += shift
