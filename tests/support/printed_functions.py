"""The functions of a printed derivation by their printed names, on matrices and heads of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from support.fitted import Fitted, above_diagonal, diagonal, from_row

EPSILON = 1e-5


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def softmax(z: Any, axis: Any = None) -> Any:
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def log_softmax(z: Any, axis: Any = None) -> Any:
    return z - logsumexp(z, axis)


def logsumexp(z: Any, axis: Any = None) -> Any:
    return np.log(np.exp(z).sum(axis=axis, keepdims=True))


def norm(z: Any, axis: Any = None) -> Any:
    return np.sqrt((z**2).sum(axis=axis, keepdims=True))


def variance(z: Any, axis: Any = None) -> Any:
    return z.var(axis=axis, keepdims=True)


def dev(z: Any, axis: Any = None) -> Any:
    return 1 / np.sqrt(variance(z, axis) + EPSILON)


def rms(z: Any, axis: Any = None) -> Any:
    return 1 / np.sqrt((z**2).mean(axis=axis, keepdims=True) + EPSILON)


def layer_norm(z: Any, axis: Any = None) -> Any:
    return (z - z.mean(axis=axis, keepdims=True)) * dev(z, axis)


def rms_norm(z: Any, axis: Any = None) -> Any:
    return z * rms(z, axis)


def extreme(all_of: Any, of_two: Any) -> Callable[..., Any]:
    """max or min: of all entries, along an axis, or of two entry by entry."""

    def found(*operands: Any, axis: Any = None) -> Any:
        if len(operands) == 1:
            return all_of(operands[0], axis=axis, keepdims=True)
        return of_two(*operands)

    return found


def where_extreme(all_of: Any) -> Callable[..., Any]:
    """max' or min': 1 where an entry is the largest or least."""

    def found(z: Any, axis: Any = None) -> Any:
        hit = z == all_of(z, axis=axis, keepdims=True)
        return hit / hit.sum(axis=axis, keepdims=True)

    return found


def over(axes: str) -> Callable[..., Any]:
    """sum_rc and so on: over the heads, over the rows and the columns of each."""

    def found(z: Any) -> Any:
        if isinstance(z, Fitted):
            return z.summed(axes)
        total = z.sum(axis=tuple("hrc".index(a) - 3 for a in axes), keepdims=True)
        return total[0] if "h" in axes else total

    return found


def blockdiag(heads: Any) -> Any:
    if heads.ndim == 2:
        return heads
    count, rows, columns = heads.shape
    found = np.zeros((count, rows, count, columns), heads.dtype)
    found[np.arange(count), :, np.arange(count), :] = heads
    return found.reshape(count * rows, count * columns)


def commutation(rows: Any, columns: Any) -> Any:
    """The matrix with vec(X^T) = vec(X) K, the entries row by row."""
    rows, columns = (int(np.squeeze(size)) for size in (rows, columns))
    places = np.arange(rows * columns).reshape(rows, columns).T.ravel()
    return np.eye(rows * columns)[:, places]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "arctan": np.arctan,
    "sign": np.sign,
    "sigmoid": sigmoid,
    "softplus": lambda z: np.log1p(np.exp(z)),
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "silu": lambda z: z * sigmoid(z),
    "hardsigmoid": lambda z: np.where(np.abs(z.real) < 3, z / 6 + 0.5, z.real > 0),
    "sg": lambda z: z,
    "identity": lambda z: z,
    "log sigmoid": lambda z: np.log(sigmoid(z)),
    "softmax": softmax,
    "log softmax": log_softmax,
    "logsumexp": logsumexp,
    "norm": norm,
    "var": variance,
    "dev^-1": dev,
    "rms^-1": rms,
    "LayerNorm": layer_norm,
    "RMSNorm": rms_norm,
    "max": extreme(np.max, np.maximum),
    "min": extreme(np.min, np.minimum),
    "max'": where_extreme(np.max),
    "min'": where_extreme(np.min),
    **{f"sum_{axes}": over(axes) for axes in ("h", "r", "c", "hr", "hc", "rc", "hrc")},
    "diag": diagonal,
    "blockdiag": blockdiag,
    "vec": lambda z: z.reshape(1, -1),
    "vec^-1": from_row,
    "triu": above_diagonal,
    "det": lambda z: np.linalg.det(z).reshape(1, 1),
    "K": commutation,
}
