"""A derivation in numbers: each is the derivation's own object, and what the module computes."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from support.cells import CELLS, model_of, name_of
from test_cli import run
from test_json import SCHEMA
from test_measure import close, refused

import bptt_sym as b
from bptt_sym.derivation.derivation_values import DerivationValues
from bptt_sym.render.number_boxes import digits

LEVELS = ("chain", "jacobian", "adjoint")


def in_numbers(model, measurement, level, loss):
    """The derivation with respect to all parameters, at the values of a measurement."""
    derivation = b.derive(model, steps=measurement.steps, level=level, loss=loss)
    return derivation.measure(measurement.values)


@pytest.mark.one_in(20)
@pytest.mark.parametrize("loss", ["last", "sum", "mean"])
@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_all_levels_have_the_numbers_of_the_recursion(cell, loss):
    """Gradients and contributions are those of the module whose copies are untied."""
    model = b.load_model(cell)
    measured = b.measure(model, steps=3, loss=loss, without=["states", "pairs"])
    # A gradient that is small beside the others has their rounding.
    entries = measured.parameters.values()
    scale = np.max([0, *(n for e in entries for n in (*e.by_step.norm, *e.by_apart.norm))])
    for level in LEVELS:
        found = in_numbers(model, measured, level, loss)
        assert np.isclose(found.loss, measured.value, rtol=1e-12)
        for name, entry in measured.parameters.items():
            assert close(found.gradients[name], entry.gradient, scale), (level, name)
            for step, contribution in found.contributions.get(name, {}).items():
                alone = 1 <= step <= 3
                expected = entry.contributions[step - 1] if alone else entry.apart["initial values"]
                assert close(contribution, expected, scale), (level, name, step)
        check_definitions(found.values)


def check_definitions(values: DerivationValues, tolerance: float = 1e-12) -> None:
    """Each factor and each definition: the left side by the paths, the right side as it stands."""
    for section in values.derivation.sections:
        if section.topic in ("factors", "definitions"):
            places = range(len(section.lines))
            for equation in (e for place in places for e in values.instances(section, place)):
                left, right = values.value(equation.left), values.value(equation.right)
                assert close(left, right, np.max(np.abs(right)), tolerance), equation.left


@pytest.mark.parametrize(
    "cell", [pytest.param("lstm", marks=pytest.mark.exhaustive), "lag-two", "learned-start"]
)
def test_a_factor_is_a_derivative_of_the_network(cell):
    """Chains multiplied are the contributions, and a path product is a part of one."""
    model = model_of(cell)
    found = b.derive(model, steps=3, level="chain").measure(seed=2)
    for equation in found.values.concrete():
        if equation.contribution is not None:
            rows = [
                np.linalg.multi_dot([np.eye(1), *map(found.values.value, factors)])
                for chain in equation.factors
                for factors in [[factor.expression for factor in chain]]
            ]
            contribution = equation.contribution
            whole = found.contributions[contribution.parameter.name][contribution.step]
            assert close(sum(rows), whole.reshape(1, -1))
    paths = b.derive(model, steps=3, paths=True).measure(seed=2)
    for name, products in paths.paths.items():
        assert close(sum(products.values()), found.gradients[name].reshape(1, -1)), name


def test_symbol_numbers_result():
    """The course's equations (38) and (41) in numbers."""
    derivation = b.derive(b.load_model("elman"), "W_s", steps=2, number_from=38)
    text = derivation.measure().text(width=90)
    assert text.split("Gradient with respect to W_s\n")[1].startswith(
        """\
  (38)    from s₂:  ∂E₂/∂y₂ · ∂y₂/∂s₂ · ∂s₂/∂W_s
                                               ⎡ −0.0248  −0.0743 ⎤
                  = [ 0.4964  0.0167  0.6252 ] ⎢  0.2144   0.0477 ⎥
                                               ⎣ −0.2181  −0.0727 ⎦
                    · ⎡ 0.3686       0  0.0532       0 ⎤
                      ⎣      0  0.1655       0  0.0239 ⎦
                  = [ −0.0535  −0.0135  −0.0077  −0.0019 ]
                    in the shape of W_s: ⎡ −0.0535  −0.0135 ⎤
                                         ⎣ −0.0077  −0.0019 ⎦
"""
    )
    total = """\
                    in the shape of W_s:
                      ⎡ −0.0535  −0.0135 ⎤ + ⎡ 0.0136  −0.0552 ⎤ = ⎡ −0.0399  −0.0687 ⎤
                      ⎣ −0.0077  −0.0019 ⎦   ⎣ 0.0060  −0.0245 ⎦   ⎣ −0.0017  −0.0265 ⎦
"""
    assert total in text
    latex = derivation.measure().latex()
    assert r"&= \begin{bmatrix} -0.0535 & -0.0135 & -0.0077 & -0.0019 \end{bmatrix}" in latex
    assert r"\begin{bmatrix} 0.0136 & -0.0552 \\ 0.0060 & -0.0245 \end{bmatrix}" in latex


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cell", ["gru", "linear-attention", "elman-column", "egarch"])
@pytest.mark.parametrize("level", LEVELS)
def test_no_line_is_longer_than_the_terminal(cell, level):
    text = b.derive(model_of(cell), steps=2, level=level).measure().text(width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert not any("\ue000" <= character <= "\uf8ff" for character in text)


def test_a_wide_matrix_is_shown_by_its_size(capsys):
    shown = run(capsys, "derive", "--numbers", "--wrt", "W_s", "--sizes", "n=5,m=2,k=3")
    assert "[5 × 25]" in shown
    assert "A matrix that has no room in a line is shown by its numbers of rows" in shown


def test_values_come_from_files_and_from_parameters(tmp_path, capsys):
    """And the command in the head of an output makes it again."""
    model = b.load_model("elman")
    module = b.compile(model, loss="last")
    params = module.init_parameters(np.random.default_rng(0), module.Dimensions(m=2, n=3, k=2))
    data = {"x": np.array([[1, -0.5], [0.5, 1]]), "s0": [0.2, -0.1, 0.3], "d": np.ones((2, 2)) / 2}
    found = b.derive(model, steps=2).measure(params, data=data)
    result = module.value_and_grad(
        params, data["x"][:, None], data["d"][-1:], np.array([data["s0"]])
    )
    for name, gradient in result.gradients._asdict().items():
        assert close(found.gradients[name], gradient)
    assert np.array_equal(found.quantities["s_0"], [data["s0"]])
    np.savez(tmp_path / "w.npz", **params._asdict())
    np.savez(tmp_path / "d.npz", **data)
    files = ["--weights", tmp_path / "w.npz", "--data", tmp_path / "d.npz"]
    shown = run(capsys, "derive", "--steps", 2, "--numbers", *files, "--format", "json")
    plain = json.loads(shown)
    assert plain["command"].endswith(f"--weights {files[1]} --data {files[3]}")
    assert plain["numbers"]["loss"] == found.loss
    assert plain["numbers"]["drawn"] == []
    sections = [s for s in plain["sections"] if s["topic"] == "gradient"]
    values = [s["equations"][-2]["numbers"][0]["value"] for s in sections]
    for value, gradient in zip(values, result.gradients, strict=True):
        assert np.allclose(value, gradient, rtol=1e-12)
    factor = next(
        f for e in sections[1]["equations"] for f in e["chains"][0] if f["kind"] == "both"
    )
    assert np.shape(factor["value"]) in {(1, 2), (2, 3), (3, 3)}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("cell", ["gru", "lag-two", "lqr-terminal", "two-heads"])
@pytest.mark.parametrize("level", LEVELS)
def test_the_data_keep_to_the_schema(cell, level):
    found = b.derive(model_of(cell), steps=2, level=level, loss="mean").measure()
    Draft202012Validator(SCHEMA).validate(json.loads(found.json()))


def test_terms_of_a_sum_have_the_same_digits():
    """Powers of ten stand for what is small everywhere."""
    assert digits(np.array([[0.00234, 0]])) == [["0.0023", "0"]]
    assert digits(np.array([[0.000234, -0.00001]])) == [["2.340e-4", "-1.000e-5"]]
    assert digits(np.array([[0.000234, -0.00001]]), 0.5) == [["0.0002", "0.0000"]]
    assert digits(np.array([[-2, 0.25], [123456, 0]])) == [
        ["-2.000e0", "2.500e-1"],
        ["1.235e5", "0"],
    ]
    assert digits(np.array([[np.inf, np.nan]])) == [["inf", "nan"]]


def test_a_notebook_shows_the_equations_with_their_numbers():
    found = b.derive(b.load_model("elman"), "W_s", steps=2, level="adjoint").measure()
    shown = found._repr_latex_()
    assert shown.startswith("$$\\begin{aligned}\n") and shown.count(r"\begin{aligned}") == 1
    assert r"= \begin{bmatrix} -0.1451 & -0.0815 \end{bmatrix}" in shown
    assert not re.search(r"\\(label|tag|notag)\b", shown)
    assert repr(found) == "<Numbers of the derivation of elman: n=2, k=3, m=4>"


@pytest.mark.parametrize(
    "cell", [pytest.param("lstm", marks=pytest.mark.exhaustive), "elman-column"]
)
def test_gradients_with_respect_to_inputs_are_the_same_at_all_levels(cell):
    """And those of the module."""
    model = model_of(cell)
    chain, matrices, adjoint = (
        b.derive(model, "x", steps=3, level=level, loss="sum").measure() for level in LEVELS
    )
    assert list(chain.gradients) == ["x_3", "x_2", "x_1"]
    for name, gradient in chain.gradients.items():
        assert close(matrices.gradients[name], gradient)
        assert close(adjoint.gradients[name], gradient)
    # A small change of one entry changes the loss as much.
    changed = dict(arrays_of(chain))
    changed["x"] = changed["x"].copy()
    changed["x"][0, 0, 1] += 1e-6
    moved = b.derive(model, "x", steps=3, loss="sum").measure(changed).loss
    expected = chain.gradients["x_1"].reshape(-1)[1]
    assert np.isclose((moved - chain.loss) / 1e-6, expected, rtol=1e-4)


def arrays_of(found):
    """The arrays that numbers follow from, as generated modules take them."""
    model, arrays = found.derivation.model, {}
    for entry in model.declarations:
        timed = [found.quantities.get(f"{entry.name}_{t}") for t in (1, 2, 3)]
        if entry.kind in ("input", "target"):
            rows = [array.reshape(1, -1) for array in timed]
            arrays[entry.name] = np.stack([r.argmax(1) if entry.labels else r for r in rows])
        elif entry.kind == "state" and entry.initial is None:
            arrays[f"{entry.name}0"] = found.quantities[f"{entry.name}_0"].reshape(1, -1)
        elif entry.kind == "parameter":
            value = found.quantities[entry.name]
            arrays[entry.name] = value.reshape(-1) if 1 in value.shape else value
    return arrays


@pytest.mark.exhaustive
def test_what_cancels_is_zero_and_no_rounding():
    """The bias of an sLSTM's input gate: numerator and denominator of its output scale alike."""
    found = b.derive(model_of("slstm"), "b_p", steps=3, level="adjoint").measure()
    assert 0 < np.max(np.abs(found.gradients["b_p"])) < 1e-15
    *_, line = found.text(width=100).split("∂E₃/∂b_p = ")[1].split("\n\n")[0].splitlines()
    assert line.endswith(" = [ 0  0 ]")


def test_numbers_side_by_side_have_brackets():
    """In a fraction, too; and a sum begins with the sign of its first number."""
    text = b.derive(model_of("garch"), steps=1, level="adjoint").measure().text(width=100)
    assert "= 1 / (2 (2.439)) − 0.4900 / (2 (5.9487)) = 0.1638\n" in text
    assert "= 0.1638 (0.9) = 0.1474\n" in text
    text = b.derive(model_of("mlstm"), "b_i", steps=3, level="adjoint").measure().text(width=100)
    assert "= 1.4300 + 0.1272 + (−0.0289) = 1.5283\n" in text


@pytest.mark.parametrize("cell", ["leaky", "mgu", "indrnn", "ctc", "mlstm"])
def test_drawn_numbers_can_be_read(cell):
    """They have one digit behind the point, and where it can be every gradient is seen."""
    found = b.derive(model_of(cell), steps=2).measure()
    values = found.values
    for symbol in values.quantities(computed=False):
        array = values.value(symbol)
        assert np.all(array == np.round(array, 1)), symbol
    assert len(set(values.sizes.values())) == len(values.sizes)
    seen = [np.max(np.abs(gradient)) > 1e-3 for gradient in found.gradients.values()]
    assert sum(seen) >= len(seen) - (cell == "mlstm")  # of which a bias cancels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", -1, "--numbers"], "the seed must be a whole number"),
        (["--sizes", "n=3"], "--sizes is about numbers: it takes --numbers"),
        (["--weights", "w.npz"], "--weights is about numbers: it takes --numbers"),
        (["--numbers", "--sizes", "n=13"], "no array has more than 144 entries"),
        (["--numbers", "--activation", "psi=tanh"], "has no function 'psi'"),
    ],
)
def test_what_cannot_be_shown_is_refused(arguments, message, capsys):
    assert message in refused(capsys, *arguments, command="derive")


@pytest.mark.parametrize("form", ["text", "latex", "json"])
def test_without_numbers_no_numpy_is_loaded(form):
    """It would be a fifth of the time of a short derivation."""
    code = (
        "import atexit, sys; from bptt_sym.cli import main;"
        "atexit.register(lambda: print('numpy' in sys.modules));"
        f"main(['derive', '--steps', '1', '--format', '{form}'])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "False"
