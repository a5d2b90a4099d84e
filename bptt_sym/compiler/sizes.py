"""Sizes of arrays as text, such as n, 4*n or m + n."""

from __future__ import annotations

from collections.abc import Iterable

from sympy import Add, Expr, Mul, Pow

from bptt_sym.algebra.expressions import Shape

Sizes = tuple[str, ...]
"""The axes of one time step of one sequence: ("n",) of a vector, () of a plain number."""

SCALAR: Sizes = ("1",)


def size_text(size: Expr) -> str:
    """A size as text, such as n, 4*n or m + n; the number of time steps N is T.

    A sum of products is written with " + " and "*" alone.
    """
    if isinstance(size, Add):
        return " + ".join(map(size_text, size.args))
    if isinstance(size, Mul):
        return "*".join(map(size_text, size.args))
    if isinstance(size, Pow):
        return "*".join([size_text(size.base)] * int(size.exp))
    return "T" if str(size) == "N" else str(size)


def array_sizes(shape: Shape) -> Sizes:
    """The last sizes of an array that holds a matrix; a vector has one, be it a row or a column."""
    rows, columns = shape
    if 1 in shape:
        return (size_text(columns if rows == 1 else rows),)
    return size_text(rows), size_text(columns)


def joint_sizes(shapes: Iterable[Sizes]) -> Sizes:
    """The sizes of what is made entry by entry of arrays with these sizes, each spread."""
    result: Sizes = ()
    for sizes in shapes:
        longer, shorter = (sizes, result) if len(sizes) > len(result) else (result, sizes)
        spread = ("1",) * (len(longer) - len(shorter)) + shorter
        result = tuple(b if a == "1" else a for a, b in zip(longer, spread, strict=True))
    return result


def added(sizes: Iterable[str]) -> str:
    """The sum of sizes, as text: 4*n, m + n."""
    counts: dict[str, int] = {}
    for size in sizes:
        factor, _, rest = size.partition("*")
        if rest and factor.isdigit() and "+" not in size:
            counts[rest] = counts.get(rest, 0) + int(factor)
        else:
            counts[size] = counts.get(size, 0) + 1
    return " + ".join(
        size if count == 1 else f"{count}*{size}" if size.isidentifier() else f"{count}*({size})"
        for size, count in counts.items()
    )
