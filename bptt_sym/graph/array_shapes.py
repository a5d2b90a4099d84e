"""Sizes of arrays: sums of products of dimensions, as SymPy has them."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Add, Expr, S

from bptt_sym.algebra.expressions import LAST_STEP, Shape, dimension

Sizes = tuple[Expr, ...]
"""The axes of one time step of one sequence: (n,) of a vector, () of a plain number."""

SCALAR: Sizes = (S.One,)

STEPS = dimension("T")
"""The number of time steps of an array."""

SEQUENCES = dimension("B")
"""The number of sequences of an array."""


def array_size(size: Expr) -> Expr:
    """A size of the algebra as one of arrays, where the number of time steps N is T."""
    return size.xreplace({LAST_STEP: STEPS})


def array_sizes(shape: Shape) -> Sizes:
    """The last sizes of an array that holds a matrix; a vector has one, be it a row or a column."""
    rows, columns = map(array_size, shape)
    return (columns if rows == 1 else rows,) if 1 in shape else (rows, columns)


def joint_sizes(shapes: Iterable[Sizes]) -> Sizes:
    """The sizes of what is made entry by entry of arrays with these sizes, each spread."""
    result: Sizes = ()
    for sizes in shapes:
        longer, shorter = (sizes, result) if len(sizes) > len(result) else (result, sizes)
        spread = SCALAR * (len(longer) - len(shorter)) + shorter
        result = tuple(b if a == 1 else a for a, b in zip(longer, spread, strict=True))
    return result


def width(sizes: Sizes) -> Expr:
    """The number of entries of a vector or number."""
    return sizes[0] if sizes else S.One


def added(sizes: Iterable[Expr]) -> Expr:
    """The sum of sizes: 4 n, m + n."""
    return Add(*sizes)
