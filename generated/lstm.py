"""Long short-term memory, PyTorch form: loss and gradients by backpropagation through time.

Made by bptt-sym 0.1.0 from the model lstm:
    bptt-sym generate lstm --loss sum --style fast

One time step of one sequence, vectors as rows:
    z_{i,t} = x_t W_ii + b_ii + h_{t-1} W_hi + b_hi
    p_t = sigmoid(z_{i,t})
    z_{f,t} = x_t W_if + b_if + h_{t-1} W_hf + b_hf
    f_t = sigmoid(z_{f,t})
    z_{g,t} = x_t W_ig + b_ig + h_{t-1} W_hg + b_hg
    g_t = tanh(z_{g,t})
    z_{o,t} = x_t W_io + b_io + h_{t-1} W_ho + b_ho
    o_t = sigmoid(z_{o,t})
    c_t = f_t * c_{t-1} + p_t * g_t
    h_t = o_t * tanh(c_t)
    y_t = h_t V
    E_t = sum (d_t - y_t)^2

The loss is the plain sum of E_t over all time steps and sequences (--loss sum).

Sizes: T time steps, B sequences, m inputs, n hidden units, k outputs. Arrays are
time-major; the entry t - 1 of an array holds time step t. In names, dv is the
derivative of the loss by v, v_in is on the way to v, and v_t is v of one time step.
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

    W_ii: np.ndarray  # (m, n), parameter
    W_hi: np.ndarray  # (n, n), parameter
    b_ii: np.ndarray  # (n,), parameter
    b_hi: np.ndarray  # (n,), parameter
    W_if: np.ndarray  # (m, n), parameter
    W_hf: np.ndarray  # (n, n), parameter
    b_if: np.ndarray  # (n,), parameter
    b_hf: np.ndarray  # (n,), parameter
    W_ig: np.ndarray  # (m, n), parameter
    W_hg: np.ndarray  # (n, n), parameter
    b_ig: np.ndarray  # (n,), parameter
    b_hg: np.ndarray  # (n,), parameter
    W_io: np.ndarray  # (m, n), parameter
    W_ho: np.ndarray  # (n, n), parameter
    b_io: np.ndarray  # (n,), parameter
    b_ho: np.ndarray  # (n,), parameter
    V: np.ndarray  # (n, k), parameter


class InitialState(NamedTuple):
    """The states before the first time step, or the gradients by them."""

    h0: np.ndarray  # (B, n), h before the first time step
    c0: np.ndarray  # (B, n), c before the first time step


class Forward(NamedTuple):
    """What the forward pass computes, for all time steps."""

    p: np.ndarray  # (T, B, n), p_t
    f: np.ndarray  # (T, B, n), f_t
    g: np.ndarray  # (T, B, n), g_t
    o: np.ndarray  # (T, B, n), o_t
    c: np.ndarray  # (T, B, n), c_t
    h: np.ndarray  # (T, B, n), h_t
    y: np.ndarray  # (T, B, k), y_t


SHAPES = {
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
        W_ii=normal(m, n),
        W_hi=normal(n, n),
        b_ii=np.zeros(n, dtype),
        b_hi=np.zeros(n, dtype),
        W_if=normal(m, n),
        W_hf=normal(n, n),
        b_if=np.zeros(n, dtype),
        b_hf=np.zeros(n, dtype),
        W_ig=normal(m, n),
        W_hg=normal(n, n),
        b_ig=np.zeros(n, dtype),
        b_hg=np.zeros(n, dtype),
        W_io=normal(m, n),
        W_ho=normal(n, n),
        b_io=np.zeros(n, dtype),
        b_ho=np.zeros(n, dtype),
        V=normal(n, k),
    )


class State(NamedTuple):
    """What one time step hands to the next, or the gradient by it."""

    h: np.ndarray  # (B, n), h of the step before
    c: np.ndarray  # (B, n), c of the step before


DEPTHS = (1, 1)
INITIAL = {"h0": "h", "c0": "c"}


class Workspace:
    """The arrays that a computation works in: made once, they serve any number of calls.

    It is for T time steps and B sequences and holds this many numbers:
    19*T*n*B + 2*(T + 1)*n*B + 8*n*B + (T + 1)*B*n + 2*T*B*k
    One call at a time works in it. What a call returns is copied out of it.
    """

    def __init__(self, T, B, dimensions, dtype=np.float64):
        n = dimensions.n
        k = dimensions.k
        self.sizes = {"T": T, "B": B, **dimensions._asdict()}
        self.dtype = np.dtype(dtype)
        self.lock = Lock()
        self.z_g_p_f_o_in = np.empty((T, 4*n, B), dtype)
        self.h_all = np.empty((T + 1, n, B), dtype)
        self.gpfo = np.empty((T, 4*n, B), dtype)
        self.c_all = np.empty((T + 1, n, B), dtype)
        self.h_in = np.empty((T, n, B), dtype)
        self.z_g_p_f_o_in3 = np.empty((4*n, B), dtype)
        self.c_in = np.empty((n, B), dtype)
        self.c_in2 = np.empty((n, B), dtype)
        self.h_rows = np.empty((T + 1, B, n), dtype)
        self.y = np.empty((T, B, k), dtype)
        self.dy = np.empty((T, B, k), dtype)
        self.dh_in = np.empty((T, n, B), dtype)
        self.dc_in = np.empty((T, n, B), dtype)
        self.dz_g_in = np.empty((T, n, B), dtype)
        self.dz_ofi_in = np.empty((T, 3*n, B), dtype)
        self.dz_ofig = np.empty((T, 4*n, B), dtype)
        self.dh = np.empty((n, B), dtype)
        self.dc_in4 = np.empty((n, B), dtype)


def forward(params, x, h0, c0):
    """Run the model over all time steps.

    x: (T, B, m), input
    h0: (B, n), h before the first time step
    c0: (B, n), c before the first time step
    """
    params, arguments, sizes, dtype = checked(params, {"x": x, "h0": h0, "c0": c0})
    return run(params, workspace_of(sizes, dtype), arguments, until="forward")


def loss(params, x, d, h0, c0):
    """Return the loss; the arguments are those of value_and_grad."""
    params, arguments, sizes, dtype = checked(params, {"x": x, "d": d, "h0": h0, "c0": c0})
    return run(params, workspace_of(sizes, dtype), arguments, until="loss")


def value_and_grad(
    params, x, d, h0, c0, *, window=None, exact=False, checkpoint=None, workspace=None
):
    """Return the loss, the gradients by the parameters, and those by the initial states.

    x: (T, B, m), input
    d: (T, B, k), target
    h0: (B, n), h before the first time step
    c0: (B, n), c before the first time step
    window: K truncates the gradient: the sequence is cut into chunks of K steps through which
        the states go on, and what a loss owes to a step of an earlier chunk is dropped
    exact: with window=K, drops instead what the loss of each step t owes to the steps before
        t - K + 1, so that each loss goes back K steps (initial states count with the first step)
    checkpoint: K keeps the states of every K-th step alone and computes the others again, for
        the same gradients in less memory; "sqrt" is the root of T
    workspace: a Workspace of these sizes, or None for a new one
    """
    arguments = {"x": x, "d": d, "h0": h0, "c0": c0}
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


def initial_state(params, B, h0, c0):
    """Return the State before the first time step of B sequences."""
    return State(np.array(h0), np.array(c0))


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
        raise TypeError(f"workspace must be a Workspace, not {workspace!r}")
    other_sizes = any(workspace.sizes[name] != size for name, size in sizes.items())
    if other_sizes or workspace.dtype != dtype:
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
        h=work.h_all.swapaxes(-1, -2),
        c=work.c_all.swapaxes(-1, -2),
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
    h0 = arguments.get("h0")
    c0 = arguments.get("c0")
    T = work.sizes["T"]
    B = work.sizes["B"]
    m = work.sizes["m"]
    n = work.sizes["n"]
    k = work.sizes["k"]
    W_ii, W_hi, b_ii, b_hi, W_if, W_hf, b_if, b_hf, W_ig, W_hg, b_ig, b_hg, W_io, W_ho, b_io, b_ho, V = params
    z_g_p_f_o_in = work.z_g_p_f_o_in
    h_all = work.h_all
    h = h_all[1:]
    h_previous = h_all[:-1]
    gpfo = work.gpfo
    c_all = work.c_all
    c = c_all[1:]
    c_previous = c_all[:-1]
    h_in = work.h_in
    z_g_p_f_o_in3 = work.z_g_p_f_o_in3
    c_in = work.c_in
    c_in2 = work.c_in2
    h_rows = work.h_rows
    y = work.y
    dy_in = work.y
    dy = work.dy
    dh_in = work.dh_in
    dc_in = work.dc_in
    dz_g_in = work.dz_g_in
    dz_ofi_in = work.dz_ofi_in
    dc_next = work.c_in
    dh_next = work.c_in2
    dz_ofig = work.dz_ofig
    dh = work.dh
    dc_in4 = work.dc_in4
    dc = work.dc_in4
    dz_ofig_rows = work.z_g_p_f_o_in.reshape(T, B, 4*n)

    v = h0.swapaxes(-1, -2)
    v2 = c0.swapaxes(-1, -2)
    if start is None:
        h_all[0] = v
        c_all[0] = v2
    else:
        h_all[0] = start.h.swapaxes(-1, -2)
        c_all[0] = start.c.swapaxes(-1, -2)
    W = np.ascontiguousarray(np.concatenate([W_ig.T, 0.5 * W_ii.T, 0.5 * W_if.T, 0.5 * W_io.T], axis=0))
    np.matmul(W, x.swapaxes(-1, -2), out=z_g_p_f_o_in)
    b = np.concatenate([b_hg + b_ig, 0.5 * b_hi + 0.5 * b_ii, 0.5 * b_hf + 0.5 * b_if, 0.5 * b_ho + 0.5 * b_io])
    np.add(z_g_p_f_o_in, b[:, None], out=z_g_p_f_o_in)
    W2 = np.ascontiguousarray(np.concatenate([W_hg.T, 0.5 * W_hi.T, 0.5 * W_hf.T, 0.5 * W_ho.T], axis=0))
    for (
        h_previous_t, z_g_p_f_o_in2_t, gpfo_t, gpfo_t2, c_previous_t, f_t, g_t, p_t, c_t,
        h_in_t, o_t, h_t,
    ) in zip(
        h_previous,
        z_g_p_f_o_in,
        gpfo,
        gpfo[:, n:],
        c_previous,
        gpfo[:, 2*n:3*n],
        gpfo[:, :n],
        gpfo[:, n:2*n],
        c,
        h_in,
        gpfo[:, 3*n:],
        h,
    ):
        np.dot(W2, h_previous_t, out=z_g_p_f_o_in3)
        np.add(z_g_p_f_o_in3, z_g_p_f_o_in2_t, out=z_g_p_f_o_in3)
        np.tanh(z_g_p_f_o_in3, out=gpfo_t)
        np.multiply(gpfo_t2, 0.5, out=gpfo_t2)
        np.add(gpfo_t2, 0.5, out=gpfo_t2)
        np.multiply(c_previous_t, f_t, out=c_in)
        np.multiply(g_t, p_t, out=c_in2)
        np.add(c_in2, c_in, out=c_t)
        np.tanh(c_t, out=h_in_t)
        np.multiply(h_in_t, o_t, out=h_t)
    np.copyto(h_rows, h_all.swapaxes(1, 2))
    np.matmul(h_rows[1:].reshape(T * B, n), V, out=y.reshape(T * B, k))
    if until == "forward":
        return Forward(
            gpfo[:, n:2*n].swapaxes(-1, -2),
            gpfo[:, 2*n:3*n].swapaxes(-1, -2),
            gpfo[:, :n].swapaxes(-1, -2),
            gpfo[:, 3*n:].swapaxes(-1, -2),
            c.swapaxes(-1, -2),
            h.swapaxes(-1, -2),
            y,
        )

    np.subtract(d, y, out=dy_in)
    E = np.dot(dy_in.reshape(-1), dy_in.reshape(-1))
    if until == "loss":
        return E

    weighted = dy_in if weight is None else dy_in * weight
    np.multiply(weighted, -2, out=dy)
    dV = np.ascontiguousarray(h_rows[1:].reshape(T * B, n).T @ dy.reshape(T * B, k))
    np.matmul(V, dy.swapaxes(-1, -2), out=dh_in)
    np.multiply(h_in, h_in, out=dc_in)
    np.subtract(1, dc_in, out=dc_in)
    np.multiply(gpfo[:, 3*n:], dc_in, out=dc_in)
    np.multiply(gpfo[:, :n], gpfo[:, :n], out=dz_g_in)
    np.subtract(1, dz_g_in, out=dz_g_in)
    np.multiply(gpfo[:, n:2*n], dz_g_in, out=z_g_p_f_o_in[:, 3*n:])
    np.subtract(1, gpfo[:, 3*n:], out=dz_ofi_in[:, :n])
    np.subtract(1, gpfo[:, 2*n:3*n], out=dz_ofi_in[:, n:2*n])
    np.subtract(1, gpfo[:, n:2*n], out=dz_ofi_in[:, 2*n:])
    np.multiply(h_in, gpfo[:, 3*n:], out=z_g_p_f_o_in[:, :n])
    np.multiply(c_previous, gpfo[:, 2*n:3*n], out=z_g_p_f_o_in[:, n:2*n])
    np.multiply(gpfo[:, :n], gpfo[:, n:2*n], out=z_g_p_f_o_in[:, 2*n:3*n])
    np.multiply(z_g_p_f_o_in[:, :3*n], dz_ofi_in, out=z_g_p_f_o_in[:, :3*n])
    dc_next[...] = 0
    if final is not None:
        dc_next += final.c.swapaxes(-1, -2)
    dh_next[...] = 0
    if final is not None:
        dh_next += final.h.swapaxes(-1, -2)
    W3 = np.concatenate([W_ho, W_hf, W_hi, W_hg], axis=1)
    for (
        dh_in_t, dc_in3_t, dz_ofig_in_t, dz_o_t, dz_ofig_in_t2, dz_ofig_t, f_t2, dz_ofig_t2,
    ) in zip(
        dh_in[::-1],
        dc_in[::-1],
        z_g_p_f_o_in[:, :n][::-1],
        dz_ofig[:, :n][::-1],
        z_g_p_f_o_in[:, n:].reshape(T, 3, n, B)[::-1],
        dz_ofig[:, n:].reshape(T, 3, n, B)[::-1],
        gpfo[:, 2*n:3*n][::-1],
        dz_ofig[::-1],
    ):
        np.add(dh_next, dh_in_t, out=dh)
        np.multiply(dc_in3_t, dh, out=dc_in4)
        np.add(dc_in4, dc_next, out=dc)
        np.multiply(dh, dz_ofig_in_t, out=dz_o_t)
        np.multiply(dc, dz_ofig_in_t2, out=dz_ofig_t)
        np.multiply(f_t2, dc, out=dc_next)
        np.dot(W3, dz_ofig_t2, out=dh_next)
    db = dz_ofig.sum(axis=(0, 2))
    np.copyto(dz_ofig_rows, dz_ofig.swapaxes(1, 2))
    dW = np.ascontiguousarray(h_rows[:-1].reshape(T * B, n).T @ dz_ofig_rows.reshape(T * B, 4*n))
    dW2 = np.ascontiguousarray(x.reshape(T * B, m).T @ dz_ofig_rows.reshape(T * B, 4*n))
    db_ig = db[3*n:]
    dW_hg = dW[:, 3*n:]
    dW_ig = dW2[:, 3*n:]
    db_if = db[n:2*n]
    dW_hf = dW[:, n:2*n]
    dW_if = dW2[:, n:2*n]
    db_ii = db[2*n:3*n]
    dW_hi = dW[:, 2*n:3*n]
    dW_ii = dW2[:, 2*n:3*n]
    gradients = Parameters(
        W_ii=dW_ii,
        W_hi=dW_hi,
        b_ii=db_ii,
        b_hi=db_ii.copy(),
        W_if=dW_if,
        W_hf=dW_hf,
        b_if=db_if,
        b_hf=db_if.copy(),
        W_ig=dW_ig,
        W_hg=dW_hg,
        b_ig=db_ig,
        b_hg=db_ig.copy(),
        W_io=dW2[:, :n],
        W_ho=dW[:, :n],
        b_io=db[:n],
        b_ho=db[:n].copy(),
        V=dV,
    )
    dh_first = np.array(dh_next.swapaxes(-1, -2))
    dc_first = np.array(dc_next.swapaxes(-1, -2))
    return E, gradients, InitialState(h0=dh_first, c0=dc_first), State(dh_first, dc_first)
