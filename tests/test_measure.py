"""Measurements: contributions sum to the gradient, and each is a derivative of the loss."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from support.cells import CELLS, model_of, name_of
from test_cli import run

import bptt_sym as b
from bptt_sym import cli
from bptt_sym.measuring.running import plain_name, value_and_grad

STEPS = 4


def module_result(model, found, loss, **options):
    """What the model's own module returns at the values of a measurement."""
    module = b.compile(model, loss=loss)
    arrays = dict(found.values)
    for name, axes in module.SHAPES.items():
        plain = plain_name(name)
        if plain in arrays:
            # A loss of the last step alone reads the targets of this step.
            is_cut = arrays[plain].ndim > len(axes)
            arrays[plain] = arrays[plain][-1] if is_cut else arrays[plain]
        else:
            # Error signals of what comes after a layer.
            arrays[plain] = np.zeros([found.sizes.get(axis, 1) for axis in axes])
    return value_and_grad(module, arrays, found.steps, 1, **options)


def gradients_of(result):
    parts = (result.gradients, result.inputs)
    return {plain_name(n): np.asarray(a) for part in parts for n, a in part._asdict().items()}


def close(found, expected, scale=0.0, relative=1e-12):
    size = max(np.max(np.abs(expected), initial=0.0), scale, 1e-300)
    return (
        np.max(np.abs(np.reshape(found, np.shape(expected)) - expected), initial=0)
        <= relative * size
    )


@pytest.mark.one_in(14)
@pytest.mark.parametrize("loss", ["sum", "last", "mean"])
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_contributions_sum_to_the_gradient(cell, loss):
    """By step, by loss and by lag, to the gradient of the module."""
    model = b.load_model(cell)
    found = b.measure(model, tuple(model.sources), steps=STEPS, loss=loss)
    result = module_result(model, found, loss)
    expected = gradients_of(result)
    assert np.isclose(found.value, result.value, rtol=1e-12)
    assert list(found.parameters) == list(model.sources)
    # A gradient that is small beside the others has their rounding.
    norms = [[*entry.by_step.norm, *entry.by_apart.norm] for entry in found.parameters.values()]
    scale = np.max([*itertools.chain(*norms), 0])
    for name, entry in found.parameters.items():
        assert close(entry.gradient, expected[name], scale), name
        whole = entry.contributions.sum(axis=0) + sum(entry.apart.values())
        assert close(whole, expected[name], scale)
        if not entry.stands_out:
            continue
        assert np.isclose(sum(entry.by_step.projection) + sum(entry.by_apart.projection), 1)
        apart = dict(zip(entry.apart, entry.by_apart.projection, strict=True))
        alone, begun = apart.get("parameters alone", 0), apart.get("initial values", 0)
        pairs = entry.pairs
        assert np.isclose(sum(pairs.by_loss.projection) + alone, 1)
        assert np.isclose(sum(pairs.by_lag.projection) + alone + begun, 1)
        assert np.allclose(pairs.projection.sum(axis=0), entry.by_step.projection)
        assert np.isclose(pairs.projection.sum() + alone + begun, 1)


def losses_and_states(module, arrays, copies, steps, state=None):
    """The loss of each step and all states, where each step has parameters of its own."""
    taken = {n: a for n, a in arrays.items() if n in module.SHAPES}
    given = {n: a for n, a in taken.items() if n not in module.Parameters._fields}
    if state is None:
        begin = {n: given[n] for n in module.InitialState._fields}
        state = module.initial_state(module.Parameters(**copies[0]), B=1, **begin)
    losses, states = [], [state]
    for step in range(steps):
        here = {
            n: a[step : step + 1] if module.SHAPES[n][0] == "T" else a for n, a in given.items()
        }
        parameters = module.Parameters(**copies[step])
        losses.append(module.value_and_grad(parameters, **here, start=state).value)
        state, _ = module.step(parameters, state, here["x"][0])
        states.append(state)
    return np.array(losses), states


TOLD = [("elman", "W_s"), ("lag-two", "U_2"), ("gru", "W_hn")]


@pytest.mark.parametrize(("cell", "name"), TOLD)
def test_each_pair_is_the_derivative_with_respect_to_a_copy(cell, name):
    """Of the loss of step t, by complex steps, where the copy of step i alone is moved."""
    model = model_of(cell)
    found = b.measure(model, name, steps=3, loss="sum")
    module = b.compile(model)
    value = found.values[name]
    slopes = np.zeros((3, 3, value.size))
    for step in range(3):
        for place in range(value.size):
            moved = value.astype(complex)
            moved.reshape(-1)[place] += 1e-30j
            tied = {n: found.values[n].astype(complex) for n in module.Parameters._fields}
            copies = [tied | ({name: moved} if t == step else {}) for t in range(3)]
            losses, _ = losses_and_states(module, found.values, copies, 3)
            slopes[:, step, place] = losses.imag / 1e-30
    pairs = found[name].pairs
    assert np.allclose(pairs.norm, np.linalg.norm(slopes, axis=2), rtol=1e-10, atol=1e-15)
    lags = [sum(slopes[t, t - lag] for t in range(lag, 3)) for lag in range(3)]
    assert np.allclose(pairs.by_lag.norm, np.linalg.norm(lags, axis=1))
    assert np.allclose(pairs.by_loss.norm, np.linalg.norm(slopes.sum(axis=1), axis=1))
    gradient = slopes.sum(axis=(0, 1))
    assert np.allclose(pairs.by_lag.projection, lags @ gradient / (gradient @ gradient))
    assert np.allclose(
        found[name].by_step.ratio,
        np.linalg.norm(slopes.sum(axis=0), axis=1) / np.linalg.norm(gradient),
    )
    # With the loss of the last step, the contributions are those of this loss.
    last = b.measure(model, name, steps=3)[name].contributions.reshape(3, -1)
    assert np.allclose(last, slopes[2], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("cell", ["lag-two", "lstm", "linear-attention"])
def test_the_jacobians_are_those_of_a_step(cell):
    """By complex steps of the module's step, of which the products are taken."""
    model = model_of(cell)
    found = b.measure(model, (), steps=3)
    states = found.states
    module = b.compile(model)
    tied = {n: found.values[n].astype(complex) for n in module.Parameters._fields}
    _, known = losses_and_states(module, found.values, [tied] * 3, 3)

    def flat(state, sizes):
        parts = [np.broadcast_to(a, size).reshape(-1) for a, size in zip(state, sizes, strict=True)]
        return np.concatenate(parts)

    sizes = [np.shape(a) for a in known[-1]]
    for step, expected in enumerate(states.jacobians):
        entries = flat(known[step], sizes)
        for place in range(states.entries):
            moved = entries + 1e-30j * (np.arange(states.entries) == place)
            parts = np.split(moved, np.cumsum([int(np.prod(size)) for size in sizes])[:-1])
            state = module.State(*(part.reshape(s) for part, s in zip(parts, sizes, strict=True)))
            after, _ = module.step(module.Parameters(**tied), state, found.values["x"][step])
            assert np.allclose(flat(after, sizes).imag / 1e-30, expected[:, place], atol=1e-14)
    products = [np.eye(states.entries)]
    for jacobian in states.jacobians[::-1]:
        products.insert(0, products[0] @ jacobian)
    norms = [np.linalg.norm(product, 2) for product in products]
    assert np.allclose(10**states.log_norm, norms)
    assert np.all(states.log_bound >= states.log_norm - 1e-12)
    assert np.isclose(10 ** states.log_bound[0], np.prod(states.largest))
    assert np.allclose(states.smallest, [np.linalg.svd(j)[1][-1] for j in states.jacobians])


@pytest.mark.parametrize("loss", ["sum", pytest.param("last", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("cell", ["gru", "learned-start"])
def test_a_window_drops_what_the_module_truncates(cell, loss):
    model = model_of(cell)
    found = b.measure(model, steps=5, loss=loss, window=2)
    whole = gradients_of(module_result(model, found, loss))
    for window in (1, 2, 5):
        kept = gradients_of(module_result(model, found, loss, window=window, exact=True))
        for name, entry in found.parameters.items():
            missing = np.linalg.norm(whole[name] - kept[name])
            assert np.isclose(entry.pairs.dropped.norm[window - 1], missing, atol=1e-13), name
    assert "A window of 2 steps drops" in found.text()


def test_a_norm_that_is_no_number_of_the_machine_is_told_by_its_logarithm():
    size, weights = {"m": 1, "k": 1}, {"W_s": [[1e-3]], "W_x": [[0.1]], "W_y": [[1]]}
    found = b.measure(b.load_model("elman"), (), steps=200, sizes=size, weights=weights)
    assert -650 < found.states.log_norm[0] < -600
    assert np.allclose(found.states.log_norm, found.states.log_bound)
    assert re.search(r"^ +0  200  \d\.\d{3}e-6[0-4]\d", found.text(), re.MULTILINE)


@pytest.mark.parametrize("loss", ["last", "sum"])
def test_behind_the_end_of_a_masked_sequence_nothing_contributes(loss):
    """What comes before is as large as in the sequence alone."""
    model = model_of("gru")
    data = {"mask": [1, 1, 1, 0, 0], "x": np.arange(10).reshape(5, 2) / 9}
    found = b.measure(model, "W_hn", steps=5, loss=loss, data=data, masked=True)
    inside, behind = np.split(found["W_hn"].contributions, [3])
    assert not behind.any() and inside.any(axis=(1, 2)).all()
    assert "--masked" in found.command
    # With the loss of the last step its target is read where the sequence ends.
    targets = found.values["d"][:3] if loss == "sum" else np.repeat(found.values["d"][-1:], 3, 0)
    given = {"d": targets, "x": data["x"][:3], "h0": found.values["h0"]}
    weights = {name: found.values[name] for name in model.parameters}
    alone = b.measure(model, "W_hn", steps=3, loss=loss, weights=weights, data=given)
    assert np.isclose(found.value, alone.value, rtol=1e-12)
    assert close(inside, alone["W_hn"].contributions)
    assert np.allclose(found.states.jacobians[3:], np.eye(3))
    assert np.allclose(found.states.jacobians[:3], alone.states.jacobians)


SCHEMA = json.loads(
    (Path(b.__file__).parent.parent / "docs" / "measurement.schema.json").read_text("utf-8")
)


def test_each_field_of_the_schema_is_described():
    Draft202012Validator.check_schema(SCHEMA)
    for schema in (SCHEMA, *SCHEMA["$defs"].values()):
        for name, field in schema["properties"].items():
            assert field["description"].endswith("."), name


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("elman", {}),
        ("learned-start", {"loss": "mean"}),
        ("bidirectional", {"loss": "sum", "window": None}),
        ("weight-decay", {"without": ["pairs"]}),
    ],
)
def test_the_data_keep_to_the_schema(cell, options):
    found = b.measure(model_of(cell), steps=2, **options)
    Draft202012Validator(SCHEMA).validate(json.loads(found.json()))


def test_the_command_takes_one_thread_unless_it_is_told(capsys, monkeypatch):
    """Before NumPy is loaded: what a process has in its environment then holds for it."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "3")
    run(capsys, "measure", "elman", "--steps", 1, "--without", "states", "--without", "pairs")
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ["MKL_NUM_THREADS"] == "3"
    code = "import sys, bptt_sym.cli, bptt_sym.commands.quantities; print('numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


# Values.


def test_what_is_drawn_depends_on_the_seed_and_the_name_alone():
    model = b.load_model("mgu")
    one, two = b.measure(model, "V", steps=3), b.measure(model, steps=3, loss="sum")
    assert all(np.array_equal(one.values[n], two.values[n]) for n in two.values)
    assert not np.array_equal(b.measure(model, "V", steps=3, seed=1).values["V"], one.values["V"])
    assert len({*one.sizes.values()}) == len(one.sizes)


def test_values_come_from_files(tmp_path, capsys):
    """With sizes from their shapes, the first N steps, and no axis of sequences."""
    rng = np.random.default_rng(0)
    weights = {"W_s": rng.standard_normal((4, 4)), "W_x": np.ones((2, 4), int)}
    data = {"x": rng.standard_normal((9, 2)), "d": rng.standard_normal((9, 1, 3))}
    np.savez(tmp_path / "w.npz", **weights)
    np.savez(tmp_path / "d.npz", **data)
    found = b.measure(
        b.load_model("elman"), steps=5, weights=tmp_path / "w.npz", data=str(tmp_path / "d.npz")
    )
    assert found.sizes == {"m": 2, "n": 4, "k": 3}
    assert set(found.given) == {"W_s", "W_x", "x", "d"}
    assert np.array_equal(found.values["x"][:, 0], data["x"][:5])
    shown = run(
        capsys,
        "measure",
        "--steps",
        5,
        "--weights",
        tmp_path / "w.npz",
        "--data",
        tmp_path / "d.npz",
    )
    assert "given: " in shown and "drawn with seed 0: W_y" in shown
    module = b.compile(b.load_model("elman"), loss="last")
    result = module.value_and_grad(
        {n: found.values[n] for n in ("W_y", "W_s", "W_x")},
        found.values["x"],
        found.values["d"][-1],
        found.values["s0"],
    )
    assert close(found["W_s"].gradient, result.gradients.W_s)


def state_dict(gates, inputs=2, units=3):
    """The arrays of a layer of PyTorch, each entry another number."""
    rng = np.random.default_rng(0)
    rows = gates * units
    shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, units)}
    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    return {f"{name}_l0": rng.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("cell", "gates"), [("rnn", ""), ("gru", "rzn"), ("lstm", "ifgo")])
def test_weights_come_from_a_layer_of_pytorch(cell, gates):
    """Also where the layer is a part of a network, whose other parts have no names here."""
    given = state_dict(max(1, len(gates)))
    within = {f"layer.{name}": array for name, array in given.items()} | {"head.bias": np.ones(4)}
    for weights in (given, within):
        found = b.measure(b.load_model(cell), (), steps=2, weights=weights).values
        for k, gate in enumerate(gates or [""]):
            rows = slice(3 * k, 3 * k + 3)
            assert np.array_equal(found[f"W_i{gate}"], given["weight_ih_l0"][rows].T)
            assert np.array_equal(found[f"W_h{gate}"], given["weight_hh_l0"][rows].T)
            assert np.array_equal(found[f"b_h{gate}"], given["bias_hh_l0"][rows])
    numbers = b.derive(b.load_model(cell), steps=2).measure(weights=within)
    assert set(numbers.values.drawn) == {"V", "x", "d", "h0"} | (
        {"c0"} if cell == "lstm" else set()
    )


class Tensor:
    """What torch.load returns, as far as it is read."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.array


def test_a_file_of_pytorch_is_read_as_tensors_alone(tmp_path, monkeypatch, capsys):
    """With weights_only, by which PyTorch refuses any other pickle."""
    path = tmp_path / "w.pt"
    path.write_bytes(b"tensors")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "a .pt file needs PyTorch: pip install" in refused(capsys, "rnn", "--weights", path)
    asked, held = [], {n: Tensor(a) for n, a in state_dict(1).items()}

    def load(file, **options):
        asked.append(options)
        return held

    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(load=load))
    found = b.measure(b.load_model("rnn"), (), steps=2, weights=path)
    assert asked == [{"map_location": "cpu", "weights_only": True}]
    assert np.array_equal(found.values["W_i"], held["weight_ih_l0"].array.T)
    held["hyper"] = "parameters"
    assert "this is no state dict" in refused(capsys, "rnn", "--weights", path)
    assert "cannot be read" in refused(capsys, "rnn", "--weights", tmp_path / "none.pth")


@pytest.mark.parametrize(
    ("cell", "changes", "message"),
    [
        ("rnn", {"b.weight_ih_l0": np.ones((3, 2))}, "of several recurrent layers of PyTorch"),
        ("rnn", {"weight_hh_l1": np.ones((3, 3))}, "of several recurrent layers of PyTorch"),
        ("elman", {}, "the parameters are W_y, W_s, W_x, not W_i"),
        ("gru", {}, "has 7 rows, which 3 gates cannot share"),
        ("rnn", {"weight_hh_l0": np.ones((3, 4))}, "has the shape (4, 3)"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(cell, changes, message):
    weights = state_dict(1, units=7 if cell == "gru" else 3) | changes
    with pytest.raises(b.InputError, match=re.escape(message)):
        b.measure(b.load_model(cell), (), steps=2, weights=weights)


def refused(capsys, *arguments, command="measure"):
    with pytest.raises(SystemExit) as end:
        cli.main([command, *map(str, arguments)])
    said = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and len(said) == 1, said
    return said[0]


WRONG = {
    "weights": {
        "which is none; they are W_y, W_s, W_x": {"W": np.ones((2, 2))},
        "has the shape (2, 3), not (n=2, n=2)": {"W_s": np.ones((2, 3)), "W_x": np.ones((2, 3))},
        "it takes real numbers": {"W_s": np.ones((2, 2), complex)},
        "not finite": {"W_s": np.full((2, 2), np.nan)},
    },
    "data": {
        "has the shape (3, 2), not (T=10": {"x": np.ones((3, 2))},
        "has the shape (2, 2, 2, 2)": {"x": np.ones((2, 2, 2, 2))},
        "which is none; they are x, d, s0": {"W_s": np.ones((2, 2))},
        "no .npz file of arrays": {"x": np.array([{}], dtype=object)},
    },
}


@pytest.mark.parametrize(
    ("role", "message"), [(role, message) for role in WRONG for message in WRONG[role]]
)
def test_arrays_that_do_not_fit_are_refused(role, message, tmp_path, capsys):
    np.savez(tmp_path / "a.npz", **WRONG[role][message])
    assert message in refused(capsys, f"--{role}", tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wrt", "x"], "'x' is an input"),
        (["--steps", 0], "number of steps must be"),
        (["--sizes", "n"], "--sizes takes NAME=NUMBER"),
        (["--sizes", "q=3"], "no dimension; those are m, n, k"),
        (["--sizes", "n=0"], "the size n must be a whole number from 1"),
        (["--window", 11], "the window must be a whole number from 1 to 10"),
        (["--window", 3, "--without", "pairs"], "it needs the pairs"),
        (["bidirectional", "--window", 3], "scanned in reverse"),
        (["--weights", "nothing.npz"], "cannot be read"),
        (["--sizes", "n=100000"], "measure takes at most 40000000 numbers"),
        (["--steps", 2000, "--sizes", "n=32", "--loss", "sum"], "--without pairs"),
        (["--steps", 100, "--sizes", "n=400", "--without", "pairs"], "--without states"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments, message, capsys):
    assert message in refused(capsys, *arguments)


def test_a_file_that_is_no_archive_is_refused(tmp_path, capsys):
    (tmp_path / "a.npz").write_text("none")
    assert "no .npz file of arrays" in refused(capsys, "--data", tmp_path / "a.npz")


# What is printed.


def test_json_and_csv_hold_the_same_numbers(capsys):
    options = ("--steps", 3, "--loss", "sum", "--wrt", "W_s")
    data = json.loads(run(capsys, "measure", *options, "--format", "json"))
    assert data["schema"] == "bptt-sym measurement, version 1"
    table = list(csv.DictReader(io.StringIO(run(capsys, "measure", *options, "--format", "csv"))))
    (parameter,) = data["parameters"]
    for by in ("step", "loss", "lag"):
        for quantity in ("norm", "ratio", "projection"):
            wanted = [row[quantity] for row in parameter[f"by_{by}"]]
            rows = [
                r for r in table if (r["by"], r["quantity"], r["name"]) == (by, quantity, "W_s")
            ]
            assert [float(row["value"]) for row in rows] == wanted
    pairs = {
        (int(r["loss"]), int(r["step"])): r
        for r in table
        if r["by"] == "pair" and r["quantity"] == "norm"
    }
    assert float(pairs[3, 1]["value"]) == parameter["pairs"]["norm"][2][0]
    assert pairs[3, 1]["lag"] == "2"


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_a_file_is_written_and_written_again(form, tmp_path, capsys):
    path = tmp_path / "out"
    for _ in range(2):
        assert run(capsys, "measure", "--steps", 2, "--format", form, "-o", path) == ""
    assert "Made by bptt-sym" in path.read_text()
    assert "bptt-sym measure elman --steps 2 --loss last --seed 0" in path.read_text()


def test_a_text_fits_its_width_and_its_signs():
    found = b.measure(b.load_model("lstm"), steps=30, loss="sum", wrt="W_hf")
    for width in (60, 80):
        assert max(map(len, found.text(width=width).splitlines())) <= width
    assert found.text(ascii=True).isascii() and "#" in found.text(ascii=True)
    assert "█" in found.text() and "\x1b" not in found.text()
    assert "\x1b[1m" in found.text(color=True)
    assert "Rows are left out" in found.text()


def test_shares_of_a_gradient_that_is_zero_mean_nothing():
    """Shifting all logits alike changes no softmax: the terms cancel, but for rounding."""
    found = b.measure(model_of("slstm"), "b_p", steps=STEPS, loss="sum")
    assert not found["b_p"].stands_out and found["b_p"].norm < 1e-12
    assert "b_p: the gradient is 0, but for rounding" in found.text()
    assert json.loads(found.json())["parameters"][0]["by_step"][0]["ratio"] is None


def test_states_are_left_out_where_a_scan_is_in_reverse():
    found = b.measure(b.load_model("bidirectional"), steps=3, loss="sum")
    assert (
        found.states is None and "No Jacobians of a step: b is scanned in reverse" in found.text()
    )
    lags = found["U_b"].pairs.by_lag
    assert min(lags.index) == -2 and lags.norm[0] > 0
