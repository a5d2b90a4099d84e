"""The workspace of a fast module: its arrays, which share memory, and their names."""

from __future__ import annotations

from functools import cached_property

from sympy import Add, Mul, expand

from bptt_sym.graph.array_shapes import Sizes
from bptt_sym.memory.reuse import shared_buffers
from bptt_sym.memory.storage import Storage
from bptt_sym.targets.numpy.emitter import Emitter
from bptt_sym.targets.numpy.row_parts import names_in, shape_code, size_code, time_span


class Workspace:
    """The arrays that an emitter's lines work in; to be asked when all lines are written.

    ``owners`` has for each array the one whose memory it takes.
    """

    def __init__(self, emitter: Emitter, *, reuse: bool) -> None:
        self.emitter = emitter
        others = emitter.pseudo.values()
        touched = {s: events for s, events in emitter.touched.items() if s not in others}
        self.owners = shared_buffers(touched, emitter.in_place, reuse=reuse)

    @cached_property
    def shapes(self) -> dict[str, Sizes]:
        """Each array's name and shape."""
        return {self.buffer_name(s): s.shape for s in dict.fromkeys(self.owners.values())}

    @property
    def buffers(self) -> list[tuple[str, str]]:
        """Each array's name and the code of its shape."""
        return [(name, shape_code(map(size_code, sizes))) for name, sizes in self.shapes.items()]

    @property
    def dimensions(self) -> list[str]:
        """The dimensions of the model that shapes are made of."""
        sizes = names_in(size for shape in self.shapes.values() for size in shape)
        declared = self.emitter.compiled.program.model.dimensions
        return [entry.name for entry in declared if entry.name in sizes]

    @property
    def memory(self) -> str:
        """The numbers that all arrays hold, as a formula of the sizes."""
        return size_code(expand(Add(*(Mul(*shape) for shape in self.shapes.values()))))

    def buffer_name(self, storage: Storage) -> str:
        titles = self.emitter.titles
        own = storage.depth and not self.emitter.is_twin(storage)
        return titles.whole(storage) if own else titles(storage)

    def views(self) -> list[str]:
        """The lines that name the arrays which the code reads."""
        lines = []
        for storage, owner in self.owners.items():
            name, buffer = self.buffer_name(storage), self.buffer_name(owner)
            views = self.state_views(storage, name)
            if name in self.emitter.used or views:
                turned = ""
                if storage.shape != owner.shape:
                    turned = f".reshape({', '.join(map(self.emitter.size, storage.shape))})"
                lines += [f"{name} = work.{buffer}{turned}", *views]
        return lines

    def state_views(self, storage: Storage, name: str) -> list[str]:
        """Views of an array with a past: the values, and those of steps before."""
        if not storage.depth or self.emitter.is_twin(storage):
            return []
        past = {lag: self.emitter.titles.past(storage, lag) for lag in range(storage.depth + 1)}
        used = {lag: view for lag, view in past.items() if view in self.emitter.used}
        spans = {lag: time_span(storage.depth, lag, reverse=storage.reverse) for lag in used}
        if any("T" in span for span in spans.values()):
            self.emitter.use("T")
        return [f"{view} = {name}{spans[lag]}" for lag, view in used.items()]
