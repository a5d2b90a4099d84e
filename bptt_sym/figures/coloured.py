"""The colours of a figure of paths: each path has its own if they are a handful."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.spacing import Spacing

MOST_COLOURED = 5
"""Of more paths than this, no eye follows one among the others."""


@dataclass(frozen=True)
class Coloured:
    """How many colours there are, and which of them pass each edge ``(of, by)`` and each node.

    Where the paths are no more than a handful, they are ``each`` of their own colour.
    """

    count: int
    each: bool
    edges: Mapping[tuple[Vertex, Vertex], tuple[int, ...]]
    nodes: Mapping[Vertex, tuple[int, ...]]


UNCOLOURED = Coloured(0, True, {}, {})


def coloured(
    readers: Mapping[Vertex, Sequence[Vertex]],
    copies: Iterable[Vertex],
    most: int = MOST_COLOURED,
) -> Coloured:
    """The colours of all paths from a loss to these copies, those to the latest copy first.

    ``readers`` says who reads what of all that a loss depends on. If there are more paths than
    ``most``, all have one colour.
    """
    copies = sorted(copies, key=lambda copy: copy.time, reverse=True)
    paths: list[tuple[Vertex, ...]] = []
    waiting: list[tuple[Vertex, ...]] = [(copy,) for copy in reversed(copies)]
    while waiting and len(paths) <= most:
        path = waiting.pop()
        above = readers.get(path[-1], ())
        if not above:
            paths.append(path)
        waiting += [(*path, reader) for reader in reversed(above)]
    edges: dict[tuple[Vertex, Vertex], dict[int, None]] = {}
    nodes: dict[Vertex, dict[int, None]] = {}
    each = len(paths) <= most
    if each:
        for number, path in enumerate(paths):
            for node in path:
                nodes.setdefault(node, {})[number] = None
            for by, of in itertools.pairwise(path):
                edges.setdefault((of, by), {})[number] = None
    else:
        reached = list(copies)
        while reached:
            node = reached.pop()
            if node not in nodes:
                nodes[node] = {0: None}
                edges |= {(of, node): {0: None} for of in readers.get(node, ())}
                reached += readers.get(node, ())
    return Coloured(
        len(paths) if each else 1,
        each,
        {edge: tuple(numbers) for edge, numbers in edges.items()},
        {node: tuple(numbers) for node, numbers in nodes.items()},
    )


def with_lanes(space: Spacing, count: int) -> Spacing:
    """Room for so many lines side by side in the place of one."""
    more = (count - 1) * space.lane / 2
    return replace(
        space,
        pad=space.pad + more,
        radius=max(space.radius, more + space.lane),
        half_copy=max(space.half_copy, more + space.lane / 2),
        port_gap=space.port_gap + more,
        apart=space.apart + more,
        clear=space.clear + more,
        track=space.track + 2 * more,
    )
