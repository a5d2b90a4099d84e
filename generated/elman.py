"""Elman network: loss and gradients by backpropagation through time.

Made by bptt-sym 0.1.0 from the model elman:
    bptt-sym generate elman --loss sum --style readable

One time step of one sequence, vectors as rows:
    z_t = x_t W_x + s_{t-1} W_s
    s_t = phi(z_t)
    o_t = s_t W_y
    y_t = sigma(o_t)
    E_t = sum (d_t - y_t)^2
with phi = tanh, sigma = sigmoid.

The loss is the plain sum of E_t over all time steps and sequences (--loss sum).

Sizes: T time steps, B sequences, m inputs, n hidden units, k outputs. Arrays are
time-major; the entry t - 1 of an array holds time step t. In comments, dv is the
derivative of the loss by v, and N is the last time step.
"""

import math
from typing import NamedTuple

import numpy as np


class Dimensions(NamedTuple):
    """The sizes of the model."""

    m: int  # inputs
    n: int  # hidden units
    k: int  # outputs


class Parameters(NamedTuple):
    """The parameters, or the gradients by them."""

    W_y: np.ndarray  # (n, k), parameter
    W_s: np.ndarray  # (n, n), parameter
    W_x: np.ndarray  # (m, n), parameter


class InitialState(NamedTuple):
    """The states before the first time step, or the gradients by them."""

    s0: np.ndarray  # (B, n), s before the first time step


class Forward(NamedTuple):
    """What the forward pass computes, for all time steps."""

    s: np.ndarray  # (T, B, n), s_t
    y: np.ndarray  # (T, B, k), y_t
    s_previous: np.ndarray  # (T, B, n), s_{t-1}; shares memory with s


SHAPES = {
    "W_y": ("n", "k"),
    "W_s": ("n", "n"),
    "W_x": ("m", "n"),
    "x": ("T", "B", "m"),
    "d": ("T", "B", "k"),
    "s0": ("B", "n"),
}


def check_shapes(**arrays):
    """Return the size of each dimension; raise ValueError where two shapes disagree."""
    sizes = {}
    for name, array in arrays.items():
        if np.asarray(array).dtype.kind not in "biufc":
            raise ValueError(f"{name} has the type {np.asarray(array).dtype}, not a number's")
        for size, number in zip(SHAPES[name], np.shape(array)):
            if size.isidentifier():
                sizes.setdefault(size, number)
    for name, array in arrays.items():
        got, wanted = np.shape(array), SHAPES[name]
        if got != tuple(size_of(size, sizes) for size in wanted):
            known = ", ".join(f"{size}={size_of(size, sizes)}" for size in wanted)
            raise ValueError(f"{name} has the shape {got}, not ({known})")
    return sizes


def size_of(size, sizes):
    """Return the number that a size stands for: a name, a whole number, or 4*n or m + n."""
    total = 0
    for term in size.split(" + "):
        factors = (int(f) if f.isdigit() else sizes.get(f, -1) for f in term.split("*"))
        total += math.prod(factors)
    return total


def sigmoid(z):
    """The logistic function 1 / (1 + exp(-z)), to its last digits and without overflow."""
    negative = np.real(z) < 0
    small = np.exp(np.where(negative, z, -z))
    return np.where(negative, small, 1) / (1 + small)


def init_parameters(rng, dimensions, dtype=np.float64):
    """Draw parameters: matrices with variance 1 / rows, others zero.

    rng: a numpy.random.Generator
    dimensions: the sizes, as Dimensions
    """
    m = dimensions.m
    n = dimensions.n
    k = dimensions.k

    def normal(rows, columns):
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(dtype)

    return Parameters(
        W_y=normal(n, k),
        W_s=normal(n, n),
        W_x=normal(m, n),
    )


def forward(params, x, s0):
    """Run the model over all time steps.

    x: (T, B, m), input
    s0: (B, n), s before the first time step
    """
    W_y, W_s, W_x = params
    sizes = check_shapes(**params._asdict(), x=x, s0=s0)
    T, B, n = sizes["T"], sizes["B"], sizes["n"]
    dtype = np.result_type(np.float16, *params, x, s0)

    s_all = np.empty((T + 1, B, n), dtype)
    s_all[0] = s0
    s_previous, s = s_all[:-1], s_all[1:]
    for t in range(T):
        # z_t = x_t W_x + s_{t-1} W_s
        z = x[t] @ W_x + s_previous[t] @ W_s
        # s_t = phi(z_t)
        s[t] = np.tanh(z)

    # o_t = s_t W_y
    o = s @ W_y
    # y_t = sigma(o_t)
    y = sigmoid(o)

    return Forward(s, y, s_previous)


def loss_of(params, values, d):
    """Return the loss of a forward pass.

    values: as forward returns them
    d: (T, B, k), target
    """
    y = values.y
    # E_t = sum (d_t - y_t)^2
    value = np.sum((d - y) ** 2)
    return value


def loss(params, x, d, s0):
    """Return the loss; the arguments are those of value_and_grad."""
    check_shapes(**params._asdict(), x=x, d=d, s0=s0)
    values = forward(params, x, s0)
    return loss_of(params, values, d)


def value_and_grad(params, x, d, s0):
    """Return the loss, the gradients by the parameters, and those by the initial states.

    x: (T, B, m), input
    d: (T, B, k), target
    s0: (B, n), s before the first time step
    """
    W_y = params.W_y
    W_s = params.W_s
    sizes = check_shapes(**params._asdict(), x=x, d=d, s0=s0)
    T, B, n = sizes["T"], sizes["B"], sizes["n"]
    dtype = np.result_type(np.float16, *params, x, d, s0)
    values = forward(params, x, s0)
    value = loss_of(params, values, d)
    s, y, s_previous = values

    # dy_t = -2 (d_t - y_t)
    dy = -2 * (d - y)
    # do_t = dy_t * sigma'(o_t)
    do = dy * y * (1 - y)

    ds_next = np.zeros((B, n), dtype)
    dz = np.empty((T, B, n), dtype)
    for t in reversed(range(T)):
        # ds_N = do_N W_y^T
        # ds_t = do_t W_y^T + dz_{t+1} W_s^T for t <= N - 1
        ds = do[t] @ W_y.T + ds_next
        # dz_t = ds_t * phi'(z_t)
        dz[t] = ds * (1 - s[t] ** 2)
        # in ds_{t-1} from step t: dz_t W_s^T
        ds_next = dz[t] @ W_s.T

    # dW_y = sum_{t=1}^N s_t^T do_t
    dW_y = np.tensordot(s, do, axes=([0, 1], [0, 1]))
    # dW_s = sum_{t=1}^N s_{t-1}^T dz_t
    dW_s = np.tensordot(s_previous, dz, axes=([0, 1], [0, 1]))
    # dW_x = sum_{t=1}^N x_t^T dz_t
    dW_x = np.tensordot(x, dz, axes=([0, 1], [0, 1]))
    # ds_0 = dz_1 W_s^T
    ds0 = ds_next

    return value, Parameters(dW_y, dW_s, dW_x), InitialState(ds0)

