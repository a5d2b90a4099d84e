"""Labels, which stand for one-hot vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bptt_sym.emit.numpy.runtime.given import Array

# From here on as it stands in an emitted module.


def one_hot(
    name: str, labels: npt.ArrayLike, size: int, dtype: npt.DTypeLike, out: Array | None = None
) -> Array:
    """Return one-hot vectors of a size for whole numbers; raise ValueError for others."""
    labels = np.asarray(labels)
    whole = labels.dtype.kind in "iu"
    if not whole or (labels.size and not 0 <= labels.min() <= labels.max() < size):
        raise ValueError(f"{name}: labels must be whole numbers from 0 to {size - 1}")
    vectors = np.empty((*labels.shape, size), dtype) if out is None else out
    return np.equal(labels[..., None], np.arange(size), out=vectors)
