r"""The LaTeX of a derivation, read back and evaluated, is the gradient of the generated module."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.cells import CORPUS, model_of
from support.draws import draws
from support.page import compared

import bptt_sym as b
from bptt_sym.api import notation_names
from bptt_sym.errors import InputError
from bptt_sym.model.notations import in_notation
from bptt_sym.model.read import parse_model

READ = [(level, name) for level in ("jacobian", "adjoint") for name in b.model_names()]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize(("level", "name"), READ)
def test_the_print_is_the_gradient(level: str, name: str, loss: str) -> None:
    assert max(compared(b.load_model(name), level, loss)) < 1e-12


HEADS_AND_AXES = {"axes", "retention-heads", "kalman-vector"}
"""Those that the default run reads: states with heads, operations along an axis, inverses."""

# What the reader cannot make out of the print of a published cell, and why.
NOT_READ = {
    "cornn": "a name of two letters side by side",
    "epidemic": "one start of two states",
    "garch": "a start that parameters make up",
    "gjr-garch": "a start that parameters make up",
    "gru-two-bidirectional": "what holds for two layers is printed once",
    "hmm": "a start that parameters make up",
    "holt-winters": "a name i beside the step i of contributions",
    "holt-winters-multiplicative": "a name i beside the step i of contributions",
    "lag-two": "two states before the first",
    "learned-start": "a start that parameters make up",
    "local-level": "a start that parameters make up",
    "lstm-three-layers": "what holds for three layers is printed once",
    "many-to-one": "a loss of parameters",
    "jacobian of mlstm-heads": "a vector of a number for each head beside heads",
    "nas": "zeros on both sides of a vector, as many as must be",
    "seir-groups": "a start that parameters make up",
    "sir-poisson": "a start that parameters make up",
    "time-delay": "inputs before the first step",
    "ttt-linear": "a start that parameters make up",
    "weight-decay": "a loss of parameters",
}
PUBLISHED = [
    pytest.param(level, name, marks=() if name in HEADS_AND_AXES else pytest.mark.exhaustive)
    for name in (path.stem for path in CORPUS)
    for level in ("jacobian", "adjoint")
    if name not in NOT_READ and f"{level} of {name}" not in NOT_READ
]


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("level", "name"), PUBLISHED)
def test_the_print_of_a_published_cell_is_the_gradient(level: str, name: str) -> None:
    assert max(compared(model_of(name), level, "sum")) < 1e-10


LEAVES = ["x[t] @ W_x", "h[t-1] @ W_h", "h[t-1]", "c[t-1] @ U.T", "c[t-1]", "b", "x[t-1] @ W_x"]
CELL = """
[dimensions]
m = "inputs"
n = "units"
k = "outputs"
[inputs]
x = ["m"]
[targets]
d = ["k"]
[parameters]
W_x = ["m", "n"]
W_h = ["n", "n"]
U = ["n", "n"]
b = ["n"]
V = ["n", "k"]
[states]
h = ["n"]
c = ["n"]
[functions]
phi = "tanh"
[equations]
g = "%s"
c = "%s"
h = "%s"
y = "h[t] @ V"
[loss]
E = "sum((d[t] - y[t]) ** 2)"
"""


def vectors(*more: str) -> st.SearchStrategy[str]:
    """Vectors of the cell's size: sums, products and functions of what it reads."""
    return st.recursive(
        st.sampled_from([*LEAVES, *more]),
        lambda inner: st.one_of(
            st.builds(
                "{}({})".format, st.sampled_from(["tanh", "sigmoid", "phi", "sin", ""]), inner
            ),
            st.builds("({}) {} ({})".format, inner, st.sampled_from("+-*"), inner),
        ),
        max_leaves=4,
    )


@settings(max_examples=draws(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    equations=st.tuples(vectors(), vectors("g[t]"), vectors("g[t]", "c[t]")),
    level=st.sampled_from(["jacobian", "adjoint"]),
    notation=st.sampled_from(notation_names()),
)
def test_the_print_of_any_cell_is_the_gradient(
    equations: tuple[str, str, str], level: str, notation: str
) -> None:
    try:
        model = parse_model(CELL % equations, "cell")
    except InputError:
        assume(False)
    # Of a quantity that is 0 the reader cannot tell the size.
    assume(not re.search(r"= 0$|\(0\)", b.api.model_text(model), re.MULTILINE))
    assert max(compared(in_notation(model, notation), level, "sum")) < 1e-9


FAULTS = {
    "a transpose is lost": (r"\^\{\\top\}", ""),
    "a sign is turned": (r" - \\bar\{y\}", r" + \\bar{y}"),
    "a bracket is dropped": (r"\\left\( (\\bar\{d\}.*?) \\right\)", r"\1"),
    "a number is lost": (r"&= -2", "&= 2"),
    "a step is off": (r"_\{([a-z,]*)t\+1\}", r"_{\1t}"),
    "a derivative is lost": (r"(phi|sigma|tanh)'\(", r"\1("),
    "factors change places": (r"= ([^&=]+?) \\, ([^&=,]+?)( \\label)", r"= \2 \\, \1\3"),
    "a term is lost": (r" \+ [^&=]*?( \\label|, \\qquad)", r"\1"),
    "a sum begins too late": (r"\\sum_\{t=1\}", r"\\sum_{t=2}"),
    "another matrix": (r"U(_\{.*?\})?\^|W_\{s\}\^", r"W_{y}^"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["elman", "elman-bias", "gru", "stacked"])
def test_a_fault_in_the_print_is_found(name: str, fault: str) -> None:
    """The print is spoiled in one place, in the adjoints or the gradients."""
    printed, wrong = FAULTS[fault]
    spoiled = []

    def spoil(latex: str) -> str:
        start = latex.index("for any $N$")
        head, tail = latex[:start], latex[start:]
        changed = re.sub(printed, wrong, tail, count=1)
        spoiled.append(changed != tail)
        return head + changed

    try:
        far = max(compared(b.load_model(name), "adjoint", "sum", spoil))
    except (AssertionError, ValueError, KeyError, RecursionError):
        far = math.inf
    if not spoiled[0]:
        pytest.skip("the model has nothing of the kind")
    assert far > 1e-6


def test_each_fault_is_planted_somewhere() -> None:
    for printed, _ in FAULTS.values():
        assert any(
            re.search(printed, b.derive(b.load_model(name), level="adjoint", loss="sum").latex())
            for name in ("elman", "elman-bias", "gru", "stacked")
        )
