"""The table of kinds: what holds of every node of a kind of the graph.

This is the second table of the program, beside that of the operations. To add a kind, add a row
here and its spelling to each target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bptt_sym.compiler.sizes import SCALAR, Sizes, added, joint_sizes

Rule = Callable[[Sequence[Sizes], Any], Sizes]
"""The sizes of a node by those of its operands and by its detail."""


@dataclass(frozen=True)
class Kind:
    """What holds of every node of a kind.

    A node is ``entrywise`` if each entry depends on the same entries of its operands alone, each
    spread; else ``sizes`` is the rule for its sizes, or None, where they are told when it is made.
    ``timeless`` nodes are the same at all time steps, ``shared`` ones for all sequences, whatever
    their operands are.

    ``calls`` tells how it gets into its array: "together", by one call with neighbours that are
    made alike; "alone", by a call of its own; None, where it needs no array or is a view of one.
    A node ``keeps_layout`` if it reads its operands in its own layout. A node that is
    ``elsewhere`` reads a definition at another time step, one that ``stores`` is what such a node
    reads, and one that is ``backward`` occurs in the backward pass alone.
    """

    sizes: Rule | None = None
    entrywise: bool = False
    timeless: bool = False
    shared: bool = False
    calls: Literal["together", "alone"] | None = None
    keeps_layout: bool = False
    elsewhere: bool = False
    stores: bool = False
    backward: bool = False

    def sizes_of(self, shapes: Sequence[Sizes], detail: Any) -> Sizes | None:
        """The sizes of a node by those of its operands and its detail; None where any are right."""
        if self.entrywise:
            return joint_sizes(shapes)
        return self.sizes(shapes, detail) if self.sizes else None


def _of_operand(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return shapes[0]


def _plain(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return ()


def _scalar(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return SCALAR


def _turned(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return shapes[0][::-1]


def _of_dot(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    (inner,), (rows, columns) = shapes
    return (columns,) if inner == rows else ("a product of", inner, rows)


def _of_contraction(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return tuple(_width(sizes) for sizes in shapes)


def _joined(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return (added(_width(sizes) for sizes in shapes),)


def _beside(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return shapes[0][0], added(columns for _, columns in shapes)


def _above(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return added(rows for rows, _ in shapes), shapes[0][1]


def _of_part(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    position, widths, axis = detail
    sizes = list(shapes[0])
    if sizes[axis] != added(widths):
        return "parts of", sizes[axis], added(widths)
    sizes[axis] = widths[position]
    return tuple(sizes)


def _width(sizes: Sizes) -> str:
    return sizes[0] if sizes else "1"


KINDS: dict[str, Kind] = {
    "above": Kind(_above),
    "batch sum": Kind(_of_operand, timeless=True, shared=True),
    "beside": Kind(_beside),
    "carried": Kind(calls="alone", stores=True),
    "operation": Kind(calls="alone"),
    "contract": Kind(_of_contraction, timeless=True, shared=True),
    "divide": Kind(entrywise=True, calls="together", keeps_layout=True),
    "dot": Kind(_of_dot, calls="alone"),
    "ending": Kind(entrywise=True, calls="alone"),
    "entries": Kind(_scalar, calls="alone"),
    "final": Kind(timeless=True, elsewhere=True, backward=True),
    "given": Kind(),
    "initial": Kind(timeless=True),
    "join": Kind(_joined, keeps_layout=True),
    "lagged": Kind(elsewhere=True),
    "largest": Kind(_scalar, calls="alone"),
    "last": Kind(entrywise=True, timeless=True),
    "number": Kind(_plain),
    "parameter": Kind(timeless=True, shared=True),
    "part": Kind(_of_part, keeps_layout=True),
    "result": Kind(timeless=True, shared=True),
    "seed": Kind(backward=True),
    "sigmoid": Kind(entrywise=True, calls="alone"),
    "spread": Kind(calls="alone", keeps_layout=True),
    "squash": Kind(entrywise=True, calls="together", keeps_layout=True),
    "stack": Kind(),
    "state": Kind(calls="alone", keeps_layout=True, stores=True),
    "sum": Kind(entrywise=True, calls="together", keeps_layout=True),
    "times": Kind(entrywise=True, calls="together", keeps_layout=True),
    "total": Kind(_plain, timeless=True, shared=True),
    "transpose": Kind(_turned),
    "apply": Kind(entrywise=True, calls="together", keeps_layout=True),
    "minimum": Kind(entrywise=True, calls="together", keeps_layout=True),
    "weighted": Kind(entrywise=True, keeps_layout=True),
}
"""Every kind by its name.

Where nothing else tells, stacked parts stand in the order of the rows.
"""

ROWS = {name: row for row, name in enumerate(KINDS)}
"""The number of the row of each kind."""
