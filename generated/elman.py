"""Elman network: loss and gradients by backpropagation through time.

Made by bptt-sym 0.1.0 from the model elman:
    bptt-sym generate elman --loss sum --style fast

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

import functools
import math
from threading import Lock
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


class State(NamedTuple):
    """What one time step hands to the next, or the gradient by it."""

    s: np.ndarray  # (B, n), s before the first time step


DEPTHS = (1, )
INITIAL = {"s0": "s"}


class Workspace:
    """The arrays that a computation works in: made once, they serve any number of calls.

    It is for T time steps and B sequences and holds this many numbers:
    3*T*B*n + (T + 1)*B*n + 2*B*n + 3*T*B*k
    One call at a time works in it. What a call returns is copied out of it.
    """

    def __init__(self, T, B, dimensions, dtype=np.float64):
        m, n, k = dimensions
        self.sizes = {"T": T, "B": B, **dimensions._asdict()}
        self.dtype = np.dtype(dtype)
        self.lock = Lock()
        self.z_in = np.empty((T, B, n), dtype)
        self.s_all = np.empty((T + 1, B, n), dtype)
        self.z_in2 = np.empty((B, n), dtype)
        self.o = np.empty((T, B, k), dtype)
        self.do_in = np.empty((T, B, k), dtype)
        self.do_in2 = np.empty((T, B, k), dtype)
        self.dz_in = np.empty((T, B, n), dtype)
        self.dz = np.empty((T, B, n), dtype)
        self.ds = np.empty((B, n), dtype)


def forward(params, x, s0):
    """Run the model over all time steps.

    x: (T, B, m), input
    s0: (B, n), s before the first time step
    """
    params, arguments, sizes, dtype = checked(params, {"x": x, "s0": s0})
    return run(params, workspace_of(sizes, dtype), arguments, until="forward")


def loss(params, x, d, s0):
    """Return the loss; the arguments are those of value_and_grad."""
    params, arguments, sizes, dtype = checked(params, {"x": x, "d": d, "s0": s0})
    return run(params, workspace_of(sizes, dtype), arguments, until="loss")


def value_and_grad(
    params, x, d, s0, *, window=None, exact=False, checkpoint=None, workspace=None
):
    """Return the loss, the gradients by the parameters, and those by the initial states.

    x: (T, B, m), input
    d: (T, B, k), target
    s0: (B, n), s before the first time step
    window: K truncates the gradient: the sequence is cut into chunks of K steps through which
        the states go on, and what a loss owes to a step of an earlier chunk is dropped
    exact: with window=K, drops instead what the loss of each step t owes to the steps before
        t - K + 1, so that each loss goes back K steps (initial states count with the first step)
    checkpoint: K keeps the states of every K-th step alone and computes the others again, for
        the same gradients in less memory; "sqrt" is the root of T
    workspace: a Workspace of these sizes, or None for a new one
    """
    arguments = {"x": x, "d": d, "s0": s0}
    if exact and window is None:
        raise ValueError("exact is for a window")
    if window is None and checkpoint is None:
        return at_once(params, arguments, workspace)
    if workspace is not None or (window is not None and checkpoint is not None):
        raise ValueError("window, checkpoint and workspace do not go together")
    if checkpoint is not None:
        return checkpointed(params, arguments, checkpoint)
    return windowed(params, arguments, window) if exact else chunked(params, arguments, window)


def step(params, state, x):
    """Run one time step and return the next State and what forward returns, of this step.

    state: a State, such as initial_state returns or an earlier step
    x: (B, m), input
    """
    arguments = {"x": x}
    arguments = {
        name: np.asarray(array)[None] if SHAPES[name][:1] == ("T",) else array
        for name, array in arguments.items()
    }
    before = {name: getattr(state, field) for name, field in INITIAL.items()}
    params, arguments, sizes, dtype = checked(params, {**arguments, **before})
    work = workspace_of(sizes, dtype)
    values = run(params, work, arguments, start=state, until="forward")
    return state_at(work, 1), Forward(*(np.array(value[0]) for value in values))


def initial_state(params, B, s0):
    """Return the State before the first time step of B sequences."""
    return State(np.array(s0))


@functools.lru_cache(maxsize=64)
def sizes_and_type(names, shapes, types):
    """Return the sizes and the type to compute in; raise ValueError for what does not fit."""
    arrays = [np.broadcast_to(np.empty((), type_), shape) for type_, shape in zip(types, shapes)]
    sizes = check_shapes(**dict(zip(names, arrays)))
    dtype = np.result_type(*(t for name, t in zip(names, types)))
    return sizes, dtype if dtype.kind in "fc" else np.dtype(float)


def checked(params, arguments):
    """Return parameters and arguments as arrays, their sizes, and the type to compute in."""
    params = Parameters(*map(np.asarray, params))
    arguments = {name: np.asarray(array) for name, array in arguments.items()}
    arrays = (*params, *arguments.values())
    sizes, dtype = sizes_and_type(
        (*params._fields, *arguments),
        tuple([array.shape for array in arrays]),
        tuple([array.dtype for array in arrays]),
    )
    return params, arguments, sizes, dtype


def workspace_of(sizes, dtype, **others):
    """Return a new workspace; ``others`` are sizes in the place of those."""
    sizes = {**sizes, **others}
    dimensions = Dimensions(*(sizes.get(name, 0) for name in Dimensions._fields))
    return Workspace(sizes["T"], sizes["B"], dimensions, dtype)


def at_once(params, arguments, workspace=None):
    """Return the loss and the gradients of all time steps."""
    params, arguments, sizes, dtype = checked(params, arguments)
    if workspace is None:
        return run(params, workspace_of(sizes, dtype), arguments)[:3]
    if not isinstance(workspace, Workspace):
        raise ValueError(f"workspace must be a Workspace, not {workspace!r}")
    if workspace.sizes != sizes or workspace.dtype != dtype:
        raise ValueError(
            f"the workspace is for {workspace.sizes} and {workspace.dtype}, "
            f"the arrays are for {sizes} and {dtype}"
        )
    if not workspace.lock.acquire(blocking=False):
        raise RuntimeError("another call is at work in the workspace")
    try:
        return run(params, workspace, arguments)[:3]
    finally:
        workspace.lock.release()


def chunked(params, arguments, window):
    """Truncated backpropagation in chunks through which the states go on."""
    params, arguments, sizes, dtype = checked(params, arguments)
    T = sizes["T"]
    spans = spans_of(T, window, "window")
    if len(spans) < 2:
        return at_once(params, arguments)
    total, by_params, by_states, state = 0, None, None, None
    for begin, end, work in with_workspaces(spans, sizes, dtype):
        part = part_of(arguments, begin, end)
        share = 1
        value, gradients, initial, _ = run(params, work, part, start=state, weight=weight_of(share, dtype))
        total = total + share * value
        by_params = added(by_params, gradients)
        by_states = by_states or initial
        state = state_at(work, end - begin)
    return total, by_params, by_states


def windowed(params, arguments, window):
    """Truncated backpropagation in which the loss of each step goes back as many steps."""
    params, arguments, sizes, dtype = checked(params, arguments)
    T = sizes["T"]
    if len(spans_of(T, window, "window")) < 2:
        return at_once(params, arguments)
    whole = workspace_of(sizes, dtype)
    total = run(params, whole, arguments, until="loss")
    # Nothing is dropped of the first losses; each other has its own window, as one sequence more.
    share = 1
    work = workspace_of(sizes, dtype, T=window)
    first = part_of(arguments, 0, window)
    _, by_params, by_states, _ = run(params, work, first, weight=weight_of(share, dtype))
    weight = weight_of(0, dtype, window)
    weight[-1] = share
    every = np.arange(1, T - window + 1)
    for begin in range(0, len(every), max(1, T // window)):
        starts = every[begin : begin + max(1, T // window)]
        steps = starts + np.arange(window)[:, None]
        part = {
            name: array[steps].reshape(window, -1, *array.shape[2:])
            if SHAPES[name][:1] == ("T",)
            else array
            for name, array in arguments.items()
        }
        work = workspace_of(sizes, dtype, T=window, B=len(starts) * sizes["B"])
        start = states_at(whole, starts)
        _, gradients, _, _ = run(params, work, part, start=start, weight=weight)
        by_params = added(by_params, gradients)
    return total, by_params, by_states


def checkpointed(params, arguments, every):
    """The gradients of all time steps, the states of every so many kept alone."""
    params, arguments, sizes, dtype = checked(params, arguments)
    T = sizes["T"]
    spans = spans_of(T, math.isqrt(max(T - 1, 0)) + 1 if every == "sqrt" else every, "checkpoint")
    if len(spans) < 2:
        return at_once(params, arguments)
    states = [None]
    for begin, end, work in with_workspaces(spans[:-1], sizes, dtype):
        part = part_of(arguments, begin, end)
        run(params, work, part, start=states[-1], until="forward")
        states.append(state_at(work, end - begin))
    total, by_params, by_states, final = 0, None, None, None
    for begin, end, work in with_workspaces(spans[::-1], sizes, dtype):
        part = part_of(arguments, begin, end)
        share = 1
        value, gradients, by_states, final = run(
            params, work, part, start=states.pop(), final=final, weight=weight_of(share, dtype)
        )
        total = total + share * value
        by_params = added(by_params, gradients)
    return total, by_params, by_states


def spans_of(T, count, name):
    """Return where the parts of so many time steps begin and end."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"{name} must be a whole number from 1, not {count!r}")
    return [(begin, min(begin + count, T)) for begin in range(0, T, count)]


def with_workspaces(spans, sizes, dtype):
    """Yield spans, each with a workspace of its length, which spans of one length share."""
    works = {}
    for begin, end in spans:
        if end - begin not in works:
            works[end - begin] = workspace_of(sizes, dtype, T=end - begin)
        yield begin, end, works[end - begin]


def part_of(arguments, begin, end):
    """Return the arguments for some of the time steps."""
    return {
        name: array[begin:end] if SHAPES[name][:1] == ("T",) else array
        for name, array in arguments.items()
    }


def weight_of(share, dtype, T=1):
    """Return what the loss of each step counts."""
    return np.full((T, 1, 1), share, dtype)


def added(total, gradients):
    """Return the sum of gradients."""
    return gradients if total is None else Parameters(*(a + b for a, b in zip(total, gradients)))


def histories_of(work):
    """Return the states of all time steps, those before the first one in front, as views."""
    return State(
        s=work.s_all,
    )


def state_at(work, step):
    """Return the State after a number of time steps of what was computed last."""
    return State(
        *(
            history if history is None else np.array(history[step : step + depth] if depth > 1 else history[step])
            for history, depth in zip(histories_of(work), DEPTHS)
        )
    )


def states_at(work, steps):
    """Return the States after several numbers of time steps, side by side as sequences."""
    found = []
    for history, depth in zip(histories_of(work), DEPTHS):
        if history is None:
            found.append(None)
            continue
        rows = np.moveaxis(history[steps[:, None] + np.arange(depth)], 1, 0)
        rows = rows.reshape(depth, -1, *history.shape[2:])
        found.append(rows if depth > 1 else rows[0])
    return State(*found)


def run(params, work, arguments, *, start=None, final=None, weight=None, until="gradients"):
    """Compute as far as asked: the forward pass, the loss, or all gradients.

    start: the State before the first step, where it is not that of the arguments
    final: the gradient by the State behind the last step, from what comes after it
    weight: (T, 1, 1) or (1, 1, 1), what the loss of each step counts, where not 1
    """
    x = arguments.get("x")
    d = arguments.get("d")
    s0 = arguments.get("s0")
    T = work.sizes["T"]
    B = work.sizes["B"]
    m = work.sizes["m"]
    n = work.sizes["n"]
    k = work.sizes["k"]
    W_y, W_s, W_x = params
    z_in = work.z_in
    s_all = work.s_all
    s = s_all[1:]
    s_previous = s_all[:-1]
    z_in2 = work.z_in2
    z = work.z_in2
    o = work.o
    y_in = work.o
    y = work.o
    do_in = work.do_in
    do_in2 = work.do_in2
    do = work.o
    dz_in = work.dz_in
    ds_next = work.z_in2
    dz = work.dz
    ds = work.ds

    if start is None:
        s_all[0] = s0
    else:
        s_all[0] = start.s
    np.matmul(x.reshape(T * B, m), W_x, out=z_in.reshape(T * B, n))
    for s_previous_t, z_in_t, s_t in zip(s_previous, z_in, s):
        np.matmul(s_previous_t, W_s, out=z_in2)
        np.add(z_in2, z_in_t, out=z)
        np.tanh(z, out=s_t)
    np.matmul(s.reshape(T * B, n), W_y, out=o.reshape(T * B, k))
    np.multiply(o, 0.5, out=y_in)
    np.tanh(y_in, out=y)
    np.multiply(y, 0.5, out=y)
    np.add(y, 0.5, out=y)
    if until == "forward":
        return Forward(
            s,
            y,
        )

    np.subtract(d, y, out=do_in)
    E = np.dot(do_in.reshape(-1), do_in.reshape(-1))
    if until == "loss":
        return E

    weighted = do_in if weight is None else do_in * weight
    np.subtract(1, y, out=do_in2)
    np.multiply(y, do_in2, out=do)
    np.multiply(do, weighted, out=do)
    np.multiply(do, -2, out=do)
    np.matmul(do.reshape(T * B, k), W_y.T, out=z_in.reshape(T * B, n))
    np.multiply(s, s, out=dz_in)
    np.subtract(1, dz_in, out=dz_in)
    dW_y = s.reshape(T * B, n).T @ do.reshape(T * B, k)
    ds_next[...] = 0
    if final is not None:
        ds_next += final.s
    for ds_in_t, dz_in2_t, dz_t in zip(z_in[::-1], dz_in[::-1], dz[::-1]):
        np.add(ds_next, ds_in_t, out=ds)
        np.multiply(dz_in2_t, ds, out=dz_t)
        np.matmul(dz_t, W_s.T, out=ds_next)
    dW_x = x.reshape(T * B, m).T @ dz.reshape(T * B, n)
    dW_s = s_previous.reshape(T * B, n).T @ dz.reshape(T * B, n)
    gradients = Parameters(
        W_y=dW_y,
        W_s=dW_s,
        W_x=dW_x,
    )
    ds_first = np.array(ds_next)
    return E, gradients, InitialState(s0=ds_first), State(ds_first)
