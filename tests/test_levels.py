"""The three levels of a derivation are equal: to each other and to SymPy's own scalar ``diff``.

Exactly, for all sizes equal to two and three time steps (two for the entangled model).
"""

from __future__ import annotations

from functools import partial

import pytest
import sympy
from support.exact import Scalars, copy_of, equal
from support.totals import Totals

import bptt_sym as b
from bptt_sym.algebra.expressions import LAST_STEP, Adjoint, Gradient, Variable, product
from bptt_sym.model.read import parse_model

# Two states that feed each other and two ways from one step to the next, a parameter used
# twice and transposed: no path stands alone, so every total derivative is needed.
ENTANGLED = parse_model("""
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[targets]
d = ["n"]
[parameters]
U = ["m", "n"]
W = ["n", "n"]
b = ["n"]
[states]
c = ["n"]
h = ["n"]
[functions]
g = "tanh"
[equations]
f = "g(x[t] @ U + h[t-1] @ W.T)"
c = "f[t] * c[t-1] + (1 - f[t]) * b"
h = "2 * c[t] * f[t] - h[t-1]"
[loss]
E = "sum((d[t] - h[t] @ W) ** 2) + sum(W * W) / 2"
""")

# The LSTM with every function generic: what a step hands on is (h, c).
LSTM = parse_model("""
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
U_a = ["n", "n"]
U_o = ["n", "n"]
b_f = ["n"]
[states]
h = ["n"]
c = ["n"]
[functions]
phi = "tanh"
sigma = "sigmoid"
[equations]
f = "sigma(x[t] + h[t-1] + b_f)"
o = "sigma(x[t] + h[t-1] @ U_o)"
a = "phi(x[t] + h[t-1] @ U_a)"
c = "f[t] * c[t-1] + a[t]"
h = "o[t] * phi(c[t])"
[loss]
E = "sum(d[t] * h[t])"
""")

# One layer on the other: the tuple of both, the Jacobian between steps a triangle of blocks.
TWO_LAYERS = parse_model("""
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
W_1 = ["n", "n"]
V = ["n", "n"]
W_2 = ["n", "n"]
[states]
s = ["n"]
z = ["n"]
[functions]
phi = "tanh"
[equations]
s = "phi(x[t] + s[t-1] @ W_1)"
z = "phi(s[t] @ V + z[t-1] @ W_2)"
y = "phi(z[t])"
[loss]
E = "sum(d[t] * y[t])"
""")

# A state that is read two steps back: the tuple is (s_t, s_{t-1}).
LAGGED = parse_model("""
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
W_1 = ["n", "n"]
W_2 = ["n", "n"]
[states]
s = ["n"]
[functions]
phi = "tanh"
[equations]
s = "phi(x[t] + s[t-1] @ W_1 + s[t-2] @ W_2)"
y = "s[t] + s[t-1] @ W_2"
[loss]
E = "sum(d[t] * y[t])"
""")

# One state, but several paths from each step to the one before.
GATED = parse_model("""
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
U_z = ["n", "n"]
U_h = ["n", "n"]
[states]
h = ["n"]
[functions]
phi = "tanh"
sigma = "sigmoid"
[equations]
z = "sigma(x[t] + h[t-1] @ U_z)"
a = "phi(x[t] + (z[t] * h[t-1]) @ U_h)"
h = "(1 - z[t]) * h[t-1] + a[t]"
[loss]
E = "sum(d[t] * h[t])"
""")

# A scan from the last step to the first, which one from the first to the last reads.
REVERSE = parse_model("""
[dimensions]
n = "units"
[inputs]
x = ["n"]
[targets]
d = ["n"]
[parameters]
W = ["n", "n"]
U = ["n", "n"]
[states]
r = {shape = ["n"], reverse = true}
s = ["n"]
[functions]
phi = "tanh"
[equations]
r = "phi(x[t] + r[t+1] @ W)"
s = "phi(s[t-1] @ U + r[t])"
[loss]
E = "sum(d[t] * s[t])"
""")

MODELS = {
    "elman": b.load_model("elman"),
    "elman-bias": b.load_model("elman-bias"),
    "entangled": ENTANGLED,
    "lstm": LSTM,
    "two layers": TWO_LAYERS,
    "lag of two": LAGGED,
    "reverse": REVERSE,
    "gated": GATED,
}


@pytest.fixture(
    params=[
        # Its scalars are as many as those of all others together.
        pytest.param(model, id=name, marks=pytest.mark.exhaustive if name == "gated" else ())
        for name, model in MODELS.items()
    ],
    scope="module",
)
def model(request):
    return request.param


@pytest.fixture(params=["last", "sum"], scope="module")
def loss(request):
    return request.param


@pytest.fixture(scope="module")
def steps(model):
    """Three; the scalars of the entangled model grow with a power of the steps."""
    return 2 if model is ENTANGLED else 3


@pytest.fixture(scope="module")
def unfolded(model, steps, loss):
    return Scalars(model, steps, loss)


@pytest.fixture
def same(model):
    """Equality of arrays of scalars; to expand more than an Elman network's takes minutes."""
    return partial(equal, expand=model.name.startswith("elman"))


def gradient_sections(derivation):
    return [section for section in derivation.sections if section.topic == "gradient"]


@pytest.mark.one_in(2)
def test_chain_level_is_the_derivative(model, steps, loss, unfolded, same):
    """The Jacobians multiplied along each chain, in the order printed, give vec(dE/dW)."""
    derivation = b.derive(model, steps=steps, loss=loss)
    totals = Totals(b.derive(model, steps=steps, loss=loss, level="jacobian"), unfolded.explicit)
    for section in gradient_sections(derivation):
        *_, total, _general = section.equations
        rows = [
            unfolded.explicit(product(*(factor.jacobian for factor in chain)), totals)
            for chain in total.factors
        ]
        expected = unfolded.gradient(section.parameter)
        assert same(sum(rows[1:], rows[0]).reshape(expected.shape), expected)


@pytest.mark.one_in(2)
def test_jacobian_level_is_the_derivative(model, steps, loss, unfolded, same):
    derivation = b.derive(model, steps=steps, level="jacobian", loss=loss)
    totals = Totals(derivation, unfolded.explicit)
    for section in gradient_sections(derivation):
        *_, total, _general = section.equations
        expected = unfolded.gradient(section.parameter)
        assert same(unfolded.explicit(total.right, totals), expected)


def test_general_form_instantiates_to_the_sum(model, steps, loss, unfolded, same):
    """N = 3 put into the equation for symbolic N gives the derivative again."""
    derivation = b.derive(model, steps=steps, level="jacobian", loss=loss)
    totals = Totals(derivation, unfolded.explicit)
    for section in gradient_sections(derivation):
        general = section.equations[-1].right.xreplace({LAST_STEP: sympy.Integer(steps)})
        expected = unfolded.gradient(section.parameter)
        assert same(unfolded.explicit(general, totals), expected)


@pytest.mark.one_in(4)
def test_contributions_are_gradients_by_untied_copies(model, steps, loss, unfolded, same):
    """Contribution i is the gradient with respect to the copy of step i."""
    untied = Scalars(model, steps, loss, untied=True)
    derivation = b.derive(model, steps=steps, level="jacobian", loss=loss)
    totals = Totals(derivation, unfolded.explicit)
    seen = 0
    for section in gradient_sections(derivation):
        for equation in section.equations:
            if equation.contribution is None:
                continue
            copy = copy_of(section.parameter, equation.contribution.step)
            gradient = untied.tied(untied.gradient(copy), model.parameters.values(), steps)
            assert same(unfolded.explicit(equation.right, totals), gradient)
            seen += 1
    assert seen >= steps


def test_adjoint_level_is_the_derivative(model, steps, loss, unfolded, same):
    """The recursion, evaluated in the order printed, gives every gradient."""
    derivation = b.derive(model, steps=steps, level="adjoint", loss=loss)
    recursion, sums = derivation.sections[:2]
    adjoints = {}
    for equation in (*recursion.equations, *sums.equations):
        value = unfolded.explicit(equation.right, adjoints)
        left = equation.left
        if isinstance(left, Adjoint):
            adjoints[left] = value
        else:
            assert isinstance(left, Gradient)
            assert same(value, unfolded.gradient(left.by))


def test_adjoint_level_covers_initial_states():
    derivation = b.derive(ENTANGLED, steps=2, level="adjoint")
    by = {equation.left.by for equation in derivation.sections[1].equations}
    assert {leaf.name for leaf in by if isinstance(leaf, Variable)} == {"c", "h"}


FEWEST = {
    'h = "tanh(h[t-1])"': 1,
    'h = "h[t-1]"\ny = "h[t-1]"': 2,
    'h = "tanh(h[t-1])"\ny = "h[t-3]"': 4,
    'h = "tanh(h[t-2])"\ny = "h[t]"': 2,
}
"""The fewest steps for which the equations for any number of them define each adjoint once."""


@pytest.mark.parametrize("equations", FEWEST)
def test_the_general_recursion_says_for_how_many_steps_it_holds(equations):
    read = "y" if "y = " in equations else "h"
    text = (
        '[dimensions]\nn = ""\n[parameters]\nb = ["n"]\n[states]\n'
        'h = {shape = ["n"], initial = "b"}\n'
        f'[equations]\n{equations}\n[loss]\nE = "sum({read}[t])"\n'
    )
    derivation = b.derive(parse_model(text), steps=1, level="adjoint", loss="sum")
    found = {section.fewest_steps for section in derivation.sections if section.general}
    assert found == {FEWEST[equations]}
    least = f" ≥ {FEWEST[equations]}" if FEWEST[equations] > 1 else ""
    assert f"Adjoints for any N{least}, in the order" in derivation.text()


DIRECT = """
[inputs]
x = []
[targets]
d = []
[parameters]
w = []
[states]
h = []
[equations]
h = "tanh(x[t] + w * h[t-1])"
[loss]
E = "(d[t] - h[t]) ** 2 + w ** 2"
"""


def test_a_gradient_and_its_direct_part_have_two_signs():
    """Where the loss reads the parameter itself; the losses of all steps are another sign."""
    model = parse_model(DIRECT, "direct")
    derivation = b.derive(model, steps=1)
    assert "∂E₁/∂w = ∂E₁/∂h₁ · ∂⁺h₁/∂w + ∂⁺E₁/∂w" in derivation.text()
    assert "∂⁺Eₜ/∂w = 2 w" in b.derive(model, level="jacobian").text()
    assert "∂⁺" not in b.derive(model, loss="sum").text()
    assert "∂⁺" not in b.derive(model, paths=True).text()
    assert "∂⁺" not in b.derive(b.load_model("elman")).text()
