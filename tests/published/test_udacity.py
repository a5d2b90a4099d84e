"""Udacity, lesson Recurrent Neural Networks: equations 36 to 61 (rows U1 to U12, U14, U15)."""

# ruff: noqa: N802 - a test is named for its row

from __future__ import annotations

import numpy as np
import pytest
from support.printed import nodes, normal, paths_of, printed, written_out
from support.published import (
    Network,
    backward,
    close,
    edges_of,
    general_of,
    path_value,
    relative_error,
    sigmoid,
    softmax,
    terms_of,
    total_of,
    totals_of,
)
from sympy import Integer

import bptt_sym as b
from bptt_sym.algebra.expressions import LAST_STEP
from bptt_sym.model.read import parse_model

COURSE = b.load_model("elman")
SIZES = {"m": 2, "n": 4, "k": 3}
N = 5

EQUATIONS = {
    "z": lambda now, before: now.x @ now.W_x + before.s @ now.W_s,
    "s": lambda now, before: np.tanh(now.z),
    "o": lambda now, before: now.s @ now.W_y,
    "y": lambda now, before: sigmoid(now.o),
    "E": lambda now, before: np.sum((now.d - now.y) ** 2),
}


@pytest.fixture(scope="module")
def network():
    return Network(COURSE, EQUATIONS, N, SIZES)


@pytest.fixture(scope="module")
def course():
    """Equations 36 to 47 as the package prints them."""
    return printed(b.derive(COURSE, steps=3, number_from=36))


def test_U1_the_output_weights(course, network):
    assert course[36] == normal(
        r"\frac{\partial E_3}{\partial W_y}"
        r"=\frac{\partial E_3}{\partial\bar y_3}\frac{\partial\bar y_3}{\partial W_y}"
    )
    assert course[37] == normal(
        r"\frac{\partial E_N}{\partial W_y}"
        r"=\frac{\partial E_N}{\partial\bar y_N}\frac{\partial\bar y_N}{\partial W_y}"
    )
    found = network.value(total_of(b.derive(COURSE, "W_y", N, level="jacobian"), "W_y").right)
    last = network.at(N)
    rho = -2 * (last.d - last.y) * last.y * (1 - last.y)
    assert close(found, last.s.T @ rho)
    assert close(found, network.gradient(("E", N), network.copies("W_y")))


ONE_PATH = [
    pytest.param(38, "W_s", "E_3 y_3 s_3 W_s", id="U2"),
    pytest.param(39, "W_s", "E_3 y_3 s_3 s_2 W_s", id="U3"),
    pytest.param(40, "W_s", "E_3 y_3 s_3 s_2 s_1 W_s", id="U4"),
    pytest.param(43, "W_x", "E_3 y_3 s_3 W_x", id="U7"),
    pytest.param(44, "W_x", "E_3 y_3 s_3 s_2 W_x", id="U8"),
    pytest.param(45, "W_x", "E_3 y_3 s_3 s_2 s_1 W_x", id="U9"),
]


@pytest.mark.parametrize(("number", "weights", "path"), ONE_PATH)
def test_U2_to_U4_and_U7_to_U9_are_one_path_each(course, number, weights, path):
    derivation = b.derive(COURSE, weights, 3, number_from=38 if weights == "W_s" else 43)
    (term,) = (term for term in terms_of(derivation, weights) if term.number == number)
    assert paths_of(term) == [path]
    assert nodes(course[number]) == [path.split()]
    assert len(term.factors[0]) == {38: 3, 39: 4, 40: 5, 43: 3, 44: 4, 45: 5}[number]


@pytest.mark.parametrize("weights", [pytest.param("W_s", id="U2"), pytest.param("W_x", id="U7")])
def test_U2_to_U4_and_U7_to_U9_have_the_value_of_their_term(network, weights):
    """Term i is the gradient with respect to the copy of the weights of step i."""
    terms = terms_of(b.derive(COURSE, weights, N, level="jacobian"), weights)
    assert [term.contribution.step for term in terms] == [5, 4, 3, 2, 1]
    for term in terms:
        expected = network.gradient(("E", N), (weights, term.contribution.step))
        assert close(network.value(term.right), expected)


SUMS = [pytest.param(41, "W_s", id="U5"), pytest.param(46, "W_x", id="U10")]


@pytest.mark.parametrize(("number", "weights"), SUMS)
def test_U5_and_U10_sum_of_three_paths(course, network, number, weights):
    assert {" ".join(path) for path in nodes(course[number])} == {
        f"E_3 y_3 s_3 {weights}",
        f"E_3 y_3 s_3 s_2 {weights}",
        f"E_3 y_3 s_3 s_2 s_1 {weights}",
    }
    total = total_of(b.derive(COURSE, weights, N, level="jacobian"), weights)
    expected = network.gradient(("E", N), network.copies(weights))
    assert close(network.value(total.right), expected)


GENERAL = [pytest.param(42, "W_s", id="U6"), pytest.param(47, "W_x", id="U11")]


@pytest.mark.parametrize(("number", "weights"), GENERAL)
def test_U6_and_U11_as_printed(course, number, weights):
    assert course[number] == normal(
        rf"\frac{{\partial E_N}}{{\partial {weights}}}=\sum_{{i=1}}^{{N}}"
        r"\frac{\partial E_N}{\partial\bar y_N}\frac{\partial\bar y_N}{\partial\bar s_i}"
        rf"\frac{{\partial\bar s_i}}{{\partial {weights}}}"
    )


@pytest.mark.parametrize(("number", "weights"), GENERAL)
@pytest.mark.parametrize("steps", range(1, 7))
def test_U6_and_U11_for_a_number_of_steps_are_the_sum(number, weights, steps):
    """N put into the general form gives the terms i = 1, ..., N in the pattern of U5."""
    derivation = b.derive(COURSE, weights, steps)
    found = written_out(general_of(derivation, weights).right, derivation, steps)
    assert {" ".join(path) for path in found} == {
        " ".join([f"E_{steps} y_{steps}", *(f"s_{j}" for j in range(steps, i - 1, -1)), weights])
        for i in range(1, steps + 1)
    }
    assert len(found) == steps


@pytest.mark.parametrize(("number", "weights"), GENERAL)
def test_U6_and_U11_have_the_value_of_the_gradient(network, number, weights):
    """The recursion, the unrolled sum and the general form at N = 5 are one number."""
    derivation = b.derive(COURSE, weights, N, level="jacobian")
    unrolled = network.value(total_of(derivation, weights).right)
    general = general_of(derivation, weights).right.xreplace({LAST_STEP: Integer(N)})
    _, recursion = backward(network, b.derive(COURSE, weights, N, level="adjoint"))
    expected = network.gradient(("E", N), network.copies(weights))
    assert close(unrolled, expected)
    assert close(network.value(general, totals_of(derivation, network)), expected)
    assert close(recursion[weights], unrolled, 1e-14)


def test_U6_the_last_factor_is_immediate(network):
    """Read as total derivatives, the factors ds_i/dW_s do not add up to the gradient."""
    expected = network.gradient(("E", N), network.copies("W_s"))
    read_as_total = sum(
        network.jacobian(("E", N), ("s", i))
        @ network.jacobian(("s", i), [("W_s", copy) for copy in range(1, i + 1)])
        for i in network.times
    )
    assert relative_error(read_as_total.reshape(expected.shape), expected) > 0.1


def test_U12_untied_copies():
    """Equations 50 to 55: W_1, ..., W_4 all different; ds_4/dW_i is term i of the sum."""
    network = Network(COURSE, EQUATIONS, 4, SIZES, untied=True)
    edges = edges_of(b.derive(COURSE, "W_s", 4, level="jacobian"))
    states = [("s", 4), ("s", 3), ("s", 2), ("s", 1)]
    for i in network.times:
        path = [*states[: 5 - i], ("W_s", i)]
        expected = network.jacobian(("s", 4), ("W_s", i))
        assert close(path_value(network, edges, path), expected)


def test_U12_tied_again_the_copies_sum_to_the_gradient(network):
    terms = terms_of(b.derive(COURSE, "W_s", N, level="jacobian"), "W_s")
    expected = network.gradient(("E", N), network.copies("W_s"))
    assert close(sum(network.gradient(("E", N), copy) for copy in network.copies("W_s")), expected)
    assert close(sum(network.value(term.right) for term in terms), expected)


@pytest.mark.parametrize("batch", [1, 4])
def test_U14_the_mean_over_a_mini_batch(batch):
    """Equation 61: the emitted module sums over the batch; divided by M it is the mean."""
    rows = [Network(COURSE, EQUATIONS, N, SIZES, sequence=row) for row in range(batch)]
    module = b.compile(COURSE, loss="sum")
    parameters = module.Parameters(*(rows[0].given[name, 1] for name in COURSE.parameters))
    x, d = (
        np.array([[row.given[name, time][0] for row in rows] for time in rows[0].times])
        for name in ("x", "d")
    )
    s0 = np.concatenate([row.given["s", 0] for row in rows])
    gradients = module.value_and_grad(parameters, x, d, s0).gradients
    for name, gradient in gradients._asdict().items():
        each = [row.gradient(row.losses(), row.copies(name)) for row in rows]
        assert close(gradient / batch, np.mean(each, axis=0))


OUTPUTS = {
    "identity": (lambda o: o, lambda y, g: g),
    "sigmoid": (sigmoid, lambda y, g: g * y * (1 - y)),
    "softmax": (softmax, lambda y, g: g @ (np.diag(y.ravel()) - y.T @ y)),
}


@pytest.mark.parametrize("half", [False, True], ids=["without 1/2", "with 1/2"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_U15_outputs_and_losses(output, half):
    """rho_N = g sigma', or g (diag y - y^T y); g = -2 (d - y), or -(d - y) with 1/2."""
    function, rho_of = OUTPUTS[output]
    loss = "sum((d[t] - y[t]) ** 2)" + (" / 2" if half else "")
    model = parse_model(ELMAN_WITH.format(output=output, loss=loss))
    square = EQUATIONS["E"]
    equations = EQUATIONS | {
        "y": lambda now, before: function(now.o),
        "E": lambda now, before: square(now, before) / (2 if half else 1),
    }
    network = Network(model, equations, N, SIZES)
    adjoints, gradients = backward(network, b.derive(model, steps=N, level="adjoint"))
    last = network.at(N)
    g = -(1 if half else 2) * (last.d - last.y)
    assert close(adjoints["y", N], g)
    assert close(adjoints["o", N], rho_of(last.y, g))
    for name in model.parameters:
        assert close(gradients[name], network.gradient(("E", N), network.copies(name)))


ELMAN_WITH = """
[dimensions]
m = "inputs"
n = "hidden units"
k = "outputs"
[inputs]
x = ["m"]
[targets]
d = ["k"]
[parameters]
W_y = ["n", "k"]
W_s = ["n", "n"]
W_x = ["m", "n"]
[states]
s = ["n"]
[functions]
phi = "tanh"
[equations]
s = "phi(x[t] @ W_x + s[t-1] @ W_s)"
o = "s[t] @ W_y"
y = "{output}(o[t])"
[preactivations]
s = "z"
[loss]
E = "{loss}"
"""
