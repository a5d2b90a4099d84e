"""What a derivation costs: WildML's truncation (row C2) and sizes for N steps (row S1)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

import numpy as np
import pytest
from support.printed import printed
from support.published import Network, close, general_of, softmax, terms_of, total_of
from sympy import MatAdd, preorder_traversal

import bptt_sym as b
from bptt_sym.algebra.expressions import product
from bptt_sym.model.read import parse_model

# WildML, Recurrent Neural Networks Tutorial, part 3; its steps count from 0.
WILDML = parse_model("""
vectors = "columns"
[dimensions]
m = "words"
n = "hidden units"
[inputs]
x = ["m"]
[targets]
y = ["m"]
[parameters]
U = ["n", "m"]
V = ["m", "n"]
W = ["n", "n"]
[states]
s = ["n"]
[equations]
s = "tanh(U @ x[t] + W @ s[t-1])"
o = "V @ s[t]"
[loss]
E = "cross_entropy(o[t], y[t])"
""")
WORD = np.array([[0.0], [0.0], [1.0]])
STEPS, TRUNCATE = 7, 4

EQUATIONS = {
    "z_s": lambda v, before: v.U @ v.x + v.W @ before.s,
    "s": lambda v, before: np.tanh(v.z_s),
    "o": lambda v, before: v.V @ v.s,
    "E": lambda v, before: -np.log(np.sum(WORD * softmax(v.o))),
}


@pytest.fixture(scope="module")
def network():
    return Network(WILDML, EQUATIONS, STEPS, {"m": 3, "n": 4}, given={"x": WORD, "y": WORD})


def two_loops(network):
    """The tutorial's code for dL/dW: at most bptt_truncate + 1 terms for each loss."""
    gradient, counts = np.zeros((4, 4)), {}
    for t in network.times:
        v = network.at(t)
        delta = (v.V.T @ (softmax(v.o) - WORD)) * (1 - v.s**2)
        for step in range(t, max(1, t - TRUNCATE) - 1, -1):
            before = network.at(step - 1).s
            gradient += delta @ before.T
            counts[t] = counts.get(t, 0) + 1
            delta = (v.W.T @ delta) * (1 - before**2)
    return gradient, counts


def test_C2_a_truncation_of_four_keeps_five_terms(network):
    """Kept are the contributions (t, k) with t - k <= 4: five for each loss that has as many."""
    total = total_of(b.derive(WILDML, "W", STEPS, loss="sum", most_factors=40), "W")
    kept = [chain for chain in total.factors if chain[0].of.time - chain[-1].of.time <= TRUNCATE]
    terms = {t: sum(chain[0].of.time == t for chain in kept) for t in network.times}
    expected, counts = two_loops(network)
    assert terms == counts == {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 5, 7: 5}
    found = sum(network.value(product(*(factor.jacobian for factor in chain))) for chain in kept)
    assert close(found.reshape(4, 4), expected)


def test_C2_the_terms_that_are_cut_are_those_behind_a_held_state(network):
    expected, _ = two_loops(network)
    detached = (
        network.gradient(("E", t), network.copies("W"), held=[("s", t - TRUNCATE - 1)])
        for t in network.times
    )
    assert close(sum(detached), expected)


# Row S1: with N steps.

CELLS = ["elman", "stacked", "gru", "lstm", "lstm-peephole"]


def size(derivation):
    """How many equations, terms and nodes the part for N steps has."""
    rights = [e.right for s in derivation.sections if not s.general for e in s.equations]
    terms = sum(len(right.args) if isinstance(right, MatAdd) else 1 for right in rights)
    nodes = sum(1 for right in rights for _ in preorder_traversal(right))
    return np.array([len(rights), terms, nodes])


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("cell", CELLS)
def test_S1_the_recursion_is_linear_in_the_number_of_steps(cell, loss):
    """From 4 to 8 to 12 steps the same number of equations, terms and nodes is added."""
    model = b.load_model(cell)
    four, eight, twelve = (
        size(b.derive(model, steps=steps, level="adjoint", loss=loss)) for steps in (4, 8, 12)
    )
    assert np.all(eight - four > 0)
    assert np.array_equal(twelve - eight, eight - four)


def test_S1_the_factors_of_all_paths_are_shared():
    """Written out, the chains of N steps have N (N + 5) / 2 factors; the recursion shares them."""
    elman = b.load_model("elman")
    for steps in (2, 4, 6):
        terms = terms_of(b.derive(elman, "W_s", steps, most_factors=20), "W_s")
        count = sum(len(chain) for term in terms for chain in term.factors)
        assert count == steps * (steps + 5) // 2
    recursion = b.derive(elman, "W_s", 6, level="adjoint").sections[0].equations
    assert len([e for e in recursion if e.left.variable.name == "s"]) == 6


@pytest.mark.parametrize("level", ["chain", "jacobian"])
def test_S1_equation_42_is_the_same_for_every_number_of_steps(level):
    elman = b.load_model("elman")
    derivations = [
        b.derive(elman, "W_s", steps, level=level, number_from=1) for steps in (1, 2, 3, 10, 100)
    ]
    assert len({general_of(derivation, "W_s").right for derivation in derivations}) == 1
    numbers = [general_of(derivation, "W_s").number for derivation in derivations]
    pairs = zip(derivations, numbers, strict=True)
    assert len({printed(derivation)[number] for derivation, number in pairs}) == 1


def test_S1_the_recursion_for_any_number_of_steps_does_not_grow():
    general = [
        [e.right for s in derivation.sections if s.general for e in s.equations]
        for derivation in (b.derive(b.load_model("gru"), steps=n, level="adjoint") for n in (2, 9))
    ]
    assert general[0] == general[1]
