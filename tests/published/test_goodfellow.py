"""Goodfellow, Bengio and Courville, Deep Learning, equations 10.17 to 10.28 (row G1)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

import numpy as np
import pytest
from support.published import Network, backward, close, relative_error, softmax

import bptt_sym as b
from bptt_sym.algebra.expressions import Adjoint, DiagMatrix, transpose
from bptt_sym.algebra.matrix_products import MatrixProduct
from bptt_sym.algebra.operation import ShapeError
from bptt_sym.errors import InputError
from bptt_sym.model.read import parse_model

TEXT = """
vectors = "columns"
[dimensions]
m = "inputs"
n = "hidden units"
k = "classes"
[inputs]
x = ["m"]
[targets]
y = ["k"]
[parameters]
b = ["n"]
c = ["k"]
U = ["n", "m"]
V = ["k", "n"]
W = ["n", "n"]
[states]
h = ["n"]
[equations]
a = "b + W @ h[t-1] + U @ x[t]"
h = "tanh(a[t])"
o = "c + V @ h[t]"
[loss]
L = "cross_entropy(o[t], y[t])"
"""
MODEL = parse_model(TEXT)
STEPS = 5
CLASS = np.array([[0.0], [1.0], [0.0]])

EQUATIONS = {
    "a": lambda now, before: now.b + now.W @ before.h + now.U @ now.x,
    "h": lambda now, before: np.tanh(now.a),
    "o": lambda now, before: now.c + now.V @ now.h,
    "L": lambda now, before: -np.log(np.sum(CLASS * softmax(now.o))),
}


@pytest.fixture(scope="module")
def network():
    return Network(MODEL, EQUATIONS, STEPS, {"m": 2, "n": 4, "k": 3}, given={"y": CLASS})


@pytest.fixture(scope="module")
def derived(network):
    return backward(network, b.derive(MODEL, steps=STEPS, level="adjoint", loss="sum"))


def diag(vector):
    return np.diag(vector.ravel())


def test_G1_10_17_and_10_18_the_output(network, derived):
    """The sum has derivative 1 with respect to each loss; the gradient at o is y_hat - class."""
    nabla, _ = derived
    for t in network.times:
        assert network.gradient(network.losses("L"), ("L", t)) == 1
        assert close(nabla["o", t], softmax(network.at(t).o) - CLASS)
        assert close(nabla["o", t], network.gradient(network.losses("L"), ("o", t)))


def test_G1_10_19_the_last_state(network, derived):
    nabla, _ = derived
    assert close(nabla["h", STEPS], network.at(1).V.T @ nabla["o", STEPS])
    assert close(nabla["h", STEPS], network.gradient(network.losses("L"), ("h", STEPS)))


@pytest.mark.parametrize("t", range(1, STEPS))
def test_G1_10_20_and_10_21_an_earlier_state(network, derived, t):
    nabla, _ = derived
    now, after = network.at(t), network.at(t + 1)
    through_state = network.jacobian(("h", t + 1), ("h", t)).T @ nabla["h", t + 1]
    through_output = network.jacobian(("o", t), ("h", t)).T @ nabla["o", t]
    assert close(nabla["h", t], through_state + through_output)
    correct = now.W.T @ diag(1 - after.h**2) @ nabla["h", t + 1] + now.V.T @ nabla["o", t]
    assert close(nabla["h", t], correct)
    assert close(nabla["h", t], network.gradient(network.losses("L"), ("h", t)))


def test_G1_10_21_as_printed_is_not_conformable():
    """W^T (nabla_h L) diag(1 - h^2): the package's matrix product refuses it."""
    W = MODEL.parameters["W"]
    h = MODEL.states[0].at(2)
    build = MatrixProduct().build
    assert build(build(transpose(W), DiagMatrix(h)), Adjoint(h)).shape == h.shape
    with pytest.raises(ShapeError, match="columns of the left must equal the rows of the right"):
        build(build(transpose(W), Adjoint(h)), DiagMatrix(h))


def test_G1_10_21_as_printed_is_not_in_the_equation_language():
    """The same product in a model file; a diagonal matrix is the identity times a column."""
    product = "W.T @ g[t] @ (eye(n) * outer(1 - h[t-1] ** 2, 1 - h[t-1] ** 2))"
    model = TEXT.replace('x = ["m"]', 'x = ["m"]\ng = ["n"]').replace("W @ h[t-1]", product)
    with pytest.raises(InputError, match=r"operator '@': .* is n x 1 .* is n x n"):
        parse_model(model)


@pytest.mark.parametrize("t", range(1, STEPS))
def test_G1_10_21_in_another_order_is_another_value(network, derived, t):
    """Read as "diag behind W^T" on the other side it conforms, and is wrong."""
    nabla, _ = derived
    now, after = network.at(t), network.at(t + 1)
    wrong = diag(1 - after.h**2) @ now.W.T @ nabla["h", t + 1] + now.V.T @ nabla["o", t]
    assert relative_error(wrong, nabla["h", t]) > 0.01


GRADIENTS = {
    "10.22": ("c", lambda nabla, now, before: nabla("o")),
    "10.23": ("b", lambda nabla, now, before: diag(1 - now.h**2) @ nabla("h")),
    "10.24": ("V", lambda nabla, now, before: nabla("o") @ now.h.T),
    "10.26": ("W", lambda nabla, now, before: diag(1 - now.h**2) @ nabla("h") @ before.h.T),
    "10.28": ("U", lambda nabla, now, before: diag(1 - now.h**2) @ nabla("h") @ now.x.T),
}


@pytest.mark.parametrize("number", GRADIENTS)
def test_G1_10_22_to_10_28_the_parameters(network, derived, number):
    name, term = GRADIENTS[number]
    nabla, gradients = derived
    printed = sum(
        term(lambda of, t=t: nabla[of, t], network.at(t), network.at(t - 1)) for t in network.times
    )
    assert close(gradients[name], printed)
    assert close(gradients[name], network.gradient(network.losses("L"), network.copies(name)))


@pytest.mark.parametrize(("number", "name"), [("10.25", "W"), ("10.27", "U")])
def test_G1_10_25_and_10_27_with_copies(network, derived, number, name):
    """The sum over t and i of dL/dh_i^(t) times that of h_i^(t), with respect to its copy."""
    nabla, gradients = derived
    printed = sum(
        (nabla["h", t].T @ network.jacobian(("h", t), (name, t))).reshape(gradients[name].shape)
        for t in network.times
    )
    assert close(gradients[name], printed)
