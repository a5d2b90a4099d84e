"""Udacity, lesson Recurrent Neural Networks: quizzes 1 and 3, two stacked layers (row U13)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from support.printed import normal, paths_of
from support.published import Network, close, edges_of, path_value, terms_of

import bptt_sym as b
from bptt_sym.model.read import parse_model

# The quizzes: x -U-> s (W_1) -V_1-> z (W_2) -V_2-> y.

QUIZ = b.load_model("stacked")

QUIZ_EQUATIONS = {
    "a": lambda now, before: now.x @ now.U + before.s @ now.W_1,
    "s": lambda now, before: np.tanh(now.a),
    "b": lambda now, before: now.s @ now.V_1 + before.z @ now.W_2,
    "z": lambda now, before: np.tanh(now.b),
    "y": lambda now, before: now.z @ now.V_2,
    "E": lambda now, before: np.sum((now.d - now.y) ** 2),
}


def test_U13_quiz_1_the_second_layer():
    """z_t = phi(s_t V_1 + z_{t-1} W_2), answer D."""
    latex = b.derive(QUIZ, "U", 1).latex()
    assert normal(r"\bar z_t=\phi(\bar s_tV_1+\bar z_{t-1}W_2)") in normal(latex)


def test_U13_quiz_3_has_three_paths():
    """Answer C, with t = 1: the second and the third term share the lag."""
    terms = terms_of(b.derive(QUIZ, "U", 2), "U")
    assert {path for term in terms for path in paths_of(term)} == {
        "E_2 y_2 z_2 s_2 U",
        "E_2 y_2 z_2 z_1 s_1 U",
        "E_2 y_2 z_2 s_2 s_1 U",
    }
    assert [term.contribution.path_count for term in terms] == [1, 2]


@pytest.mark.parametrize("steps", [2, 4])
def test_U13_each_path_has_its_value(steps):
    """A path is the derivative with respect to the copy of U, all that is not on it constant."""
    network = Network(QUIZ, QUIZ_EQUATIONS, steps, {"m": 2, "p": 3, "n": 4, "k": 5})
    edges = edges_of(b.derive(QUIZ, "U", steps, level="jacobian"))
    terms = terms_of(b.derive(QUIZ, "U", steps, most_factors=20), "U")
    layers = [(name, time) for name in ("s", "z") for time in network.times]
    paths = [path for term in terms for path in term.contribution.paths]
    for path in paths:
        expected = network.jacobian(("E", steps), path[-1], held=set(layers) - set(path))
        assert close(path_value(network, edges, path), expected)
    total = sum(path_value(network, edges, path) for path in paths)
    expected = network.gradient(("E", steps), network.copies("U"))
    assert len(paths) == comb(steps + 1, 2)
    assert close(total.reshape(expected.shape), expected)


def stacked(count: int) -> str:
    """A model of stacked layers, the lowest one fed by x W_1."""
    names = range(1, count + 1)
    return "\n".join(
        [
            '[dimensions]\nn = "units"\n[inputs]\nx = ["n"]\n[parameters]',
            *(f'W_{i} = ["n", "n"]\nU_{i} = ["n", "n"]' for i in names),
            "[states]",
            *(f's_{i} = ["n"]' for i in names),
            "[equations]",
            's_1 = "tanh(x[t] @ W_1 + s_1[t-1] @ U_1)"',
            *(f's_{i} = "tanh(s_{i - 1}[t] @ W_{i} + s_{i}[t-1] @ U_{i})"' for i in names[1:]),
            f'[loss]\nE = "sum(s_{count}[t] ** 2)"',
        ]
    )


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_U13_the_number_of_paths_is_a_binomial(steps, count):
    derivation = b.derive(parse_model(stacked(count)), "W_1", steps, most_factors=40)
    terms = terms_of(derivation, "W_1")
    listed = [path for term in terms for path in term.contribution.paths]
    assert sum(term.contribution.path_count for term in terms) == comb(steps + count - 1, count)
    assert len(set(listed)) == len(listed) == comb(steps + count - 1, count)
