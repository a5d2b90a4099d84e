"""Labels, which stand for one-hot vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import Array

# From here on as it stands in an emitted module.


def check_labels(name: str, labels: Array, size: int) -> None:
    """Raise ValueError for labels that are no whole numbers below a size."""
    whole = labels.dtype.kind in "iu"
    if not whole or (labels.size and not 0 <= labels.min() <= labels.max() < size):
        raise ValueError(f"{name}: labels must be whole numbers from 0 to {size - 1}")


def one_hot(labels: Array, size: int, dtype: npt.DTypeLike, out: Array | None = None) -> Array:
    """Return one-hot vectors of a size."""
    vectors = np.empty((*labels.shape, size), dtype) if out is None else out
    return np.equal(labels[..., None], np.arange(size), out=vectors)


def scatter(labels: Array, rows: Array, size: int) -> Array:
    """Return a matrix with the sum of the rows of each label as its row."""
    labels, rows = labels.reshape(-1), rows.reshape(-1, rows.shape[-1])
    if size * len(labels) <= 4096:  # so few that a product takes less than to sort them
        return np.equal(np.arange(size)[:, None], labels).astype(rows.dtype) @ rows
    total = np.zeros((size, rows.shape[-1]), rows.dtype)
    # In parts, so that what is sorted stays small.
    for begin in range(0, len(labels), 1024):
        part = labels[begin : begin + 1024]
        order = np.argsort(part, kind="stable")
        present, starts = np.unique(part[order], return_index=True)
        total[present] += np.add.reduceat(rows[begin : begin + 1024][order], starts, axis=0)
    return total
