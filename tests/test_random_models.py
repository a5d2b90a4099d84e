"""Random models: every level of the derivation and the generated module give one gradient.

``BPTT_SYM_EXAMPLES=5000 pytest tests/test_random_models.py`` draws more, and others each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from random_models import models
from totals import matched

import bptt_sym as b
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Expr,
    MatrixExpr,
    PartialDerivative,
    TimeProduct,
    TimeSum,
    Variable,
    add,
    at_step,
    dimension,
)
from bptt_sym.model.read import parse_model

EXAMPLES = int(os.environ.get("BPTT_SYM_EXAMPLES", "0"))
STEPS = 4

settings.register_profile(
    "random models",
    max_examples=EXAMPLES or 50,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # To shrink a model takes minutes: ask for examples to get the smallest one.
    phases=tuple(Phase) if EXAMPLES else (Phase.explicit, Phase.generate),
)
random_models = settings(settings.get_profile("random models"))

# All sizes different and above 1, so that no wrong shape fits by chance.
SIZES = {"m": 3, "n": 2, "k": 4, "T": STEPS, "B": 5}

FUNCTIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (lambda z: 0.5 + 0.5 * np.tanh(z / 2), lambda z: 0.25 - 0.25 * np.tanh(z / 2) ** 2),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda z: -np.sin(z)),
}


@dataclass(frozen=True)
class Instance:
    """A generated module at a random point of one or more sequences."""

    module: ModuleType
    arrays: dict[str, Any]

    def loss(self, arrays: dict[str, Any]) -> Any:
        params, arguments = self.split(arrays)
        return self.module.loss(params, **arguments)

    def gradients(self) -> dict[str, Any]:
        params, arguments = self.split(self.arrays)
        _, by_parameters, by_states = self.module.value_and_grad(params, **arguments)
        return by_parameters._asdict() | by_states._asdict()

    def split(self, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        names = self.module.Parameters._fields
        params = self.module.Parameters(*(arrays[name] for name in names))
        return params, {name: array for name, array in arrays.items() if name not in names}


def instance(model: b.Model, loss: str, **sizes: int) -> Instance:
    module = b.compile(model, loss=loss)
    rng = np.random.default_rng(0)
    sizes = SIZES | sizes
    shapes = {name: [sizes[size] for size in shape] for name, shape in module.SHAPES.items()}
    return Instance(
        module, {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}
    )


def complex_step(drawn: Instance, name: str) -> Any:
    """dE/dw = Im E(w + ih) / h, entry by entry."""
    result = np.empty(drawn.arrays[name].shape)
    for index in np.ndindex(result.shape):
        moved = drawn.arrays[name].astype(complex)
        moved[index] += 1e-30j
        result[index] = np.imag(drawn.loss(drawn.arrays | {name: moved})) / 1e-30
    return result


def agree(found: Any, expected: Any, bound: float, scale: float = 0.0) -> bool:
    """Whether two blocks are equal, relative to the larger of the block and ``scale``."""
    assert np.shape(found) == np.shape(expected)
    size = max(np.max(np.abs(expected)), scale)
    return bool(np.max(np.abs(found - expected)) <= bound * size)


# Every model derives, prints, and generates a module with right gradients.


def assert_written(model: b.Model) -> None:
    for level in ("chain", "jacobian", "adjoint"):
        for loss in ("last", "sum"):
            for steps in (1, 2, 3):
                derivation = b.derive(model, steps=steps, level=level, loss=loss)
                numbers = [e.number for e in derivation.equations if e.number is not None]
                assert numbers == list(range(1, len(numbers) + 1))
            assert derivation.text() and derivation.latex() and derivation.json()


def assert_gradients(model: b.Model, loss: str) -> None:
    drawn = instance(model, loss)
    value = drawn.loss(drawn.arrays)
    assert np.shape(value) == ()
    for name, found in drawn.gradients().items():
        expected = complex_step(drawn, name)
        # A gradient that is zero but for cancellation has no size of its own.
        assert agree(found, expected, 1e-10, scale=1e-6 * abs(value)), name


# The levels are equal, and equal to the module: for one sequence, leaf by leaf.


class Unfolded:
    """The values of one sequence, computed from the equations alone, and what follows from them."""

    def __init__(self, model: b.Model, drawn: Instance) -> None:
        self.model = model
        self.values: dict[Expr, Any] = {dimension(k): size for k, size in SIZES.items()}
        for name, symbol in model.parameters.items():
            self.values[symbol] = drawn.arrays[name].reshape(self.shape(symbol))
        for entry in model.declarations:
            if entry.kind == "state":
                initial = drawn.split(drawn.arrays)[1]
                self.values[entry.symbol.at(0)] = initial[initial_name(entry.name)]
            elif entry.kind in ("input", "target"):
                array = drawn.arrays[entry.name]
                for time in range(1, STEPS + 1):
                    # With the loss at the last step there is a target for this step alone.
                    at = array[time - 1] if array.ndim == 3 else array
                    self.values[entry.symbol.at(time)] = at
        for time in range(1, STEPS + 1):
            for definition in model.definitions:
                value = self.value(at_step(definition.expression, TIME, time))
                self.values[definition.variable.at(time)] = value

    def shape(self, symbol: MatrixExpr) -> tuple[int, int]:
        rows, columns = (int(self.values.get(size, size)) for size in symbol.shape)
        return rows, columns

    def value(self, expression: Expr) -> Any:
        return evaluate(expression, self.values, {n: self.function(n) for n in self.known()})

    def known(self) -> Iterable[str]:
        return (*self.model.functions, *FUNCTIONS)

    def function(self, name: str) -> Any:
        return lambda z, order: FUNCTIONS[self.model.functions.get(name, name)][order](z)

    def loss(self, kind: str) -> float:
        first = STEPS if kind == "last" else 1
        losses = (self.model.loss.variable.at(t) for t in range(first, STEPS + 1))
        return float(sum(self.values[loss].item() for loss in losses))

    def recursion(self, derivation: b.Derivation) -> dict[str, Any]:
        """The gradients of level adjoint: its equations for N steps, in their order."""
        found = {}
        for section in derivation.sections:
            if section.general:
                continue
            for equation in section.equations:
                value = self.value(equation.right)
                if isinstance(equation.left, Adjoint):
                    self.values[equation.left] = value
                else:
                    found[gradient_name(equation.left.by)] = value
        return found

    def products(self, derivation: b.Derivation, *, general: bool) -> dict[str, Any]:
        """The gradients of level jacobian: the sum for N steps, or the general form at this N."""
        definitions = [
            equation
            for section in derivation.sections
            if section.topic in ("definitions", "factors")
            for equation in section.equations
        ]
        found = {}
        for section in derivation.sections:
            if section.topic == "gradient":
                equation = section.equations[-1 if general else -2]
                found[section.parameter.name] = self.resolved(equation.right, definitions)
        return found

    def resolved(self, expression: Expr, definitions: list[Any]) -> Any:
        """The value of an expression in which total derivatives stand for their definitions."""
        expression = written_out(expression)
        for total in expression.atoms(PartialDerivative):
            if total not in self.values:
                self.values[total] = self.total(total, definitions)
        return self.value(expression)

    def total(self, total: PartialDerivative, definitions: list[Any]) -> Any:
        if total.of == total.by:
            return np.eye(self.shape(total)[0])
        for equation in definitions:
            steps = matched(equation, total, STEPS)
            if steps is not None:
                return self.resolved(equation.right.xreplace(steps), definitions)
        # No path leads from the one to the other.
        return np.zeros(self.shape(total))


def written_out(expression: Expr) -> Expr:
    """With N = STEPS, and sums over time term by term."""
    expression = at_step(expression, LAST_STEP, STEPS)
    if isinstance(expression, TimeSum):
        body, index, lower, upper = expression.args
        steps = range(int(lower), int(upper) + 1)
        terms = (written_out(at_step(body, index, step)) for step in steps)
        return add(*terms, like=expression)
    if isinstance(expression, TimeProduct):
        return expression.doit()
    if not expression.has(TimeSum, TimeProduct):
        return expression
    return expression.func(*map(written_out, expression.args))


def initial_name(state: str) -> str:
    return f"{state}_0" if "_" in state else f"{state}0"


def gradient_name(by: MatrixExpr) -> str:
    return initial_name(by.name) if isinstance(by, Variable) else by.name


def assert_levels(model: b.Model, loss: str) -> None:
    drawn = instance(model, loss, B=1)
    unfolded = Unfolded(model, drawn)
    value = drawn.loss(drawn.arrays)
    assert value == pytest.approx(unfolded.loss(loss), rel=1e-12)
    expected = drawn.gradients()

    adjoint = unfolded.recursion(b.derive(model, steps=STEPS, level="adjoint", loss=loss))
    assert adjoint.keys() == expected.keys()
    levels = [adjoint]
    for most_factors in (4, 100):
        derivation = b.derive(
            model, steps=STEPS, level="jacobian", loss=loss, most_factors=most_factors
        )
        levels += [unfolded.products(derivation, general=general) for general in (False, True)]
    for level in levels:
        for name, found in level.items():
            block = found.reshape(drawn.arrays[name].shape)
            assert agree(block, expected[name], 1e-9, scale=1e-6 * abs(value)), name


@random_models
@given(models())
def test_every_level_and_format_is_written(text: str) -> None:
    assert_written(parse_model(text))


@pytest.mark.parametrize("loss", ["last", "sum"])
@random_models
@given(text=models())
def test_generated_gradients_are_right(loss: str, text: str) -> None:
    assert_gradients(parse_model(text), loss)


@pytest.mark.parametrize("loss", ["last", "sum"])
@random_models
@given(text=models())
def test_the_levels_are_equal(loss: str, text: str) -> None:
    assert_levels(parse_model(text), loss)


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
}  # fmt: skip


def found(changes: dict[str, str]) -> b.Model:
    """The Elman network with these equations changed or added; h and c are states."""
    equations = {"s": STATE, "y": OUTPUT, "E": SQUARE} | changes
    # A value is defined before it is read: g reads s, or s reads g.
    order = "gshcy" if "g[t]" in equations["s"] else "shcgy"
    chosen = [name for name in order if name in equations]
    return parse_model(
        ELMAN.format(
            states="\n".join(f'{name} = ["n"]' for name in chosen if name in "shc"),
            equations="\n".join(f'{name} = "{equations[name]}"' for name in chosen),
            loss=equations["E"],
        )
    )


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found(name: str, loss: str) -> None:
    model = found(FOUND[name])
    assert_written(model)
    assert_gradients(model, loss)
    assert_levels(model, loss)


def test_a_matrix_for_each_sequence_is_refused_and_derived() -> None:
    # A function of an outer product of states: no array of the module holds it.
    model = found({"s": "phi(x[t] @ U + s[t-1] @ sin(s[t-1].T @ s[t-1]))"})
    assert_written(model)
    with pytest.raises(b.InputError, match="matrix"):
        b.generate(model)


def test_a_loss_whose_variables_cancel() -> None:
    model = found({"E": f"{SQUARE} + sum((2 - (s[t] - s[t])) ** 2)"})
    assert_gradients(model, "sum")


def test_a_value_that_cancels_is_still_read() -> None:
    model = found({"g": "2 * s[t-1]", "s": f"{STATE} + (g[t] - (b + g[t]))"})
    assert_gradients(model, "sum")


@random_models
@given(models(wide=True))
def test_whatever_the_language_admits_is_right_or_refused(text: str) -> None:
    model = parse_model(text)
    try:
        b.generate(model)
    except b.InputError as error:
        assert "matrix" in str(error)
        return
    assert_gradients(model, "sum")
    assert_levels(model, "last")
