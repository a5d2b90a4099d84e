"""How large the terms of a sum are: their norms, and their shares in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class Shares:
    """The terms of a gradient g, one for each number of ``index``.

    ``norm`` is the Frobenius norm of each term C, the root of the sum of the squares of its
    entries; ``ratio`` is ||C|| / ||g||, which can be above 1 and does not sum to 1, for terms may
    cancel; ``projection`` is <C, g> / ||g||^2, what the term contributes along g, with a sign. It
    sums to 1 over all terms of g. Where g is 0, but for rounding,
    both are NaN.
    """

    index: Array
    norm: Array
    ratio: Array
    projection: Array


def shares(index: Array, terms: Array, gradient: Array) -> Shares:
    """The shares of ``terms``, an array with an axis of terms before those of the gradient."""
    flat = terms.reshape(len(terms), gradient.size)
    return shares_of(index, norms(flat), flat @ gradient.reshape(-1), gradient)


def shares_of(index: Array, norm: Array, product: Array, gradient: Array) -> Shares:
    """The shares of terms with these norms and these inner products with the gradient."""
    whole = float(norms(gradient.reshape(1, -1))[0])
    if whole == 0:
        nothing = np.full(np.shape(norm), np.nan)
        return Shares(np.asarray(index), norm, nothing, nothing)
    return Shares(np.asarray(index), norm, norm / whole, product / whole / whole)


def norms(rows: Array) -> Array:
    """The norm of each of the last axis, without overflow where its squares are too large."""
    largest = np.max(np.abs(rows), axis=-1, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    found: Array = scale * np.sqrt(np.sum((rows / scale[..., np.newaxis]) ** 2, axis=-1))
    return found
