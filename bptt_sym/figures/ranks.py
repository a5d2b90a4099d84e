"""The ranks of a graph that runs from left to right, and in which order a rank is stacked.

A node has the rank behind all that it reads. What passes a rank without being read there has a
place in it, too, so that no line meets a node (Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

SWEEPS = 12


class Station(NamedTuple):
    """What is called ``key`` in a rank: a node itself, or its value on its way through."""

    key: str
    rank: int


@dataclass(frozen=True)
class Stacks:
    """The places of each rank from the bottom up, and the pairs of places that a line joins."""

    stacks: Mapping[int, list[Station]]
    joined: Sequence[tuple[Station, Station]]
    rank: Mapping[str, int]
    last: int


def stacked(
    reads: Mapping[str, Sequence[str]],
    given: Sequence[str],
    lowest: Sequence[str],
    leaving: Mapping[str, str],
) -> Stacks:
    """The ranks of nodes, by what each of them ``reads``, in the order of computation.

    At rank 0 is what is ``given``, at the bottom of it what is ``lowest``. Behind the last rank are
    the places that are ``leaving``, each with the key of its value.
    """
    rank = dict.fromkeys(given, 0)
    for key, by in reads.items():
        rank[key] = 1 + max((rank[read] for read in by), default=0)
    last = max([0, *rank.values()]) + 1
    until = dict(rank)
    for key, by in reads.items():
        for read in by:
            until[read] = max(until[read], rank[key] - 1)
    for key in leaving.values():
        until[key] = last - 1
    stacks: dict[int, list[Station]] = {r: [] for r in range(last + 1)}
    for key in (*given, *reads):
        for r in range(rank[key], until[key] + 1):
            stacks[r].append(Station(key, r))
    stacks[last] = [Station(name, last) for name in leaving]
    joined = [
        (Station(key, r), Station(key, r + 1))
        for key in until
        for r in range(rank[key], until[key])
    ]
    joined += [
        (Station(read, rank[key] - 1), Station(key, rank[key]))
        for key, by in reads.items()
        for read in dict.fromkeys(by)
    ]
    joined += [(Station(key, last - 1), Station(name, last)) for name, key in leaving.items()]
    return Stacks(_ordered(stacks, joined, {Station(key, 0) for key in lowest}), joined, rank, last)


def _ordered(
    stacks: dict[int, list[Station]],
    joined: Sequence[tuple[Station, Station]],
    lowest: set[Station],
) -> dict[int, list[Station]]:
    """The stacks in an order with few crossings: each place near the middle of its neighbours."""
    left: dict[Station, list[Station]] = {}
    right: dict[Station, list[Station]] = {}
    channels: dict[int, list[tuple[Station, Station]]] = {}
    for one, other in joined:
        channels.setdefault(one.rank, []).append((one, other))
        right.setdefault(one, []).append(other)
        left.setdefault(other, []).append(one)

    def crossings(order: Mapping[int, Sequence[Station]]) -> int:
        position = {place: k for stack in order.values() for k, place in enumerate(stack)}
        return sum(
            (position[a] - position[c]) * (position[b] - position[d]) < 0
            for lines in channels.values()
            for (a, b), (c, d) in itertools.combinations(lines, 2)
        )

    best, least = stacks, crossings(stacks)
    order = {r: list(stack) for r, stack in stacks.items()}
    for sweep in range(SWEEPS):
        if not least:
            break
        forward = sweep % 2 == 0
        beside = left if forward else right
        for r in sorted(order, reverse=not forward):
            at = {
                place: (k + 0.5) / len(order[other])
                for other in (r - 1, r, r + 1)
                for k, place in enumerate(order.get(other, ()))
            }
            wanted = {
                place: sum(at[n] for n in near) / len(near)
                for place in order[r]
                for near in [beside.get(place) or [place]]
            }
            order[r].sort(key=lambda place: (place not in lowest, wanted[place]))
        found = crossings(order)
        if found < least:
            best, least = {r: list(stack) for r, stack in order.items()}, found
    return best
