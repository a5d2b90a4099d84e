"""A cell with random numbers: variables from its equations, gradients from its module."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from math import erf, pi, sqrt
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Identity, Pow

import bptt_sym as b
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Adjoint,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TotalLoss,
    Variable,
    add,
    at_step,
    dimension,
    product,
)
from bptt_sym.algebra.over_time import TimeSum
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.step import written_step
from bptt_sym.errors import InputError
from bptt_sym.model.model import ARGUMENT, Formula, Model
from bptt_sym.verification.sizes import number
from support.running import arguments
from support.totals import Totals, matched


def sigmoid(z):
    return 0.5 + 0.5 * np.tanh(z / 2)


def erf_slope(z):
    return 2 / sqrt(pi) * np.exp(-(z**2))


def normal_cdf(z):
    return (1 + FUNCTIONS["erf"][0](z / sqrt(2))) / 2


def normal_pdf(z):
    return np.exp(-(z**2) / 2) / sqrt(2 * pi)


FUNCTIONS = {
    "identity": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "step": (lambda z: (z > 0) * 1.0, np.zeros_like),
    "softplus": (lambda z: np.logaddexp(0, z), sigmoid),
    "log_sigmoid": (lambda z: -np.logaddexp(0, -z), lambda z: sigmoid(-z)),
    "exp": (np.exp, np.exp),
    "log": (np.log, lambda z: 1 / z),
    "sqrt": (np.sqrt, lambda z: 0.5 / np.sqrt(z)),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda z: -np.sin(z)),
    "leaky_relu": (lambda z: np.where(z > 0, z, z / 100), lambda z: np.where(z > 0, 1, 0.01)),
    "leaky_slope": (lambda z: np.where(z > 0, 1, 0.01), np.zeros_like),
    "arctan": (np.arctan, lambda z: 1 / (1 + z**2)),
    "sinh": (np.sinh, np.cosh),
    "cosh": (np.cosh, np.sinh),
    "floor": (np.floor, np.zeros_like),
    "ceil": (np.ceil, np.zeros_like),
    "round": (np.rint, np.zeros_like),
    "abs": (np.abs, np.sign),
    "sign": (np.sign, np.zeros_like),
    "erf": (np.vectorize(erf, otypes=[float]), erf_slope),
    "erf_slope": (erf_slope, lambda z: -2 * z * erf_slope(z)),
    "normal_cdf": (normal_cdf, normal_pdf),
    "normal_pdf": (normal_pdf, lambda z: -z * normal_pdf(z)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "elu": (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z: np.where(z > 0, 1, np.exp(z))),
    "gelu": (lambda z: z * normal_cdf(z), lambda z: normal_cdf(z) + z * normal_pdf(z)),
    "hard_sigmoid": (lambda z: np.clip(z / 6 + 0.5, 0, 1), lambda z: (np.abs(z) < 3) / 6),
}
"""Functions and their derivatives, written here apart from the package."""


class CellValues(Mapping):
    """The values of one sequence of a model at a random point, each computed when it is asked for.

    A variable before the first step, or of a scan in reverse behind the last one, is its initial
    value. Adjoints are looked up in what the derivation says of them.
    """

    def __init__(self, model: Model, steps: int, loss: str, sizes: Mapping[str, int]) -> None:
        self.model, self.steps = model, steps
        self.loss = reduction_of(model, loss).name
        self.sizes = sizes | {"T": steps, "B": 1}
        self.module = b.compile(model, loss=loss)
        self.known: dict[Expr, Any] = {dimension(name): size for name, size in sizes.items()}
        self.defined: dict[Expr, Expr] = {}
        self.variables = {d.variable.name: d.expression for d in model.definitions}
        self.arrays = draw(self.module, self.sizes)
        for signal in getattr(self.module, "FINAL", {}):  # which derivations have none of
            self.arrays[signal] = np.zeros_like(self.arrays[signal])
        for entry in model.declarations:
            if entry.kind == "once":
                self.known[entry.symbol] = self.matrix(entry.symbol, self.dense(entry.name))
            elif entry.kind == "regularizer":
                continue
            elif isinstance(entry.symbol, Parameter):
                self.known[entry.symbol] = self.matrix(entry.symbol, self.arrays[entry.name])
            elif entry.kind in ("input", "target"):
                for time, value in self.given(entry.name):
                    self.known[entry.symbol.at(time)] = self.matrix(entry.symbol, value)
            for time, value in self.initial(entry.name):
                self.known[entry.symbol.at(time)] = self.matrix(entry.symbol, value)

    @property
    def share(self) -> float:
        """What the loss of a step has in the whole."""
        return 1 / self.steps if self.loss == "mean" else 1

    @property
    def shapes(self) -> dict[str, tuple[str, ...]]:
        return dict(self.module.SHAPES)

    def given(self, name: str) -> Iterator[tuple[int, Any]]:
        array = self.dense(name)
        # With the loss at the last step there is a target for this step alone.
        every = self.shapes[name][0] == "T"
        yield from enumerate(array, 1) if every else [(self.steps, array)]

    def dense(self, name: str) -> Any:
        """An array that a sequence is given, labels as vectors."""
        kind = getattr(self.module, "KINDS", {}).get(name, "")
        if not kind.startswith("labels of "):
            return self.arrays[name]
        return np.eye(number(kind.removeprefix("labels of "), self.sizes))[self.arrays[name]]

    def initial(self, name: str) -> Iterator[tuple[int, Any]]:
        """The argument that is the value before the first step, with the time steps it is of."""
        array = self.arrays.get(initial_name(name))
        if array is None or name not in {d.name for d in self.model.declarations}:
            return
        depth, entry = self.model.depth(name), self.model.declaration(name)
        for lag in range(depth):
            time = self.steps + 1 + lag if entry.reverse else lag + 1 - depth
            yield time, array[lag] if depth > 1 else array

    def matrix(self, symbol: MatrixExpr, value: Any) -> Any:
        return np.reshape(value, self.shape(symbol))

    def shape(self, symbol: MatrixExpr) -> list[int]:
        return [evaluate(size, self.known, {}) for size in symbol.shape]

    # A mapping of leaves to values.

    def __contains__(self, leaf: object) -> bool:
        known = leaf in self.known or leaf in self.defined
        return known or isinstance(leaf, Variable | Pow)

    def __getitem__(self, leaf: Expr) -> Any:
        if leaf not in self.known:
            self.known[leaf] = self.value(self.definition(leaf))
        return self.known[leaf]

    def __iter__(self) -> Iterator[Expr]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def definition(self, leaf: Expr) -> Expr:
        if isinstance(leaf, Pow):
            # The square of a size: a matrix has so many entries.
            return leaf.xreplace({name: Integer(self.known[name]) for name in leaf.free_symbols})
        if not isinstance(leaf, Variable):
            return self.defined[leaf]
        if 1 <= leaf.time <= self.steps:
            return at_step(self.variables[leaf.name], TIME, leaf.time)
        entry = self.model.declaration(leaf.name)
        outside = leaf.time > self.steps if entry.reverse else leaf.time < 1
        if entry.initial is None or not outside:
            raise KeyError(f"{leaf} is no variable of {self.steps} steps")
        return entry.initial

    def value(self, expression: Expr, more: Mapping | None = None) -> Any:
        names = (*self.model.functions, *FUNCTIONS)
        functions = {name: self.function(name) for name in names}
        return evaluate(expression, ChainMap({} if more is None else more, self), functions)

    def function(self, name: str) -> Any:
        concrete = self.model.functions.get(name, name)
        if isinstance(concrete, Formula):
            parts = (concrete.value, concrete.slope)
            inner = {known: self.function(known) for known in FUNCTIONS}
            return lambda z, order: evaluate(parts[order], {ARGUMENT: z}, inner) * np.ones_like(z)
        return lambda z, order: FUNCTIONS[concrete][order](z)

    # What a derivation says.

    def adjoints(self, derivation: Derivation, *, general: bool) -> dict[MatrixExpr, Any]:
        """The gradients of level adjoint, by their equations for this N or for any."""
        self.known = {k: v for k, v in self.known.items() if not isinstance(k, Adjoint)}
        self.defined = {}
        chosen = [section for section in derivation.sections if section.general == general]
        for equation in (e for s in chosen if s.topic == "adjoints" for e in s.equations):
            for left, right in instances(equation, self.steps):
                assert left not in self.defined, f"{left} is defined twice"
                self.defined[left] = right
        found = {}
        for equation in (e for s in chosen if s.topic == "gradients" for e in s.equations):
            for left, right in instances(equation, self.steps):
                assert left.by not in found, f"{left} is said twice"
                found[left.by] = self.value(right)
        return found

    def products(self, derivation: Derivation) -> dict[str, dict[MatrixExpr, Any]]:
        """The gradients of level jacobian: the sum, its terms one by one, the form for any N."""
        totals = EveryTotal(derivation, self.value)
        found: dict[str, dict[MatrixExpr, Any]] = {"sum": {}, "terms": {}, "any N": {}}
        once = written_step(self.model).by_regularizer
        for section in derivation.sections:
            if section.topic != "gradient":
                continue
            *terms, total, general = section.equations
            by = section.parameter
            found["sum"][by] = self.value(total.right, totals)
            found["any N"][by] = self.value(written_out(general.right, self.steps), totals)
            if terms:
                found["terms"][by] = sum(self.value(term.right, totals) for term in terms)
                if by.name in once:
                    found["terms"][by] = found["terms"][by] + self.value(once[by.name])
        return found

    def chains(self, derivation: Derivation, matrices: Derivation) -> dict[MatrixExpr, Any]:
        """The gradients of level chain: the Jacobians along each chain, multiplied as printed."""
        totals, found = EveryTotal(matrices, self.value), {}
        once = written_step(self.model).by_regularizer
        for section in derivation.sections:
            if section.topic == "gradient":
                chains = section.equations[-2].factors
                rows = [product(*(factor.jacobian for factor in chain)) for chain in chains]
                # A derivative of the loss of all steps has the share of one step in it.
                step = self.model.loss.name
                whole = [isinstance(c[0].of, TotalLoss) or c[0].of.name != step for c in chains]
                share = self.share
                values = [self.value(row, totals) for row in rows]
                parts = [v * (1 if w else share) for v, w in zip(values, whole, strict=True)]
                for derivative in (
                    section.equations[-2].right.atoms(PartialDerivative) if rows else ()
                ):
                    if isinstance(derivative.of, Parameter):
                        parts.append(self.value(once[derivative.by.name]))
                if chains:
                    found[section.parameter] = sum(
                        np.reshape(part, self.shape(section.parameter)) for part in parts
                    )
        return found

    def expected(self) -> tuple[float, dict[MatrixExpr, Any]]:
        """The module's loss, and its gradients with respect to parameters and initial values."""
        fields = self.module.Parameters._fields
        params = self.module.Parameters(*(self.arrays[name] for name in fields))
        others = arguments(self.module, self.arrays | self.sizes)
        loss, by_parameters, by_states, *_ = self.module.value_and_grad(params, **others)
        found = {
            symbol: self.matrix(symbol, getattr(by_parameters, name))
            for name, symbol in self.model.parameters.items()
        }
        self.arrays, kept = self.arrays | by_states._asdict(), self.arrays
        for state in self.model.states:
            if initial_name(state.name) in by_states._fields:
                for time, value in self.initial(state.name):
                    found[state.at(time)] = self.matrix(state, value)
        self.arrays = kept
        return float(loss), found

    def products_of_inputs(self, derivation: Derivation) -> Iterator[dict[MatrixExpr, Any]]:
        """The gradients with respect to inputs at level jacobian, for this N and for any; at level
        chain the Jacobians along each chain, multiplied as printed.
        """
        if derivation.level == "chain":
            matrices = b.derive(
                self.model,
                derivation.parameters[0].name,
                self.steps,
                level="jacobian",
                loss=self.loss,
            )
            totals = EveryTotal(matrices, self.value)
            share = self.share
            concrete = next(s for s in derivation.sections if s.topic == "gradients")
            yield {
                equation.left.by: share
                * sum(
                    self.value(product(*(factor.jacobian for factor in chain)), totals)
                    for chain in equation.factors
                )
                for equation in concrete.equations
                if equation.factors
            }
            return
        totals = EveryTotal(derivation, self.value)
        for section in derivation.sections:
            if section.topic != "gradients" or section.fewest_steps > self.steps:
                continue
            found = {}
            for equation in section.equations:
                for left, right in instances(equation, self.steps):
                    assert left.by not in found
                    found[left.by] = self.value(right, totals)
            yield found

    def inputs(self) -> dict[str, dict[MatrixExpr, Any]]:
        """By the inputs that are numbers: the loss's derivative at each step, by complex steps."""
        fields = self.module.Parameters._fields
        params = self.module.Parameters(*(self.arrays[name] for name in fields))
        others = arguments(self.module, self.arrays | self.sizes)
        found: dict[str, dict[MatrixExpr, Any]] = {}
        for entry in self.model.declared("input"):
            if entry.labels or entry.mask:
                continue
            zero = np.zeros([evaluate(size, self.known, {}) for size in entry.symbol.shape])
            times = range(1, self.steps + 1)
            found[entry.name] = {entry.symbol.at(time): zero for time in times}
            if entry.name not in others:
                continue  # nothing that the loss depends on reads it
            slope = np.zeros(np.shape(others[entry.name]))
            for index in np.ndindex(slope.shape):
                moved = others[entry.name].astype(complex)
                moved[index] += 1e-30j
                loss = self.module.loss(params, **others | {entry.name: moved})
                slope[index] = loss.imag / 1e-30
            every = self.shapes[entry.name][0] == "T"
            for time, value in enumerate(slope, 1) if every else [(self.steps, slope)]:
                found[entry.name][entry.symbol.at(time)] = self.matrix(entry.symbol, value)
        return found


class AsDeclared(CellValues):
    """Values in which a function is the integral of the derivative that is declared for it.

    Its derivative is then what the model says, so that differences show it.
    """

    NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)

    def function(self, name: str) -> Any:
        concrete, found = self.model.functions.get(name, name), super().function(name)
        if getattr(concrete, "derivative", None) is None:
            return found

        def value(z: Any, order: int) -> Any:
            if order:
                return found(z, order)
            # Most places lie near 0, where slopes are steep.
            places = zip((1 + self.NODES) / 2, self.WEIGHTS, strict=True)
            return sum(2 * w * u**3 * z * found(u**4 * z, 1) for u, w in places)

        return value


def assert_gradients(found: Mapping[MatrixExpr, Any], values: CellValues) -> None:
    """Each gradient that is found is that of the module."""
    loss, expected = values.expected()
    # A gradient that is zero but for cancellation has no size of its own.
    least = 1e-6 * max(abs(loss), *(np.max(np.abs(gradient)) for gradient in expected.values()), 0)
    for by, gradient in found.items():
        if by in expected:  # an initial value that is a number has none
            scale = max(np.max(np.abs(expected[by])), least)
            difference = np.reshape(gradient, expected[by].shape) - expected[by]
            assert np.max(np.abs(difference)) <= 1e-9 * scale, by


def assert_loss(values: CellValues) -> None:
    """The equations give the loss of the module."""
    variable, steps = values.model.loss.variable, values.steps
    at_last = values.loss == "last" or values.model.ends
    times = [steps] if at_last else range(1, steps + 1)
    loss = sum(values[variable.at(time)].item() for time in times)
    loss *= values.share
    for entry in values.model.added:
        once = (
            values.value(entry.expression) if entry.timeless else values[entry.variable.at(steps)]
        )
        loss += once.item()
    assert np.isclose(loss, values.expected()[0], rtol=1e-12, atol=0)


def assert_recursion(values: CellValues) -> None:
    """The recursion gives every gradient."""
    derivation = b.derive(values.model, steps=values.steps, level="adjoint", loss=values.loss)
    _, expected = values.expected()
    fewest = max(section.fewest_steps for section in derivation.sections)
    for general in (False, True)[: 1 + (values.steps >= fewest)]:
        found = values.adjoints(derivation, general=general)
        assert found.keys() >= expected.keys()
        assert_gradients(found, values)


def assert_inputs(values: CellValues) -> None:
    """The recursion gives the gradient with respect to each input at every time step."""
    for name, expected in values.inputs().items():
        options = {"steps": values.steps, "loss": values.loss, "level": "adjoint"}
        derivation = b.derive(values.model, name, **options)
        fewest = max(section.fewest_steps for section in derivation.sections)
        scale = max(1e-3, *(np.max(np.abs(gradient)) for gradient in expected.values()))
        for general in (False, True)[: 1 + (values.steps >= fewest)]:
            found = values.adjoints(derivation, general=general)
            assert found.keys() == expected.keys()
            for by, gradient in found.items():
                assert np.max(np.abs(gradient - expected[by])) <= 1e-9 * scale, by
        for level in ("chain", "jacobian"):
            try:
                derivation = b.derive(values.model, name, **options | {"level": level})
            except InputError as error:
                assert "--level adjoint" in str(error)
                reverse = any(entry.reverse for entry in values.model.declarations)
                begun = any(entry.initial is not None for entry in values.model.declarations)
                begun = begun or values.model.terminal is not None
                many = "too many factors" in str(error)
                assert many or reverse or begun or values.model.depth(name)
                continue
            for found in values.products_of_inputs(derivation):
                assert found.keys() == expected.keys() or level == "chain"
                for by, gradient in found.items():
                    far = np.reshape(gradient, expected[by].shape) - expected[by]
                    assert np.max(np.abs(far)) <= 1e-9 * scale, (level, by)


def assert_products(values: CellValues) -> None:
    """The products give every gradient: chains of few factors, so that totals are abbreviated."""
    options = {"steps": values.steps, "loss": values.loss, "most_factors": 4}
    matrices = b.derive(values.model, level="jacobian", **options)
    for found in values.products(matrices).values():
        assert_gradients(found, values)
    assert_gradients(values.chains(b.derive(values.model, **options), matrices), values)


def draw(module: ModuleType, sizes: Mapping[str, int]) -> dict[str, Any]:
    """Random parameters and arguments of an emitted module, by their names."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, shape in module.SHAPES.items():
        lengths = [number(size, sizes) for size in shape]
        kind = getattr(module, "KINDS", {}).get(name, "")
        if kind.startswith("labels of "):
            arrays[name] = rng.integers(0, number(kind.removeprefix("labels of "), sizes), lengths)
        else:
            values = rng.standard_normal(lengths) / 2
            arrays[name] = np.exp(values) if kind == "positive" else values
    return arrays


def initial_name(name: str) -> str:
    return f"{name}_0" if "_" in name else f"{name}0"


def instances(equation: DerivedEquation, steps: int) -> Iterator[tuple[Expr, Expr]]:
    """An equation with N put in, at each of the time steps that it is for."""
    sides = [at_step(side, LAST_STEP, Integer(steps)) for side in (equation.left, equation.right)]
    span = equation.span
    if span is None:
        yield tuple(written_out(side, steps) for side in sides)
        return
    first, last = (int(at_step(side, LAST_STEP, steps)) for side in (span.first, span.last))
    for time in range(last, first + 1):
        at = (at_step(side, span.index, Integer(time)) for side in sides)
        yield tuple(written_out(side, steps) for side in at)


def written_out(expression: Expr, steps: int) -> Expr:
    """With N put in, and sums over time term by term."""
    expression = at_step(expression, LAST_STEP, Integer(steps))
    if isinstance(expression, TimeSum):
        body, index, lower, upper = expression.args
        terms = (at_step(body, index, Integer(i)) for i in range(int(lower), int(upper) + 1))
        return add(*(written_out(term, steps) for term in terms), like=expression)
    if not expression.has(TimeSum):
        return expression
    return expression.func(*(written_out(argument, steps) for argument in expression.args))


class EveryTotal(Totals):
    """Total derivatives, found by every definition that covers them, which must agree.

    One for this N may stand beside one for any N.
    """

    def __getitem__(self, derivative: PartialDerivative) -> Any:
        if not isinstance(derivative, PartialDerivative):
            raise KeyError(derivative)
        if derivative not in self.known:
            first, *others = [self.explicit(right, self) for right in self.rights(derivative)]
            assert all(np.allclose(first, other, rtol=1e-9) for other in others), derivative
            self.known[derivative] = first
        return self.known[derivative]

    def rights(self, derivative: PartialDerivative) -> list[Expr]:
        found = [
            equation.right.xreplace(steps)
            for equation in self.definitions
            if (steps := matched(equation, derivative, self.steps)) is not None
        ]
        if not found and derivative.of == derivative.by:
            return [Identity(derivative.shape[0])]
        assert found, f"{derivative} is not defined"
        return found
