"""Masks, for sequences of different lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import Array

# From here on as it stands in an emitted module.


def mask_of(lengths: npt.ArrayLike, T: int, dtype: npt.DTypeLike = np.float64) -> Array:
    """Return the mask (T, B) of sequences with these lengths: 1 before their ends."""
    mask: Array = (np.arange(T)[:, None] < np.asarray(lengths)).astype(dtype)
    return mask


def without_padding(array: Array, mask: Array, out: Array | None = None) -> Array:
    """Return an array (T, B, ...) that has an entry of its own where the mask is 0.

    It is the first one where the mask is 1; an array without one is filled with 1/2, labels with 0.
    """
    array, mask = np.asarray(array), np.asarray(mask)
    out = np.empty_like(array) if out is None else out
    if not np.can_cast(array.dtype, out.dtype, "same_kind"):
        return array  # no labels, which is told where they are read
    place = np.unravel_index(np.argmax(mask), mask.shape)[:2] if np.any(mask) else None
    entry = out.dtype.type(0.5) if place is None else array[place]
    # Step by step, so that what is kept of the mask is small.
    for array_t, mask_t, out_t in zip(array, mask, out, strict=True):
        out_t[...] = entry
        np.copyto(out_t, array_t, where=(mask_t != 0).reshape(-1, *[1] * (array.ndim - 2)))
    return out
