"""The paths that a contribution sums: for two stacked layers there are several to one step."""

from __future__ import annotations

from math import comb

import pytest
from support.cell_values import CellValues

import bptt_sym as b
from bptt_sym.model.read import parse_model
from bptt_sym.render.digits import breakable_digits, digits

# The quiz of the course: x -U-> s (W_1) -V_1-> z (W_2) -V_2-> y.
TWO_LAYERS = parse_model("""
[dimensions]
m = "inputs"
p = "units of the first layer"
n = "units of the second layer"
k = "outputs"
[inputs]
x = ["m"]
[targets]
d = ["k"]
[parameters]
U = ["m", "p"]
W_1 = ["p", "p"]
V_1 = ["p", "n"]
W_2 = ["n", "n"]
V_2 = ["n", "k"]
[states]
s = ["p"]
z = ["n"]
[functions]
phi = "tanh"
[equations]
s = "phi(x[t] @ U + s[t-1] @ W_1)"
z = "phi(s[t] @ V_1 + z[t-1] @ W_2)"
y = "z[t] @ V_2"
[loss]
E = "sum((d[t] - y[t]) ** 2)"
""")


def contributions(steps: int):
    section = b.derive(TWO_LAYERS, wrt="U", steps=steps).sections[0]
    return [equation.contribution for equation in section.equations if equation.contribution]


def test_the_quiz_has_three_paths_two_of_them_to_one_step():
    paths = [
        [" ".join(f"{node.name}_{node.time}" for node in path) for path in contribution.paths]
        for contribution in contributions(2)
    ]
    assert paths == [
        ["E_2 y_2 z_2 s_2 U_2"],
        ["E_2 y_2 z_2 s_2 s_1 U_1", "E_2 y_2 z_2 z_1 s_1 U_1"],
    ]


@pytest.mark.parametrize("steps", [1, 2, 5, 40])
def test_the_number_of_paths_is_a_binomial(steps):
    """L stacked layers have binom(N + L - 1, L) paths in all."""
    assert sum(found.path_count for found in contributions(steps)) == comb(steps + 1, 2)


def test_a_contribution_is_from_what_reaches_the_loss():
    """A loss that reads a parameter itself does so at its own step alone."""
    model = parse_model("""
[dimensions]
n = "units"
[inputs]
x = ["n"]
[parameters]
W = ["n", "n"]
[states]
s = ["n"]
[equations]
s = "tanh(x[t] + s[t-1] @ W)"
[loss]
E = "sum(s[t]) + sum(W * W)"
""")
    lines = [line.split(":")[0].strip() for line in b.derive(model, steps=2).text().splitlines()]
    assert [line.split(")  ")[1].strip() for line in lines if "from " in line and ")" in line] == [
        "from s₂, E₂",
        "from s₁",
    ]


def test_both_layers_hold():
    assert b.verify(TWO_LAYERS).holds


# The list of paths, one by one.


def lines(derivation) -> list[str]:
    """The lines of the sections of paths, each without what stands around it."""
    text = derivation.text()
    return [line.strip() for line in text[text.index("Paths to the copies") :].splitlines()]


def test_the_quiz_one_by_one():
    assert lines(b.derive(TWO_LAYERS, wrt="U", steps=2, paths=True)) == [
        "Paths to the copies of U",
        "3 paths",
        "(1)  to step 2:  ∂E₂/∂y₂ · ∂y₂/∂z₂ · ∂z₂/∂s₂ · ∂s₂/∂U",
        "(2)  to step 1:  ∂E₂/∂y₂ · ∂y₂/∂z₂ · ∂z₂/∂s₂ · ∂s₂/∂s₁ · ∂s₁/∂U",
        "(3)  to step 1:  ∂E₂/∂y₂ · ∂y₂/∂z₂ · ∂z₂/∂z₁ · ∂z₁/∂s₁ · ∂s₁/∂U",
    ]


def test_with_all_losses_a_copy_is_reached_from_each_later_one():
    found = lines(b.derive(TWO_LAYERS, wrt="W_2", steps=2, loss="mean", paths=True))
    assert found[2:] == [
        "(1)  to step 2:  1/2 ∂E₂/∂y₂ · ∂y₂/∂z₂ · ∂z₂/∂W_2",
        "(2)  to step 1:  1/2 ∂E₁/∂y₁ · ∂y₁/∂z₁ · ∂z₁/∂W_2",
        "(3)  to step 1:  1/2 ∂E₂/∂y₂ · ∂y₂/∂z₂ · ∂z₂/∂z₁ · ∂z₁/∂W_2",
    ]


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "stacked", "bidirectional"])
def test_the_products_of_the_paths_sum_to_the_gradient(name, loss):
    """At level jacobian, at a random point."""
    model = b.load_model(name)
    sizes = {entry.name: 2 + k for k, entry in enumerate(model.dimensions)}
    values = CellValues(model, 3, loss, sizes)
    _, expected = values.expected()
    for section in b.derive(model, steps=3, level="jacobian", loss=loss, paths=True).sections:
        assert section.path_count == len(section.equations)
        total = sum(values.value(equation.right) for equation in section.equations)
        assert total == pytest.approx(expected[section.parameter], rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("loss", ["last", "sum"])
def test_every_parameter_has_its_count(loss):
    """Where there is one path to each copy from each loss behind it."""
    model, steps = b.load_model("elman"), 10_000
    derivation = b.derive(model, steps=steps, loss=loss, paths=True)
    counts = {section.parameter.name: section.path_count for section in derivation.sections}
    recurrent = steps if loss == "last" else steps * (steps + 1) // 2
    output = 1 if loss == "last" else steps
    assert counts == {"W_s": recurrent, "W_x": recurrent, "W_y": output}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2, 5, 1000])
def test_stacked_layers_have_a_binomial_of_paths(layers, steps):
    """U13 of the acceptance table: binom(N + L - 1, L), for L layers."""
    names = [f"h_{layer}" for layer in range(1, layers + 1)]
    equations = [
        f'{name} = "tanh({below} @ W + {name}[t-1] @ W)"'
        for name, below in zip(names, ["x[t] @ U", *(f"{name}[t]" for name in names)], strict=False)
    ]
    model = parse_model(
        '[dimensions]\nn = "units"\n[inputs]\nx = ["n"]\n[parameters]\nU = ["n", "n"]\n'
        'W = ["n", "n"]\n[states]\n'
        + "\n".join(f'{name} = ["n"]' for name in names)
        + "\n[equations]\n"
        + "\n".join(equations)
        + f'\n[loss]\nE = "sum({names[-1]}[t])"\n'
    )
    (section,) = b.derive(model, wrt="U", steps=steps, paths=True).sections
    assert section.path_count == comb(steps + layers - 1, layers)


def test_too_many_paths_are_counted_and_not_listed():
    """The number of an LSTM's paths grows with a power of the steps; it is exact all the same."""
    derivation = b.derive(b.load_model("lstm"), wrt="W_hf", steps=5000, paths=True)
    (section,) = derivation.sections
    assert section.path_count > 10**3000
    assert not section.equations
    count, rest = lines(derivation)[1].split(" ", 1)
    assert int(count) == section.path_count
    assert rest == "paths, which are not listed: at most 200 are"


def test_level_adjoint_has_no_paths():
    with pytest.raises(b.InputError, match="level chain or jacobian"):
        b.derive(TWO_LAYERS, level="adjoint", paths=True)


def test_all_digits_of_a_count_are_written():
    assert digits(0) == "0"
    assert digits(10**5000 + 7) == "1" + "0" * 4999 + "7"
    assert breakable_digits(1234567) == r"1\,\allowbreak 234\,\allowbreak 567"
