"""What generated modules do with numbers: batches, shapes, types, names."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.api import verify
from bptt_sym.model.read import parse_model
from bptt_sym.verification.report import COMPLEX, DIFFERENCES

SIZES = {"T": 6, "B": 3, "m": 4, "n": 5, "k": 2, "p": 7, "1": 1}

LOSSES = pytest.mark.parametrize("loss", ["sum", "last"])
MODELS = pytest.mark.parametrize("name", b.model_names())


def elman(loss: str = "sum", name: str = "elman-bias") -> ModuleType:
    return b.compile(b.load_model(name), loss=loss)


def point(module: ModuleType, seed: int = 1, **sizes: int) -> tuple[Any, dict[str, Any]]:
    """Parameters, and the other arguments by name."""
    rng = np.random.default_rng(seed)
    sizes = SIZES | sizes
    kinds = getattr(module, "KINDS", {})
    arrays: dict[str, Any] = {}
    for name, shape in module.SHAPES.items():
        numbers = [sizes[size] for size in shape]
        kind, _, most = kinds.get(name, "any").partition(" of ")
        labels = kind == "labels"
        arrays[name] = rng.integers(sizes[most], size=numbers) if labels else None
        if not labels:
            arrays[name] = rng.standard_normal(numbers) / 2
    return module.Parameters(*(arrays.pop(name) for name in module.Parameters._fields)), arrays


def gradients(module: ModuleType, params: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    _, by_parameters, by_states, *_ = module.value_and_grad(params, **arguments)
    return by_parameters._asdict() | by_states._asdict()


def one_sequence(arguments: dict[str, Any], index: int) -> dict[str, Any]:
    """The arguments of one sequence, as a batch of one; the batch is the last axis but one."""
    return {name: array[..., index : index + 1, :] for name, array in arguments.items()}


# The value.


@LOSSES
def test_the_loss_is_that_of_the_equations(loss: str) -> None:
    module = elman(loss)
    (W_y, W_s, W_x, b_y, b_s), arguments = params, _ = point(module)
    x, d, s = arguments["x"], arguments["d"], arguments["s0"]
    total = 0.0
    for t in range(SIZES["T"]):
        s = np.tanh(x[t] @ W_x + s @ W_s + b_s)
        y = 1 / (1 + np.exp(-(s @ W_y + b_y)))
        if loss == "sum":
            total += ((d[t] - y) ** 2).sum()
        elif t == SIZES["T"] - 1:
            total += ((d - y) ** 2).sum()
    assert module.loss(params, **arguments) == pytest.approx(total, rel=1e-13)


@MODELS
@LOSSES
def test_value_and_grad_gives_the_loss_too(name: str, loss: str) -> None:
    module = elman(loss, name)
    params, arguments = point(module)
    value, by_parameters, by_states, *_ = module.value_and_grad(params, **arguments)
    assert value == module.loss(params, **arguments)
    assert np.shape(value) == ()
    assert isinstance(by_parameters, module.Parameters)
    assert isinstance(by_states, module.InitialState)


def test_forward_gives_every_time_step() -> None:
    module = elman()
    params, arguments = point(module)
    values = module.forward(params, arguments["x"], arguments["s0"])
    before = np.concatenate([arguments["s0"][None], values.s[:-1]])
    z = arguments["x"] @ params.W_x + before @ params.W_s + params.b_s
    assert np.allclose(values.s, np.tanh(z), rtol=1e-13)
    sigmoid = 1 / (1 + np.exp(-(values.s @ params.W_y + params.b_y)))
    assert np.allclose(values.y, sigmoid, rtol=1e-14)


# The gradient.


@LOSSES
def test_the_gradient_of_a_batch_is_the_sum_over_its_sequences(loss: str) -> None:
    module = elman(loss)
    params, arguments = point(module)
    whole = gradients(module, params, arguments)
    alone = [
        gradients(module, params, one_sequence(arguments, index)) for index in range(SIZES["B"])
    ]
    for name in module.Parameters._fields:
        assert np.allclose(whole[name], sum(part[name] for part in alone), rtol=1e-12, atol=1e-14)
    # Each sequence has an initial state of its own.
    states = np.concatenate([part["s0"] for part in alone])
    assert np.allclose(whole["s0"], states, rtol=1e-12, atol=1e-14)


@LOSSES
def test_one_time_step(loss: str) -> None:
    module = elman(loss)
    params, arguments = point(module, T=1)
    found = gradients(module, params, arguments)
    x, s0, d = arguments["x"][0], arguments["s0"], arguments["d"].reshape(SIZES["B"], -1)
    s = np.tanh(x @ params.W_x + s0 @ params.W_s + params.b_s)
    y = 1 / (1 + np.exp(-(s @ params.W_y + params.b_y)))
    do = -2 * (d - y) * y * (1 - y)
    dz = do @ params.W_y.T * (1 - s**2)
    by_hand = {
        "W_y": s.T @ do,
        "W_s": s0.T @ dz,
        "W_x": x.T @ dz,
        "b_y": do.sum(0),
        "b_s": dz.sum(0),
        "s0": dz @ params.W_s.T,
    }
    assert found.keys() == by_hand.keys()
    for name, expected in by_hand.items():
        assert np.allclose(found[name], expected, rtol=1e-12, atol=1e-15), name


def test_both_losses_agree_where_only_the_last_step_counts() -> None:
    summed, last = elman("sum"), elman("last")
    params, arguments = point(summed)
    # With d = y at all steps but the last, these add nothing to the loss or to its gradient.
    d = arguments["d"]
    d[:-1] = summed.forward(params, arguments["x"], arguments["s0"]).y[:-1]
    at_last = arguments | {"d": d[-1]}
    assert summed.loss(params, **arguments) == pytest.approx(last.loss(params, **at_last))
    one, other = gradients(summed, params, arguments), gradients(last, params, at_last)
    for name in one:
        assert np.allclose(one[name], other[name], rtol=1e-12, atol=1e-15), name


@MODELS
@LOSSES
def test_the_adjoint_of_the_tangent(name: str, loss: str) -> None:
    """<dE/dw, v> = dE(w + h v)/dh, for a direction v through all arrays at once."""
    module = elman(loss, name)
    params, arguments = point(module)
    rng = np.random.default_rng(2)
    found = gradients(module, params, arguments)
    everything = params._asdict() | arguments
    directions = {name: rng.standard_normal(everything[name].shape) for name in found}
    h = 1e-30
    moved = everything | {name: everything[name] + 1j * h * directions[name] for name in found}
    moved_params = module.Parameters(*(moved.pop(name) for name in module.Parameters._fields))
    tangent = module.loss(moved_params, **moved).imag / h
    adjoint = sum(np.vdot(found[name], directions[name]) for name in found)
    assert adjoint == pytest.approx(tangent, rel=1e-12)


# Arrays of other kinds.


@MODELS
@LOSSES
def test_float32_stays_float32(name: str, loss: str) -> None:
    module = elman(loss, name)
    params, arguments = point(module)
    single = module.Parameters(*(np.float32(array) for array in params))
    singles = {n: a if a.dtype == int else np.float32(a) for n, a in arguments.items()}
    value, by_parameters, by_states, *_ = module.value_and_grad(single, **singles)
    assert value.dtype == np.float32
    assert {array.dtype for array in (*by_parameters, *by_states)} == {np.dtype(np.float32)}
    taken = inspect.signature(module.forward).parameters
    into_forward = {name: array for name, array in singles.items() if name in taken}
    values = module.forward(single, **into_forward)
    # A layer's have beside them what its backward pass starts from.
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    for got, exact in zip(
        by_parameters, module.value_and_grad(params, **arguments)[1], strict=True
    ):
        assert np.allclose(got, exact, rtol=1e-4, atol=1e-5)


@MODELS
@LOSSES
def test_arguments_are_never_written_to(name: str, loss: str) -> None:
    module = elman(loss, name)
    params, arguments = point(module)
    for array in (*params, *arguments.values()):
        array.setflags(write=False)
    gradients(module, params, arguments)


@LOSSES
def test_gradients_share_no_memory_with_the_arguments(loss: str) -> None:
    module = elman(loss)
    params, arguments = point(module)
    for gradient in gradients(module, params, arguments).values():
        for array in (*params, *arguments.values()):
            assert not np.shares_memory(gradient, array)


@LOSSES
def test_arrays_need_not_be_contiguous(loss: str) -> None:
    module = elman(loss)
    params, arguments = point(module)

    def spread(array: Any) -> Any:
        return np.repeat(array, 2, axis=-1)[..., ::2].T.copy().T[::-1][::-1]

    strided = module.Parameters(*map(spread, params))
    strided_arguments = {name: spread(array) for name, array in arguments.items()}
    assert not strided_arguments["x"].flags.c_contiguous
    expected = gradients(module, params, arguments)
    for name, found in gradients(module, strided, strided_arguments).items():
        assert np.allclose(found, expected[name], rtol=1e-13, atol=1e-15), name


@pytest.mark.parametrize(
    "name, shape, message",
    [
        ("W_s", (5, 4), r"W_s has the shape \(5, 4\), not \(n=5, n=5\)"),
        ("W_x", (4, 6), r"W_x has the shape \(4, 6\), not \(m=4, n=5\)"),
        ("b_y", (3,), r"b_y has the shape \(3,\), not \(k=2\)"),
        ("b_s", (1, 5), r"b_s has the shape \(1, 5\), not \(n=5\)"),
        ("x", (6, 3), r"x has the shape \(6, 3\), not \(T=6, B=3, m=4\)"),
        ("x", (6, 3, 5), r"x has the shape \(6, 3, 5\), not \(T=6, B=3, m=4\)"),
        ("d", (5, 3, 2), r"d has the shape \(5, 3, 2\), not \(T=6, B=3, k=2\)"),
        # No silent broadcasting of one sequence to a batch.
        ("d", (6, 1, 2), r"d has the shape \(6, 1, 2\), not \(T=6, B=3, k=2\)"),
        ("s0", (1, 5), r"s0 has the shape \(1, 5\), not \(B=3, n=5\)"),
        ("s0", (5,), r"s0 has the shape \(5,\), not \(B=3, n=5\)"),
    ],
)
def test_a_wrong_shape_is_named_with_the_right_one(
    name: str, shape: tuple[int, ...], message: str
) -> None:
    module = elman()
    params, arguments = point(module)
    wrong = np.zeros(shape)
    if name in params._fields:
        params = params._replace(**{name: wrong})
    else:
        arguments[name] = wrong
    with pytest.raises(ValueError, match=message):
        module.value_and_grad(params, **arguments)


@pytest.mark.parametrize("shape", [(6, 1, 2), (5, 3, 2)])
def test_loss_checks_every_shape(shape: tuple[int, ...]) -> None:
    module = elman()
    params, arguments = point(module)
    with pytest.raises(ValueError, match="d has the shape"):
        module.loss(params, **arguments | {"d": np.zeros(shape)})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_init_parameters(dtype: Any) -> None:
    module = elman()
    dimensions = module.Dimensions(m=400, n=300, k=2)
    params = module.init_parameters(np.random.default_rng(0), dimensions, dtype)
    shapes = {name: array.shape for name, array in params._asdict().items()}
    assert shapes == {
        "W_y": (300, 2),
        "W_s": (300, 300),
        "W_x": (400, 300),
        "b_y": (2,),
        "b_s": (300,),
    }
    assert {array.dtype for array in params} == {np.dtype(dtype)}
    assert not params.b_y.any() and not params.b_s.any()
    # Variance 1 / rows: a sum over the rows has variance 1.
    assert params.W_x.std() == pytest.approx(400**-0.5, rel=0.02)
    again = module.init_parameters(np.random.default_rng(0), dimensions, dtype)
    assert all(np.array_equal(one, other) for one, other in zip(params, again, strict=True))


# Names. A model's names enter the module as they are, next to the module's own.

NAMED = """
[dimensions]
{m} = "inputs"
{n} = "units"
{k} = "outputs"
[inputs]
{x} = ["{m}"]
[targets]
{d} = ["{k}"]
[parameters]
{W} = ["{n}", "{n}"]
{U} = ["{m}", "{n}"]
{V} = ["{n}", "{k}"]
{b} = ["{n}"]
[states]
{s} = ["{n}"]
[equations]
{s} = "tanh({x}[t] @ {U} + {s}[t-1] @ {W} + {b})"
{y} = "sigmoid({s}[t] @ {V})"
[loss]
{E} = "sum(({d}[t] - {y}[t]) ** 2)"
"""

PLAIN = dict(zip("mnkxdWUVbsyE", "mnkxdWUVbsyE", strict=True))

CLASHES = {
    "the functions of the module": {"y": "forward", "s": "loss", "E": "value", "x": "loss_of"},
    "what the module's functions are called with": {"x": "params", "d": "values", "s": "rng"},
    "locals of the module": {"s": "known", "y": "sizes", "W": "value", "b": "wanted", "x": "got"},
    "parameters like locals": {"W": "value", "U": "sizes", "V": "params", "b": "values"},
    "loop variables of check_shapes": {"W": "name", "U": "got", "V": "wanted", "b": "known"},
    "ambiguous letters": {"s": "l", "x": "O", "y": "I"},
    "an adjoint that is a keyword": {"s": "ef", "y": "el"},
    "a name like an adjoint": {"s": "s", "y": "ds", "W": "dy", "b": "ds0", "x": "dW"},
    "a name like a state's array": {"s": "s", "y": "s_all", "W": "s_previous", "x": "s0"},
    "a name like what is carried": {"s": "s", "y": "ds_next", "x": "z_s", "d": "dz_s"},
    "a state with an index": {"s": "h_1", "y": "h_0", "x": "h"},
    "a state and its index": {"s": "h", "y": "h_0", "x": "h0", "W": "dh0"},
    "dimensions like adjoints": {"n": "ds", "m": "dz_s", "k": "dW"},
    "dimensions like tuple methods": {"n": "count", "m": "index"},
    "fields like tuple methods": {"W": "count", "U": "index", "s": "count_1", "y": "index_1"},
    "names of the known functions": {"x": "sigmoids", "y": "tanhs", "W": "helper"},
}  # fmt: skip


@pytest.mark.one_in(3)
@LOSSES
@pytest.mark.parametrize("names", CLASHES.values(), ids=CLASHES.keys())
def test_no_name_of_a_model_clashes_with_one_of_the_module(
    names: dict[str, str], loss: str
) -> None:
    model = parse_model(NAMED.format(**(PLAIN | names)))
    report = verify(b.compile(model, loss=loss))
    assert report.holds, report.failures
    methods = [check.method for check in report.checks]
    assert methods.count(COMPLEX) == methods.count(DIFFERENCES) == 6

    # The same numbers as under plain names, argument by argument.
    renamed, plain = (
        b.compile(model, loss=loss),
        b.compile(parse_model(NAMED.format(**PLAIN)), loss=loss),
    )
    params, arguments = point(plain)
    found = renamed.value_and_grad(tuple_of(renamed, params), *arguments.values())
    expected = plain.value_and_grad(params, **arguments)
    assert found[0] == expected[0]
    for one, other in zip((*found[1], *found[2]), (*expected[1], *expected[2]), strict=True):
        assert np.array_equal(one, other)


def tuple_of(module: ModuleType, params: Any) -> Any:
    return module.Parameters(*params)
