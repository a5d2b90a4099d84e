"""Plots of measurements: their curves are the arrays, their files are ours and always the same."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from support.cells import model_of
from test_cli import run
from test_measure import refused

import bptt_sym as b


def curves(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_contributions_over_the_distance_and_the_bound_dashed():
    model = b.load_model("elman")
    found = b.measure(model, steps=6, window=2)
    upper, lower = found.plot().axes
    drawn = curves(upper)
    assert list(drawn) == ["W_y", "W_s", "W_x", "window of 2"]
    distance, logs = drawn["W_s"].get_data()
    assert list(distance) == [0, 1, 2, 3, 4, 5]
    assert np.allclose(10**logs, found["W_s"].by_step.norm[::-1])
    # W_y is read in the last step alone: the others are 0, which has no logarithm.
    assert np.isnan(drawn["W_y"].get_ydata()[1:]).all()
    assert list(drawn["window of 2"].get_xdata()) == [1.5, 1.5]
    norm, bound, _ = lower.get_lines()
    assert np.allclose(norm.get_ydata(), found.states.log_norm[::-1])
    assert np.allclose(bound.get_ydata(), found.states.log_bound)
    assert bound.get_linestyle() == "--" and norm.get_linestyle() == "-"
    assert next(tick.get_text() for tick in upper.get_yticklabels()).startswith("$10^{-")


def test_of_losses_of_all_steps_over_the_lag():
    found = b.measure(model_of("gru"), "W_hn", steps=5, loss="sum", without=["states"])
    (axes,) = found.plot().axes
    lag, logs = curves(axes)["W_hn"].get_data()
    pairs = found["W_hn"].pairs
    assert np.array_equal(lag, pairs.by_lag.index)
    assert np.allclose(10**logs, pairs.by_lag.norm)
    assert axes.get_xlabel().startswith("lag $t - i$")


def test_the_largest_of_many_gradients_have_curves():
    found = b.measure(b.load_model("lstm"), steps=3, without=["states"])
    (axes,) = found.plot().axes
    names = sorted(found.parameters, key=lambda name: -found[name].norm)[:8]
    assert set(curves(axes)) == set(names)
    assert axes.get_legend().get_title().get_text() == f"8 of {len(found.parameters)} parameters"


def test_a_norm_below_all_numbers_of_the_machine_is_drawn():
    size, weights = {"m": 1, "k": 1}, {"W_s": [[1e-3]], "W_x": [[0.1]], "W_y": [[1]]}
    found = b.measure(b.load_model("elman"), (), steps=200, sizes=size, weights=weights)
    (axes,) = found.plot().axes
    assert axes.get_lines()[0].get_ydata().min() < -600


def test_a_derivation_in_numbers_has_a_plot():
    found = b.derive(b.load_model("mgu"), ["U_f", "V"], steps=4).measure()
    (axes,) = found.plot().axes
    distance, logs = curves(axes)["U_f"].get_data()
    expected = [np.linalg.norm(found.contributions["U_f"][4 - d]) for d in distance]
    assert np.allclose(10**logs, expected)


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_files_are_ours_and_the_same_at_each_run(ending, tmp_path, capsys):
    path = tmp_path / f"m.{ending}"
    less = ["--without", "states", "--without", "pairs"]
    command = ["measure", "elman", "--steps", 2, "--wrt", "W_s", *less, "-o", path]
    assert run(capsys, *command) == ""
    first = path.read_bytes()
    assert run(capsys, *command) == ""  # without --force
    assert path.read_bytes() == first
    if ending == "svg":
        assert b"- -format svg" in first.splitlines()[0]
        root = ElementTree.fromstring(first)
        assert root.tag.endswith("svg")
        assert not root.findall(".//{http://www.w3.org/2000/svg}text")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "png"], "a plot goes into a file: -o FILE.png"),
        (["--format", "svg", "-o", "-"], "a plot goes into a file: -o FILE.svg"),
        (["--format", "pdf"], "'pdf' is not one of"),
    ],
)
def test_where_a_plot_cannot_go(arguments, message, capsys):
    assert message in refused(capsys, "elman", "--steps", 2, *arguments)


def test_without_matplotlib(capsys, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    message = refused(capsys, "elman", "--steps", 2, "-o", tmp_path / "m.png")
    assert "plots need Matplotlib: pip install 'bptt-sym[plot]'" in message


def test_the_format_is_that_of_the_ending(tmp_path, capsys):
    command = ["measure", "elman", "--steps", 1, "--without", "states"]
    run(capsys, *command, "-o", tmp_path / "m.json")
    run(capsys, *command, "--format", "json", "-o", tmp_path / "n.txt")
    assert (tmp_path / "m.json").read_bytes() == (tmp_path / "n.txt").read_bytes()
