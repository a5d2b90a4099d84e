"""Long short-term memory, PyTorch form: loss and gradients by backpropagation through time.

Made by bptt-sym 0.1.0 from the model lstm:
    bptt-sym generate lstm --loss sum --style fast
Model: 04199e57faceca4d
Code: b1bd77f8f813ed6a

One time step of one sequence, vectors as rows:
    z_{i,t} = x_t W_ii + b_ii + h_{t-1} W_hi + b_hi
    i_t = sigmoid(z_{i,t})
    z_{f,t} = x_t W_if + b_if + h_{t-1} W_hf + b_hf
    f_t = sigmoid(z_{f,t})
    z_{g,t} = x_t W_ig + b_ig + h_{t-1} W_hg + b_hg
    g_t = tanh(z_{g,t})
    z_{o,t} = x_t W_io + b_io + h_{t-1} W_ho + b_ho
    o_t = sigmoid(z_{o,t})
    c_t = f_t * c_{t-1} + i_t * g_t
    h_t = o_t * tanh(c_t)
    y_t = h_t V
    E_t = sum (d_t - y_t)^2

The loss is the plain sum of E_t over all time steps and sequences (--loss sum).

Sizes: T time steps, B sequences, m inputs, n hidden units, k outputs. Arrays are
time-major; the entry t - 1 of an array holds time step t. In names, dv is the
derivative of the loss with respect to v, v_in is on the way to v, and v_t is v of one
time step.
The type of the parameters is that of all results: arguments are converted to it, and
complex ones make all complex. Parameters may be given as a mapping of their names.

"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from threading import Lock
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
    "StepWorkspace",
    "Workspace",
    "forward",
    "init_parameters",
    "initial_state",
    "loss",
    "step",
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

    W_ii: Array  # (m, n), parameter
    W_hi: Array  # (n, n), parameter
    b_ii: Array  # (n,), parameter
    b_hi: Array  # (n,), parameter
    W_if: Array  # (m, n), parameter
    W_hf: Array  # (n, n), parameter
    b_if: Array  # (n,), parameter
    b_hf: Array  # (n,), parameter
    W_ig: Array  # (m, n), parameter
    W_hg: Array  # (n, n), parameter
    b_ig: Array  # (n,), parameter
    b_hg: Array  # (n,), parameter
    W_io: Array  # (m, n), parameter
    W_ho: Array  # (n, n), parameter
    b_io: Array  # (n,), parameter
    b_ho: Array  # (n,), parameter
    V: Array  # (n, k), parameter


class InitialState(NamedTuple):
    """The states before the first time step, or the gradients with respect to them."""

    h0: Array  # (B, n), h before the first time step
    c0: Array  # (B, n), c before the first time step


class Inputs(NamedTuple):
    """The inputs, or the gradients with respect to them."""

    x: Array  # (T, B, m), input


class State(NamedTuple):
    """What one time step hands to the next, or the gradient with respect to it."""

    h: Array  # (B, n), h of the step before
    c: Array  # (B, n), c of the step before


class Forward(NamedTuple):
    """What the forward pass computes, for all time steps."""

    i: Array  # (T, B, n), i_t
    f: Array  # (T, B, n), f_t
    g: Array  # (T, B, n), g_t
    o: Array  # (T, B, n), o_t
    c: Array  # (T, B, n), c_t
    h: Array  # (T, B, n), h_t
    y: Array  # (T, B, k), y_t


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
    "W_ii": ("m", "n"),
    "W_hi": ("n", "n"),
    "b_ii": ("n",),
    "b_hi": ("n",),
    "W_if": ("m", "n"),
    "W_hf": ("n", "n"),
    "b_if": ("n",),
    "b_hf": ("n",),
    "W_ig": ("m", "n"),
    "W_hg": ("n", "n"),
    "b_ig": ("n",),
    "b_hg": ("n",),
    "W_io": ("m", "n"),
    "W_ho": ("n", "n"),
    "b_io": ("n",),
    "b_ho": ("n",),
    "V": ("n", "k"),
    "x": ("T", "B", "m"),
    "d": ("T", "B", "k"),
    "h0": ("B", "n"),
    "c0": ("B", "n"),
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

    def uniform(units: int, shape: tuple[int, ...]) -> Array:
        drawn: Array = rng.uniform(-1, 1, shape) / np.sqrt(units)
        return drawn.astype(dtype)

    return Parameters(
        W_ii=uniform(n, (m, n)),
        W_hi=uniform(n, (n, n)),
        b_ii=uniform(n, (n,)),
        b_hi=uniform(n, (n,)),
        W_if=uniform(n, (m, n)),
        W_hf=uniform(n, (n, n)),
        b_if=uniform(n, (n,)),
        b_hf=uniform(n, (n,)),
        W_ig=uniform(n, (m, n)),
        W_hg=uniform(n, (n, n)),
        b_ig=uniform(n, (n,)),
        b_hg=uniform(n, (n,)),
        W_io=uniform(n, (m, n)),
        W_ho=uniform(n, (n, n)),
        b_io=uniform(n, (n,)),
        b_ho=uniform(n, (n,)),
        V=normal(n, k),
    )


DEPTHS: tuple[int, ...] = (1, 1)
STATES: dict[str, tuple[str, ...]] = {
    "h": ("B", "n"),
    "c": ("B", "n"),
}
INITIAL: dict[str, str] = {"h0": "h", "c0": "c"}
CLOSES = False  # whether something is added to the loss once


class Sized:
    """What a workspace has beside its arrays; pickled, it is made anew with the same sizes."""

    def __init__(self, T: int, B: int, dimensions: Dimensions, dtype: npt.DTypeLike) -> None:
        self.sizes: dict[str, int] = {"T": T, "B": B, **dimensions._asdict()}
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.lock = Lock()
        self.parts: dict[tuple[int, int], Workspace] = {}

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            raise RuntimeError("another call is at work in the workspace")

    def __exit__(self, *error: object) -> None:
        self.lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sizes["T"], self.sizes["B"], self.dimensions, self.dtype)

    @property
    def dimensions(self) -> Dimensions:
        """The sizes of the model."""
        fields: tuple[str, ...] = Dimensions._fields
        return Dimensions._make([self.sizes[name] for name in fields])


def workspace_of(sizes: Mapping[str, int], dtype: npt.DTypeLike, **others: int) -> Workspace:
    """Return a new workspace; ``others`` are sizes in the place of those."""
    sizes = {**sizes, **others}
    fields: tuple[str, ...] = Dimensions._fields
    dimensions = Dimensions._make([sizes.get(name, 0) for name in fields])
    return Workspace(sizes["T"], sizes["B"], dimensions, dtype)


def check_workspace(workspace: object, sizes: Mapping[str, int], dtype: np.dtype[Any]) -> None:
    """Raise TypeError or ValueError for what is no workspace of these sizes and this type."""
    if not isinstance(workspace, Workspace):
        raise TypeError(f"workspace must be a Workspace, not {workspace!r}")
    other_sizes = any(workspace.sizes[name] != size for name, size in sizes.items())
    if other_sizes or workspace.dtype != dtype:
        raise ValueError(
            f"the workspace is for {workspace.sizes} and {workspace.dtype}, "
            f"the arrays are for {dict(sizes)} and {dtype}"
        )


def computed(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    until: str,
) -> Any:
    """Return what the forward pass returns, or the loss."""
    params, arrays, sizes, dtype = checked(params, arguments)
    work = workspace_of(sizes, dtype)
    return run(params, work, unpadded(arrays, work), until=until)


def gradients_of(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    workspace: Workspace | None,
    *,
    inputs: bool,
    start: State | None = None,
) -> Result:
    """Return the loss and the gradients of all time steps."""
    until = "inputs" if inputs else "gradients"
    params, arrays, sizes, dtype = checked(params, arguments)
    if workspace is None:
        work = workspace_of(sizes, dtype)
        return at_once(params, unpadded(arrays, work), work, start, until)
    check_workspace(workspace, sizes, dtype)
    with workspace:
        return at_once(params, unpadded(arrays, workspace), workspace, start, until)


def at_once(
    params: Parameters,
    arguments: dict[str, Array],
    work: Workspace,
    start: State | None,
    until: str,
) -> Result:
    """Return the loss and the gradients of all time steps, computed in a workspace."""
    result: Result = run(params, work, arguments, start=start, until=until)[0]
    return result


def state_at(work: Workspace, step: int) -> State:
    """Return the State after a number of time steps of what was computed last."""
    histories: tuple[Array, ...] = histories_of(work)
    return State._make(
        [
            np.array(history[step : step + depth] if depth > 1 else history[step])
            for history, depth in zip(histories, DEPTHS, strict=True)
        ]
    )


class Workspace(Sized):
    """The arrays that a computation works in: made once, they serve any number of calls.

    It is for T time steps and B sequences and holds this many numbers:
    2*B*T*k + B*T*m + 22*B*T*n + 11*B*n
    One call at a time works in it. What a call returns is copied out of it.
    Calls with a window keep smaller workspaces in it.
    """

    def __init__(
        self, T: int, B: int, dimensions: Dimensions, dtype: npt.DTypeLike = np.float64
    ) -> None:
        super().__init__(T, B, dimensions, dtype)
        m = dimensions.m
        n = dimensions.n
        k = dimensions.k
        self.z_g_o_f_i_in: Array = np.empty((T, 4*n, B), dtype)
        self.h_all: Array = np.empty((T + 1, n, B), dtype)
        self.gofi: Array = np.empty((T, 4*n, B), dtype)
        self.c_all: Array = np.empty((T + 1, n, B), dtype)
        self.h_in: Array = np.empty((T, n, B), dtype)
        self.z_g_o_f_i_in4: Array = np.empty((4*n, B), dtype)
        self.c_in: Array = np.empty((n, B), dtype)
        self.c_in2: Array = np.empty((n, B), dtype)
        self.h_rows: Array = np.empty((T + 1, B, n), dtype)
        self.y: Array = np.empty((T, B, k), dtype)
        self.dy: Array = np.empty((T, B, k), dtype)
        self.dh_in: Array = np.empty((T, n, B), dtype)
        self.dc_in: Array = np.empty((T, n, B), dtype)
        self.dz_g_in: Array = np.empty((T, n, B), dtype)
        self.dz_ofi_in: Array = np.empty((T, 3*n, B), dtype)
        self.dz_ofig: Array = np.empty((T, 4*n, B), dtype)
        self.dh: Array = np.empty((n, B), dtype)
        self.dc_in4: Array = np.empty((n, B), dtype)
        self.dx: Array = np.empty((T, B, m), dtype)


def forward(
    params: Parameters | Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    h0: npt.ArrayLike,
    c0: npt.ArrayLike,
) -> Forward:
    """Run the model over all time steps.

    x: (T, B, m), input
    h0: (B, n), h before the first time step
    c0: (B, n), c before the first time step
    """
    values: Forward = computed(params, {"x": x, "h0": h0, "c0": c0}, "forward")
    return values


def loss(
    params: Parameters | Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    h0: npt.ArrayLike,
    c0: npt.ArrayLike,
) -> Any:
    """Return the loss; the arguments are those of value_and_grad."""
    return computed(params, {"x": x, "d": d, "h0": h0, "c0": c0}, "loss")


def value_and_grad(
    params: Parameters | Mapping[str, npt.ArrayLike],
    x: npt.ArrayLike,
    d: npt.ArrayLike,
    h0: npt.ArrayLike,
    c0: npt.ArrayLike,
    *,
    inputs: bool = False,
    window: int | None = None,
    exact: bool = False,
    checkpoint: int | str | None = None,
    workspace: Workspace | None = None,
    start: State | None = None,
) -> Result:
    """Return a Result: the loss, its gradients, and the State after the last time step.

    x: (T, B, m), input
    d: (T, B, k), target
    h0: (B, n), h before the first time step
    c0: (B, n), c before the first time step
    inputs: whether gradients with respect to Inputs are among them
    window: K truncates the gradient: the sequence is cut into chunks of K steps through which
        the states go on, and what a loss owes to a step of an earlier chunk is dropped
    exact: with window=K, drops instead what the loss of each step t owes to the steps before
        t - K + 1, so that each loss goes back K steps (initial states count with the first step)
    checkpoint: K keeps the states of every K-th step alone and computes the others again, for
        the same gradients in less memory; "sqrt" is the root of T
    workspace: a Workspace of these sizes, or None for a new one
    start: a State to begin with in the place of the initial values, such as the final one of an
        earlier call; initial then holds the gradients with respect to its fields
    """
    arguments = {"x": x, "d": d, "h0": h0, "c0": c0}
    return gradients_in_parts(
        params, arguments, window, exact, checkpoint, workspace, start, inputs
    )


def step(
    params: Parameters | Mapping[str, npt.ArrayLike],
    state: State,
    x: npt.ArrayLike,
    *,
    workspace: StepWorkspace | None = None,
) -> tuple[State, Forward]:
    """Run one time step and return the next State and what forward returns, of this step.

    state: a State, such as initial_state returns or an earlier step
    x: (B, m), input
    workspace: a StepWorkspace of these sizes, in which what is returned lies until the next
        call with it, or None for a new one
    """
    arguments = {"x": x}
    return stepped(params, state, arguments, workspace)


class StepWorkspace(Sized):
    """The arrays that step works in: made once, they serve any number of steps."""

    def __init__(self, B: int, dimensions: Dimensions, dtype: npt.DTypeLike = np.float64) -> None:
        super().__init__(1, B, dimensions, dtype)
        self.marks: list[tuple[object, object]] | None = None
        n = dimensions.n
        k = dimensions.k
        self.z_g_in: Array = np.empty((B, n), dtype)
        self.z_g_in2: Array = np.empty((B, n), dtype)
        self.z_i_in2: Array = np.empty((B, n), dtype)
        self.z_f_in: Array = np.empty((B, n), dtype)
        self.z_f_in2: Array = np.empty((B, n), dtype)
        self.z_o_in: Array = np.empty((B, n), dtype)
        self.z_o_in2: Array = np.empty((B, n), dtype)
        self.y: Array = np.empty((B, k), dtype)
        self.h_past: Array = np.empty((B, n), dtype)
        self.c_past: Array = np.empty((B, n), dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sizes["B"], self.dimensions, self.dtype)


def advance(
    params: Parameters, state: State, arguments: Mapping[str, Array], work: StepWorkspace
) -> tuple[State, Forward]:
    """Compute one time step in a workspace."""
    W_ii = params.W_ii
    W_hi = params.W_hi
    b_ii = params.b_ii
    b_hi = params.b_hi
    W_if = params.W_if
    W_hf = params.W_hf
    b_if = params.b_if
    b_hf = params.b_hf
    W_ig = params.W_ig
    W_hg = params.W_hg
    b_ig = params.b_ig
    b_hg = params.b_hg
    W_io = params.W_io
    W_ho = params.W_ho
    b_io = params.b_io
    b_ho = params.b_ho
    V = params.V
    x = arguments["x"]
    z_g_in = work.z_g_in
    z_g_in2 = work.z_g_in2
    z_g = work.z_g_in2
    g = work.z_g_in2
    z_i_in = work.z_g_in
    z_i_in2 = work.z_i_in2
    z_i = work.z_i_in2
    i_in = work.z_i_in2
    i = work.z_i_in2
    c_in = work.z_g_in
    z_f_in = work.z_f_in
    z_f_in2 = work.z_f_in2
    z_f = work.z_f_in2
    f_in = work.z_f_in2
    f = work.z_f_in2
    c_in2 = work.z_f_in
    c = work.z_g_in
    h_in = work.z_f_in
    z_o_in = work.z_o_in
    z_o_in2 = work.z_o_in2
    z_o = work.z_o_in2
    o_in = work.z_o_in2
    o = work.z_o_in2
    h = work.z_f_in
    y = work.y
    h_past = work.h_past
    np.copyto(h_past, state.h)
    c_past = work.c_past
    np.copyto(c_past, state.c)
    # z_{g,t} = x_t W_ig + b_ig + h_{t-1} W_hg + b_hg
    np.dot(h_past, W_hg, out=z_g_in)
    np.dot(x, W_ig, out=z_g_in2)
    np.add(z_g_in2, b_ig, out=z_g)
    np.add(z_g, z_g_in, out=z_g)
    np.add(z_g, b_hg, out=z_g)
    # g_t = tanh(z_{g,t})
    np.tanh(z_g, out=g)
    # z_{i,t} = x_t W_ii + b_ii + h_{t-1} W_hi + b_hi
    np.dot(h_past, W_hi, out=z_i_in)
    np.dot(x, W_ii, out=z_i_in2)
    np.add(z_i_in2, b_ii, out=z_i)
    np.add(z_i, z_i_in, out=z_i)
    np.add(z_i, b_hi, out=z_i)
    # i_t = sigmoid(z_{i,t})
    np.multiply(z_i, 0.5, out=i_in)
    np.tanh(i_in, out=i)
    np.multiply(i, 0.5, out=i)
    np.add(i, 0.5, out=i)
    # c_t = f_t * c_{t-1} + i_t * g_t
    np.multiply(i, g, out=c_in)
    # z_{f,t} = x_t W_if + b_if + h_{t-1} W_hf + b_hf
    np.dot(h_past, W_hf, out=z_f_in)
    np.dot(x, W_if, out=z_f_in2)
    np.add(z_f_in2, b_if, out=z_f)
    np.add(z_f, z_f_in, out=z_f)
    np.add(z_f, b_hf, out=z_f)
    # f_t = sigmoid(z_{f,t})
    np.multiply(z_f, 0.5, out=f_in)
    np.tanh(f_in, out=f)
    np.multiply(f, 0.5, out=f)
    np.add(f, 0.5, out=f)
    # c_t
    np.multiply(f, c_past, out=c_in2)
    np.add(c_in2, c_in, out=c)
    # h_t = o_t * tanh(c_t)
    np.tanh(c, out=h_in)
    # z_{o,t} = x_t W_io + b_io + h_{t-1} W_ho + b_ho
    np.dot(h_past, W_ho, out=z_o_in)
    np.dot(x, W_io, out=z_o_in2)
    np.add(z_o_in2, b_io, out=z_o)
    np.add(z_o, z_o_in, out=z_o)
    np.add(z_o, b_ho, out=z_o)
    # o_t = sigmoid(z_{o,t})
    np.multiply(z_o, 0.5, out=o_in)
    np.tanh(o_in, out=o)
    np.multiply(o, 0.5, out=o)
    np.add(o, 0.5, out=o)
    # h_t
    np.multiply(o, h_in, out=h)
    # y_t = h_t V
    np.dot(h, V, out=y)
    np.copyto(h_past, h)
    np.copyto(c_past, c)
    following = State(h_past, c_past)
    return following, Forward(i, f, g, o, c, h, y)


def initial_state(
    params: Parameters | Mapping[str, npt.ArrayLike], B: int, h0: npt.ArrayLike, c0: npt.ArrayLike
) -> State:
    """Return the State before the first time step of B sequences."""
    return State(np.array(h0), np.array(c0))


def ends_of(arguments: Mapping[str, Array]) -> Array | None:
    """Return None: no loss counts at the end of each sequence that is not that of all."""
    return None


def share_of(begin: int, end: int, T: int) -> float:
    """Return what the loss of the steps from begin to end counts in that of all T."""
    return 1


class Parts:
    """A sequence to be computed in parts, in workspaces that parts of one length share."""

    def __init__(
        self,
        params: Parameters | Mapping[str, npt.ArrayLike],
        arguments: Mapping[str, npt.ArrayLike],
        workspace: Workspace | None,
        inputs: bool,
    ) -> None:
        self.params, self.arguments, self.sizes, self.dtype = checked(params, arguments)
        names: tuple[str, ...] = Inputs._fields
        begun = [np.zeros_like(self.arguments[name]) for name in names] if inputs else []
        self.by_inputs = Inputs._make(begun) if inputs else None
        self.T = self.sizes["T"]
        self.ends = ends_of(self.arguments)
        if workspace is not None:
            check_workspace(workspace, self.sizes, self.dtype)
        self.workspace = workspace
        self.works = {} if workspace is None else workspace.parts

    def spans(self, count: object, name: str) -> list[tuple[int, int]]:
        """Return where the parts of so many time steps begin and end."""
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"{name} must be a whole number from 1, not {count!r}")
        every = int(count)
        return [(begin, min(begin + every, self.T)) for begin in range(0, self.T, every)]

    def whole(self) -> Workspace:
        """Return the workspace for all time steps."""
        return self.workspace or workspace_of(self.sizes, self.dtype)

    def work(self, T: int, sequences: int = 1) -> Workspace:
        """Return the workspace for some time steps, and for so many times the sequences."""
        key = T, sequences * self.sizes["B"]
        if key not in self.works:
            self.works[key] = workspace_of(self.sizes, self.dtype, T=key[0], B=key[1])
        return self.works[key]

    @property
    def until(self) -> str:
        """Return how far parts are run."""
        return "gradients" if self.by_inputs is None else "inputs"

    def run(self, begin: int, end: int, **options: Any) -> Any:
        """Run the time steps from begin to end, there and back."""
        found = self.run_until(self.until, begin, end, **self.closing(end), **options)
        self.add_inputs(found[0], [begin])
        return found

    def run_until(self, until: str, begin: int, end: int, **options: Any) -> Any:
        """Run the time steps from begin to end as far as asked."""
        part = {
            name: array[begin:end] if SHAPES[name][:1] == ("T",) else array
            for name, array in self.arguments.items()
        }
        return run(self.params, self.work(end - begin), part, until=until, **options)

    def closing(self, end: int) -> dict[str, Any]:
        """Return what is added once counts in a part with this end, where anything is."""
        return {"closing": int(end == self.T)} if CLOSES else {}

    def ending(self, begin: int, end: int) -> Array | None:
        """Return 1 for sequences that end in a part before the last step, where any does."""
        if self.ends is None or end == self.T:
            return None
        found: Array = (begin < self.ends) & (self.ends <= end)
        return found.astype(self.dtype) if found.any() else None

    def owed(self, before: State) -> State:
        """Return what the losses of the last step owe to the states that sequences end with.

        These are as they were before the last step, of a sequence that has ended.
        """
        weight = self.weight(share_of(self.T - 1, self.T, self.T))
        options = {"start": before, "weight": weight, **self.closing(self.T)}
        found = self.run_until("gradients", self.T - 1, self.T, **options)[1]
        arrays: tuple[Array, ...] = before
        # An input of the step before is none of what a sequence ends with.
        pairs = zip(arrays, found, strict=True)
        return State._make([np.zeros_like(a) if b is None else b for a, b in pairs])

    def run_windows(self, starts: Array, window: int, **options: Any) -> Any:
        """Run several windows side by side, as sequences."""
        steps = starts + np.arange(window)[:, None]
        part = dict(self.arguments)
        for name, array in self.arguments.items():
            if SHAPES[name][:1] == ("T",):
                part[name] = array[steps].reshape(window, -1, *array.shape[2:])
            elif SHAPES[name][:1] == ("B",):
                part[name] = np.concatenate([array] * len(starts))
        closing = self.closing(int(starts[-1]) + window)
        work = self.work(window, len(starts))
        found = run(self.params, work, part, until=self.until, **closing, **options)
        self.add_inputs(found[0], starts.tolist())
        return found

    def add_inputs(self, found: Result, begins: list[int]) -> None:
        """Add the gradients with respect to inputs of parts side by side, by where they begin."""
        if self.by_inputs is None or found.inputs is None:
            return
        whole: dict[str, Array] = self.by_inputs._asdict()
        part: dict[str, Array] = found.inputs._asdict()
        for name, array in whole.items():
            if SHAPES[name][:1] == ("T",):
                rows = part[name].reshape(-1, len(begins), *array.shape[1:])
                for k, begin in enumerate(begins):
                    span = array[begin : begin + len(rows)]
                    np.add(span, rows[:, k], out=span)
            elif name not in INITIAL:
                np.add(array, part[name].reshape(-1, *array.shape).sum(axis=0), out=array)
            elif begins[0] == 0:
                np.add(array, part[name], out=array)

    def weight(self, share: float, T: int = 1) -> Array:
        """Return what the loss of each step counts."""
        return np.full((T, 1, 1), share, self.dtype)

    def no_gradients(self) -> tuple[Parameters, InitialState]:
        """Return gradients of nothing."""
        params: tuple[Array, ...] = self.params
        names: tuple[str, ...] = InitialState._fields
        return (
            Parameters._make([np.zeros_like(array) for array in params]),
            InitialState._make([np.zeros_like(self.arguments[name]) for name in names]),
        )


def added(total: tuple[Array, ...], gradients: tuple[Array, ...]) -> Parameters:
    """Return the sum of gradients."""
    return Parameters._make([a + b for a, b in zip(total, gradients, strict=True)])


def gradients_in_parts(
    params: Parameters | Mapping[str, npt.ArrayLike],
    arguments: Mapping[str, npt.ArrayLike],
    window: int | None,
    exact: bool,
    checkpoint: int | str | None,
    workspace: Workspace | None,
    start: State | None,
    inputs: bool = False,
) -> Result:
    """Return the loss and the gradients, truncated or by checkpoints where that is asked for."""
    if exact and window is None:
        raise ValueError("exact is for a window")
    if start is not None:
        check_state(start, checked(params, arguments)[2])
    if window is None and checkpoint is None:
        return gradients_of(params, arguments, workspace, inputs=inputs, start=start)
    if checkpoint is not None and (workspace is not None or window is not None):
        raise ValueError("checkpoint and window or workspace do not go together")
    parts = Parts(params, arguments, workspace, inputs)
    if checkpoint == "sqrt":
        checkpoint = math.isqrt(max(parts.T - 1, 0)) + 1
    spans = parts.spans(*((window, "window") if checkpoint is None else (checkpoint, "checkpoint")))
    with workspace or nullcontext():
        parts.arguments = unpadded(parts.arguments, workspace)
        if len(spans) < 2:
            return at_once(parts.params, parts.arguments, parts.whole(), start, parts.until)
        if checkpoint is not None:
            return checkpointed(parts, spans, start)
        if exact:
            return windowed(parts, spans[0][1], start)
        return chunked(parts, spans, start)


def chunked(parts: Parts, spans: list[tuple[int, int]], start: State | None) -> Result:
    """Truncated backpropagation in chunks through which the states go on."""
    total = 0
    by_params, by_states = parts.no_gradients()
    for begin, end in spans:
        share = share_of(begin, end, parts.T)
        ending, behind = parts.ending(begin, end), None
        if ending is not None:
            parts.run_until("forward", begin, end, start=start)
            before = state_at(parts.work(end - begin), end - begin)
            behind = side_by_side(parts.owed(before), [ending])
        if share or behind is not None:
            weight = parts.weight(share)
            found, _ = parts.run(begin, end, start=start, final=behind, weight=weight)
            total = total + found.value if share else total
            by_params = added(by_params, found.gradients)
            by_states = by_states if begin else found.initial
        else:
            parts.run_until("forward", begin, end, start=start)
        start = final = state_at(parts.work(end - begin), end - begin)
    return Result(total, by_params, by_states, final, parts.by_inputs)


def windowed(parts: Parts, window: int, start: State | None) -> Result:
    """Truncated backpropagation in which the loss of each step goes back as many steps."""
    whole = parts.whole()
    total = run(parts.params, whole, parts.arguments, start=start, until="loss")
    final = state_at(whole, parts.T)
    early = None if parts.ends is None else parts.ending(0, parts.T - 1)
    owed = None if early is None else parts.owed(state_at(whole, parts.T - 1))
    by_params, by_states = parts.no_gradients()
    # Nothing is dropped of the first losses; each other has its own window, as one sequence more.
    share, ending = share_of(0, window, parts.T), parts.ending(0, window)
    if share or ending is not None:
        behind = None if ending is None else side_by_side(owed, [ending])
        weight = parts.weight(share)
        found, _ = parts.run(0, window, start=start, final=behind, weight=weight)
        by_params, by_states = found.gradients, found.initial
    endings = {b: parts.ending(b + window - 1, b + window) for b in range(1, parts.T - window + 1)}
    if early is not None:
        # The last window takes back what it owes to sequences that have their own.
        endings[parts.T - window] = -early
    every = np.array(
        [b for b, e in endings.items() if share_of(b, b + window, parts.T) or e is not None]
    )
    most = max(1, parts.T // window)
    # What counts at the last step alone does in the last window, which then is by itself.
    alone = CLOSES or early is not None
    begins = [*range(0, len(every) - alone, most), *([len(every) - 1] if alone else [])]
    for begin, end in zip(begins, [*begins[1:], len(every)], strict=True):
        starts = every[begin:end]
        weight = parts.weight(0, window)
        weight[-1] = share_of(int(starts[-1]), int(starts[-1]) + window, parts.T)
        behind = side_by_side(owed, [endings[b] for b in starts])
        before = states_at(whole, starts)
        found, _ = parts.run_windows(starts, window, start=before, final=behind, weight=weight)
        by_params = added(by_params, found.gradients)
    return Result(total, by_params, by_states, final, parts.by_inputs)


def side_by_side(owed: State | None, endings: list[Array | None]) -> State | None:
    """Return what sequences owe behind several parts, as sequences side by side."""
    if owed is None:
        return None
    arrays: tuple[Array, ...] = owed
    found = []
    for shape, array in zip(STATES.values(), arrays, strict=True):
        axis = shape.index("B")
        later = [1] * (array.ndim - axis - 1)
        each = [array * (0 if e is None else e.reshape(-1, *later)) for e in endings]
        found.append(np.concatenate(each, axis))
    return State._make(found)


def checkpointed(parts: Parts, spans: list[tuple[int, int]], start: State | None) -> Result:
    """The gradients of all time steps, the states between spans alone kept."""
    states = [start]
    for begin, end in spans[:-1]:
        parts.run_until("forward", begin, end, start=states[-1])
        states.append(state_at(parts.work(end - begin), end - begin))
    total, by_following = 0, None
    by_params, _ = parts.no_gradients()
    for begin, end in spans[::-1]:
        share = share_of(begin, end, parts.T)
        found, by_following = parts.run(
            begin, end, start=states.pop(), final=by_following, weight=parts.weight(share)
        )
        total = total + found.value if share else total
        by_params = added(by_params, found.gradients)
        if end == parts.T:
            final = found.final
    return Result(total, by_params, found.initial, final, parts.by_inputs)


def states_at(work: Workspace, steps: Array) -> State:
    """Return the States after several numbers of time steps, side by side as sequences."""
    histories: tuple[Array, ...] = histories_of(work)
    found = []
    for history, depth in zip(histories, DEPTHS, strict=True):
        rows = np.moveaxis(history[steps[:, None] + np.arange(depth)], 1, 0)
        rows = rows.reshape(depth, -1, *history.shape[2:])
        found.append(rows if depth > 1 else rows[0])
    return State._make(found)


def parameters_of(params: Parameters | Mapping[str, npt.ArrayLike]) -> Parameters:
    """Return parameters that may be given as a mapping."""
    if isinstance(params, Parameters):
        return params
    return Parameters(**{name: np.asarray(array) for name, array in params.items()})


def check_state(state: State, sizes: Mapping[str, int]) -> None:
    """Raise ValueError for a State of other shapes; an entry may stand for all of a vector."""
    fields: tuple[npt.ArrayLike, ...] = state
    for (name, shape), array in zip(STATES.items(), fields, strict=True):
        wanted = tuple(size_of(size, sizes) for size in shape)
        got, leading = np.shape(array), shape.index("B") + 1
        entries = zip(got[leading:], wanted[leading:], strict=False)
        fits = got[:leading] == wanted[:leading] and all(a in (b, 1) for a, b in entries)
        if len(got) != len(wanted) or not fits:
            raise ValueError(f"the state {name} has the shape {got}, not {wanted}")


def marks_of(*given: Iterable[object]) -> list[tuple[object, object]]:
    """Return the shapes and types of arrays, by which a call is known to be like another one."""
    arrays = [a for part in given for a in (part.values() if isinstance(part, dict) else part)]
    return [(getattr(a, "shape", a), getattr(a, "dtype", None)) for a in arrays]


def stepped(
    params: Parameters | Mapping[str, npt.ArrayLike],
    state: State,
    arguments: Mapping[str, npt.ArrayLike],
    workspace: StepWorkspace | None,
) -> tuple[State, Forward]:
    """Run one time step, in a workspace where one is given."""
    marks = marks_of(params, state, arguments)
    if workspace is not None and marks == workspace.marks and isinstance(params, Parameters):
        with workspace:  # the same as last time, and right
            return advance(params, state, arguments, workspace)  # type: ignore[arg-type]
    over_time = {
        name: np.asarray(array)[None] if SHAPES.get(name, ())[:1] == ("T",) else array
        for name, array in arguments.items()
    }
    last = state._asdict()
    before = {name: last[field] for name, field in INITIAL.items()}
    params, arrays, sizes, dtype = checked(params, {**over_time, **before})
    check_state(state, sizes)
    names: tuple[str, ...] = Dimensions._fields
    dimensions = Dimensions._make([sizes.get(name, 0) for name in names])
    work = workspace or StepWorkspace(sizes["B"], dimensions, dtype)
    if work.dtype != dtype or any(work.sizes[name] != size for name, size in sizes.items()):
        raise ValueError(f"the workspace is for {work.sizes} and {work.dtype}, not {dtype}")
    arrays = {name: arrays.get(name, np.asarray(array)) for name, array in arguments.items()}
    one = {
        name: array[0] if SHAPES.get(name, ())[:1] == ("T",) else array
        for name, array in arrays.items()
    }
    work.marks = marks if marks == marks_of(params, state, one) else None
    with work:
        return advance(params, state, one, work)


def unpadded(arguments: dict[str, Array], work: Workspace | None = None) -> dict[str, Array]:
    """Return the arguments: without a mask there is no padding."""
    return arguments


def histories_of(work: Workspace) -> State:
    """Return the states of all time steps, those before the first one in front, as views."""
    return State(
        h=work.h_all.swapaxes(-1, -2),
        c=work.c_all.swapaxes(-1, -2),
    )


def run(
    params: Parameters,
    work: Workspace,
    arguments: Mapping[str, Array],
    *,
    start: State | None = None,
    final: State | None = None,
    weight: Array | None = None,
    until: str = "gradients",
) -> Any:
    """Compute as far as asked: the forward pass, the loss, the gradients, or those of inputs too.

    These come as a Result, and with them the gradient with respect to the State before.

    start: the State before the first step, where it is not that of the arguments
    final: the gradient with respect to the State behind the last step, from what comes after it
    weight: (T, 1, 1) or (1, 1, 1), what the loss of each step counts, where not 1
    """
    x = arguments["x"]
    h0 = arguments["h0"]
    c0 = arguments["c0"]
    T = work.sizes["T"]
    B = work.sizes["B"]
    m = work.sizes["m"]
    n = work.sizes["n"]
    k = work.sizes["k"]
    W_ii = params.W_ii
    W_hi = params.W_hi
    b_ii = params.b_ii
    b_hi = params.b_hi
    W_if = params.W_if
    W_hf = params.W_hf
    b_if = params.b_if
    b_hf = params.b_hf
    W_ig = params.W_ig
    W_hg = params.W_hg
    b_ig = params.b_ig
    b_hg = params.b_hg
    W_io = params.W_io
    W_ho = params.W_ho
    b_io = params.b_io
    b_ho = params.b_ho
    V = params.V
    z_g_o_f_i_in = work.z_g_o_f_i_in
    z_g_o_f_i_in3 = work.z_g_o_f_i_in
    h_all = work.h_all
    h = h_all[1:]
    h_previous = h_all[:-1]
    gofi = work.gofi
    c_all = work.c_all
    c = c_all[1:]
    c_previous = c_all[:-1]
    h_in = work.h_in
    z_g_o_f_i_in4 = work.z_g_o_f_i_in4
    z_g_o_f_i_in5 = work.z_g_o_f_i_in4
    c_in = work.c_in
    c_in2 = work.c_in2
    h_rows = work.h_rows
    y = work.y
    dy_in = work.y
    dy = work.dy
    dh_in = work.dh_in
    dc_in = work.dc_in
    dc_in2 = work.dc_in
    dc_in3 = work.dc_in
    dz_g_in = work.dz_g_in
    dz_g_in2 = work.dz_g_in
    dz_ofig_in = work.z_g_o_f_i_in
    dz_ofi_in = work.dz_ofi_in
    dc_next = work.c_in
    dh_next = work.c_in2
    dz_ofig = work.dz_ofig
    dh = work.dh
    dc_in4 = work.dc_in4
    dc = work.dc_in4
    dz_ofig_rows = work.z_g_o_f_i_in.reshape(T, B, 4*n)
    dx = work.dx

    if start is None:
        h_all[0] = h0.swapaxes(-1, -2)
        c_all[0] = c0.swapaxes(-1, -2)
    else:
        h_all[0] = start.h.swapaxes(-1, -2)
        c_all[0] = start.c.swapaxes(-1, -2)
    # z_{g,t} = x_t W_ig + b_ig + h_{t-1} W_hg + b_hg
    W_ig_io_if_ii_T = np.ascontiguousarray(
        np.concatenate([W_ig.T, 0.5 * W_io.T, 0.5 * W_if.T, 0.5 * W_ii.T], axis=0)
    )
    np.matmul(W_ig_io_if_ii_T, x.swapaxes(-1, -2), out=z_g_o_f_i_in)
    # o_t = sigmoid(z_{o,t})
    # f_t = sigmoid(z_{f,t})
    # i_t = sigmoid(z_{i,t})
    z_g_o_f_i_in2 = np.concatenate([
        b_ig + b_hg, 0.5 * b_io + 0.5 * b_ho, 0.5 * b_if + 0.5 * b_hf, 0.5 * b_ii + 0.5 * b_hi
    ])
    np.add(z_g_o_f_i_in, z_g_o_f_i_in2[:, None], out=z_g_o_f_i_in3)
    W_hg_ho_hf_hi_T = np.ascontiguousarray(
        np.concatenate([W_hg.T, 0.5 * W_ho.T, 0.5 * W_hf.T, 0.5 * W_hi.T], axis=0)
    )
    for (
        h_previous_t, z_g_o_f_i_in3_t, gofi_t, gofi_t2, i_t, g_t, f_t, c_previous_t, c_t,
        h_in_t, o_t, h_t,
    ) in zip(
        h_previous,
        z_g_o_f_i_in3,
        gofi,
        gofi[:, n:],
        gofi[:, 3*n:],
        gofi[:, :n],
        gofi[:, 2*n:3*n],
        c_previous,
        c,
        h_in,
        gofi[:, n:2*n],
        h,
        strict=True,
    ):
        # z_{g,t}
        np.dot(W_hg_ho_hf_hi_T, h_previous_t, out=z_g_o_f_i_in4)
        # z_{g,t}, o_t, f_t, i_t
        np.add(z_g_o_f_i_in4, z_g_o_f_i_in3_t, out=z_g_o_f_i_in5)
        # g_t = tanh(z_{g,t})
        np.tanh(z_g_o_f_i_in5, out=gofi_t)
        np.multiply(gofi_t2, 0.5, out=gofi_t2)
        np.add(gofi_t2, 0.5, out=gofi_t2)
        # c_t = f_t * c_{t-1} + i_t * g_t
        np.multiply(i_t, g_t, out=c_in)
        np.multiply(f_t, c_previous_t, out=c_in2)
        np.add(c_in2, c_in, out=c_t)
        # h_t = o_t * tanh(c_t)
        np.tanh(c_t, out=h_in_t)
        np.multiply(o_t, h_in_t, out=h_t)
    # y_t = h_t V
    np.copyto(h_rows, h_all.swapaxes(1, 2))
    np.matmul(h_rows[1:].reshape(T * B, n), V, out=y.reshape(T * B, k))
    if until == "forward":
        return Forward(
            gofi[:, 3*n:].swapaxes(-1, -2),
            gofi[:, 2*n:3*n].swapaxes(-1, -2),
            gofi[:, :n].swapaxes(-1, -2),
            gofi[:, n:2*n].swapaxes(-1, -2),
            c.swapaxes(-1, -2),
            h.swapaxes(-1, -2),
            y,
        )

    d = arguments["d"]
    # dy_t = -2 (d_t - y_t)
    np.subtract(d, y, out=dy_in)
    # E_t = sum (d_t - y_t)^2
    E = np.dot(dy_in.reshape(-1), dy_in.reshape(-1))
    if until == "loss":
        return E

    weighted = dy_in if weight is None else dy_in * weight
    # dy_t
    np.multiply(weighted, -2, out=dy)
    # dV = sum_{t=1}^N h_t^T dy_t
    dV = h_rows[1:].reshape(T * B, n).T @ dy.reshape(T * B, k)
    # dh_N = dy_N V^T
    # dh_t = dy_t V^T + dz_{i,t+1} W_hi^T + dz_{f,t+1} W_hf^T + dz_{g,t+1} W_hg^T + dz_{o,t+1}
    #     W_ho^T for t <= N - 1
    np.matmul(V, dy.swapaxes(-1, -2), out=dh_in)
    # dc_N = dh_N * o_N * (1 - tanh(c_N)^2)
    # dc_t = dh_t * o_t * (1 - tanh(c_t)^2) + dc_{t+1} * f_{t+1} for t <= N - 1
    np.multiply(h_in, h_in, out=dc_in)
    np.subtract(1, dc_in, out=dc_in2)
    np.multiply(gofi[:, n:2*n], dc_in2, out=dc_in3)
    # dz_{g,t} = dg_t * (1 - g_t^2)
    np.multiply(gofi[:, :n], gofi[:, :n], out=dz_g_in)
    np.subtract(1, dz_g_in, out=dz_g_in2)
    np.multiply(gofi[:, 3*n:], dz_g_in2, out=dz_ofig_in[:, 3*n:])
    # dz_{o,t} = do_t * o_t * (1 - o_t)
    # dz_{f,t} = df_t * f_t * (1 - f_t)
    # dz_{i,t} = di_t * i_t * (1 - i_t)
    np.subtract(1, gofi[:, n:], out=dz_ofi_in)
    np.multiply(gofi[:, n:2*n], h_in, out=dz_ofig_in[:, :n])
    np.multiply(gofi[:, 2*n:3*n], c_previous, out=dz_ofig_in[:, n:2*n])
    np.multiply(gofi[:, 3*n:], gofi[:, :n], out=dz_ofig_in[:, 2*n:3*n])
    np.multiply(dz_ofig_in[:, :3*n], dz_ofi_in, out=dz_ofig_in[:, :3*n])
    dc_next[...] = 0
    if final is not None:
        dc_next += final.c.swapaxes(-1, -2)
    dh_next[...] = 0
    if final is not None:
        dh_next += final.h.swapaxes(-1, -2)
    W_ho_hf_hi_hg = np.concatenate([W_ho, W_hf, W_hi, W_hg], axis=1)
    for (
        dh_in_t, dc_in3_t, dz_ofig_in_t, dz_o_t, dz_ofig_in_t2, dz_ofig_t, f_t2, dz_ofig_t2,
    ) in zip(
        dh_in[::-1],
        dc_in3[::-1],
        dz_ofig_in[:, :n][::-1],
        dz_ofig[:, :n][::-1],
        dz_ofig_in[:, n:].reshape(T, 3, n, B)[::-1],
        dz_ofig[:, n:].reshape(T, 3, n, B)[::-1],
        gofi[:, 2*n:3*n][::-1],
        dz_ofig[::-1],
        strict=True,
    ):
        # dh_t
        np.add(dh_in_t, dh_next, out=dh)
        # dc_t
        np.multiply(dc_in3_t, dh, out=dc_in4)
        np.add(dc_next, dc_in4, out=dc)
        # dz_{o,t}, dz_{f,t}, dz_{i,t}, dz_{g,t}
        np.multiply(dh, dz_ofig_in_t, out=dz_o_t)
        np.multiply(dc, dz_ofig_in_t2, out=dz_ofig_t)
        # in dc_{t-1} from step t: dc_t * f_t
        np.multiply(f_t2, dc, out=dc_next)
        # in dh_{t-1} from step t: dz_{i,t} W_hi^T + dz_{f,t} W_hf^T + dz_{g,t} W_hg^T + dz_{o,t}
        #     W_ho^T
        np.dot(W_ho_hf_hi_hg, dz_ofig_t2, out=dh_next)
    # db_io = sum_{t=1}^N dz_{o,t}
    db_io_in = dz_ofig.sum(axis=(0, 2))
    # dW_ho = sum_{t=1}^N h_{t-1}^T dz_{o,t}
    np.copyto(dz_ofig_rows, dz_ofig.swapaxes(1, 2))
    dW_ho_in = h_rows[:-1].reshape(T * B, n).T @ dz_ofig_rows.reshape(T * B, 4*n)
    # dW_io = sum_{t=1}^N x_t^T dz_{o,t}
    dW_io_in = x.reshape(T * B, m).T @ dz_ofig_rows.reshape(T * B, 4*n)
    gradients = Parameters(
        W_ii=dW_io_in[:, 2*n:3*n],
        W_hi=dW_ho_in[:, 2*n:3*n],
        b_ii=db_io_in[2*n:3*n],
        b_hi=db_io_in[2*n:3*n].copy(),
        W_if=dW_io_in[:, n:2*n],
        W_hf=dW_ho_in[:, n:2*n],
        b_if=db_io_in[n:2*n],
        b_hf=db_io_in[n:2*n].copy(),
        W_ig=dW_io_in[:, 3*n:],
        W_hg=dW_ho_in[:, 3*n:],
        b_ig=db_io_in[3*n:],
        b_hg=db_io_in[3*n:].copy(),
        W_io=dW_io_in[:, :n],
        W_ho=dW_ho_in[:, :n],
        b_io=db_io_in[:n],
        b_ho=db_io_in[:n].copy(),
        V=dV,
    )
    dh_first = np.array(dh_next.swapaxes(-1, -2))
    dc_first = np.array(dc_next.swapaxes(-1, -2))
    final_state = State(
        np.array(work.h_all.swapaxes(-1, -2)[T]), np.array(work.c_all.swapaxes(-1, -2)[T])
    )
    initial = InitialState(h0=dh_first, c0=dc_first)
    by_inputs = None
    if until == "inputs":
        # dx_t = dz_{i,t} W_ii^T + dz_{f,t} W_if^T + dz_{g,t} W_ig^T + dz_{o,t} W_io^T
        W_io_if_ii_ig_T = np.ascontiguousarray(
            np.concatenate([W_io.T, W_if.T, W_ii.T, W_ig.T], axis=0)
        )
        np.matmul(dz_ofig_rows.reshape(T * B, 4*n), W_io_if_ii_ig_T, out=dx.reshape(T * B, m))
        by_inputs = Inputs(x=np.array(dx))
    result = Result(E, gradients, initial, final_state, by_inputs)
    return result, State(dh_first, dc_first)


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
