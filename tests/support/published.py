"""Networks of publications with numbers put in, and what a derivation says of them in numbers.

A test writes the forward pass of a publication as a table of equations in NumPy, next to the model
file. Every derivative of it is a complex step through that table, so that nothing of the package is
in it: of a value by a weight, by the copy of a weight that one time step uses, by any quantity of
any time step, with any others held constant.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from functools import partial, reduce
from itertools import pairwise

import numpy as np
from sympy import Expr, MatrixExpr

from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import (
    TIME,
    Adjoint,
    Parameter,
    Variable,
    at_step,
    dimension,
)
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.model.model import Model
from support.totals import Totals

Key = tuple[str, int]
"""A name and a time step: of a variable, or of the copy of a parameter that the step uses."""

TINY = 1e-30


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.sum(np.exp(z))


FUNCTIONS = {
    "identity": (lambda z: z, np.ones_like),
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
}


class At:
    """The values of one time step by their names."""

    def __init__(self, values: Mapping[Key, np.ndarray], time: int) -> None:
        self._values, self._time = values, time

    def __getattr__(self, name: str) -> np.ndarray:
        return self._values[name, self._time]


class Network:
    """A model with random numbers, beside ``equations``: the same forward pass in NumPy.

    ``equations`` maps each name, in the order of computation, to a function of the values of this
    step and of those of the step before. ``untied`` gives each step a copy of its own of every
    parameter. Networks that differ in ``sequence`` have the same parameters and other data.
    """

    def __init__(
        self,
        model: Model,
        equations: Mapping[str, Callable[[At, At], np.ndarray]],
        steps: int,
        sizes: Mapping[str, int],
        *,
        seed: int = 0,
        sequence: int = 0,
        untied: bool = False,
        given: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        assert len(set(sizes.values())) == len(sizes) and min(sizes.values()) > 1
        self.model, self.equations, self.steps = model, equations, steps
        self.sizes = {dimension(name): size for name, size in sizes.items()}
        weights, data = np.random.default_rng(seed), np.random.default_rng((seed, sequence))
        self.given: dict[Key, np.ndarray] = {}
        for entry in model.declarations:
            shape = tuple(evaluate(size, self.sizes, {}) for size in entry.shape)
            if entry.kind == "parameter":
                tied = weights.normal(size=shape) / np.sqrt(max(shape))
                tied = (given or {}).get(entry.name, tied)
                for time in self.times:
                    other = weights.normal(size=shape) if untied else tied
                    self.given[entry.name, time] = other
            elif entry.kind == "state":
                self.given[entry.name, 0] = data.normal(size=shape)
            elif entry.kind in ("input", "target"):
                for time in self.times:
                    drawn = data.normal(size=shape)
                    self.given[entry.name, time] = (given or {}).get(entry.name, drawn)
        self.values: dict[Key, np.ndarray] = {}
        self.values = self.run()
        self.functions = {name: partial(_apply, name) for name in FUNCTIONS}
        for name, stands_for in model.functions.items():
            self.functions[name] = partial(_apply, stands_for)

    @property
    def times(self) -> range:
        return range(1, self.steps + 1)

    def at(self, time: int) -> At:
        """The values of a time step; behind the last one there are none."""
        return At(self.values, time)

    def run(
        self, nudges: Mapping[Key, np.ndarray] | None = None, held: Iterable[Key] = ()
    ) -> dict[Key, np.ndarray]:
        """The forward pass with something added to some values and others held constant."""
        nudges, held = nudges or {}, set(held)
        values = {key: value + nudges.get(key, 0) for key, value in self.given.items()}
        for time in self.times:
            now, before = At(values, time), At(values, time - 1)
            for name, equation in self.equations.items():
                key = name, time
                value = self.values[key] if key in held else equation(now, before)
                values[key] = value + nudges.get(key, 0)
        return values

    def copies(self, parameter: str) -> list[Key]:
        """The copies of a parameter, one for each time step."""
        return [(parameter, time) for time in self.times]

    def losses(self, name: str = "E") -> list[Key]:
        return [(name, time) for time in self.times]

    def jacobian(
        self, of: Key | list[Key], by: Key | list[Key], held: Iterable[Key] = ()
    ) -> np.ndarray:
        """du/dv, (size of u) x (size of v): of u, or of a sum, by v, or by several as one."""
        ofs, bys = (keys if isinstance(keys, list) else [keys] for keys in (of, by))
        shape = np.shape(self.values[bys[0]])
        columns = []
        for index in np.ndindex(shape):
            nudge = np.zeros(shape, complex)
            nudge[index] = 1j * TINY
            values = self.run(dict.fromkeys(bys, nudge), held)
            columns.append(sum(np.imag(values[key]).ravel() for key in ofs) / TINY)
        return np.array(columns).T

    def gradient(
        self, of: Key | list[Key], by: Key | list[Key], held: Iterable[Key] = ()
    ) -> np.ndarray:
        """The derivative of a scalar with respect to something, in its shape."""
        first = by[0] if isinstance(by, list) else by
        return self.jacobian(of, by, held).reshape(np.shape(self.values[first]))

    def value(self, expression: Expr, known: Mapping | None = None, copy: int = 1) -> np.ndarray:
        """An expression of a derivation in numbers, with the parameters of one time step."""
        more = {} if known is None else known
        return evaluate(expression, ChainMap(more, self._leaves(copy)), self.functions)

    def _leaves(self, copy: int) -> dict[Expr, object]:
        leaves: dict[Expr, object] = dict(self.sizes)
        for entry in self.model.declarations:
            if isinstance(entry.symbol, Parameter):
                leaves[entry.symbol] = self.given[entry.name, copy]
        variables = [entry.symbol for entry in self.model.declarations]
        variables += [definition.variable for definition in self.model.definitions]
        for variable in variables:
            if isinstance(variable, Variable):
                for time in range(self.steps + 1):
                    if (variable.name, time) in self.values:
                        value = np.asarray(self.values[variable.name, time])
                        shape = [evaluate(size, self.sizes, {}) for size in variable.shape]
                        leaves[variable.at(time)] = value.reshape(shape)
        return leaves


def _apply(name: str, argument: np.ndarray, order: int) -> np.ndarray:
    return FUNCTIONS[name][order](argument)


# What a derivation says.


def terms_of(derivation: Derivation, parameter: str) -> list[DerivedEquation]:
    """The contributions to the gradient with respect to a parameter, the latest first."""
    return [equation for equation in _section(derivation, parameter) if equation.contribution]


def total_of(derivation: Derivation, parameter: str) -> DerivedEquation:
    """The gradient with respect to a parameter for the number of steps asked for."""
    return next(e for e in _section(derivation, parameter) if not e.contribution)


def general_of(derivation: Derivation, parameter: str) -> DerivedEquation:
    """The gradient with respect to a parameter for a symbolic number of steps."""
    return [e for e in _section(derivation, parameter) if not e.contribution][1]


def _section(derivation: Derivation, parameter: str) -> tuple[DerivedEquation, ...]:
    return next(
        section.equations
        for section in derivation.sections
        if section.parameter and section.parameter.name == parameter
    )


def edges_of(derivation: Derivation) -> dict[tuple[str, str, int], MatrixExpr]:
    """The Jacobians of a step: of what, with respect to what, and how many steps before."""
    found = {}
    for section in derivation.sections:
        if section.topic == "factors":
            for equation in section.equations:
                of, by = equation.left.of, equation.left.by
                lag = 0 if isinstance(by, Parameter) else int(of.time - by.time)
                found[of.name, by.name, lag] = equation.right
    return found


def path_value(network: Network, edges: Mapping, path: Iterable[Key]) -> np.ndarray:
    """The product of the Jacobians along a path, each with the parameters of its own step."""
    factors = (
        network.value(at_step(edges[of, by, time - earlier], TIME, time), copy=time)
        for (of, time), (by, earlier) in pairwise(path)
    )
    return reduce(np.matmul, factors)


def totals_of(derivation: Derivation, network: Network) -> Totals:
    """The total derivatives that a derivation abbreviates, in numbers."""
    return Totals(derivation, network.value)


def backward(
    network: Network, derivation: Derivation
) -> tuple[dict[Key, np.ndarray], dict[str, np.ndarray]]:
    """The adjoints and gradients of a derivation at level adjoint, as its equations give them."""
    known: dict[MatrixExpr, np.ndarray] = {}
    adjoints: dict[Key, np.ndarray] = {}
    gradients: dict[str, np.ndarray] = {}
    for section in derivation.sections:
        for equation in () if section.general else section.equations:
            value, left = network.value(equation.right, known), equation.left
            if isinstance(left, Adjoint):
                known[left] = value
                adjoints[left.variable.name, int(left.variable.time)] = value
            else:
                gradients[left.by.name] = value
    return adjoints, gradients


def relative_error(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, by the largest entry."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape, (one.shape, other.shape)
    return float(np.max(np.abs(one - other)) / np.max(np.abs(other)))


def close(one: np.ndarray, other: np.ndarray, tolerance: float = 1e-12) -> bool:
    return relative_error(one, other) <= tolerance
