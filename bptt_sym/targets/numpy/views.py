"""Views of arrays as code: lanes of a storage, at once or for one time step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bptt_sym.choices import Layout
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, added
from bptt_sym.memory.storage import Storage
from bptt_sym.targets.numpy.row_parts import Writing, span_code

Form = Literal["flat", "lanes"]


@dataclass(frozen=True)
class View:
    """``count`` lanes of a storage from ``start`` on, ``lag`` steps back.

    In the form "lanes" each lane has an axis position of its own, so that one vector can stand
    beside all of them.
    """

    storage: Storage
    start: int = 0
    count: int = 1
    form: Form = "flat"
    lag: int = 0

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.count == len(self.storage.lanes)


def view_code(write: Writing, view: View, name: str, *, layout: Layout | None = None) -> str:
    """The code of a view of the array with this name, with its axis of time where it has one."""
    storage = view.storage
    text = name
    features = storage.layout == "features"
    if not view.is_whole:
        last = view.start + view.count
        stop = added(storage.widths[:last]) if last < len(storage.lanes) else None
        span = span_code(write, added(storage.widths[: view.start]), stop)
        lead = ":, " if storage.over_time else ""
        text += f"[{lead}{span}]" if features else f"[..., {span}]"
    if view.form == "lanes":
        size, count = write.size(storage.widths[view.start]), str(view.count)
        sequences = write.size(SEQUENCES)
        axes = [count, size, sequences] if features else [sequences, count, size]
        over_time = [write.size(STEPS)] if storage.over_time else []
        text += f".reshape({', '.join([*over_time, *axes])})"
    if layout is not None and layout != storage.layout:
        text += ".swapaxes(-1, -2)"
    return text


def time_span(depth: int, lag: int, *, reverse: bool) -> str:
    """The steps of an array with a past that are the values, or those ``lag`` steps back."""
    if reverse:
        return f"[{lag}:][:T]" if lag else "[:T]"
    return f"[{depth - lag or ''}:-{lag}]" if lag else f"[{depth}:]"
