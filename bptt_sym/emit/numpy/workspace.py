"""The workspace of a fast module: its arrays, which share memory, and their names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bptt_sym.compiler.storage import Storage
from bptt_sym.emit.numpy.buffers import shared_buffers
from bptt_sym.emit.numpy.emitter import Emitter
from bptt_sym.emit.numpy.writer import time_span


class Workspace:
    """The arrays that an emitter's lines work in; to be asked when all lines are written.

    ``owners`` has for each array the one whose memory it takes.
    """

    def __init__(self, emitter: Emitter, *, reuse: bool) -> None:
        self.emitter = emitter
        others = emitter.pseudo.values()
        touched = {s: events for s, events in emitter.touched.items() if s not in others}
        self.owners = shared_buffers(touched, emitter.in_place, reuse=reuse)

    def shapes(self) -> dict[str, tuple[str, ...]]:
        """Each array's name and shape."""
        return {self.buffer_name(s): s.shape for s in dict.fromkeys(self.owners.values())}

    def buffer_name(self, storage: Storage) -> str:
        name = self.emitter.storage_names[storage]
        if storage.depth and storage.twin is None and name.endswith("_rows"):
            return name
        return self.emitter.whole_name(storage) if storage.depth else name

    def views(self) -> list[str]:
        """The lines that name the arrays."""
        lines = []
        same = self.same_names()
        for storage, owner in self.owners.items():
            name, buffer = self.buffer_name(storage), self.buffer_name(owner)
            if name not in same:
                shape = (
                    f".reshape({', '.join(storage.shape)})" if storage.shape != owner.shape else ""
                )
                lines.append(f"{name} = work.{buffer}{shape}")
            if storage.depth and not name.endswith("_rows"):
                lines += self.state_views(storage, name)
        return lines

    def same_names(self) -> dict[str, str]:
        """Names without a meaning for arrays that have another such name."""
        names = {
            s: (self.buffer_name(s), self.buffer_name(owner)) for s, owner in self.owners.items()
        }
        return {
            name: first
            for storage, (name, first) in names.items()
            if name != first
            and storage.shape == self.owners[storage].shape
            and {name, first} <= self.emitter.unnamed
        }

    def state_views(self, storage: Storage, name: str) -> list[str]:
        """Views of an array with a past: the values, and those of steps before."""
        return [
            f"{self.emitter.past_name(storage, lag)} = "
            f"{name}{time_span(storage.depth, lag, storage.reverse)}"
            for lag in range(storage.depth + 1)
        ]


def memory(shapes: Iterable[Sequence[str]]) -> str:
    """The numbers that the workspace holds, as a formula of the sizes."""
    counts: dict[str, int] = {}
    for shape in shapes:
        number, rest = 1, []
        for size in shape:
            factors = [f"({size})"] if " " in size else size.split("*")
            number *= math.prod(int(factor) for factor in factors if factor.isdigit())
            rest += [factor for factor in factors if not factor.isdigit()]
        key = "*".join(rest)
        counts[key] = counts.get(key, 0) + number
    terms = ((key, count) for key, count in counts.items() if count)
    return " + ".join(
        key if count == 1 and key else f"{count}*{key}".rstrip("*") for key, count in terms
    )
