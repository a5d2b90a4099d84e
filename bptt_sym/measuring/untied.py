"""Models whose gradients are the terms that the gradient of another model is the sum of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

from sympy import S

from bptt_sym.algebra.arithmetic import ElementwiseProduct
from bptt_sym.algebra.expressions import Expr, Parameter, Variable
from bptt_sym.model.kept_inputs import with_kept_inputs
from bptt_sym.model.model import Declaration, Equation, Kind, Model
from bptt_sym.model.outputs import layer_of


@dataclass(frozen=True)
class Untied:
    """A model in which every time step has its own copy of a parameter, an input of this step.

    ``copies`` names these inputs by the parameters. The loss of step t is multiplied by the
    target ``weight``, one that is added at the last step by ``last_weight``. A parameter that the
    regularizer reads is there, too, for it alone. States that begin with what such parameters make
    up begin with arguments, and the ``beginning`` is the model of these.
    """

    model: Model
    copies: dict[str, str]
    weight: str
    last_weight: str
    beginning: Beginning | None


@dataclass(frozen=True)
class Beginning:
    """A layer of one time step whose outputs are the initial values of states.

    ``copies`` names an input for each parameter, ``signals`` the error signal of each state.
    """

    model: Model
    copies: dict[str, str]
    signals: dict[str, str]


def untied(model: Model, parameters: tuple[Parameter, ...]) -> Untied:
    """The model with copies of these ``parameters``, which what is given once may be among."""
    model = with_kept_inputs(model)
    free = _free_names(model)
    by = {entry.symbol: entry for entry in model.declarations}
    copies = {p: _copy(by[p], next(free), "input") for p in parameters}
    learned = [e for e in model.declared("state") if _reads(e.initial, parameters)]
    weight, last = (Declaration(next(free), "target", (S.One, S.One)) for _ in range(2))
    alone = None if model.regularizer is None else model.regularizer.expression
    kept = [
        replace(entry, initial=None) if entry in learned else entry
        for entry in model.declarations
        if entry.symbol not in copies or _reads(alone, (entry.symbol,))
    ]
    swapped = with_swapped(model, {p: copy.symbol for p, copy in copies.items()})
    terminal = swapped.terminal
    return Untied(
        replace(
            swapped,
            declarations=(*kept, *copies.values(), weight, last),
            loss=_weighted(swapped.loss, weight),
            terminal=None if terminal is None else _weighted(terminal, last),
            regularizer=model.regularizer,
            # The error signals are targets like others, and nothing comes after the last step.
            outputs={},
        ),
        {p.name: copy.name for p, copy in copies.items()},
        weight.name,
        last.name,
        _beginning(model, parameters, learned) if learned else None,
    )


def _beginning(
    model: Model, parameters: tuple[Parameter, ...], learned: list[Declaration]
) -> Beginning:
    free = _free_names(model)
    read = tuple(p for p in parameters if any(_reads(entry.initial, (p,)) for entry in learned))
    by = {entry.symbol: entry for entry in model.declarations}
    copies = {p: _copy(by[p], next(free), "input") for p in read}
    swap: dict[Expr, Expr] = {p: copy.symbol for p, copy in copies.items()}
    equations = []
    for entry in learned:
        assert entry.initial is not None and isinstance(entry.symbol, Variable)
        equations.append(Equation(entry.symbol, entry.initial.xreplace(swap)))
    others = [
        replace(entry, kind="constant", init=None)
        for entry in model.declarations
        if entry.kind in ("parameter", "constant") and entry.symbol not in copies
    ]
    layer = layer_of(
        [replace(entry, kind="value") for entry in learned],
        {*(e.name for e in model.declarations), *(copy.name for copy in copies.values())},
    )
    return Beginning(
        replace(
            model,
            declarations=(*copies.values(), *others, *layer.signals, of_loss(layer.loss)),
            equations=tuple(equations),
            loss=layer.loss,
            terminal=None,
            regularizer=None,
            ends=False,
            outputs={},
        ),
        {p.name: copy.name for p, copy in copies.items()},
        layer.outputs,
    )


def with_swapped(model: Model, swap: Mapping[Expr, Expr]) -> Model:
    """The model with symbols in its equations exchanged."""

    def swapped(equation: Equation) -> Equation:
        return replace(
            equation,
            expression=equation.expression.xreplace(swap),
            preactivations=tuple(map(swapped, equation.preactivations)),
        )

    return model.with_equations(swapped)


def of_loss(loss: Equation) -> Declaration:
    """The declaration of the name of a loss."""
    return Declaration(loss.name, "loss", loss.variable.shape)


def _reads(expression: Expr | None, symbols: tuple[Expr, ...]) -> bool:
    return expression is not None and expression.has(*symbols)


def _free_names(model: Model) -> Iterator[str]:
    taken = {*model.functions, *(entry.name for entry in model.dimensions)}
    taken |= {entry.name for entry in model.declarations}
    taken |= {definition.name for definition in model.definitions}
    return (name for number in count(1) if (name := f"copy_{number}") not in taken)


def _copy(entry: Declaration, name: str, kind: Kind) -> Declaration:
    return replace(entry, name=name, kind=kind, init=None)


def _weighted(loss: Equation, weight: Declaration) -> Equation:
    product = ElementwiseProduct().build(weight.symbol, loss.expression)
    return replace(loss, expression=product)
