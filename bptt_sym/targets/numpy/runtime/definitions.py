"""Functions that modules define, for NumPy has none: each is there where something calls it.

They are right for arrays of real numbers and for those of a complex step. The coefficients of
erfc_of_positive are those of exp(z^2) erfc(z) / t, computed with 60 digits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bptt_sym.targets.numpy.runtime.given import Array

# From here on as it stands in an emitted module.


def sigmoid(z: Any) -> Any:
    """The logistic function 1 / (1 + exp(-z)), to its last digits and without overflow."""
    negative = np.real(z) < 0
    small = np.exp(np.where(negative, z, -z))
    return np.where(negative, small, 1) / (1 + small)


def relu(z: Any) -> Any:
    """The larger of z and 0; its derivative at 0 is taken as 0."""
    return np.where(np.real(z) <= 0, 0, z)


def heaviside(z: Any) -> Any:
    """1 where z > 0 and 0 elsewhere: the derivative of relu."""
    return np.asarray(np.real(z) > 0, np.result_type(z, np.float16))


def leaky_relu(z: Any) -> Any:
    """z where it is positive, 0.01 z elsewhere; its derivative at 0 is taken as 0.01."""
    return np.where(np.real(z) > 0, z, 0.01 * z)


def leaky_slope(z: Any) -> Any:
    """1 where z > 0 and 0.01 elsewhere: the derivative of leaky_relu."""
    dtype = np.result_type(z, np.float16)
    return np.where(np.real(z) > 0, dtype.type(1), dtype.type(0.01))


def softplus(z: Any) -> Any:
    """log(1 + exp(z)), written so that it cannot overflow."""
    positive = np.real(z) > 0
    return np.where(positive, z, 0) + np.log1p(np.exp(np.where(positive, -z, z)))


def log_sigmoid(z: Any) -> Any:
    """The logarithm of the logistic function."""
    return -softplus(-z)


def absolute(z: Any) -> Any:
    """The absolute value, which a complex step passes; its derivative at 0 is taken as 0."""
    return z * np.sign(np.real(z))


ERFC_COEFFICIENTS = (
    0.5770337386164697,
    0.3554369212704985,
    0.06509515882878653,
    0.003671142395836639,
    -0.0011128447433526325,
    -0.0001607582991537808,
    3.278031574173137e-05,
    5.442441645505016e-06,
    -1.5154665553171482e-06,
    -1.4297608181169865e-07,
    8.234608827419493e-08,
    -1.2962846852306563e-09,
    -4.154721631015199e-09,
    6.347058278362811e-10,
    1.4320822712256225e-10,
    -6.160390105204585e-11,
    2.0612138554721698e-12,
    3.5714931488477042e-12,
    -8.586422843251796e-13,
    -6.14560021379063e-14,
    7.418725748596617e-14,
    -1.2895042755032325e-14,
    -2.358726385710632e-15,
    1.5729349381685912e-15,
    -2.2782966239546465e-16,
    -6.31233045075643e-17,
    3.5916763531814925e-17,
    -5.049809149847729e-18,
)


def erfc_of_positive(z: Any) -> Any:
    """1 - erf(z) for z >= 0: t exp(-z^2) times a Chebyshev series in t = 2 / (2 + z)."""
    t = 2 / (2 + z)
    last: Any = 0
    sum_: Any = 0
    for coefficient in ERFC_COEFFICIENTS[:0:-1]:
        last, sum_ = sum_, (4 * t - 2) * sum_ - last + coefficient
    return t * np.exp(-(z**2)) * ((2 * t - 1) * sum_ - last + ERFC_COEFFICIENTS[0])


def erf(z: Any) -> Any:
    """The error function."""
    tail = erfc_of_positive(np.where(np.real(z) < 0, -z, z))
    return np.where(np.real(z) < 0, tail - 1, 1 - tail)


def normal_cdf(z: Any) -> Any:
    """The distribution function of the standard normal, at full accuracy in both tails."""
    tail = 0.5 * erfc_of_positive(np.where(np.real(z) < 0, -z, z) * math.sqrt(0.5))
    return np.where(np.real(z) < 0, tail, 1 - tail)


def normal_pdf(z: Any) -> Any:
    """The density of the standard normal."""
    return np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


def gelu(z: Any) -> Any:
    """z times the distribution function of the standard normal (Hendrycks and Gimpel 2016)."""
    return z * normal_cdf(z)


def silu(z: Any) -> Any:
    """z times the logistic function."""
    return z * sigmoid(z)


def elu(z: Any) -> Any:
    """z where it is positive, exp(z) - 1 elsewhere."""
    return np.where(np.real(z) > 0, z, np.expm1(np.where(np.real(z) > 0, 0, z)))


def hard_sigmoid(z: Any) -> Any:
    """z / 6 + 1 / 2 between 0 and 1; its derivative at the corners is taken as 0."""
    return np.where(np.real(z) <= -3, 0, np.where(np.real(z) >= 3, 1, z / 6 + 0.5))


def modulo(a: Any, b: Any) -> Any:
    """The remainder of a / b, with the sign of b; a complex step moves with the same quotient."""
    left, right = np.real(a), np.real(b)
    remainder = np.mod(left, right)
    if not (np.iscomplexobj(a) or np.iscomplexobj(b)):
        return remainder
    return remainder + 1j * (np.imag(a) - np.floor_divide(left, right) * np.imag(b))


def solve_vector(matrix: Array, vector: Array) -> Any:
    """The solution of a linear system for one vector on the right, or one for each matrix."""
    return np.linalg.solve(matrix, vector[..., None])[..., 0]


def log_determinant(matrix: Array) -> Any:
    """log |det A|; the phase of the sign is what a complex step adds."""
    sign, size = np.linalg.slogdet(matrix)
    return size + 1j * np.imag(sign) / np.real(sign) if np.iscomplexobj(matrix) else size


def stop_gradient(z: Any) -> Any:
    """z, which has no derivative: of a complex step, only the real part goes on."""
    return np.real(z)


def declared(z: Any, value: Any, derivative: Any) -> Any:
    """The value, with a declared derivative with respect to z, which a complex step sees."""
    if not np.iscomplexobj(z):
        return value
    return np.real(value) + 1j * np.imag(z) * np.real(derivative)


def softmax(z: Any, axis: int = -1) -> Any:
    """exp(z) divided by its sum; the largest entry is taken off, so that it cannot overflow."""
    powers = np.exp(z - np.max(np.real(z), axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(z: Any, axis: int = -1) -> Any:
    """The logarithm of the softmax, without overflow and without the logarithm of zero."""
    shifted = z - np.max(np.real(z), axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def logsumexp(z: Any, axis: int = -1) -> Any:
    """The logarithm of the sum of exp(z), without overflow."""
    largest = np.max(np.real(z), axis=axis, keepdims=True)
    return largest + np.log(np.sum(np.exp(z - largest), axis=axis, keepdims=True))


EPSILON = 1e-5
"""What normalisation adds to a variance or to a mean of squares."""


def variance(z: Any, axis: int = -1) -> Any:
    """The mean of the squares of the differences from the mean."""
    return np.mean((z - np.mean(z, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=True)


def layer_norm(z: Any, axis: int = -1) -> Any:
    """(z - mean) / sqrt(variance + EPSILON), over the entries of each vector."""
    centred = z - np.mean(z, axis=axis, keepdims=True)
    return centred / np.sqrt(np.mean(centred**2, axis=axis, keepdims=True) + EPSILON)


def inverse_deviation(z: Any, axis: int = -1) -> Any:
    """1 / sqrt(variance + EPSILON), over the entries of each vector."""
    return 1 / np.sqrt(np.var(z, axis=axis, keepdims=True) + EPSILON)


def rms_norm(z: Any, axis: int = -1) -> Any:
    """z / sqrt(mean of squares + EPSILON), over the entries of each vector."""
    return z / np.sqrt(np.mean(z**2, axis=axis, keepdims=True) + EPSILON)


def inverse_rms(z: Any, axis: int = -1) -> Any:
    """1 / sqrt(mean of squares + EPSILON), over the entries of each vector."""
    return 1 / np.sqrt(np.mean(z**2, axis=axis, keepdims=True) + EPSILON)


def share_of_greatest(z: Any, axis: int = -1) -> Any:
    """1 at the largest entry, shared equally where several are, and 0 elsewhere."""
    greatest = z == np.max(z, axis=axis, keepdims=True)
    found = np.asarray(greatest, np.result_type(z, np.float16))
    return found / np.sum(found, axis=axis, keepdims=True)


def share_of_least(z: Any, axis: int = -1) -> Any:
    """1 at the smallest entry, shared equally where several are, and 0 elsewhere."""
    return share_of_greatest(-z, axis)


def norm(z: Any, axis: int = -1) -> Any:
    """The Euclidean norm; its derivative at 0 is taken as 0."""
    squares = np.sum(z**2, axis=axis, keepdims=True)
    return np.sqrt(np.where(np.real(squares) <= 0, 0, squares))


def direction(z: Any, axis: int = -1) -> Any:
    """z divided by its norm, and 0 where that is 0."""
    length = norm(z, axis)
    return z / np.where(length == 0, 1, length)


def sums_onward(z: Any, axis: int = -1) -> Any:
    """Of each entry, the sum of those from it on."""
    return np.flip(np.cumsum(np.flip(z, axis), axis=axis), axis)


def reshaped(z: Any, axes: int, *sizes: int) -> Any:
    """The entries of the last ``axes`` in other sizes, row by row."""
    return z.reshape(*z.shape[: z.ndim - axes], *sizes)


def concat(*vectors: Array) -> Any:
    """The vectors one after the other; those without leading axes are the same for each."""
    leading = np.broadcast_shapes(*(vector.shape[:-1] for vector in vectors))
    spread = [np.broadcast_to(vector, (*leading, vector.shape[-1])) for vector in vectors]
    return np.concatenate(spread, axis=-1)


def pad(vector: Array, start: int, size: int) -> Any:
    """The vector from entry ``start`` on, in zeros."""
    whole = np.zeros((*vector.shape[:-1], size), vector.dtype)
    whole[..., start : start + vector.shape[-1]] = vector
    return whole


def by_head(matrix: Array, heads: int) -> Any:
    """The matrix with an axis of heads, whose rows stand one below the other."""
    *leading, rows, columns = matrix.shape
    return matrix.reshape(*leading, heads, rows // heads, columns)


def below(stack: Array) -> Any:
    """Matrices of heads one below the other."""
    *leading, heads, rows, columns = stack.shape
    return stack.reshape(*leading, heads * rows, columns)


def head_dot(left: Array, right: Array, heads: int) -> Any:
    """The product head by head."""
    return below(by_head(left, heads) @ by_head(right, heads))


def head_contract(left: Array, right: Array, heads: int) -> Any:
    """The sum of left^T right over time steps and sequences, head by head."""
    stacks = [np.moveaxis(by_head(side, heads), -3, 0) for side in (left, right)]
    flat = [s.reshape(heads, math.prod(s.shape[1:-1]), s.shape[-1]) for s in stacks]
    return below(flat[0].swapaxes(-1, -2) @ flat[1])


def head_transpose(matrix: Array, heads: int) -> Any:
    """The transpose of each head."""
    return below(by_head(matrix, heads).swapaxes(-1, -2))


def head_spread(matrix: Array, own: int, heads: int, rows: int, columns: int) -> Any:
    """The matrix of its ``own`` heads spread over heads, rows and columns."""
    stack = by_head(matrix, own)
    return below(np.broadcast_to(stack, (*stack.shape[:-3], heads, rows, columns)))


def head_sum(matrix: Array, heads: int, own: int, rows: int, columns: int) -> Any:
    """The sum over heads, rows or columns, where these are one."""
    stack = by_head(matrix, heads)
    for axis, kept in zip((-3, -2, -1), (own, rows, columns), strict=True):
        stack = stack.sum(axis=axis, keepdims=True) if kept == 1 else stack
    return below(stack)
