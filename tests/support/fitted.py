r"""What is as large as must be: ones, ones above a diagonal, the matrix of a row of entries.

Its size is told by what stands beside it: by the other terms of a sum, by the other factors of a
product, or by what the whole formula is. A 1 in a product is a vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A matrix that ``make`` makes of a shape.

    ``least`` is its smallest shape. ``rows``, ``columns`` and the number of ``entries`` are
    those that are known.
    """

    make: Callable[[Shape], Any]
    least: Shape = (1, 1)
    rows: int | None = None
    columns: int | None = None
    square: bool = False
    entries: int | None = None

    __array_ufunc__ = None  # of NumPy's arrays, too, the operators below are the ones

    @property
    def T(self) -> Any:  # noqa: N802
        return replace(
            self,
            make=lambda shape: turned(self.make((*shape[:-2], shape[-1], shape[-2]))),
            least=self.least[::-1],
            rows=self.columns,
            columns=self.rows,
        )

    def alike(self, change: Callable[[Any], Any]) -> Any:
        """What an operation entry by entry makes of it."""
        return Fitted(lambda shape: change(self.make(shape)), self.least, self.rows, self.columns)

    def summed(self, axes: str) -> Any:
        """The sum of its rows or of its columns."""
        least = (1, self.least[1]) if axes == "r" else (self.least[0], 1)

        def make(shape: Shape) -> Any:
            whole = (-1, shape[-1]) if axes == "r" else (shape[-2], -1)
            return self.make((*shape[:-2], *whole)).sum("rc".index(axes) - 2, keepdims=True)

        known = (1, self.columns) if axes == "r" else (self.rows, 1)
        return Fitted(make, least, *known)

    def together(self, operation: Callable[[Any, Any], Any], other: Any) -> Any:
        """What an operation entry by entry makes of both; a row or column may yet be spread."""
        if isinstance(other, Fitted):
            return self.alike(lambda made: operation(made, other.make(made.shape)))
        pairs = list(zip(self.least, other.shape[-2:], strict=True))
        goes = all(1 in pair or len(set(pair)) == 1 for pair in pairs)
        if not goes or 1 not in other.shape[-2:] or other.size == self.entries:
            return operation(self.make(other.shape), other)
        least = tuple(map(max, pairs))
        return Fitted(lambda shape: operation(self.make(shape), other), least)

    def __mul__(self, other: Any) -> Any:
        """With a number, or entry by entry."""
        if not isinstance(other, Fitted) and np.size(other) == 1:
            return self.alike(lambda made: made * float(np.squeeze(other)))
        return self.together(np.multiply, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self * (1 / other)

    def __add__(self, other: Any) -> Any:
        if np.ndim(other) == 0 and not isinstance(other, Fitted):
            return self.alike(lambda made: made + other)
        return self.together(np.add, other)

    __radd__ = __add__


def ones() -> Fitted:
    return Fitted(np.ones)


def above_diagonal(_: Any) -> Fitted:
    """triu(1)."""
    return Fitted(lambda shape: np.triu(np.ones(shape)), square=True)


def from_row(row: Any) -> Fitted:
    """vec^{-1}."""

    def make(shape: Shape) -> Any:
        return row.reshape(shape)

    return Fitted(make, entries=row.size)


def diagonal(entries: Any) -> Any:
    if not isinstance(entries, Fitted):
        return np.diag(entries.ravel())
    along = entries.least.index(max(entries.least))

    def make(shape: Shape) -> Any:
        one = (shape[-1], 1) if along == 0 else (1, shape[-1])
        return np.diag(entries.make(one).ravel())

    return Fitted(make, (max(entries.least),) * 2, square=True)


def fit(what: Any, shape: Shape | None = None) -> Any:
    """As large as is asked, or as small as can be."""
    if not isinstance(what, Fitted):
        return what
    if shape is None and what.entries:
        shape = (1, what.entries)
    return what.make(shape or (what.rows or what.least[0], what.columns or what.least[1]))


def turned(array: Any) -> Any:
    """The transpose, of each head where there are some; of a number of each, the row of these."""
    if isinstance(array, Fitted):
        return array.T
    if np.ndim(array) == 0:
        return array
    if array.ndim == 3 and array.shape[1:] == (1, 1):
        return array.reshape(1, -1)
    return np.swapaxes(array, -1, -2)


def matrix_product(left: Any, right: Any) -> Any:
    """The product of two matrices of which one or both are as large as must be."""
    if isinstance(left, Fitted) and isinstance(right, Fitted):
        known = left.columns or right.rows or max(left.least[1], right.least[0])

        def both(shape: Shape) -> Any:
            inner = shape[-2] if left.square else shape[-1] if right.square else known
            return left.make((*shape[:-1], inner)) @ right.make((*shape[:-2], inner, shape[-1]))

        least = left.least[0], right.least[1]
        return Fitted(both, least, left.rows, right.columns, left.square and right.square)
    if isinstance(right, Fitted):
        rows, inner = left.shape[-2:]
        columns = inner if right.square else right.columns
        if columns:
            return left @ right.make((*left.shape[:-2], inner, columns))
        return Fitted(
            lambda shape: left @ right.make((*shape[:-2], inner, shape[-1])),
            (rows, right.least[1]),
            rows,
        )
    if isinstance(left, Fitted):
        inner, columns = right.shape[-2:]
        rows = inner if left.square else left.rows
        if rows:
            return left.make((*right.shape[:-2], rows, inner)) @ right
        return Fitted(
            lambda shape: left.make((*shape[:-1], inner)) @ right,
            (left.least[0], columns),
            None,
            columns,
        )
    if left.ndim == 2 and right.shape == (left.shape[1], 1, 1):
        return left @ right.reshape(-1, 1)  # a number of each head, as a vector
    return left @ right


def kronecker(left: Any, right: Any) -> Any:
    """The Kronecker product, of each head where there are some."""
    if isinstance(left, Fitted) and isinstance(right, Fitted):
        assert right.least == (1, 1)
        return left
    if isinstance(right, Fitted):
        rows, columns = left.shape

        def after(shape: Shape) -> Any:
            return np.kron(left, right.make((shape[0] // rows, shape[1] // columns)))

        return Fitted(after, (rows * right.least[0], columns * right.least[1]))
    if isinstance(left, Fitted):
        rows, columns = right.shape

        def before(shape: Shape) -> Any:
            return np.kron(left.make((shape[0] // rows, shape[1] // columns)), right)

        return Fitted(before, (rows * left.least[0], columns * left.least[1]))
    if right.ndim == 3:
        return np.stack([np.kron(left, head) for head in right])
    return np.kron(left, right)
