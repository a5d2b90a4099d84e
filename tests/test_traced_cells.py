"""A model written as a Python function is that of the file of the same equations."""

from __future__ import annotations

import math
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.cells import CELLS, name_of

import bptt_sym as b
from bptt_sym import InputError
from bptt_sym.model.library import shipped_text
from bptt_sym.model.traced import traced


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def text_of(cell: str | Path) -> str:
    return cell.read_text(encoding="utf-8") if isinstance(cell, Path) else shipped_text(cell)


def declared(cell: str | Path) -> Any:
    """What makes a cell of a function: with all that its file says besides equations."""
    tables = tomllib.loads(text_of(cell))
    loss, *_ = tables.pop("loss", {"E": ""})  # A layer has none.
    loss = loss.removesuffix("_last")
    tables.pop("equations", None)
    return b.cell(loss=loss, **tables)


def of_file(cell: str | Path, name: str) -> b.Model:
    """The model of a file NAME.toml."""
    Path(f"{name}.toml").write_text(text_of(cell), encoding="utf-8")
    return b.load_model(f"{name}.toml")


def test_elman_as_a_function():
    @declared("elman")
    def elman(c, t):
        c.s = c.phi(c.x[t] @ c.W_x + c.s[t - 1] @ c.W_s)
        c.y = c.sigma(c.s[t] @ c.W_y)
        c.E = c.sum((c.d[t] - c.y[t]) ** 2)

    assert elman == of_file("elman", "elman")


def test_lstm_as_a_function():
    @declared("lstm")
    def lstm(c, t):
        def gate(name, function):
            x, h = getattr(c, f"W_i{name}"), getattr(c, f"W_h{name}")
            b_x, b_h = getattr(c, f"b_i{name}"), getattr(c, f"b_h{name}")
            return function(c.x[t] @ x + b_x + c.h[t - 1] @ h + b_h)

        c.i = gate("i", c.sigmoid)
        c.f = gate("f", c.sigmoid)
        c.g = gate("g", c.tanh)
        c.o = gate("o", c.sigmoid)
        c.c = c.f[t] * c.c[t - 1] + c.i[t] * c.g[t]
        c.h = c.o[t] * c.tanh(c.c[t])
        c.y = c.h[t] @ c.V
        c.E = c.sum((c.d[t] - c.y[t]) ** 2)

    assert lstm == of_file("lstm", "lstm")


def test_gru_as_a_function():
    @declared("gru")
    def gru(c, t):
        x, h = c.x[t], c.h[t - 1]
        c.r = c.sigmoid(x @ c.W_ir + c.b_ir + h @ c.W_hr + c.b_hr)
        c.z = c.sigmoid(x @ c.W_iz + c.b_iz + h @ c.W_hz + c.b_hz)
        c.q = h @ c.W_hn + c.b_hn
        c.c = c.tanh(x @ c.W_in + c.b_in + c.r[t] * c.q[t])
        c.h = (1 - c.z[t]) * c.c[t] + c.z[t] * h
        c.y = c.h[t] @ c.V
        c.E = c.sum((c.d[t] - c.y[t]) ** 2)

    assert gru == of_file("gru", "gru")


def test_linear_attention_as_a_function():
    @declared("linear-attention")
    def attention(c, t):
        c.q = c.phi(c.x[t] @ c.W_q)
        c.a = c.phi(c.x[t] @ c.W_k)
        c.v = c.x[t] @ c.W_v
        c.S = c.S[t - 1] + c.outer(c.a[t], c.v[t])
        c.u = c.u[t - 1] + c.a[t]
        c.y = c.q[t] @ c.S[t] / c.dot(c.q[t], c.u[t])
        c.E = c.sum((c.d[t] - c.y[t]) ** 2)

    assert attention == of_file("linear-attention", "attention")


class Names(dict):
    """The names of an equation, as Python looks them up: those of a cell, and the time step."""

    def __init__(self, c, t):
        super().__init__(t=t, number=traced)
        self.c = c

    def __missing__(self, name):
        return getattr(self.c, name)


def run_by_python(cell: str | Path) -> Any:
    """A function that lets Python compute the equations of a file."""
    tables = tomllib.loads(text_of(cell))

    def traced_cell(c, t):
        for name, text in (*tables.get("equations", {}).items(), *tables.get("loss", {}).items()):
            # A quotient of numbers, which Python would round, is one of the equation.
            exact = re.sub(r"(?<!\*\* )(?<![\w.])([\d.]+) / (?=\d)", r"number(\1) / ", text)
            setattr(c, name, eval(f"(\n{exact}\n)", {"__builtins__": {}}, Names(c, t)))

    return traced_cell


@pytest.mark.parametrize("cell", CELLS, ids=name_of)
def test_any_file_as_a_function(cell):
    assert declared(cell)(run_by_python(cell)) == of_file(cell, "traced_cell")


SMALL = {
    "dimensions": {"n": "units"},
    "inputs": {"x": ["n"]},
    "parameters": {"W": ["n", "n"], "p": []},
    "states": {"s": ["n"]},
}
FILE = """
[dimensions]
n = "units"
[inputs]
x = ["n"]
[parameters]
W = ["n", "n"]
p = []
[states]
s = ["n"]
[equations]
s = "{}"
[loss]
E = "sum(s[t])"
"""


def small(expression, **more: Any) -> b.Model:
    """The cell with an equation of s."""

    def small_cell(c, t):
        c.s = expression(c, t)
        c.E = c.sum(c.s[t])

    return b.cell(**{**SMALL, **more})(small_cell)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (lambda c, t: -2 * c.x[t] ** -1, "-2 * x[t] ** -1"),
        (lambda c, t: (-c.x[t]) ** 2, "(-x[t]) ** 2"),
        (lambda c, t: c.x[t] - (c.s[t - 1] - c.p), "x[t] - (s[t-1] - p)"),
        (lambda c, t: c.x[t] / (c.p * c.p) / 2, "x[t] / (p * p) / 2"),
        (lambda c, t: Fraction(-1, 3) * c.s[t - 2], "-1 / 3 * s[t-2]"),
        (lambda c, t: 0.1 + c.s[-1 + t], "0.1 + s[t-1]"),
        (lambda c, t: np.float64(0.25) * c.s[t - 1], "0.25 * s[t-1]"),
        (lambda c, t: c.s[t - np.int64(1)] * np.float32(0.5), "s[t-1] * 0.5"),
        (lambda c, t: 1e-12 * c.s[t - 1] + 1e16, "1e-12 * s[t-1] + 1e16"),
        (lambda c, t: sum(c.s[t - k] for k in (1, 2)), "0 + s[t-1] + s[t-2]"),
        (lambda c, t: c.W.T @ c.x[t].T @ c.ones(c.n) @ c.W.T @ c.x[t].T, None),
        (lambda c, t: c.concat(c.x[t], c.s[t - 1])[c.n : 2 * c.n], "concat(x[t], s[t-1])[n:2*n]"),
        (lambda c, t: c.x[t] * c.sqrt(c.n) * c.pi, "x[t] * sqrt(n) * pi"),
        (lambda c, t: c.where(c.x[t] > 0, c.x[t], 0), "where(x[t] > 0, x[t], 0)"),
        (lambda c, t: c.where(0 > c.x[t], 1, c.x[t]), "where(x[t] < 0, 1, x[t])"),
        (lambda c, t: c.sum(c.W, axis=-2), "sum(W, axis=-2)"),
        (lambda c, t: c.softmax(c.W, axis=1)[0], "softmax(W, axis=1)[0]"),
    ],
)  # fmt: skip
def test_what_python_computes_is_the_equation(expression, text):
    if text is None:  # which the reader refuses, in the same words as any file
        with pytest.raises(InputError):
            small(expression)
        return
    Path("small_cell.toml").write_text(FILE.format(text))
    assert small(expression) == b.load_model("small_cell.toml")


def nested(c, t):
    value = c.s[t - 1]
    for _ in range(200):
        value = c.tanh(value)
    return value


def doubled(c, t):
    value = c.s[t - 1]
    for _ in range(60):
        value = value + value
    return value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (lambda c, t: c.x[t] @ c.V, "'V' is not declared"),
        (lambda c, t: c.tanhh(c.x[t]), "unknown operation 'tanhh' (did you mean 'tanh'?)"),
        (lambda c, t: c.x[t] @ c.W.T @ c.p, "write (x[t] @ W.T) * p"),
        (lambda c, t: c.x, "'x' needs a time step: x[t] or x[t-1]"),
        (lambda c, t: c.x[t] if c.x[t] > 0 else c.p, "where(...)"),
        (lambda c, t: float(c.x[t]) * 2, "where(...)"),
        (lambda c, t: list(c.x[t]), "where(...)"),
        (lambda c, t: c.x[t].sum(), "no '.sum'; an operation is called by name, as sum(...)"),
        (lambda c, t: c.x[t] @ np.ones((2, 2)), "an equation has finite numbers and what is made"),
        (lambda c, t: np.ones((2, 2)) @ c.x[t], "an equation has finite numbers and what is made"),
        (lambda c, t: c.x[t] + "x", "not 'x'"),
        (lambda c, t: c.x[t] * math.inf, "not inf"),
        (lambda c, t: c.x[t] * True, "not True"),
        (lambda c, t: c.x[t] * t, "not the time step alone"),
        (lambda c, t: c.s[t - 0.5], "a time step is t, t-1 and so on"),
        (lambda c, t: None, "not None"),
        (nested, "an equation is nested at most 100 deep"),
        (doubled, "an equation has at most 10000 characters"),
    ],
)  # fmt: skip
def test_what_is_no_equation_is_refused(expression, message):
    with pytest.raises(InputError) as refused:
        small(expression)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_an_error_shows_the_equation_with_a_caret():
    with pytest.raises(InputError) as refused:
        small(lambda c, t: c.x[t] + c.s[t - 1] @ c.V)
    assert refused.value.place.file == "small_cell.toml"
    line, caret = refused.value.excerpt.shown().split("\n")
    assert "x[t] + s[t - 1] @ V" in line and line[caret.index("^")] == "V"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"equations": {}}, "the equations of a cell are what its function says"),
        ({"input": {}}, "unknown entry 'input' (did you mean 'inputs'?)"),
        ({"inputs": ["x"]}, "'inputs' must be a section"),
        ({"inputs": {"x": {"shap": ["n"]}}}, "unknown entry 'shap' for 'x'"),
        ({"inputs": {1: ["n"]}}, "a name is text, not 1"),
        ({"inputs": {"x]\n[": ["n"]}}, "the name 'x]\\n['"),
        ({"inputs": {"x": None}}, "a model file has text, numbers, lists and tables, not None"),
        ({"title": "a\nb"}, "'title' must be one line of text"),
        ({"title": "a\x7f\"b"}, "'title' must be one line of text"),
        ({"inputs": {"x": [[[[[[[[["n"]]]]]]]]]}}, "nested at most 8 deep"),
        ({"loss": "L"}, "no equation of the loss: c.L = ..."),
    ],
)  # fmt: skip
def test_what_is_no_declaration_is_refused(sections, message):
    with pytest.raises(InputError) as refused:
        small(lambda c, t: c.x[t], **sections)
    assert message in str(refused.value)


def test_each_name_has_one_equation_and_nothing_is_returned():
    def twice(c, t):
        c.s = c.x[t]
        c.s = c.x[t]

    with pytest.raises(InputError, match=r"twice\.toml: error: 's' has an equation already"):
        b.cell(**SMALL)(twice)
    with pytest.raises(InputError, match=r"by assignments, .* and returns nothing"):
        b.cell(**SMALL)(lambda c, t: c.x[t])


def test_what_the_function_itself_raises_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        small(lambda c, t: c.x[t] * (1 / 0))


def test_the_file_of_a_cell_is_the_model_that_its_outputs_name(capsys):
    made = b.cell(**SMALL, title='A "cell" \\ of é')

    def mine(c, t):
        c.s = c.tanh(c.x[t] + c.s[t - 1] @ c.W) * c.p
        c.E = c.sum(c.s[t])

    Path("mine.toml").write_text(made.toml(mine), encoding="utf-8")
    assert made(mine) == b.load_model("mine.toml")
    assert "bptt-sym derive mine.toml" in b.derive(made(mine), steps=2).latex()
    assert b.verify(made(mine)).holds


def test_the_page_says_it_as_it_is():
    """The example of docs/language.md runs."""
    page = Path(__file__).parents[1] / "docs" / "language.md"
    examples = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = (text for text in examples if "@b.cell" in text)
    names: dict[str, Any] = {}
    exec(example, names)
    assert b.verify(names["mine"]).holds
    Path("mine.toml").write_text(
        """
        dimensions = {m = "inputs", n = "units"}
        inputs.x = ["m"]
        targets.d = ["n"]
        parameters = {W = ["m", "n"], U = ["n", "n"]}
        states.s = {shape = ["n"], initial = 0}
        equations.s = "tanh(x[t] @ W + s[t-1] @ U)"
        loss.E = "sum((d[t] - s[t]) ** 2)"
        """
    )
    assert names["mine"] == b.load_model("mine.toml")
