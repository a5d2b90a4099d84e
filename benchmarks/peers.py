"""Ways to compute one loss and its gradients: ours, PyTorch's, JAX's, and the floor under them.

Each builder takes a ``Problem`` and returns a ``Contender``. Weights lie in a problem as PyTorch
stacks them, the gates one below the other; each builder turns them into its own form beforehand,
so that no call pays for that, and turns gradients back only where they are compared.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from bptt_sym import compile as compile_model
from bptt_sym import load_model
from bptt_sym.pytorch import from_torch_state_dict


class Size(NamedTuple):
    T: int
    B: int
    m: int
    n: int
    k: int


class Cell(NamedTuple):
    """One of the models, and how PyTorch names and stacks it."""

    activation: dict[str, str]
    layer: str  # in torch.nn
    gates: tuple[str, ...]  # in PyTorch's order
    states: tuple[str, ...]
    biases: bool
    labels: bool  # softmax cross-entropy of labels, not squared error
    squashed: int  # entries of tanh for one hidden unit and step


CELLS = {
    "elman": Cell(
        {"phi": "tanh", "sigma": "identity"}, "RNN", ("",), ("s0",), False, False, squashed=1
    ),
    "elman-character": Cell({}, "RNN", ("",), ("h0",), True, True, squashed=1),
    "lstm": Cell({}, "LSTM", ("i", "f", "g", "o"), ("h0", "c0"), True, False, squashed=5),
    "gru": Cell({}, "GRU", ("r", "z", "n"), ("h0",), True, False, squashed=3),
}


@dataclass(frozen=True)
class Problem:
    """A cell with a size and a type, its weights in PyTorch's form, and its data."""

    model: str
    cell: Cell
    size: Size
    dtype: str
    weights: dict[str, Any]
    x: Any
    d: Any
    states: dict[str, Any]


class Contender(NamedTuple):
    """``call`` is what is timed; ``told`` turns its result into the loss and named gradients."""

    call: Callable[[], Any]
    told: Callable[[Any], tuple[float, dict[str, Any]]] | None


def problem(model: str, size: Size, dtype: str) -> Problem:
    """A problem with weights as PyTorch draws them and data of the unit normal distribution."""
    cell = CELLS[model]
    if cell.labels:
        size = size._replace(k=size.m)  # the character model tells its own inputs
    T, B, m, n, k = size
    rows = len(cell.gates) * n
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih_l0": (rows, m),
        "weight_hh_l0": (rows, n),
        "output": (k, n),
    }
    if cell.biases:
        shapes |= {"bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}
    if cell.labels:
        shapes["output_bias"] = (k,)
    bound = 1 / np.sqrt(n)
    weights = {
        name: rng.uniform(-bound, bound, shape).astype(dtype) for name, shape in shapes.items()
    }
    if cell.labels:
        x, d = rng.integers(0, m, (2, T, B))
    else:
        x, d = (rng.standard_normal((T, B, entries)).astype(dtype) for entries in (m, k))
    states = {name: rng.standard_normal((B, n)).astype(dtype) for name in cell.states}
    return Problem(model, cell, size, dtype, weights, x, d, states)


def module_of(model: str, style: str, layout: str | None) -> ModuleType:
    """The emitted module of a model."""
    return compile_model(
        load_model(model),
        activation=CELLS[model].activation,
        style=style,  # type: ignore[arg-type]
        layout=layout,  # type: ignore[arg-type]
    )


def ours(problem: Problem, module: ModuleType, *, reuse: bool = False) -> Contender:
    """An emitted module; with ``reuse``, in a workspace made beforehand."""
    params = our_parameters(problem, module)
    arguments = {"x": problem.x, "d": problem.d, **problem.states}
    if reuse:
        T, B, *sizes = problem.size
        sizes = sizes[: len(module.Dimensions._fields)]
        arguments["workspace"] = module.Workspace(T, B, module.Dimensions(*sizes), problem.dtype)

    def told(result: Any) -> tuple[float, dict[str, Any]]:
        value, gradients, initial = result
        return value, {**our_gradients(problem, gradients._asdict()), **initial._asdict()}

    return Contender(lambda: module.value_and_grad(params, **arguments), told)


def our_parameters(problem: Problem, module: ModuleType) -> Any:
    """The weights as the parameters of an emitted module."""
    weights = problem.weights
    output = weights["output"].T.copy()
    if len(problem.cell.gates) > 1:
        return from_torch_state_dict(module, weights, V=output)
    matrices = {
        "W_x": weights["weight_ih_l0"].T.copy(),
        "W_y": output,
        "W_s": weights["weight_hh_l0"].T.copy(),
    }
    if problem.cell.biases:
        matrices["W_h"] = matrices.pop("W_s")
        matrices["b_h"] = weights["bias_ih_l0"] + weights["bias_hh_l0"]
        matrices["b_y"] = weights["output_bias"]
    return module.Parameters(**matrices)


def our_gradients(problem: Problem, gradients: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of an emitted module, stacked as PyTorch does."""
    gates = problem.cell.gates

    def stacked(prefix: str) -> Any:
        return np.concatenate([gradients[prefix + gate].T for gate in gates])

    if len(gates) > 1:
        names = {"weight_ih_l0": "W_i", "weight_hh_l0": "W_h", "bias_ih_l0": "b_i"}
        names["bias_hh_l0"] = "b_h"
        return {"output": gradients["V"].T, **{ours: stacked(names[ours]) for ours in names}}
    recurrent = gradients["W_h" if problem.cell.biases else "W_s"]
    found = {
        "weight_ih_l0": gradients["W_x"].T,
        "weight_hh_l0": recurrent.T,
        "output": gradients["W_y"].T,
    }
    if problem.cell.biases:
        # Ours has the sum of PyTorch's two biases, so each has the gradient of the sum.
        found |= dict.fromkeys(("bias_ih_l0", "bias_hh_l0"), gradients["b_h"])
        found["output_bias"] = gradients["b_y"]
    return found


def pytorch(problem: Problem) -> Contender:
    """torch.nn.RNN, LSTM or GRU with an output layer and a loss, eager, by autograd."""
    import torch

    cell, (_, _, m, n, k) = problem.cell, problem.size
    dtype = getattr(torch, problem.dtype)
    layer = getattr(torch.nn, cell.layer)(m, n, bias=cell.biases, dtype=dtype)
    output = torch.nn.Linear(n, k, bias=cell.labels, dtype=dtype)
    weights = {name: torch.from_numpy(array) for name, array in problem.weights.items()}
    layer.load_state_dict({name: weights[name] for name in layer.state_dict()})
    own = {"weight": weights["output"]}
    output.load_state_dict(own | ({"bias": weights["output_bias"]} if cell.labels else {}))
    x, d = torch.from_numpy(problem.x), torch.from_numpy(problem.d)
    if cell.labels:
        x = torch.nn.functional.one_hot(x, m).to(dtype)  # in its favour: made beforehand
    states = [torch.from_numpy(s)[None].requires_grad_() for s in problem.states.values()]
    start = tuple(states) if len(states) > 1 else states[0]
    leaves = {**dict(layer.named_parameters()), "output": output.weight}
    if cell.labels:
        leaves["output_bias"] = output.bias
    leaves |= dict(zip(problem.states, states, strict=True))
    variables = list(leaves.values())

    def call() -> Any:
        y = output(layer(x, start)[0])
        if cell.labels:
            flat = y.view(-1, k)
            loss = torch.nn.functional.cross_entropy(flat, d.view(-1), reduction="sum")
        else:
            loss = torch.nn.functional.mse_loss(y, d, reduction="sum")
        return loss, torch.autograd.grad(loss, variables)

    def told(result: Any) -> tuple[float, dict[str, Any]]:
        arrays = {n: g.numpy() for n, g in zip(leaves, result[1], strict=True)}
        return result[0].item(), {n: g[0] if n in problem.states else g for n, g in arrays.items()}

    return Contender(call, told)


def jax(problem: Problem) -> Contender:
    """jax.jit of value_and_grad of a scan; the products that no step waits for are outside it."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)  # it leaves float32 as it is
    cell, n = problem.cell, problem.size.n
    step = {"RNN": _rnn_step, "LSTM": _lstm_step, "GRU": _gru_step}[cell.layer]
    # In its favour: transposed beforehand, and on its device.
    weights = {name: jnp.asarray(array.T) for name, array in problem.weights.items()}
    states = {name: jnp.asarray(array) for name, array in problem.states.items()}
    x, d = jnp.asarray(problem.x), jnp.asarray(problem.d)

    def loss(weights: Any, states: Any, x: Any, d: Any) -> Any:
        first = tuple(states[name] for name in cell.states)  # JAX sorts the names of a dict
        matrix = weights["weight_ih_l0"]
        z = matrix[x] if cell.labels else x @ matrix
        if cell.biases:
            z = z + weights["bias_ih_l0"]
        _, h = jax.lax.scan(lambda carry, z_t: step(jnp, jax, weights, n, carry, z_t), first, z)
        y = h @ weights["output"]
        if not cell.labels:
            return jnp.sum((d - y) ** 2)
        y = y + weights["output_bias"]
        told = jnp.take_along_axis(y, d[..., None], axis=-1)
        return jnp.sum(jax.nn.logsumexp(y, axis=-1)) - jnp.sum(told)

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    def told(result: Any) -> tuple[float, dict[str, Any]]:
        value, (by_weights, by_states) = result
        stacked = {name: np.asarray(array).T for name, array in by_weights.items()}
        return float(value), {**stacked, **{n: np.asarray(a) for n, a in by_states.items()}}

    return Contender(lambda: jax.block_until_ready(compiled(weights, states, x, d)), told)


def _rnn_step(jnp: Any, jax: Any, weights: Any, n: int, carry: Any, z_t: Any) -> Any:
    z_t = z_t + carry[0] @ weights["weight_hh_l0"] + weights.get("bias_hh_l0", 0)
    h = jnp.tanh(z_t)
    return (h,), h


def _lstm_step(jnp: Any, jax: Any, weights: Any, n: int, carry: Any, z_t: Any) -> Any:
    h, c = carry
    z_t = z_t + h @ weights["weight_hh_l0"] + weights["bias_hh_l0"]
    i, f, g, o = jnp.split(z_t, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _gru_step(jnp: Any, jax: Any, weights: Any, n: int, carry: Any, z_t: Any) -> Any:
    (h,) = carry
    q = h @ weights["weight_hh_l0"] + weights["bias_hh_l0"]
    r, z = jnp.split(jax.nn.sigmoid(z_t[..., : 2 * n] + q[..., : 2 * n]), 2, axis=-1)
    c = jnp.tanh(z_t[..., 2 * n :] + r * q[..., 2 * n :])
    h = (1 - z) * c + z * h
    return (h,), h


def floor(problem: Problem) -> Contender:
    """The products that the loss and all gradients need, and one pass of tanh or exp.

    With g n entries in all gates of a step, and T B rows of all steps:
    forward    x W (T B rows), h U (a product for each step), h V (T B rows)
    backward   dy V' (T B rows), dz U' (a product for each step)
    weights    x' dz, h' dz, h' dy (each one product over the T B rows)
    The matrices are already stacked and no entry is moved between products.
    """
    cell, (T, B, m, n, k) = problem.cell, problem.size
    gates = len(cell.gates) * n
    rng = np.random.default_rng(0)

    def array(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(problem.dtype)

    x, h, y, dz = array(T * B, m), array(T, B, n), array(T * B, k), array(T, B, gates)
    W, U, V = array(m, gates), array(n, gates), array(n, k)
    z, out, dh, dh_flat = np.empty_like(dz), np.empty_like(y), np.empty_like(h[0]), array(T * B, n)
    z_step = np.empty_like(dz[0])
    h_flat, dz_flat, z_flat = h.reshape(T * B, n), dz.reshape(T * B, gates), z.reshape(T * B, gates)
    dW, dU, dV = np.empty_like(W), np.empty_like(U), np.empty_like(V)
    squashed = array(T * B * n * cell.squashed)
    squashed_out = np.empty_like(squashed)

    def call() -> None:
        np.matmul(x, W, out=z_flat)
        for h_t in h:
            np.matmul(h_t, U, out=z_step)
        np.tanh(squashed, out=squashed_out)
        np.matmul(h_flat, V, out=out)
        if cell.labels:
            np.exp(y, out=out)
        np.matmul(y, V.T, out=dh_flat)
        for dz_t in dz[::-1]:
            np.matmul(dz_t, U.T, out=dh)
        np.matmul(x.T, dz_flat, out=dW)
        np.matmul(h_flat.T, dz_flat, out=dU)
        np.matmul(h_flat.T, y, out=dV)

    return Contender(call, None)


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
