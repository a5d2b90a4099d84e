"""One sequence of a model in numbers, computed from its equations alone, beside its module.

The point is one that verification draws, cut down to one sequence; the gradients to compare with
are those of the generated module, which verification proves.
"""

from __future__ import annotations

from collections import ChainMap
from functools import partial
from typing import Any

import numpy as np
from sympy import Integer
from totals import Totals

import bptt_sym as b
from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.evaluate import evaluate
from bptt_sym.algebra.expressions import TIME, Adjoint, Expr, Parameter, Variable, at_step
from bptt_sym.algebra.expressions import dimension as dimension_symbol
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.emit.numpy.definitions import definitions_for
from bptt_sym.program.functions import with_functions
from bptt_sym.verification.points import draw_points


class Sequence:
    """The values of ``steps`` time steps of a model, each computed when it is asked for.

    ``model`` has a known function for each that is left symbolic.
    """

    def __init__(self, model: b.Model, loss: str, steps: int) -> None:
        self.model = with_functions(model, model.functions)
        self.steps = steps
        self.module = b.compile(model, loss=loss)
        point = draw_points(self.module, 1, 1, steps)[0]
        assert not point.problem
        self.arrays = {name: self._first(name, array) for name, array in point.all.items()}
        sizes = {entry.name: point.sizes.get(entry.name) for entry in model.dimensions}
        self.values: dict[Expr, Any] = {
            dimension_symbol(name): size for name, size in sizes.items() if size
        }
        self.definitions = {entry.name: entry for entry in self.model.definitions}

    def _first(self, name: str, array: np.ndarray) -> np.ndarray:
        """The array of the first sequence alone."""
        shape = self.module.SHAPES[name]
        return np.take(array, [0], axis=shape.index("B")) if "B" in shape else array

    def gradients(self) -> dict[str, np.ndarray]:
        """The gradients of the module, by parameters and initial states."""
        fields = self.module.Parameters._fields
        params = self.module.Parameters(*(self.arrays[name] for name in fields))
        rest = {name: array for name, array in self.arrays.items() if name not in fields}
        _, by_parameters, *by_states = self.module.value_and_grad(params, **rest)
        found = by_parameters._asdict()
        for states in by_states:
            found |= states._asdict()
        return {name: np.asarray(array) for name, array in found.items()}

    # Values: a mapping from leaves.

    def __contains__(self, leaf: Expr) -> bool:
        if leaf in self.values:
            return True
        known = isinstance(leaf, Variable | Parameter) and not isinstance(leaf, StateTuple)
        return known and (isinstance(leaf, Parameter) or leaf.time.is_Integer)

    def __getitem__(self, leaf: Expr) -> Any:
        if leaf not in self:
            raise KeyError(leaf)
        if leaf not in self.values:
            self.values[leaf] = self._value(leaf)
        return self.values[leaf]

    def _value(self, leaf: Variable | Parameter) -> np.ndarray:
        shape = tuple(int(self.value(size)) for size in leaf.shape)
        if isinstance(leaf, Parameter):
            return self._array(leaf.name).reshape(shape)
        time = int(leaf.time)
        if not 1 <= time <= self.steps:
            return self._initial(leaf, time).reshape(shape)
        if leaf.name in self.definitions:
            return self.value(at_step(self.definitions[leaf.name].expression, TIME, time))
        array = self._array(leaf.name)
        given = array[time - 1] if "T" in self.module.SHAPES[self._name(leaf.name)] else array
        if self.model.declaration(leaf.name).labels:
            return np.eye(max(shape))[given.item()].reshape(shape)
        return given.reshape(shape)

    def _initial(self, leaf: Variable, time: int) -> np.ndarray:
        entry = self.model.declaration(leaf.name)
        if entry.initial is not None:
            return self.value(entry.initial)
        array = self._array(f"{leaf.name}_0" if "_" in leaf.name else f"{leaf.name}0")
        depth = self.model.depth(leaf.name)
        if depth == 1:
            return array
        return array[time - self.steps - 1] if entry.reverse else array[depth - 1 + time]

    def _array(self, name: str) -> np.ndarray:
        return self.arrays[self._name(name)]

    def _name(self, name: str) -> str:
        """The name in the module, which has a mark behind it where the name was taken."""
        return next(n for n in (name, f"{name}_", f"{name}__") if n in self.arrays)

    def value(self, expression: Expr, more: Any = None) -> Any:
        """The value of an expression; ``more`` are values of further leaves."""
        known = self if more is None else ChainMap(more, self)  # type: ignore[arg-type]
        return evaluate(expression, known, _Functions(self))

    # What a derivation says.

    def products(self, derivation: b.Derivation, *, general: bool) -> dict[str, Any]:
        """The gradients of level jacobian: the sum for N steps, or the general form at this N."""
        totals = Totals(derivation, self.value)
        found = {}
        for section in derivation.sections:
            if section.topic == "gradient":
                right = section.equations[-1 if general else -2].right
                right = right.xreplace({b_last: Integer(self.steps) for b_last in _last(right)})
                found[section.parameter.name] = self.value(right, totals)
        return found

    def recursion(self, derivation: b.Derivation) -> dict[str, Any]:
        """The gradients of level adjoint: its equations for N steps, in their order."""
        adjoints: dict[Expr, Any] = {}
        found: dict[str, Any] = {}
        for section in derivation.sections:
            for equation in () if section.general else section.equations:
                value = self.value(equation.right, adjoints)
                if isinstance(equation.left, Adjoint):
                    adjoints[equation.left] = value
                elif isinstance(equation.left.by, Parameter):
                    found[equation.left.by.name] = value
                else:
                    name = equation.left.by.name
                    found.setdefault(f"{name}_0" if "_" in name else f"{name}0", []).append(value)
        return found


def _last(expression: Expr) -> set[Expr]:
    return {symbol for symbol in expression.free_symbols if symbol.name == "N"}


class _Functions(dict):
    """The code of a known function as generated modules have it."""

    def __init__(self, sequence: Sequence) -> None:
        super().__init__()
        self.sequence = sequence

    def __missing__(self, name: str) -> Any:
        code = FUNCTIONS[name].numpy.format("z")
        names: dict[str, Any] = {"np": np}
        for text in definitions_for([code]).values():
            exec(text, names)
        self[name] = partial(self._apply, eval(f"lambda z: {code}", names))
        return self[name]

    @staticmethod
    def _apply(function: Any, z: Any, order: int) -> Any:
        assert order == 0
        return function(z)
