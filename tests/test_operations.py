"""Every operation and every function of the tables: shape, value, derivative, print and code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import sympy
from sympy import Integer, KroneckerProduct, MatrixExpr, S

import bptt_sym as b
from bptt_sym.algebra.blocks import Blocks, blocks
from bptt_sym.algebra.constants import Pi
from bptt_sym.algebra.cumulative import Triangle
from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.derivatives import Commutation, InRows, RowByRow, Selection
from bptt_sym.algebra.entries import broadcast, quotient
from bptt_sym.algebra.entrywise import (
    MAXIMUM,
    MINIMUM,
    Choice,
    Comparison,
    Extremum,
    StopGradient,
    comparison,
)
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    TIME,
    Broadcast,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    Parameter,
    Quotient,
    Size,
    SumOfEntries,
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
from bptt_sym.algebra.extremes import AtLargest, AtSmallest, Direction, Largest, Norm, Smallest
from bptt_sym.algebra.functions import FUNCTIONS, WORDS, Elementwise, derivative
from bptt_sym.algebra.heads import BlockDiagonal, HeadProduct, HeadTranspose
from bptt_sym.algebra.linear_systems import (
    DeterminantOf,
    InverseMatrix,
    LogDeterminant,
    Solution,
    inverse,
    solution,
)
from bptt_sym.algebra.moments import InverseDeviation, InverseRms, LayerNorm, RmsNorm, Variance
from bptt_sym.algebra.operation import Operation
from bptt_sym.algebra.operations import OPERATIONS
from bptt_sym.algebra.over_time import PRODUCT_STEP, TimeProduct, TimeSum
from bptt_sym.algebra.parts import Concatenation, Padding, Slice
from bptt_sym.algebra.pullback import leaves, pullback
from bptt_sym.algebra.remainder import Modulo
from bptt_sym.algebra.spread_over import SpreadOver, SumOver
from bptt_sym.algebra.vectors import LogSoftmax, LogSumExp, Softmax
from bptt_sym.graph.array_shapes import array_sizes
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.lower import Lowering
from bptt_sym.graph.node import Node
from bptt_sym.model.read import parse_model
from bptt_sym.render.plain import unicode_text
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset
from bptt_sym.targets.numpy.precedence import Code
from bptt_sym.targets.numpy.printer import Printer
from bptt_sym.targets.numpy.python_names import PythonNames

m, n = dimension("m"), dimension("n")
H = dimension("H")
SIZES = {m: 3, n: 2, H: 2}
x, u, w = (Variable(name, S.One, m, TIME) for name in ("x", "u", "w"))
v, long = Variable("v", S.One, n, TIME), Variable("g", S.One, 3 * n, TIME)
flat = Variable("f", S.One, m * n, TIME)
a = Parameter("a", S.One, S.One)
W, V = Parameter("W", m, n), Parameter("V", m, n)
M = Parameter("M", n, n)
Y, x_by_head = Variable("Y", H * n, m, TIME), Variable("U", H * m, n, TIME)
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
    Quotient: Sample(
        quotient(add(x, u), scale(2, hadamard(w, w))),
        (1, m),
        "(xₜ + uₜ) / (2 wₜ ⊙ wₜ)",
        r"\frac{\bar{x}_{t} + \bar{u}_{t}}{2 \, \bar{w}_{t} \odot \bar{w}_{t}}",
        "0.5 * (x + u) / (w * w)",
    ),
    HadamardPower: Sample(
        power(add(x, scale(-1, u)), 3),
        (1, m),
        "(xₜ − uₜ)³",
        r"\left( \bar{x}_{t} - \bar{u}_{t} \right)^{3}",
        "(x - u) ** 3",
    ),
    Transpose: Sample(transpose(W), (n, m), "Wᵀ", r"W^{\top}", "W.T"),
    Broadcast: Sample(
        hadamard(broadcast(a, (1, m)), x), (1, m), "a xₜ", r"a \, \bar{x}_{t}", "a * x"
    ),
    SumOfEntries: Sample(
        SumOfEntries(hadamard(x, u)),
        (1, 1),
        "Σ (xₜ ⊙ uₜ)",
        r"\sum \left( \bar{x}_{t} \odot \bar{u}_{t} \right)",
        "np.sum(x * u, axis=-1, keepdims=True)",
    ),
    Elementwise: Sample(
        Elementwise("tanh", x), (1, m), "tanh(xₜ)", r"\tanh(\bar{x}_{t})", "np.tanh(x)"
    ),
    Extremum: Sample(
        Extremum(MAXIMUM, x, u),
        (1, m),
        "max(xₜ, uₜ)",
        r"\max(\bar{x}_{t}, \bar{u}_{t})",
        "np.maximum(x, u)",
    ),
    Modulo: Sample(
        scale(2, Modulo(add(x, u), w)),
        (1, m),
        "2 ((xₜ + uₜ) mod wₜ)",
        r"2 \, \left( \left( \bar{x}_{t} + \bar{u}_{t} \right) \bmod \bar{w}_{t} \right)",
        "2 * modulo(x + u, w)",
    ),
    Choice: Sample(
        Choice(x, ZeroMatrix(1, m), u, scale(2, OneMatrix(1, m)), S.false),
        (1, m),
        "(uₜ if xₜ ≥ 0, else 2)",
        r"\begin{cases} \bar{u}_{t} & \bar{x}_{t} \ge 0 \\ 2 & \text{else} \end{cases}",
        "np.where(np.real(x) >= 0, u, 2)",
    ),
    Comparison: Sample(
        comparison(x, u),
        (1, m),
        "𝟏[xₜ ≥ uₜ]",
        r"\mathbf{1}[\bar{x}_{t} \ge \bar{u}_{t}]",
        "np.asarray(x >= u, dtype)",
    ),
    StopGradient: Sample(
        StopGradient(x),
        (1, m),
        "stop_gradient(xₜ)",
        r"\operatorname{sg}(\bar{x}_{t})",
        "stop_gradient(x)",
    ),
    Declared: Sample(
        Declared(x, power(x, 2), scale(2, x)),
        (1, m),
        "xₜ²",
        r"\bar{x}_{t}^{2}",
        "declared(x, x ** 2, 2 * x)",
    ),
    Softmax: Sample(
        Softmax(x), (1, m), "softmax(xₜ)", r"\operatorname{softmax}(\bar{x}_{t})", "softmax(x)"
    ),
    LogSoftmax: Sample(
        LogSoftmax(x),
        (1, m),
        "log_softmax(xₜ)",
        r"\log \operatorname{softmax}(\bar{x}_{t})",
        "log_softmax(x)",
    ),
    LogSumExp: Sample(
        LogSumExp(x),
        (1, 1),
        "logsumexp(xₜ)",
        r"\operatorname{logsumexp}(\bar{x}_{t})",
        "logsumexp(x)",
    ),
    Variance: Sample(
        Variance(W, 1),
        (m, 1),
        "var(W, axis=1)",
        r"\operatorname{var}(W, \mathrm{axis}=1)",
        "variance(W, axis=-1)[..., 0]",
    ),
    RmsNorm: Sample(
        RmsNorm(W, 0),
        (m, n),
        "rms_norm(W, axis=0)",
        r"\operatorname{RMSNorm}(W, \mathrm{axis}=0)",
        "rms_norm(W, axis=-2)",
    ),
    InverseRms: Sample(
        InverseRms(x),
        (1, 1),
        "inverse_rms(xₜ)",
        r"\operatorname{rms}^{-1}(\bar{x}_{t})",
        "inverse_rms(x)",
    ),
    Largest: Sample(
        Largest(W, 0),
        (1, n),
        "max(W, axis=0)",
        r"\max(W, \mathrm{axis}=0)",
        "np.max(W, axis=-2)",
    ),
    Smallest: Sample(
        Smallest(x),
        (1, 1),
        "min(xₜ)",
        r"\min(\bar{x}_{t})",
        "np.min(x, axis=-1, keepdims=True)",
    ),
    AtLargest: Sample(
        AtLargest(W, 0),
        (m, n),
        "max′(W, axis=0)",
        r"\max'(W, \mathrm{axis}=0)",
        "share_of_greatest(W, axis=-2)",
    ),
    AtSmallest: Sample(
        AtSmallest(x), (1, m), "min′(xₜ)", r"\min'(\bar{x}_{t})", "share_of_least(x)"
    ),
    Norm: Sample(Norm(x), (1, 1), "norm(xₜ)", r"\left\| \bar{x}_{t} \right\|", "norm(x)"),
    Direction: Sample(
        Direction(x),
        (1, m),
        "xₜ / norm(xₜ)",
        r"\frac{\bar{x}_{t}}{\left\| \bar{x}_{t} \right\|}",
        "direction(x)",
    ),
    Triangle: Sample(
        Triangle(n),
        (n, n),
        "triu(𝟏)",
        r"\operatorname{triu}(\mathbf{1})",
        "np.cumsum(np.eye(n, dtype=dtype), axis=-1)",
    ),
    LayerNorm: Sample(
        LayerNorm(x),
        (1, m),
        "layer_norm(xₜ)",
        r"\operatorname{LayerNorm}(\bar{x}_{t})",
        "layer_norm(x)",
    ),
    InverseDeviation: Sample(
        InverseDeviation(x),
        (1, 1),
        "inverse_deviation(xₜ)",
        r"\operatorname{dev}^{-1}(\bar{x}_{t})",
        "inverse_deviation(x)",
    ),
    InverseMatrix: Sample(
        inverse(scale(2, M)), (n, n), "1/2 M⁻¹", r"\tfrac{1}{2} \, M^{-1}", "0.5 * np.linalg.inv(M)"
    ),
    Solution: Sample(
        solution(transpose(M), transpose(W)),
        (n, m),
        "M⁻ᵀ Wᵀ",
        r"M^{-\top} \, W^{\top}",
        "np.linalg.solve(M.T, W.T)",
    ),
    LogDeterminant: Sample(
        LogDeterminant(M),
        (1, 1),
        "log|det(M)|",
        r"\log \left| \det(M) \right|",
        "log_determinant(M)",
    ),
    DeterminantOf: Sample(DeterminantOf(M), (1, 1), "det(M)", r"\det(M)", "np.linalg.det(M)"),
    Concatenation: Sample(
        Concatenation(x, v),
        (1, m + n),
        "[xₜ, vₜ]",
        r"[\bar{x}_{t}, \bar{v}_{t}]",
        "np.concatenate([x, v], axis=-1)",
    ),
    Slice: Sample(
        Slice(long, n, 2 * n), (1, n), "gₜ[n:2n]", r"\bar{g}_{t}[n:2\,n]", "g[..., n:2*n]"
    ),
    Padding: Sample(
        Padding(v, n, 1, 3 * n), (1, 3 * n), "[0, vₜ, 0]", r"[0, \bar{v}_{t}, 0]", "pad(v, n, 3*n)"
    ),
    Pi: Sample(Pi(), (1, 1), "π", r"\pi", "math.pi"),
    Size: Sample(Size(n), (1, 1), "n", "n", "n"),
    DiagMatrix: Sample(
        DiagMatrix(x),
        (m, m),
        "diag(xₜ)",
        r"\operatorname{diag}(\bar{x}_{t})",
        "np.eye(m, dtype=dtype) * x[..., None, :]",
    ),
    KroneckerProduct: Sample(
        KroneckerProduct(x, Identity(n)),
        (n, m * n),
        "xₜ ⊗ Iₙ",
        r"\bar{x}_{t} \otimes I_{n}",
    ),
    RowByRow: Sample(
        RowByRow(W), (1, m * n), "vec(W)", r"\operatorname{vec}(W)", "reshaped(W, 2, m*n)"
    ),
    InRows: Sample(
        InRows(flat, m, n),
        (m, n),
        "matrix(fₜ)",
        r"\operatorname{vec}^{-1}(\bar{f}_{t})",
    ),
    Commutation: Sample(Commutation(m, n), (m * n, m * n), "K(m, n)", "K(m, n)"),
    Selection: Sample(
        Selection(3 * n, n, 2 * n), (3 * n, n), "I₃ₙ[:, n:2n]", r"I_{3 \, n}[{:},n:2\,n]"
    ),
    Blocks: Sample(
        blocks([[W, DiagMatrix(x)], [ZeroMatrix(1, n), x]]),
        (m + 1, m + n),
        "[W, diag(xₜ); 0, xₜ]",
        r"\begin{bmatrix} \displaystyle W & \displaystyle \operatorname{diag}(\bar{x}_{t}) "
        r"\\[2ex] \displaystyle 0 & \displaystyle \bar{x}_{t} \end{bmatrix}",
    ),
    HeadProduct: Sample(
        HeadProduct(Y, x_by_head, H),
        (H * n, n),
        "Yₜ Uₜ",
        r"Y_{t} \, U_{t}",
        "head_dot(Y, U, H)",
    ),
    HeadTranspose: Sample(
        HeadTranspose(Y, H),
        (H * m, n),
        "Yₜᵀ",
        r"Y_{t}^{\top}",
        "head_transpose(Y, H)",
    ),
    SpreadOver: Sample(
        SpreadOver(x, S.One, H, n, m),
        (H * n, m),
        "xₜ",
        r"\bar{x}_{t}",
        "head_spread(x[..., None, :], 1, H, n, m)",
    ),
    SumOver: Sample(
        SumOver(Y, H, H, S.One, S.One),
        (H, 1),
        "sum_rc(Yₜ)",
        r"\operatorname{sum}_{rc}(Y_{t})",
        "head_sum(Y, H, H, 1, 1)[..., 0]",
    ),
    BlockDiagonal: Sample(
        BlockDiagonal(Y, H, n),
        (H * n**2, H * n * m),
        "blockdiag(Iₙ ⊗ Yₜ)",
        r"\operatorname{blockdiag}(I_{n} \otimes Y_{t})",
    ),
    Identity: Sample(Identity(n), (n, n), "Iₙ", "I_{n}", "np.eye(n, dtype=dtype)"),
    OneMatrix: Sample(OneMatrix(1, n), (1, n), "𝟏", r"\mathbf{1}", "np.full((n,), 1, dtype)"),
    ZeroMatrix: Sample(ZeroMatrix(1, n), (1, n), "0", "0", "np.zeros((n,), dtype)"),
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


RECURRENT = """
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[parameters]
W = ["m", "n"]
R = ["n", "n"]
[states]
s = ["n"]
[functions]
phi = "FUNCTION"
[equations]
s = "phi(x[t] @ W + s[t-1] @ R)"
[loss]
E = "sum(s[t] ** 2)"
"""


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


def known(name: str):
    """A function of the table and its first derivative, for arrays of real or complex numbers."""
    z = sympy.Symbol("z")
    value = sympy.lambdify(z, FUNCTIONS[name].scalar(z), "numpy")
    return lambda argument, order: value(argument)


KNOWN = {name: known(name) for name in ("tanh", "exp", "log", "sqrt", "floor")}


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
    got = evaluate(sample.expression, given, KNOWN)
    numbers = {key: sympy.ImmutableMatrix(v) for key, v in given.items() if key not in SIZES}
    sized = expression.xreplace(numbers).xreplace(SIZES)
    expected = np.array(sized.as_explicit().tolist(), dtype=float)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


class AtOneStep(Printer):
    """Writes leaves by their names, of one time step."""

    def operand(self, node: Node, binding: int = 0) -> Code:
        if node.kind in ("parameter", "given"):
            return Code(node.detail)
        return self.code(node).within(binding)

    def leading(self, node: Node) -> tuple:
        return ()


def lowered(expression: MatrixExpr) -> Node:
    """The node of an expression of one time step."""
    graph = Graph()

    def leaf(symbol: MatrixExpr) -> Node:
        sizes = () if symbol == a else array_sizes(symbol.shape)
        if isinstance(symbol, Parameter):
            return graph.make("parameter", (), symbol.name, sizes=sizes)
        return graph.make("given", (), symbol.name, sizes=sizes, time=True, batch=True)

    return Lowering(graph, leaf).wide(expression)


@pytest.mark.parametrize("node", [n for n in SAMPLES if SAMPLES[n].code], ids=lambda n: n.__name__)
def test_code(node):
    sample = SAMPLES[node]
    printer = AtOneStep(Graph(), PythonNames([]))
    assert printer.code(lowered(sample.expression)).text == sample.code


DIFFERENTIABLE = [
    node
    for node, operation in OPERATIONS.items()
    if type(operation).vjp is not Operation.vjp and node is not StopGradient
]


@pytest.mark.parametrize("node", DIFFERENTIABLE, ids=lambda node: node.__name__)
def test_derivative_by_complex_step(node):
    """The sweep's adjoint of each leaf is the complex-step derivative of <c, f>."""
    expression = SAMPLES[node].expression
    cotangent = Variable("c", *expression.shape, TIME)
    given = values(expression) | values(cotangent, 1)
    reached: dict[MatrixExpr, np.ndarray] = {}
    for leaf, adjoint in pullback(expression, cotangent):
        reached[leaf] = reached.get(leaf, 0) + evaluate(adjoint, given, KNOWN)
    for leaf in set(leaves(expression)):
        adjoint = reached.get(leaf, np.zeros(given[leaf].shape))
        for index in np.ndindex(given[leaf].shape):
            moved = given[leaf].astype(complex)
            moved[index] += 1e-30j
            value = evaluate(expression, given | {leaf: moved}, KNOWN)
            slope = np.sum(given[cotangent] * value).imag / 1e-30
            assert adjoint[index] == pytest.approx(slope, rel=1e-12, abs=1e-14)


def test_what_is_stopped_has_no_derivative():
    assert list(pullback(StopGradient(x), u)) == []


def test_minimum_and_ties_follow_the_first():
    """d min(a, b)/da is 1 where a <= b."""
    same = {x: np.ones((1, 3)), u: np.ones((1, 3)), v: np.ones((1, 3)), **SIZES}
    for which in (MINIMUM, MAXIMUM):
        (_, first), (_, second) = pullback(Extremum(which, x, u), OneMatrix(1, m))
        assert np.all(evaluate(first, same, KNOWN) == 1)
        assert np.all(evaluate(second, same, KNOWN) == 0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_of_a_function_is_that_of_its_value(name):
    """By differences of the value, of 40 digits."""
    z = sympy.Symbol("z", real=True)
    one = dimension("one")
    row = Variable("z", S.One, one, TIME)
    rule = derivative(Elementwise(name, row))
    entry = rule.xreplace({one: Integer(1)}).as_explicit()[0, 0]
    symbol = row.xreplace({one: Integer(1)})[0, 0]
    slope, value = entry.xreplace({symbol: z}), FUNCTIONS[name].scalar(z)
    step = sympy.Rational(1, 10**12)
    for point in map(sympy.Rational, ("-9/4", "1/3", "7/5")):
        after, before = (value.subs(z, point + by).evalf(40) for by in (step, -step))
        assert abs(slope.subs(z, point).evalf() - (after - before) / (2 * step)) < 1e-12


@pytest.mark.parametrize("name", WORDS)
def test_the_code_of_a_function_is_its_value(name):
    """Through a generated module whose state is the function of the input."""
    model = b.load_model("elman")
    module = b.compile(model, activation={"phi": name})
    eye = np.eye(2)
    points = (0.25, 1.5) if name in ("log", "sqrt") else (-3.5, 0.5)
    forward = module.forward(module.Parameters(eye, eye, eye), np.array([[points]]), eye[:1] * 0)
    z = sympy.Symbol("z", real=True)
    expected = [float(FUNCTIONS[name].scalar(z).subs(z, point)) for point in points]
    np.testing.assert_allclose(forward.s[0, 0], expected, rtol=1e-14)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", WORDS)
def test_the_code_of_a_derivative_holds(name):
    """A recurrence through the function, where it has a value, verified."""
    inside = "2 + tanh(z)" if name in ("log", "sqrt") else "2 * tanh(z)"
    assert b.verify(parse_model(RECURRENT.replace("FUNCTION", f"{name}({inside})"))).holds
