"""Every operation and every function of the tables: shape, value, derivative, print and code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import sympy
from sympy import Integer, KroneckerProduct, MatrixExpr, S

import bptt_sym as b
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    PRODUCT_STEP,
    TIME,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    Parameter,
    RowByRow,
    SumOfEntries,
    TimeProduct,
    TimeSum,
    Transpose,
    Variable,
    ZeroMatrix,
    add,
    dimension,
    hadamard,
    power,
    product,
    scale,
    transpose,
)
from bptt_sym.algebra.functions import FUNCTIONS, Elementwise, derivative
from bptt_sym.algebra.operations import OPERATIONS, Operation
from bptt_sym.algebra.pullback import leaves, pullback
from bptt_sym.emit.numpy.names import Names
from bptt_sym.emit.numpy.printer import Place, expression_code
from bptt_sym.render.plain import unicode_text
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset

m, n = dimension("m"), dimension("n")
SIZES = {m: 3, n: 2}
x, u = Variable("x", S.One, m, TIME), Variable("u", S.One, m, TIME)
W, V = Parameter("W", m, n), Parameter("V", m, n)
i, j = CONTRIBUTION_STEP, PRODUCT_STEP


@dataclass(frozen=True)
class Sample:
    """An expression of one operation and what it is; ``code`` is absent outside of programs."""

    expression: MatrixExpr
    shape: tuple
    text: str
    latex: str
    code: str | None = None


SAMPLES = {
    MatAdd: Sample(
        add(x, scale(-2, u), OneMatrix(1, m)),
        (1, m),
        "xₜ − 2 uₜ + 1",
        r"\bar{x}_{t} - 2 \, \bar{u}_{t} + 1",
        "x - 2 * u + 1",
    ),
    MatMul: Sample(
        scale(-2, product(add(x, u), W)),
        (1, n),
        "−2 (xₜ + uₜ) W",
        r"-2 \, \left( \bar{x}_{t} + \bar{u}_{t} \right) \, W",
        "-2 * ((x + u) @ W)",
    ),
    HadamardProduct: Sample(
        hadamard(add(x, u), u),
        (1, m),
        "(xₜ + uₜ) ⊙ uₜ",
        r"\left( \bar{x}_{t} + \bar{u}_{t} \right) \odot \bar{u}_{t}",
        "(x + u) * u",
    ),
    HadamardPower: Sample(
        power(add(x, scale(-1, u)), 3),
        (1, m),
        "(xₜ − uₜ)³",
        r"\left( \bar{x}_{t} - \bar{u}_{t} \right)^{3}",
        "(x - u) ** 3",
    ),
    Transpose: Sample(transpose(W), (n, m), "Wᵀ", r"W^{\top}", "W.T"),
    SumOfEntries: Sample(
        SumOfEntries(hadamard(x, u)),
        (1, 1),
        "Σ xₜ ⊙ uₜ",
        r"\sum \bar{x}_{t} \odot \bar{u}_{t}",
        "np.sum(x * u, axis=-1, keepdims=True)",
    ),
    Elementwise: Sample(
        Elementwise("tanh", x), (1, m), "tanh(xₜ)", r"\tanh(\bar{x}_{t})", "np.tanh(x)"
    ),
    DiagMatrix: Sample(DiagMatrix(x), (m, m), "diag(xₜ)", r"\operatorname{diag}(\bar{x}_{t})"),
    KroneckerProduct: Sample(
        KroneckerProduct(x, Identity(n)),
        (n, m * n),
        "xₜ ⊗ Iₙ",
        r"\bar{x}_{t} \otimes I_{n}",
    ),
    RowByRow: Sample(RowByRow(W), (1, m * n), "vec(W)", r"\operatorname{vec}(W)"),
    Identity: Sample(Identity(n), (n, n), "Iₙ", "I_{n}"),
    OneMatrix: Sample(OneMatrix(1, n), (1, n), "𝟏", r"\mathbf{1}", "np.ones(n, dtype)"),
    ZeroMatrix: Sample(ZeroMatrix(1, n), (1, n), "0", "0", "0.0"),
    TimeSum: Sample(
        TimeSum(x.at(i), i, Integer(1), Integer(3)),
        (1, m),
        "Σᵢ₌₁³ xᵢ",
        r"\sum_{i=1}^{3} \bar{x}_{i}",
    ),
    TimeProduct: Sample(
        TimeProduct(DiagMatrix(x.at(j)), j, Integer(1), Integer(3)),
        (m, m),
        "∏[3 ≥ j > 1] diag(xⱼ)",
        r"\prod_{3 \ge j > 1} \operatorname{diag}(\bar{x}_{j})",
    ),
}


def test_no_operation_is_without_a_sample():
    assert SAMPLES.keys() == OPERATIONS.keys()


@pytest.fixture(params=SAMPLES, ids=lambda node: node.__name__)
def sample(request):
    return SAMPLES[request.param]


def values(expression: MatrixExpr, seed: int = 0) -> dict:
    """A random matrix for each leaf."""
    rng = np.random.default_rng(seed)
    found = dict(SIZES)
    for leaf in [*leaves(expression), *(x.at(step) for step in (1, 2, 3))]:
        shape = [evaluate(size, SIZES, {}) for size in leaf.shape]
        found.setdefault(leaf, rng.standard_normal(shape))
    return found


TANH = {"tanh": lambda z, order: np.tanh(z) if order == 0 else 1 - np.tanh(z) ** 2}


def test_shape_and_print(sample):
    assert sample.expression.shape == sample.shape
    assert unicode_text(typeset(sample.expression)) == sample.text
    assert tex(typeset(sample.expression)) == sample.latex


def test_value_is_that_of_sympy(sample):
    """The value of each operation agrees with the matrix that SymPy writes out in entries."""
    expression = sample.expression
    if isinstance(expression, TimeSum | TimeProduct):
        expression = expression.doit()
    given = values(expression)
    got = evaluate(sample.expression, given, TANH)
    numbers = {key: sympy.ImmutableMatrix(v) for key, v in given.items() if key not in SIZES}
    sized = expression.xreplace(numbers).xreplace(SIZES)
    expected = np.array(sized.as_explicit().tolist(), dtype=float)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@pytest.mark.parametrize("node", [n for n in SAMPLES if SAMPLES[n].code], ids=lambda n: n.__name__)
def test_code(node):
    sample = SAMPLES[node]
    code = expression_code(sample.expression, Place("", lambda leaf: True), Names([]))
    assert code.text == sample.code


DIFFERENTIABLE = [
    node for node, operation in OPERATIONS.items() if type(operation).vjp is not Operation.vjp
]


@pytest.mark.parametrize("node", DIFFERENTIABLE, ids=lambda node: node.__name__)
def test_derivative_by_complex_step(node):
    """The sweep's adjoint of each leaf is the complex-step derivative of <c, f>."""
    expression = SAMPLES[node].expression
    cotangent = Variable("c", *expression.shape, TIME)
    given = values(expression) | values(cotangent, 1)
    reached: dict[MatrixExpr, np.ndarray] = {}
    for leaf, adjoint in pullback(expression, cotangent):
        reached[leaf] = reached.get(leaf, 0) + evaluate(adjoint, given, TANH)
    assert reached.keys() == set(leaves(expression))
    for leaf, adjoint in reached.items():
        for index in np.ndindex(given[leaf].shape):
            moved = given[leaf].astype(complex)
            moved[index] += 1e-30j
            value = evaluate(expression, given | {leaf: moved}, TANH)
            slope = np.sum(given[cotangent] * value).imag / 1e-30
            assert adjoint[index] == pytest.approx(slope, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_of_a_function_is_that_of_sympy(name):
    z = sympy.Symbol("z", real=True)
    one = dimension("one")
    row = Variable("z", S.One, one, TIME)
    rule = derivative(Elementwise(name, row))
    entry = rule.xreplace({one: Integer(1)}).as_explicit()[0, 0]
    symbol = row.xreplace({one: Integer(1)})[0, 0]
    difference = entry.xreplace({symbol: z}) - sympy.diff(FUNCTIONS[name].scalar(z), z)
    assert all(
        abs(difference.subs(z, point).evalf()) < 1e-12 for point in (-2, 0, sympy.Rational(7, 5))
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_code_of_a_function_is_its_value(name):
    """Through a generated module whose state is the function of the input."""
    model = b.load_model("elman")
    module = b.compile(model, activation={"phi": name})
    eye = np.eye(2)
    inputs = np.array([[[-3.0, 0.5]]])
    forward = module.forward(module.Parameters(eye, eye, eye), inputs, np.zeros((1, 2)))
    z = sympy.Symbol("z", real=True)
    expected = [float(FUNCTIONS[name].scalar(z).subs(z, point)) for point in (-3, 0.5)]
    np.testing.assert_allclose(forward.s[0, 0], expected, rtol=1e-14)
