"""Random cells: every level of the derivation, the generated module and the text give one gradient.

``BPTT_SYM_DRAWS=20 pytest tests/test_random_models.py`` draws 10,000, and others each time.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from support.cell_values import (
    CellValues,
    assert_inputs,
    assert_loss,
    assert_products,
    assert_recursion,
)
from support.draws import EXHAUSTIVE, FACTOR, SEARCHING, draws, in_turn
from support.random_models import ODD, models
from support.reference import Run
from support.running import by_name
from sympy import preorder_traversal

import bptt_sym as b
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.algebra.operations import OPERATIONS
from bptt_sym.derivation import contributions
from bptt_sym.derivation import derivation as derivations
from bptt_sym.derivation import step as stepping
from bptt_sym.errors import InputError
from bptt_sym.model.known import with_functions
from bptt_sym.model.read import parse_model
from bptt_sym.model.words import CALLS
from bptt_sym.verification.evidence import Evidence, quiet
from bptt_sym.verification.points import draw_points

CELLS = draws(240)
DERIVED = draws(48)
WRITTEN = draws(24)
STEPS = 4
GENERAL = 9
"""The form for any number of steps is for those longer than what the loss looks back."""
FEW = (1, 2)
"""Here what the loss looks back to may lie before the first step."""
LOSSES = ("last", "sum", "mean")

settings.register_profile(
    "random models",
    # Some are drawn twice.
    max_examples=CELLS * 3 // 2,
    derandomize=not SEARCHING,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # To shrink a model takes minutes: ask for examples to get the smallest one.
    phases=tuple(Phase) if SEARCHING else (Phase.explicit, Phase.generate),
)
random_models = settings(settings.get_profile("random models"))

# All sizes different and above 1, so that no wrong shape fits by chance.
SIZES = {"m": 3, "n": 2, "k": 4} | dict.fromkeys(ODD, 5)

KINK = 1e-9
"""Where the two sides of a decision are closer, complex numbers of 16 digits may take another."""


# The generated module: its gradients are those of its loss, and both are what the text says.


class Cell:
    """A generated module at a random point."""

    def __init__(self, text: str, loss: str) -> None:
        self.text, self.loss = text, loss
        self.module = b.compile(parse_model(text), loss=loss)
        with quiet():
            (self.point,) = draw_points(self.module, 1, 0, STEPS)
        assert not self.point.problem
        self.evidence = Evidence(self.module, self.point, 0)
        self.value, self.gradients = self.value_and_gradients(self.point.all)

    def value_and_gradients(self, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        names = self.module.Parameters._fields
        params = self.module.Parameters(*(arrays[name] for name in names))
        others = {name: array for name, array in arrays.items() if name not in names}
        found = self.module.value_and_grad(params, **others, inputs=True)
        return found.value, by_name(found)

    def assert_complex_step(self) -> None:
        """dE/dw = Im E(w + ih) / h, entry by entry."""
        assert np.shape(self.value) == ()
        for name, expected in self.evidence.by_complex_step.items():
            assert agree(self.gradients[name], expected, self.evidence.scale), name

    def assert_tangent(self) -> None:
        """The derivative along a direction is the dot product of this and the gradient."""
        products = [self.gradients[name] * v for name, v in self.evidence.direction.items()]
        terms = np.concatenate([np.zeros(0), *map(np.ravel, products)])
        size = max(np.sum(np.abs(terms)), 1e-3 * self.evidence.scale)
        assert abs(np.sum(terms) - self.evidence.along_direction) <= 1e-11 * size

    def reference(self) -> tuple[Run, dict[str, Any]]:
        """The first sequence alone, by the text of the model, with the arrays of this sequence."""
        arrays = {
            name: np.take(array, [0], axis=sizes.index("B")) if "B" in sizes else array
            for name, sizes in self.module.SHAPES.items()
            for array in [self.point.all[name]]
        }
        ones = {"T": STEPS, "B": 1}
        arrays |= {size: n for size, n in ones.items() if size in self.point.arguments}
        return Run(self.text, self.point.sizes, STEPS, self.loss, arrays), arrays

    def assert_is_what_the_text_says(self, run: Run, arrays: dict[str, Any]) -> None:
        value, gradients = self.value_and_gradients(arrays)
        # Large terms may cancel, and a sine of a large number has few digits.
        rounding = max(1e-13, run.rounding)
        assert np.isclose(value, run.value_of_loss, rtol=1e-11, atol=rounding)
        for name in self.module.Parameters._fields:
            expected = np.asarray(run.by_parameter(name), float).reshape(arrays[name].shape)
            assert agree(gradients[name], expected, self.evidence.scale), name


def agree(found: Any, expected: Any, scale: float) -> bool:
    """Whether two blocks are equal, by the larger of the block and a share of all derivatives.

    A gradient that is zero but for cancellation has no size of its own.
    """
    assert np.shape(found) == np.shape(expected)
    size = max(np.max(np.abs(expected), initial=0), 1e-3 * scale)
    return bool(np.max(np.abs(found - expected), initial=0) <= 1e-11 * size)


def assert_gradients(text: str, loss: str) -> bool:
    """Checks a cell; False where its point lies at a kink."""
    with quiet():
        cell = Cell(text, loss)
        run, arrays = cell.reference()
        if run.margin < KINK:
            return False
        # A step of complex numbers takes the larger or the smaller slope where two are equal.
        if not run.is_tied:
            cell.assert_complex_step()
            cell.assert_tangent()
        cell.assert_is_what_the_text_says(run, arrays)
    return True


SIZE = r"\[[^\[\]t]*:[^\[\]t]*\]"
WORDS = {
    **{word: rf"\b{word}\(" for word in CALLS},
    **{name: rf"\b{name}\(" for name, known in FUNCTIONS.items() if not known.inner},
    **{sign: rf" {re.escape(sign)} " for sign in ("@", "+", "-", "*", "/", "**")},
    **{sign: rf"where\(.* {sign} " for sign in (">=", "<=", ">", "<")},
    "transpose": r"\.T\b", "negative": r"\(-", "slice": SIZE, "own": r"\b(phi|f)\(",
    "lag": r"\[t-2\]", "lead": r"\[t\+1\]", "columns": 'vectors = "columns"',
    "matrix state": r'\n[shc] = (\{shape = )?\["\w", "\w"\]', "input before": r"\b[xu]\[t-1\]",
    "learned": r'initial = "\w_0"', "number": r"initial = -?\d", "expression": 'initial = "tanh',
    "argument": 'initial = "argument"', "own start": r'initial = "(phi|f)\(',
    "joined start": 'initial = "concat', "frozen or shared start": r'initial = "[bW]_\d',
    "learned start of an input": r'\n[xuq] = .*initial = "\w_0"', "root of a loss": 'E = "sqrt',
    "unread state": r"\nv = ", "no input": r'= ""\n\n\[(targets|parameters)\]',
    "odd size": "one = |time = |the = |axis = ",
    "formula": r'\bphi = ".*\bz\b', "slope": "derivative =",
    "heads": r'= \["\w+", ("\w+"|1), ("\w+"|1)\]',
    "state of heads": r'\n[shc] = .*\["\w+", .*, .*\]',
    "sum of sizes": r'\["m \+ n"\]', "product of sizes": r'\["4\*n"\]', "scalar": r"= \[\]",
    **{word: f"{word} = true" for word in ("labels", "frozen", "positive", "reverse")},
}  # fmt: skip
"""How each word and form of the language is found in a model file."""


def operations_in(model: b.Model) -> set[type]:
    """The operations of a model's equations and of its derivation."""
    known = with_functions(model, model.functions)
    sides = [definition.expression for definition in known.definitions]
    for level in ("jacobian", "adjoint"):
        made = b.derive(known, steps=2, level=level, loss="sum").equations
        sides += [side for equation in made for side in (equation.left, equation.right) if side]
    return {type(node) for side in sides for node in preorder_traversal(side)}


@pytest.mark.drawn
def test_random_cells() -> None:
    checked: dict[str, bool] = {}
    met: set[type] = set()

    @random_models
    @given(models(), st.sampled_from(LOSSES))
    def check(text: str, loss: str) -> None:
        if text not in checked:
            checked[text] = assert_gradients(text, loss)
            if FACTOR >= 1:
                with contextlib.suppress(InputError):  # it is too long to be derived
                    met.update(operations_in(parse_model(text)))

    check()
    assert sum(checked.values()) >= CELLS
    # A point at a kink is an equality of the model's own, as max(s, s); it is rare.
    assert sum(checked.values()) >= 0.95 * len(checked)
    if FACTOR >= 1:
        assert_all_is_drawn([text for text, done in checked.items() if done], met)


def assert_all_is_drawn(texts: list[str], met: set[type]) -> None:
    """Each word of the language is in one of the models; those of the rarest are drawn for them."""
    files = "\n".join(texts)
    for pattern in WORDS.values():
        if not re.search(pattern, files):

            def has_it(text: str, pattern: str = pattern) -> bool:
                return bool(re.search(pattern, text)) and assert_gradients(text, "sum")

            files += find(models(), has_it, settings=random_models, random=Random(0))
    # Few of the operations have no word of their own.
    assert set(OPERATIONS) <= met


# The levels are equal, and equal to the module.


def assert_written(model: b.Model) -> None:
    for level in ("chain", "jacobian", "adjoint"):
        for loss in ("last", "sum"):
            for steps in (1, 2, 3):
                derivation = b.derive(model, steps=steps, level=level, loss=loss)
                numbers = [e.number for e in derivation.equations if e.number is not None]
                assert numbers == list(range(1, len(numbers) + 1))
            assert derivation.text() and derivation.latex() and derivation.json()


def assert_levels(model: b.Model, loss: str) -> None:
    values = CellValues(model, GENERAL, loss, SIZES)
    assert_loss(values)
    assert_recursion(values)
    assert_inputs(values)
    assert_products(values)
    for steps in FEW:
        assert_recursion(CellValues(model, steps, loss, SIZES))


@settings(random_models, max_examples=WRITTEN)
@given(models())
def test_every_level_and_format_is_written(text: str) -> None:
    assert_written(parse_model(text))


@settings(random_models, max_examples=DERIVED)
@given(text=models(), loss=st.sampled_from(LOSSES))
def test_the_levels_are_equal(text: str, loss: str) -> None:
    assert_levels(parse_model(text), loss)


@contextlib.contextmanager
def long_forms(*, named: bool, recursive: bool) -> Iterator[None]:
    """Derivations in the forms that long equations take: with what is within equations named, and
    with total derivatives that follow from each other.
    """
    with pytest.MonkeyPatch.context() as patch:
        if named:
            for module in (stepping, derivations):
                patch.setattr(module, "is_named_within", lambda model: True)
        if recursive:
            patch.setattr(contributions, "MOST_IN_A_STEP", 0)
        yield


@settings(random_models, max_examples=draws(24))
@given(models(), st.sampled_from(LOSSES), st.sampled_from([(1, 0), (0, 1), (1, 1)]))
def test_the_forms_of_long_equations_are_equal_to_the_others(text, loss, form) -> None:
    named, recursive = map(bool, form)
    with long_forms(named=named, recursive=recursive):
        assert_levels(parse_model(text), loss)
        assert_written(parse_model(text))


@pytest.mark.parametrize("form", [(1, 0), (0, 1), (1, 1)], ids=["named", "recursive", "both"])
@pytest.mark.parametrize("name", ["linear-attention", pytest.param("gru", marks=EXHAUSTIVE)])
def test_a_cell_in_the_forms_of_long_equations(name: str, form: tuple[int, int]) -> None:
    named, recursive = map(bool, form)
    model = b.load_model(name)
    with long_forms(named=named, recursive=recursive):
        assert_levels(model, "last")
        assert b.notes(model, 2).markdown("page")
        for parameter in model.parameters:
            assert b.figure(model, 2, path=parameter).written(".tex")


# What random models found, each as the smallest change of an Elman network that shows it.

ELMAN = """
[dimensions]
m = "inputs"
n = "units"
k = "outputs"
[inputs]
x = ["m"]
[targets]
d = ["k"]
[parameters]
W = ["n", "n"]
U = ["m", "n"]
V = ["n", "k"]
b = ["n"]
[states]
{states}
[functions]
phi = "tanh"
[equations]
{equations}
[loss]
E = "{loss}"
"""

STATE = "phi(x[t] @ U + s[t-1] @ W)"
OUTPUT = "s[t] @ V"
SQUARE = "sum((d[t] - y[t]) ** 2)"

FOUND = {
    "two stacked layers": {"h": "phi(s[t] @ W + h[t-1] @ W)", "y": "h[t] @ V"},
    "a delay line": {"s": "phi(x[t] @ U)", "h": "s[t-1] @ W", "c": "h[t-1]", "y": "c[t] @ V"},
    "a delay line with its own weights": {
        "s": "phi(x[t] @ U)", "h": "s[t-1] @ W", "c": "phi(h[t-1] @ W + b)", "y": "c[t] @ V",
    },
    "a loss that reads a state twice": {"E": f"{SQUARE} + sum(s[t] ** 2)"},
    "a loss that reads two time steps": {"E": f"{SQUARE} + sum((s[t] - s[t-1]) ** 2)"},
    "a state that the loss does not depend on": {"h": "s[t]"},
    "a state that depends on no parameter": {"s": "phi(s[t-1])", "h": "sin(h[t-1])"},
    "a state that is a function of the input": {"h": "tanh(s[t-1])", "s": "x[t] @ x[t].T @ b"},
    "a loss that reads an input": {"y": "s[t] @ U.T", "E": "sum((x[t] - y[t]) ** 2)"},
    "an equation that reads a target": {"s": "phi(x[t] @ U + d[t] @ V.T + s[t-1] @ W)"},
    "the square of a sum": {"E": f"{SQUARE} ** 2"},
    "a product of sums": {"E": f"{SQUARE} * sum(y[t])"},
    "a loss that reads a bias": {"E": f"{SQUARE} + sum(b)"},
    "a loss that is linear": {"E": "-sum(y[t])"},
    "a loss that is linear in a product": {"E": "sum(s[t] @ V)"},
    "a loss with a constant": {"E": f"1 - {SQUARE}"},
    "a value of parameters alone": {"g": "2 * b", "s": f"{STATE} * g[t]"},
    "a function of parameters alone": {"s": f"{STATE} * sin(b + b ** 2)"},
    "a function of a matrix of parameters": {"s": "phi(x[t] @ U + s[t-1] @ sin(W + W.T))"},
    "a sum of parameters as a factor": {"s": "phi(x[t] @ U + sum(W) @ s[t-1])"},
    "an outer product of parameters": {"s": "phi(x[t] @ U + s[t-1] @ (W + b.T @ b))"},
    "a function of an outer product of states": {
        "s": "phi(x[t] @ U + s[t-1] @ sin(s[t-1].T @ s[t-1]))",
    },
    "a loss whose variables cancel": {"E": f"{SQUARE} + sum((2 - (s[t] - s[t])) ** 2)"},
    "a value that cancels is still read": {
        "g": "2 * s[t-1]", "s": f"{STATE} + (g[t] - (b + g[t]))",
    },
    "a product of a product with itself": {"s": "phi(x[t] @ U + s[t-1] @ (W * (W @ W)))"},
    "an outer product of states": {"s": "phi(x[t] @ U + s[t-1] @ (W + s[t-1].T @ s[t-1]))"},
    "a function of a column": {"s": "phi(U.T @ x[t].T + W @ s[t-1].T).T"},
    "a value that is a number": {"g": "sum(s[t])", "y": "g[t] @ s[t] @ V"},
    "a row scaled by its own length": {"y": "(s[t] @ s[t].T) @ s[t] @ V"},
    "weights tied between state and output": {"y": "s[t] @ W", "E": "sum(y[t] ** 2)"},
    "a bias read by the loss and by the state": {
        "s": "phi(x[t] @ U + s[t-1] @ W + b)", "E": f"{SQUARE} + sum(b * s[t])",
    },
    "a state that the loss depends on at some lags": {
        "s": "cos(h[t-1] + x[t] @ U)", "h": "sin(s[t-1] @ W)", "E": "sum(s[t] ** 2) + sum(h[t-1])",
    },
    "an output that reads the step before": {"y": "s[t-1] @ V"},
    "terms that cancel": {"s": "phi(x[t] @ U + s[t-1] @ W) + (b - (b + s[t-1]))"},
    "a state that cancels": {"s": "phi(x[t] @ U) + (s[t-1] - s[t-1])"},
    "a state of three lags": {
        "s": "sin(s[t-2] + s[t-3]) * s[t-1] + x[t] @ U - sin(s[t-2] + s[t-3])",
    },
    "a state handed on as it is": {"c": "c[t-2]", "y": "(s[t] * c[t-1]) @ V"},
    "two states of one value": {"h": STATE, "s": STATE, "y": "(s[t] + h[t-1]) @ V"},
    "a target that cancels before a bias": {
        "E": f"{SQUARE} + sum((d[t] - (d[t] + b @ V)) ** 2)",
    },
    "a vector of ones times a matrix": {"y": "(s[t] - s[t] + 1) @ V"},
    "a product with what cancels": {"y": "s[t] @ V + (s[t] - s[t]) @ W @ V"},
    "a loss of a state long before": {
        "s": "sin(s[t-1] + x[t] @ U)", "h": "sum(s[t-1]) @ b", "y": "(cos(h[t-3]) - h[t]) @ V",
    },
}  # fmt: skip


def found(changes: dict[str, str]) -> str:
    """The Elman network with these equations changed or added; h and c are states."""
    equations = {"s": STATE, "y": OUTPUT, "E": SQUARE} | changes
    # A value is defined before it is read: g reads s, or s reads g.
    order = "gshcy" if "g[t]" in equations["s"] else "shcgy"
    chosen = [name for name in order if name in equations]
    return ELMAN.format(
        states="\n".join(f'{name} = ["n"]' for name in chosen if name in "shc"),
        equations="\n".join(f'{name} = "{equations[name]}"' for name in chosen),
        loss=equations["E"],
    )


# Each as the smallest model file that shows it.

SMALL = {
    "dimensions": 'm = ""\nn = ""',
    "inputs": 'x = ["n"]',
    "parameters": 'W = ["m", "n"]\nb = ["n"]',
    "states": 's = ["n"]',
    "equations": 's = "tanh(x[t] + b * s[t-1])"',
    "loss": 'E = "sum(s[t] ** 2)"',
}

FOUND_FILES = {
    "labels that several matrices read": {
        "inputs": 'x = {shape = ["m"], labels = true}',
        "parameters": 'W = ["m", "n"]\nU = ["m", "n"]\nV = ["m", "m"]\nb = ["n"]',
        "equations": 's = "tanh(x[t] @ W + b * s[t-1]) * sigmoid(x[t] @ U)"',
        "loss": 'E = "sum(s[t] ** 2) + logsumexp(x[t] @ V)"',
    },
    "a target that cancels, of a size that the loss needs": {
        "targets": 'd = ["k"]', "dimensions": 'n = ""\nk = ""', "parameters": 'b = ["n"]',
        "loss": 'E = "sum(s[t]) + mean((d[t] - d[t]) ** 2)"',
    },
    "a value that is zero, of a target's size": {
        "targets": 'd = ["k"]', "dimensions": 'n = ""\nk = ""', "parameters": 'b = ["n"]',
        "equations": 's = "tanh(x[t] + b * s[t-1])"\ng = "d[t] - d[t]"',
        "loss": 'E = "sum(s[t]) + sum((d[t] - g[t]) ** 2)"',
    },
    "an argument whose size is a sum with a target's": {
        "targets": 'd = ["k"]', "dimensions": 'n = ""\nk = ""',
        "parameters": 'b = ["n"]\nW = ["n", "n + k"]',
        "loss": 'E = "sum((d[t] - (s[t-1] @ W)[n:]) ** 2)"',
    },
    "a vector function of zeros": {"loss": 'E = "sum(s[t]) + logsumexp(x[t] - x[t])"'},
    "an entry of a bias": {"loss": 'E = "sum(s[t]) ** 2 + b[0:1]"'},
    "an entry of a column": {"loss": 'E = "sum(s[t]) * (W @ s[t-1].T)[0:1]"'},
    "a scalar before a column in a vector": {
        "loss": 'E = "sum(concat(sum(s[t]), s[t].T) ** 2)"',
    },
    "labels and no parameter that is learned": {
        "inputs": 'x = {shape = ["n"], labels = true}\nu = ["n"]',
        "parameters": 'b = {shape = ["n"], frozen = true}',
        "loss": 'E = "sum(s[t] * x[t])"', "dimensions": 'n = ""',
    },
    "a column of a known size": {
        "states": "s = [2, 1]", "parameters": 'W = [2, "n"]\nb = [2, 1]',
        "equations": 's = "tanh(W @ x[t].T + b * s[t-1])"', "dimensions": 'n = ""',
        "loss": 'E = "sum(s[t-1] ** 2)"',
    },
    "a number times a formula with a number": {
        "functions": 'f = "log(1 + exp(-z)) / 2"',
        "loss": 'E = "sum(s[t]) ** 2 + ((0.5 * f(sum(s[t]))).T) ** 2 * sum(s[t])"',
    },
    "a scalar that depends on a column": {
        "parameters": 'b = ["n", 1]', "states": "s = []", "dimensions": 'n = ""',
        "equations": 'a = "sum(b ** 2)"\ns = "tanh(a[t] + sum(x[t]) * s[t-1])"',
    },
    "a learned initial value that the first losses alone reach": {
        "parameters": 'b = ["n"]\ns_0 = ["n"]', "dimensions": 'n = ""',
        "states": 's = {shape = ["n"], initial = "s_0"}', "equations": 's = "x[t] * b"',
        "loss": 'E = "sum(s[t-2] ** 2)"',
    },
    "a learned value behind the last step, of its loss alone": {
        "parameters": 's_0 = ["n"]', "dimensions": 'n = ""',
        "states": 's = {shape = ["n"], initial = "s_0", reverse = true}',
        "equations": 's = "tanh(x[t]) * s[t+1]"', "loss": 'E = "sum(s[t+1] ** 2)"',
    },
    "an error that is zero, for its two terms are one value": {
        "states": 's = ["n", "n"]', "equations": 's = "0.5 * s[t-1]"\na = "x[t] @ s[t-1]"',
        "loss": 'E = "sum(a[t] ** 2) + sum((x[t] @ s[t-1] - a[t]) ** 2)"',
    },
    "a scalar that is left of vectors that cancel": {
        "loss": 'E = "sum((x[t] - (x[t] - sum(s[t]))) ** 2)"',
    },
    "a loss that is a root": {"loss": 'E = "sqrt(sum((s[t] - x[t]) ** 2))"'},
    "a loss that is a quotient": {"loss": 'E = "1 / sum(exp(s[t]))"'},
    "a loss that is twice an exponential": {"loss": 'E = "2 * exp(sum(s[t] * x[t]))"'},
    "a loss that a value is, too": {
        "equations": 's = "tanh(x[t] + b * s[t-1])"\ng = "exp(sum(s[t]))"',
        "loss": 'E = "exp(sum(s[t]))"',
    },
    "an input that a parameter begins": {
        "inputs": 'x = {shape = ["n"], initial = "b"}',
        "states": 's = {shape = ["n"], initial = 0}', "equations": 's = "0.5 * s[t-1] + x[t-1]"',
    },
    "an input read one, two and three steps back": {
        "inputs": 'x = {shape = ["n"], initial = "tanh(b) * c + g"}',
        "parameters": 'b = ["n"]\nc = []\ng = {shape = ["n"], frozen = true}',
        "dimensions": 'n = ""', "equations": 's = "tanh(x[t] * s[t-1] + x[t-1] * x[t-3])"',
        "loss": 'E = "sum(s[t] ** 2) + sum(x[t-2] * s[t-1])"',
    },
    "an input that a frozen parameter begins, read by the loss": {
        "inputs": 'x = {shape = ["n"], initial = "g"}', "dimensions": 'n = ""',
        "parameters": 'b = ["n"]\ng = {shape = ["n"], frozen = true}',
        "loss": 'E = "sum((s[t] - x[t-1]) ** 2)"',
    },
    "an input before a scan in reverse": {
        "inputs": 'x = {shape = ["n"], initial = "b"}',
        "states": 's = {shape = ["n"], reverse = true}',
        "equations": 's = "tanh(x[t-1] + b * s[t+1])"',
    },
    "an input as a column": {
        "vectors": "columns", "inputs": 'x = {shape = ["n"], initial = "b"}',
        "equations": 's = "tanh(W.T @ W @ x[t-2] + b * s[t-1])"',
    },
    "one start of two states": {
        "states": 's = {shape = ["n"], initial = "1 - b"}\nh = {shape = ["n"], initial = "b"}',
        "equations": 's = "x[t] * s[t-1] * h[t-1]"\nh = "0.5 * h[t-1] + s[t-1]"',
        "loss": 'E = "sum(h[t] ** 2)"',
    },
    "one start of a state and an input": {
        "inputs": 'x = {shape = ["n"], initial = "b"}',
        "states": 's = {shape = ["n"], initial = "b"}',
        "equations": 's = "tanh(x[t-1] + 0.5 * s[t-1])"',
    },
    "a state that keeps an input for another": {
        "states": 'h = {shape = ["n"], initial = "b"}\ns = {shape = ["n"], initial = 0}',
        "equations": 'h = "x[t]"\ns = "0.5 * s[t-1] + h[t-1]"',
    },
    "a state read two steps back by what no loss reads": {
        "states": 's = {shape = ["n"], initial = "b"}\nh = ["n"]',
        "equations": 'g = "s[t-2]"\ns = "tanh(s[t-1] + x[t])"\nh = "tanh(h[t-1])"',
        "loss": 'E = "sum(s[t]) + sum(h[t])"',
    },
    "a start of a size that no parameter has": {
        "dimensions": 'n = ""', "parameters": "b = []",
        "states": 's = {shape = ["n"], initial = 0}', "equations": 's = "b * s[t-1] + x[t]"',
    },
    "a scalar as the start of a size that no parameter has": {
        "dimensions": 'n = ""', "parameters": "b = []",
        "states": 's = {shape = ["n"], initial = "b"}', "equations": 's = "b * s[t-1] + x[t]"',
    },
    "a start that is an identity of a size that no parameter has": {
        "dimensions": 'n = ""', "parameters": "b = []",
        "states": 's = {shape = ["n", "n"], initial = "eye(n)"}',
        "equations": 's = "tanh(b * s[t-1] + outer(x[t], x[t]))"',
    },
    "a frozen start": {
        "parameters": 'b = ["n"]\ng = {shape = ["n"], frozen = true}', "dimensions": 'n = ""',
        "states": 's = {shape = ["n"], initial = "g"}',
    },
    "an input read earlier, times what cancels": {
        "loss": 'E = "sum(x[t-2]) * sum((x[t-2] @ (x[t].T - x[t].T)) ** 2) + sum(s[t])"',
    },
    "a size that a frozen parameter tells, and no start": {
        "parameters": 'b = ["n"]\nW = ["n", "m + n"]\ng = {shape = ["m"], frozen = true}',
        "states": 's = {shape = ["n"], initial = "b"}',
        "equations": 's = "tanh((x[t] @ W)[m:] + b * s[t-1] * sum(g))"',
    },
    "a start by a function that code defines": {
        "states": 's = {shape = ["n"], initial = "sigmoid(b)"}', "dimensions": 'n = ""',
        "parameters": 'b = ["n"]',
    },
    "a start of several parts": {
        "dimensions": 'n = ""', "parameters": 'b = ["n"]\nc = []',
        "states": 's = {shape = ["n + 1"], initial = "concat(b, c)"}',
        "equations": 's = "0.5 * s[t-1] + mean(x[t])"',
    },
    "a start by a function of the model file": {
        "states": 's = {shape = ["n"], initial = "phi(b)"}', "functions": 'phi = "tanh"',
    },
    "a start by a function with a declared derivative": {
        "states": 's = {shape = ["n"], initial = "phi(b)"}',
        "functions": 'phi = {formula = "sin(z)", derivative = "0.5 * z"}',
    },
    "no input": {
        "dimensions": 'n = ""', "inputs": "", "targets": 'd = ["n"]', "parameters": 'a = ["n"]',
        "equations": 's = "a * s[t-1]"', "loss": 'E = "sum((s[t] - d[t]) ** 2)"',
    },
    "no array that tells the number of steps or sequences": {
        "dimensions": 'k = "size"', "inputs": "",
        "parameters": 'b_b = ["k", 1]\nb_e = []\nb_f = ["k + 1", 1]',
        "states": 'c = {shape = ["k"], initial = "b_f.T[1:1 + k]"}\n'
                  'u = {shape = [], initial = "b_e"}',
        "equations": 'c = "b_b.T"\nz = "c[t]"\nu = "u[t - 1]"',
        "loss": 'E = "u[t - 1] + mean(z[t])"',
    },
    "no input, and a start read two steps back by what no loss reads": {
        "dimensions": 'n = ""', "inputs": "", "parameters": 'b = ["n"]',
        "states": 'u = {shape = ["n"], initial = "b"}\nr = ["n"]',
        "equations": 'h = "u[t-2]"\nu = "tanh(u[t-1])"\nr = "tanh(r[t-1])"',
        "loss": 'E = "sum(r[t]) + sum(u[t])"',
    },
    "gradients that are transposes of each other": {
        "dimensions": 'n = ""\nk = ""', "parameters": 'W = ["n", "k"]\nU = ["k", "n"]',
        "states": 's = {shape = ["n"], initial = 0}',
        "equations": 's = "0.5 * s[t-1] + x[t]"\ny = "W + U.T"',
        "loss": 'E = "sum(s[t] ** 2) + sum(y[t] ** 2)"',
    },
    "a gradient that has others as its parts": {
        "dimensions": 'n = ""', "parameters": 'b = ["n"]\nc = ["n"]\ng = ["2*n"]',
        "equations": 's = "tanh(x[t] + s[t-1])"\ny = "concat(s[t] + b, s[t] - c) + g"',
        "loss": 'E = "sum(y[t] ** 3)"',
    },
    "values that are others, and parameters": {
        "dimensions": 'n = ""', "parameters": 'b = ["n"]',
        "equations": 's = "tanh(x[t] + b * s[t-1])"\ng = "x[t]"\nh = "s[t]"\nc = "b"\ny = "s[t-1]"',
        "loss": 'E = "sum(g[t] * h[t] * c[t] + y[t] ** 2)"',
    },
    "a gradient that is a target": {
        "dimensions": 'n = ""', "targets": 'd = ["n"]', "parameters": 'b = ["n"]',
        "states": 's = ["n"]\nh = ["n"]', "equations": 's = "x[t]"\nh = "x[t]"',
        "loss": 'E = "sum(s[t-1] * d[t]) + sum(h[t-1] * d[t]) + sum(b * d[t])"',
    },
    "a gradient that is a number": {
        "dimensions": 'n = ""', "parameters": 'b = []\nc = ["n"]',
        "states": 's = {shape = ["n"], initial = 0}', "equations": 's = "0.5 * s[t-1] + x[t]"',
        "loss": 'E = "sum(s[t] ** 2) - 2 * b + 3 * sum(c)"',
    },
    "functions with constants of their own": {
        "dimensions": 'n = ""', "parameters": 'b = ["n"]',
        "equations": 's = "0.5 * s[t-1] + erf(b * s[t-1])"\ny = "gelu(s[t] + x[t])"',
        "loss": 'E = "sum(y[t] ** 2) + sum(erf(x[t] * b))"',
    },
    "a function by its name, with a derivative of its own": {
        "equations": 's = "phi(x[t] + b * s[t-1])"',
        "functions": 'phi = {formula = "tanh", derivative = "1"}',
    },
    "a function and its derivative by their names": {
        "equations": 's = "phi(x[t] + b * s[t-1])"',
        "functions": 'phi = {formula = "sin", derivative = "cos"}',
    },
    "a state that nothing reads": {
        "equations": 's = "b"', "loss": 'E = "sum((s[t] - x[t]) ** 2)"',
    },
    "scalars end to end, with columns": {
        "vectors": "columns", "inputs": "x = [3]\nu = []", "dimensions": 'n = ""',
        "parameters": 'W = [2, 2]\nb = ["n"]\nc = []',
        "states": 's = {shape = [2], initial = "concat(c, 2 * c)"}',
        "equations": 's = "tanh(W @ s[t-1]) + concat(x[t][0:1], u[t]) * concat(u[t], x[t][1:2])"',
        "loss": 'E = "sum(s[t] ** 2) + sum(b ** 2)"',
    },
    "a target of the last step times weights, beside loops with sequences last": {
        "inputs": "", "targets": 'd = ["n"]',
        "dimensions": 'm = ""\nn = ""',
        "parameters": 'W = ["m", 3]\nU = ["m", 3]\nR = ["n + 1", "m"]\n'
        'V = ["n", "n"]\nM = ["n", "n"]',
        "states": 's = ["n", 1]\nh = ["m"]\nc = [3]',
        "equations": 'c = "sigmoid(mean(c[t-1]) + sum(s[t-1]) + softmax(c[t-1]))"\n'
        'h = "sigmoid((U @ c[t-1].T)[m - 1:]) * h[t-1] + erf(c[t-1] @ W.T)"\n'
        's = "sigmoid((R @ h[t-1].T)[:n]) * s[t-1]"',
        "loss": 'E = "mean((((d[t] / 0.8) @ (V + M)) - d[t]) ** 2) / 2"',
    },
    "a product with what cancels, which the loss squares": {
        "equations": 's = "tanh(x[t] + b * s[t-1])"\ny = "s[t-1] @ W.T"',
        "loss": 'E = "(b[0] - mean(y[t])) * sum((y[t] - (s[t-1] @ W.T)) ** 2) + mean(y[t] ** 2)"',
    },
    "a number of weights, as a matrix times a row of weights": {
        "equations": 'a = "logsumexp(W[0]) @ sin(b)"\ns = "tanh(x[t] + b * s[t-1])"',
        "loss": 'E = "sum(s[t] * a[t]) + sum(W ** 2)"',
    },
    "a carry that begins with what is computed for all time steps beside it": {
        "parameters": 'W = ["m", "n"]\nb = ["n"]', "states": 's = ["n"]\n'
        'h = {shape = ["n"], reverse = true}', "equations": 's = "tanh(b)"\n'
        'h = "sin(s[t] ** 2)"\nv = "(s[t] - s[t-1]) @ W.T"',
        "loss": 'E = "mean(h[t] ** 2) + sum(sin(v[t]))"',
    },
    "a carry that begins with what is made of the first value of another": {
        "parameters": 'W = ["n", "n"]\nb = ["n"]',
        "states": 's = ["n"]\nc = {shape = ["n"], initial = "b"}',
        "equations": 's = "tanh(x[t] * b)"\na = "s[t] @ W"\nc = "sin(a[t])"',
        "loss": 'E_last = "sum(sin(c[t]))"',
    },
    "a factor of the loss that cancels": {
        "states": 's = ["n"]\nh = ["n"]',
        "equations": 'c = "h[t-1]"\nh = "tanh(h[t-1] * b)"\ns = "tanh(x[t] @ W.T @ W)"',
        "loss": 'E = "(sum(c[t]) - sum(h[t-1])) * sum((x[t] * b) ** 2) + sum(s[t] * c[t])"',
    },
    "a matrix for each sequence times several weights": {
        "parameters": 'U = ["n", "n"]\nV = ["n", "n"]\nb = ["m"]', "states": 's = ["n", "n"]',
        "equations": 'P = "tanh(x[t].T @ x[t] + s[t-1])"\nQ = "sigmoid(s[t-1])"\n'
        's = "tanh(P[t] @ U + Q[t] @ V + P[t] @ V)"',
        "loss": 'E = "sum(s[t] ** 2) + sum(b ** 2)"',
    },
    "a scan in reverse without a recurrence, read two steps on": {
        "states": 's = {shape = ["n"], reverse = true}',
        "equations": 'a = "sum(s[t+2])"\ns = "x[t] * b"',
        "loss": 'E = "a[t] ** 2 + sum(s[t] ** 2) + sum(W ** 2)"',
    },
    "a first value of a size that no parameter tells alone": {
        "parameters": 'b = ["n"]\nC = ["m", "n", "m"]', "inputs": 'x = ["n"]\nu = ["m"]',
        "states": 's = ["n"]\nc = {shape = ["m", "n", "m"], initial = "C"}',
        "equations": 's = "tanh(x[t] + b * s[t-1])"\nc = "tanh(c[t-1])"',
        "loss": 'E = "sum(s[t] ** 2) + sum(u[t]) * mean(c[t])"',
    },
    "what a sequence has once, beside parameters alone": {
        "inputs": 'x = ["n"]\ne = {shape = ["m"], once = true}',
        "loss": 'E = "sum(s[t] ** 2) - b @ (W.T @ e.T)"',
    },
    "a gradient with respect to an input that is the same at every step": {
        "inputs": 'x = ["n"]\nu = ["m"]', "loss": 'E = "sum(s[t] ** 2) - u[t] @ W @ b.T"',
    },
    "an adjoint that is a number but at the last step": {
        "equations": 's = "tanh(x[t] + b * s[t-1])"\ng = "mean(W)"',
        "loss": 'E = "sum(s[t] ** 2) + mean(g[t])"\nE_last = "sin(sum(s[t]) + mean(g[t]))"',
    },
    "a layer that hands on what it reads of two steps back, and an input": {
        "outputs": '["y", "s"]',
        "equations": 's = "tanh(x[t] + b * s[t-2] * x[t-1])"\ny = "s[t] @ W.T"', "loss": "",
    },
}  # fmt: skip


def text_of(name: str) -> str:
    if name in FOUND:
        return found(FOUND[name])
    sections = SMALL | FOUND_FILES[name]
    top = {"vectors": f'"{sections.pop("vectors", "rows")}"'}
    if "outputs" in sections:
        top["outputs"] = sections.pop("outputs")
    parts = (f"[{section}]\n{lines}" for section, lines in sections.items() if lines)
    return "\n".join([*(f"{key} = {value}" for key, value in top.items()), *parts])


@pytest.mark.one_in(20)
@pytest.mark.parametrize(("name", "loss"), in_turn(FOUND | FOUND_FILES, LOSSES))
def test_what_was_found(name: str, loss: str) -> None:
    assert assert_gradients(text_of(name), loss)
    assert_levels(parse_model(text_of(name)), loss)


@pytest.mark.one_in(30)
@pytest.mark.parametrize("name", FOUND | FOUND_FILES)
def test_what_was_found_is_written(name: str) -> None:
    assert_written(parse_model(text_of(name)))


def test_a_size_that_labels_alone_have_is_refused() -> None:
    text = found({}).replace('d = ["k"]', 'd = {shape = ["k"], labels = true}')
    text = text.replace('V = ["n", "k"]', 'V = ["n", "n"]').replace(
        SQUARE, "cross_entropy(d[t], d[t])"
    )
    with pytest.raises(b.InputError, match="cannot tell the size k"):
        b.generate(parse_model(text))
