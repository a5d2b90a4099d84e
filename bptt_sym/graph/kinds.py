"""The table of kinds: what holds of every node of a kind of the graph.

This is the second table of the program, beside that of the operations. To add a kind, add a row
here, its spelling to each target and a sample to the tests (``tests/support/kind_samples.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sympy import S

from bptt_sym.graph.array_shapes import SCALAR, Sizes, added, array_sizes, joint_sizes, width

Rule = Callable[[Sequence[Sizes], Any], Sizes | None]
"""The sizes of a node by those of its operands and by its detail; None where none are right."""


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
    reads, and one that is ``backward`` occurs in the backward pass alone. The operands of one that
    is ``amplifying`` are wanted to their last digits.
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
    amplifying: bool = False

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


def _reduced(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    """One number for all entries, or for those along an axis of a matrix."""
    if detail is None:
        return SCALAR
    sizes = list(shapes[0])
    del sizes[detail]
    return tuple(sizes)


def _of_dot(shapes: Sequence[Sizes], detail: Any) -> Sizes | None:
    left, (rows, columns) = shapes
    return (*left[:-1], columns) if left[-1] == rows else None


def _of_square(shapes: Sequence[Sizes], detail: Any) -> Sizes | None:
    rows, columns = shapes[0]
    return shapes[0] if rows == columns else None


def _of_system(shapes: Sequence[Sizes], detail: Any) -> Sizes | None:
    (rows, columns), right = shapes
    return right if rows == columns == right[0] else None


def _of_head_dot(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    (rows, *_), (_, *columns) = shapes
    return (rows, *columns)


def _of_head_contract(shapes: Sequence[Sizes], heads: Any) -> Sizes:
    columns = [(*sizes, S.One)[1] for sizes in shapes]
    return array_sizes((heads * columns[0], columns[1]))


def _of_head_transpose(shapes: Sequence[Sizes], heads: Any) -> Sizes:
    rows, columns = (*shapes[0], S.One)[:2]
    return array_sizes((heads * columns, rows / heads))


def _of_head_axes(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    *_, heads, rows, columns = detail
    return array_sizes((heads * rows, columns))


def _over_axis(shapes: Sequence[Sizes], axis: Any) -> Sizes:
    rows, columns = shapes[0]
    return (columns if axis == -2 else rows,)


def _of_two_vectors(shapes: Sequence[Sizes], detail: Any) -> Sizes:
    return tuple(map(width, shapes))


def _of_part(shapes: Sequence[Sizes], detail: Any) -> Sizes | None:
    position, widths, axis = detail
    sizes = list(shapes[0])
    if sizes[axis] != added(widths):
        return None
    sizes[axis] = widths[position]
    return tuple(sizes)


def _together(*, amplifying: bool = False) -> Kind:
    return Kind(entrywise=True, calls="together", keeps_layout=True, amplifying=amplifying)


KINDS: dict[str, Kind] = {
    # What nodes are made of.
    "number": Kind(_plain),
    "size": Kind(_plain),
    "pi": Kind(_plain),
    "closing": Kind(_plain),
    "parameter": Kind(timeless=True, shared=True),
    "given": Kind(),
    "labels": Kind(_plain),
    "initial": Kind(timeless=True),
    "identity": Kind(timeless=True, shared=True),
    "seed": Kind(backward=True),
    # What is read at another time step, and what is read there.
    "lagged": Kind(elsewhere=True),
    "final": Kind(timeless=True, elsewhere=True, backward=True),
    "state": Kind(calls="alone", keeps_layout=True, stores=True),
    "carried": Kind(calls="alone", stores=True),
    "last": Kind(entrywise=True, timeless=True),
    "ending": Kind(entrywise=True, calls="alone"),
    "named": Kind(entrywise=True, calls="alone", keeps_layout=True),
    # Entry by entry. Where nothing else tells, stacked parts stand in the order of these rows.
    "squash": _together(),
    "sum": _together(),
    "times": _together(),
    "divide": _together(amplifying=True),
    "power": Kind(entrywise=True, calls="alone", amplifying=True),
    "apply": _together(),
    "extremum": _together(),
    "modulo": Kind(entrywise=True, calls="alone"),
    "choice": Kind(entrywise=True, calls="alone"),
    "comparison": Kind(entrywise=True, calls="alone"),
    "stopped": Kind(entrywise=True, calls="alone"),
    "declared": Kind(entrywise=True, calls="alone"),
    "weighted": Kind(entrywise=True, keeps_layout=True),
    "spread": Kind(calls="alone", keeps_layout=True),
    "across": Kind(lambda shapes, detail: (S.One, *shapes[0]), calls="alone"),
    "lift": Kind(lambda shapes, detail: (*shapes[0], *SCALAR), calls="alone"),
    # Whole vectors.
    "softmax": Kind(_of_operand, calls="alone"),
    "log softmax": Kind(_of_operand, calls="alone"),
    "logsumexp": Kind(_reduced, calls="alone"),
    "variance": Kind(_reduced, calls="alone"),
    "layer norm": Kind(_of_operand, calls="alone"),
    "inverse deviation": Kind(_reduced, calls="alone"),
    "rms norm": Kind(_of_operand, calls="alone"),
    "inverse rms": Kind(_reduced, calls="alone"),
    "greatest": Kind(_reduced, calls="alone"),
    "least": Kind(_reduced, calls="alone"),
    "greatest share": Kind(_of_operand, calls="alone"),
    "least share": Kind(_of_operand, calls="alone"),
    "norm": Kind(_reduced, calls="alone"),
    "direction": Kind(_of_operand, calls="alone", amplifying=True),
    "cumulative sum": Kind(_of_operand, calls="alone"),
    "reshaped": Kind(lambda shapes, detail: detail, calls="alone"),
    "entries": Kind(_scalar, calls="alone"),
    "axis sum": Kind(_over_axis, calls="alone"),
    "largest": Kind(_scalar, calls="alone"),
    "join": Kind(lambda shapes, detail: (added(map(width, shapes)),), keeps_layout=True),
    "part": Kind(_of_part, keeps_layout=True),
    "slice": Kind(lambda shapes, detail: (detail[1] - detail[0],), calls="alone"),
    "pad": Kind(lambda shapes, detail: (detail[1],), calls="alone"),
    # Products of matrices, and matrices side by side.
    "dot": Kind(_of_dot, calls="alone"),
    "outer": Kind(_of_two_vectors, calls="alone"),
    "transpose": Kind(lambda shapes, detail: shapes[0][::-1], calls="alone"),
    "inverse": Kind(_of_square, calls="alone", amplifying=True),
    "solution": Kind(_of_system, calls="alone", amplifying=True),
    "log determinant": Kind(calls="alone", amplifying=True),
    "determinant": Kind(calls="alone"),
    "head dot": Kind(_of_head_dot, calls="alone"),
    "head transpose": Kind(_of_head_transpose, calls="alone"),
    "head contract": Kind(_of_head_contract, timeless=True, shared=True),
    "head spread": Kind(_of_head_axes, calls="alone"),
    "head sum": Kind(_of_head_axes, calls="alone"),
    "beside": Kind(lambda shapes, detail: (shapes[0][0], added(columns for _, columns in shapes))),
    "above": Kind(lambda shapes, detail: (added(rows for rows, _ in shapes), shapes[0][1])),
    # Vectors of which one entry is 1, given as labels.
    "one hot": Kind(lambda shapes, detail: (detail,), calls="alone"),
    "gather": Kind(lambda shapes, detail: shapes[1][1:], calls="alone"),
    # Sums over time and sequences, and results.
    "contract": Kind(_of_two_vectors, timeless=True, shared=True),
    "scatter": Kind(lambda shapes, detail: (detail, width(shapes[1])), timeless=True, shared=True),
    "batch sum": Kind(_of_operand, timeless=True, shared=True),
    "time sum": Kind(_of_operand, timeless=True),
    "total": Kind(_plain, timeless=True, shared=True),
    "stack": Kind(),
    "result": Kind(timeless=True, shared=True),
}
"""Every kind by its name."""

ROWS = {name: row for row, name in enumerate(KINDS)}
"""The number of the row of each kind."""

NUMBERS = ("number", "size", "pi", "closing")
"""The kinds of numbers that no array holds."""
