"""The unfolded network in numbers: each of its quantities, at every time step of one sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from bptt_sym.algebra.evaluate import Functions, evaluate
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    Parameter,
    TotalLoss,
    Variable,
    at_step,
    dimension,
)
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.algebra.numeric_functions import NUMERIC_FUNCTIONS
from bptt_sym.algebra.over_time import written_out
from bptt_sym.choices import Loss
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.model.model import ARGUMENT, Formula, Model

Array = Any
Key = TypeVar("Key")


class NetworkValues(Mapping[Expr, Array]):
    """The value of every quantity of a model over ``steps`` time steps, as a matrix.

    ``given`` holds the matrices of parameters, of inputs and targets at each step, and of initial
    values that are arguments; ``sizes`` is the number of each dimension; ``known`` names the
    functions that stand for symbolic ones where they are not the model's. The rest follows from the
    equations, and is computed when it is first asked for. Raises KeyError for what follows from
    nothing.
    """

    def __init__(
        self,
        model: Model,
        steps: int,
        loss: Loss,
        sizes: Mapping[str, int],
        given: Mapping[Expr, Array],
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.model, self.steps = model, steps
        self.reduction = reduction_of(model, loss)
        self.functions = functions_of(model, known or {})
        self._values: dict[Expr, Array] = {dimension(name): n for name, n in sizes.items()}
        self._values |= {LAST_STEP: steps, **given}
        self._equations = {e.name: e.expression for e in model.definitions}

    def __getitem__(self, symbol: Expr) -> Array:
        if symbol not in self._values:
            resolve(symbol, self._values, self._read, self._computed)
        return self._values[symbol]

    def __contains__(self, node: object) -> bool:
        return node in self._values or isinstance(node, Variable | Parameter | TotalLoss)

    def __iter__(self) -> Iterator[Expr]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def shape(self, expression: MatrixExpr) -> tuple[int, int]:
        """The number of rows and of columns."""
        rows, columns = (int(evaluate(size, self._values, {})) for size in expression.shape)
        return rows, columns

    def is_computed(self, symbol: Variable) -> bool:
        """Whether an equation of one of the steps computes it."""
        return symbol.name in self._equations and 1 <= symbol.time <= self.steps

    def definition(self, symbol: Expr) -> MatrixExpr:
        """What a quantity is that is not given."""
        match symbol:
            case Variable() if self.is_computed(symbol):
                return at_step(self._equations[symbol.name], TIME, symbol.time)
            case Variable() if symbol.name in {e.name for e in self.model.handed_on}:
                entry = self.model.declaration(symbol.name)
                outside = symbol.time > self.steps if entry.reverse else symbol.time < 1
                if outside and entry.initial is not None:
                    return entry.initial
            case TotalLoss():
                return self.reduction.parts(self.model.loss.variable, Integer(self.steps))
            case Parameter() if self.model.regularizer and symbol == self.model.regularizer.left:
                return self.model.regularizer.expression
        raise KeyError(symbol)

    def value(self, expression: MatrixExpr, values: Mapping[Expr, Array] | None = None) -> Array:
        """The matrix that an expression is, where ``values`` are told, of these."""
        with np.errstate(all="ignore"):
            found = evaluate(expression, self if values is None else values, self.functions)
        return np.array(np.broadcast_to(found, self.shape(expression)), float)

    def _read(self, symbol: Expr) -> Iterable[Expr]:
        return leaves_of(self.definition(symbol))

    def _computed(self, symbol: Expr) -> Array:
        return self.value(self.definition(symbol))


def leaves_of(expression: MatrixExpr) -> set[Expr]:
    """The quantities in an expression, those of all steps of its sums over time."""
    return set(written_out(expression).atoms(Variable, Parameter, TotalLoss))


def resolve(
    wanted: Key,
    known: dict[Key, Array],
    needed: Callable[[Key], Iterable[Key]],
    compute: Callable[[Key], Array],
) -> None:
    """Computes what is ``wanted`` after all that is ``needed`` for it, however deep that goes."""
    waiting = [wanted]
    while waiting:
        missing = [key for key in needed(waiting[-1]) if key not in known]
        if missing:
            waiting += missing
        else:
            key = waiting.pop()
            if key not in known:
                known[key] = compute(key)


def functions_of(model: Model, known: Mapping[str, str]) -> Functions:
    """The functions in numbers, by name: those of the table, and what stands for symbolic ones."""
    found: dict[str, Any] = {name: NUMERIC_FUNCTIONS[name] for name in FUNCTIONS}
    for name, function in (model.functions | dict(known)).items():
        found[name] = (
            _formula(function) if isinstance(function, Formula) else NUMERIC_FUNCTIONS[function]
        )
    return found


def _formula(formula: Formula) -> Callable[[Array, int], Array]:
    parts = (formula.value, formula.slope)

    def value(argument: Array, order: int) -> Array:
        return evaluate(parts[order], {ARGUMENT: argument}, NUMERIC_FUNCTIONS) * np.ones_like(
            argument
        )

    return value
