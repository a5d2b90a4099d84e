"""Views of arrays as code: lanes of a storage, at once or for one time step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bptt_sym.choices import Layout
from bptt_sym.compiler.sizes import added
from bptt_sym.compiler.storage import Storage

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


def code_of(view: View, name: str, *, leading: bool, layout: Layout | None = None) -> str:
    """The code of a view of the array with this name; ``leading`` where it has an axis of time."""
    storage = view.storage
    text = name
    first = storage.layout == "features"
    lead = ":, " if leading else ""
    if not view.is_whole:
        start = added(storage.widths[: view.start]) if view.start else ""
        stop = added(storage.widths[: view.start + view.count])
        if view.start + view.count == len(storage.lanes):
            stop = ""
        part = _span(start, stop)
        text += f"[{lead}{part}]" if first else f"[..., {part}]"
    if view.form == "lanes":
        size, count = storage.widths[view.start], str(view.count)
        axes = (count, size, "B") if first else ("B", count, size)
        text += f".reshape({', '.join(('T', *axes) if leading else axes)})"
    if layout is not None and layout != storage.layout:
        text += ".swapaxes(-1, -2)"
    return text


def _span(start: str, stop: str) -> str:
    return f"{tight(start)}:{tight(stop)}"


def tight(size: str) -> str:
    """A size as it stands in a slice."""
    return f"({size})" if " " in size else size


def shape_code(sizes: Sequence[str]) -> str:
    """A shape as a tuple in code."""
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
