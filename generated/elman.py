"""Elman network: loss and gradients by backpropagation through time.

Made by bptt-sym 0.1.0 from the model elman:
    bptt-sym generate elman --loss sum --style readable
Model: 67036f6fe346fafc
Code: cdb4c1b0b71c986d

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
derivative of the loss with respect to v, and N is the last time step.
The type of the parameters is that of all results: arguments are converted to it, and
complex ones make all complex. Parameters may be given as a mapping of their names.

"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "Dimensions",
    "Forward",
    "InitialState",
    "Inputs",
    "Parameters",
    "Result",
    "State",
    "forward",
    "init_parameters",
    "loss",
    "value_and_grad",
]

Array = npt.NDArray[Any]


class Dimensions(NamedTuple):
    """The sizes of the model."""

    m: int  # inputs
    n: int  # hidden units
    k: int  # outputs


class Parameters(NamedTuple):
    """The parameters, or the gradients with respect to them."""

    W_y: Array  # (n, k), parameter
    W_s: Array  # (n, n), parameter
    W_x: Array  # (m, n), parameter


class InitialState(NamedTuple):
    """The states before the first time step, or the gradients with respect to them."""

    s0: Array  # (B, n), s before the first time step


class Inputs(NamedTuple):
    """The inputs, or the gradients with respect to them."""

    x: Array  # (T, B, m), input


class State(NamedTuple):
    """What one time step hands to the next, or the gradient with respect to it."""

    s: Array  # (B, n), s of the step before


class Forward(NamedTuple):
    """What the forward pass computes, for all time steps."""

    s: Array  # (T, B, n), s_t
    y: Array  # (T, B, k), y_t
    s_previous: Array  # (T, B, n), s_{t-1}; shares memory with s


class Result(NamedTuple):
    """The loss, its gradients, and the State after the last time step.

    The gradients with respect to inputs are None where they were not asked for.
    """

    value: Any
    gradients: Parameters
    initial: InitialState
    final: State
    inputs: Inputs | None = None


SHAPES: dict[str, tuple[str, ...]] = {
    "W_y": ("n", "k"),
    "W_s": ("n", "n"),
    "W_x": ("m", "n"),
    "x": ("T", "B", "m"),
    "d": ("T", "B", "k"),
    "s0": ("B", "n"),
}
KINDS: dict[str, str] = {}
COUNTS: tuple[str, ...] = ()


def check_shapes(**arrays: npt.ArrayLike) -> dict[str, int]:
    """Return the size of each dimension; raise ValueError where two shapes disagree."""
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        if np.asarray(array).dtype.kind not in "biufc":
            raise ValueError(f"{name} has the type {np.asarray(array).dtype}, not a number's")
        for size, number in zip(SHAPES[name], np.shape(array), strict=False):
            if size.isidentifier():
                sizes.setdefault(size, number)
    for name, array in arrays.items():
        got, wanted = np.shape(array), SHAPES[name]
        if got != tuple(size_of(size, sizes) for size in wanted):
            known = ", ".join(f"{size}={size_of(size, sizes)}" for size in wanted)
            raise ValueError(f"{name} has the shape {got}, not ({known})")
    return sizes


def size_of(size: str, sizes: Mapping[str, int]) -> int:
    """Return the number that a size stands for: a name, a whole number, or 4*n or m + n."""
    total = 0
    for term in size.split(" + "):
        factors = (int(f) if f.isdigit() else sizes.get(f, -1) for f in term.split("*"))
        total += math.prod(factors)
    return total


def checked(
    params: Parameters | Mapping[str, npt.ArrayLike], arguments: Mapping[str, npt.ArrayLike]
) -> tuple[Parameters, dict[str, Array], dict[str, int], np.dtype[Any]]:
    """Return parameters and arguments as arrays of one type, their sizes, and this type.

    It is the parameters' type, complex where an argument is; labels keep their own. Beside the
    arrays, the arguments hold T and B where no array tells them.
    """
    counts: dict[str, int] = {}
    if "T" in arguments or "B" in arguments:
        counts = {name: whole_number(name, arguments[name]) for name in "TB" if name in arguments}
        arguments = {name: array for name, array in arguments.items() if name not in counts}
    if not isinstance(params, tuple) and isinstance(params, Mapping):
        params = Parameters(**{name: np.asarray(array) for name, array in params.items()})
    params = Parameters._make(map(np.asarray, params))
    arrays: list[Array] = [*params, *map(np.asarray, arguments.values())]
    sizes, dtype, others = sizes_and_type(
        (*Parameters._fields, *arguments),
        tuple([array.shape for array in arrays]),
        tuple([array.dtype for array in arrays]),
    )
    count = len(arrays) - len(arguments)
    if others:
        for place, shape in others:
            arrays[place] = arrays[place].astype(dtype, copy=False).reshape(shape)
        params = Parameters._make(arrays[:count])
    named = dict(zip(arguments, arrays[count:], strict=True))
    return params, named, {**sizes, **counts} if counts else sizes, dtype


def whole_number(name: str, size: object) -> int:
    """Return a size as an int; raise ValueError unless it is a whole number from 0."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise ValueError(f"{name} must be a whole number from 0, not {size!r}")
    return int(size)


@functools.lru_cache(maxsize=64)
def sizes_and_type(
    names: tuple[str, ...], shapes: tuple[tuple[int, ...], ...], types: tuple[np.dtype[Any], ...]
) -> tuple[dict[str, int], np.dtype[Any], list[tuple[int, tuple[int, ...]]]]:
    """Return sizes, the type to compute in, and the places and shapes of what has another one.

    Raise ValueError where something does not fit.
    """
    kinds = [KINDS.get(name, "") for name in names]
    is_flat = [kinds[k] == "mask" and len(shape) == 2 for k, shape in enumerate(shapes)]
    shapes = tuple((*s, 1) if flat else s for s, flat in zip(shapes, is_flat, strict=True))
    dummies = map(np.broadcast_to, [np.empty((), type_) for type_ in types], shapes)
    sizes = check_shapes(**dict(zip(names, dummies, strict=True)))
    numbers = [k for k, kind in enumerate(kinds) if not kind.startswith("labels")]
    leading = [types[k] for k in range(len(Parameters._fields))] or [types[k] for k in numbers]
    dtype = np.result_type(*leading) if leading else np.dtype(float)
    if dtype.kind not in "fc":
        dtype = np.dtype(float)
    if any(types[k].kind == "c" for k in numbers):
        dtype = np.result_type(dtype, np.complex64)
    return sizes, dtype, [(k, shapes[k]) for k in numbers if is_flat[k] or types[k] != dtype]


def sigmoid(z: Any) -> Any:
    """The logistic function 1 / (1 + exp(-z)), to its last digits and without overflow."""
    negative = np.real(z) < 0
    small = np.exp(np.where(negative, z, -z))
    return np.where(negative, small, 1) / (1 + small)


def init_parameters(
    rng: np.random.Generator, dimensions: Dimensions, dtype: npt.DTypeLike = np.float64
) -> Parameters:
    """Draw parameters, as the model says how they begin.

    rng: a numpy.random.Generator
    dimensions: the sizes, as Dimensions
    """
    m = dimensions.m
    n = dimensions.n
    k = dimensions.k

    def normal(*shape: int) -> Array:
        drawn: Array = rng.standard_normal(shape) / np.sqrt(math.prod(shape[:1]))
        return drawn.astype(dtype)

    return Parameters(
        W_y=normal(n, k),
        W_s=normal(n, n),
        W_x=normal(m, n),
    )


def forward(
    params: Parameters | Mapping[str, npt.ArrayLike], x: npt.ArrayLike, s0: npt.ArrayLike
) -> Forward:
    """Run the model over all time steps.

    x: (T, B, m), input
    s0: (B, n), s before the first time step
    """
    params, arguments, sizes, dtype = checked(params, {"x": x, "s0": s0})
    x, s0 = arguments.values()
    W_y, W_s, W_x = params
    T, B, n = sizes["T"], sizes["B"], sizes["n"]

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


def loss_of(params: Parameters, values: Forward, d: Array) -> Any:
    """Return the loss of a forward pass.

    values: as forward returns them
    d: (T, B, k), target
    """
    y = values.y
    # E_t = sum (d_t - y_t)^2
    return np.sum((d - y) ** 2)


def loss(
    params: Parameters | Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    s0: npt.ArrayLike,
) -> Any:
    """Return the loss; the arguments are those of value_and_grad."""
    params, arguments, _, _ = checked(params, {"x": x, "d": d, "s0": s0})
    x, d, s0 = arguments.values()
    values = forward(params, x, s0)
    return loss_of(params, values, d)


def value_and_grad(
    params: Parameters | Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    s0: npt.ArrayLike,
    *,
    inputs: bool = False,
) -> Result:
    """Return a Result: the loss, its gradients, and the State after the last time step.

    x: (T, B, m), input
    d: (T, B, k), target
    s0: (B, n), s before the first time step
    inputs: whether gradients with respect to Inputs are among them
    """
    params, arguments, sizes, dtype = checked(params, {"x": x, "d": d, "s0": s0})
    x, d, s0 = arguments.values()
    W_y, W_s, W_x = params
    T, B, n = sizes["T"], sizes["B"], sizes["n"]
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

    final = State(np.array(s[-1] if T else s0, dtype))

    by_inputs = None
    if inputs:
        # dx_t = dz_t W_x^T
        dx = dz @ W_x.T
        by_inputs = Inputs(dx.copy())

    return Result(value, Parameters(dW_y, dW_s, dW_x), InitialState(ds0), final, by_inputs)



def example(seed: int = 0) -> tuple[Parameters, dict[str, Any]]:
    """Draw parameters and arguments of a few steps, with sizes of which none is another."""
    rng = np.random.default_rng(seed)
    fields: tuple[str, ...] = Dimensions._fields
    sizes = {"B": 2, "T": max(5, 3 + len(fields))}
    sizes |= {name: size for size, name in enumerate(fields, start=3)}
    arrays: dict[str, Any] = {}
    for name, shape in SHAPES.items():
        lengths = [size_of(size, sizes) for size in shape]
        kind = KINDS.get(name, "")
        if kind.startswith("labels of "):
            arrays[name] = rng.integers(0, size_of(kind.removeprefix("labels of "), sizes), lengths)
        elif kind == "mask":
            ends = sizes["T"] - np.arange(sizes["B"])
            arrays[name] = (np.arange(sizes["T"])[:, None] < ends).astype(float)
        else:
            drawn = np.asarray(rng.standard_normal(lengths) / 2)
            arrays[name] = np.exp(drawn) if kind == "positive" else drawn
    names: tuple[str, ...] = Parameters._fields
    params = Parameters._make([arrays.pop(name) for name in names])
    return params, arrays | {name: sizes[name] for name in COUNTS}


def gradient_errors(seed: int = 0) -> dict[str, float]:
    """Return how far each gradient is from differences of the loss along complex steps.

    They are relative to the gradient's largest entry, or to 1 where that is smaller.
    """
    params, arguments = example(seed)
    result = value_and_grad(params, **arguments, inputs=True)
    given: dict[str, Array] = {**params._asdict(), **arguments}
    gradients: dict[str, Array] = {**result.gradients._asdict(), **result.initial._asdict()}
    gradients |= result.inputs._asdict() if result.inputs else {}
    errors: dict[str, float] = {}
    for name, gradient in gradients.items():
        found = np.zeros(np.shape(gradient))
        for index in np.ndindex(found.shape):
            moved = np.asarray(given[name], complex)
            moved[index] += 1e-30j
            found[index] = loss_at({**given, name: moved}).imag / 1e-30
        distance = np.max(np.abs(found - gradient), initial=0.0)
        errors[name] = float(distance / np.max(np.abs(found), initial=1.0))
    return errors


def loss_at(arrays: dict[str, Any]) -> Any:
    """Return the loss of parameters and arguments by their names."""
    names: tuple[str, ...] = Parameters._fields
    arguments = {name: array for name, array in arrays.items() if name not in names}
    return loss(Parameters._make([arrays[name] for name in names]), **arguments)


def main() -> int:
    """Print how far each gradient is from the loss's own; return 1 where one does not hold."""
    errors = gradient_errors()
    failing = [name for name, error in errors.items() if not error <= 1e-9]
    for name, error in errors.items():
        print(f"{name:12} {error:.1e}")
    print(f"fails: {', '.join(failing)}" if failing else "all gradients hold")
    return 1 if failing else 0


if __name__ == "__main__":
    raise SystemExit(main())
