"""The paths that a contribution sums: for two stacked layers there are several to one step."""

from __future__ import annotations

from math import comb

import pytest

import bptt_sym as b
from bptt_sym.model.read import parse_model

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
