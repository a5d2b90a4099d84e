"""Matrices of matrices: the derivatives of a tuple of states, and with respect to one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from bptt_sym.algebra import boxes
from bptt_sym.algebra.expressions import (
    Expr,
    Integer,
    MatrixExpr,
    PartialDerivative,
    S,
    Shape,
    Variable,
    name_string,
)
from bptt_sym.algebra.operation import Apply, Operation, Show


class StateTuple(Variable):
    """All that a step hands on, such as (h_t, c_t): the entries of its components as one row.

    ``args`` are name, rows, columns and time, then the components as they are at time 0, so that
    s_{t-1} is given as s at time -1.
    """

    def __new__(
        cls, name: Any, rows: Expr, columns: Expr, time: Expr, *components: Variable
    ) -> StateTuple:
        return MatrixExpr.__new__(cls, name_string(name), rows, columns, time, *components)

    @property
    def components(self) -> tuple[Variable, ...]:
        """The components at the tuple's own time."""
        return tuple(entry.at(self.time + entry.time) for entry in self.args[4:])

    def at(self, time: Expr | int) -> StateTuple:
        name, rows, columns, _, *components = self.args
        moved = Integer(time) if isinstance(time, int) else time
        return StateTuple(name, rows, columns, moved, *components)


class BlockDerivative(PartialDerivative):
    """du/dv for a component v of a tuple: through everything between, the others held constant."""

    def __new__(
        cls, of: MatrixExpr, by: MatrixExpr, immediate: Any, among: StateTuple
    ) -> BlockDerivative:
        return MatrixExpr.__new__(cls, of, by, S.false, among)


class Blocks(MatrixExpr):
    """A matrix of matrices: ``args`` are the number of its rows of blocks, then all blocks."""

    @property
    def rows_of_blocks(self) -> tuple[tuple[MatrixExpr, ...], ...]:
        """The blocks, row after row."""
        count, *entries = self.args
        width = len(entries) // int(count)
        return tuple(tuple(entries[k : k + width]) for k in range(0, len(entries), width))

    @property
    def shape(self) -> Shape:
        rows = self.rows_of_blocks
        *_, height = accumulate(row[0].rows for row in rows)
        *_, width = accumulate(entry.cols for entry in rows[0])
        return height, width

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        for row in self.rows_of_blocks:
            if i < row[0].rows:
                break
            i -= row[0].rows
        for entry in row:
            if j < entry.cols:
                break
            j -= entry.cols
        return entry[i, j]


def blocks(rows: Sequence[Sequence[MatrixExpr]]) -> MatrixExpr:
    """The matrix with these rows of blocks; a single block is itself."""
    entries = [entry for row in rows for entry in row]
    return entries[0] if len(entries) == 1 else Blocks(Integer(len(rows)), *entries)


class BlockMatrix(Operation):
    """A matrix of matrices."""

    node = Blocks

    def box(self, node: Blocks, show: Show) -> boxes.Box:
        return boxes.Matrix(
            tuple(tuple(show(entry, boxes.SUM) for entry in row) for row in node.rows_of_blocks)
        )

    def value(self, node: Blocks, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        count, *entries = operands
        width = len(entries) // int(count)
        return np.block([entries[k : k + width] for k in range(0, len(entries), width)])
