"""Given values whose past before the first step parameters make up, as programs compute them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from bptt_sym.algebra.expressions import Expr, Parameter, Variable
from bptt_sym.algebra.names import split_name
from bptt_sym.model.model import Declaration, Equation, Model


def with_kept_inputs(model: Model) -> Model:
    """The model with a state that keeps each of these for the steps that read it later.

    For x with x_0 = b, read at [t-1], this is a state k_t = x_t with k_0 = b, read at [t-1]: what
    reaches k_0 is then what reaches b, by the one way that states have.
    """
    for entry in model.given:
        begun = entry.initial is not None and entry.initial.has(Parameter)
        if begun and model.depth(entry.name):
            model = _with_kept(model, entry)
    return model


def _with_kept(model: Model, entry: Declaration) -> Model:
    state = Declaration(free_name(model, entry.name), "state", entry.shape, initial=entry.initial)
    given, kept = entry.symbol, state.symbol
    assert isinstance(given, Variable) and isinstance(kept, Variable)
    lags = range(1, model.depth(entry.name) + 1)
    earlier: dict[Expr, Expr] = {
        given.at(given.time - lag): kept.at(kept.time - lag) for lag in lags
    }

    def rewritten(equation: Equation) -> Equation:
        return replace(
            equation,
            expression=equation.expression.xreplace(earlier),
            preactivations=tuple(map(rewritten, equation.preactivations)),
        )

    model = model.with_equations(rewritten)
    return replace(
        model,
        declarations=(*model.declarations, state),
        equations=(Equation(kept, given), *model.equations),
    )


def free_name(model: Model, name: str) -> str:
    """The name of a state that keeps what is called ``name``, which nothing else has."""
    taken = taken_names(model)
    stem = "".join(split_name(name))
    names = (f"{stem}_kept{number or ''}" for number in count())
    return next(candidate for candidate in names if candidate not in taken)


def taken_names(model: Model) -> set[str]:
    """All names of a model, those of its functions and dimensions too."""
    taken = {*model.functions, *(entry.name for entry in model.dimensions)}
    taken |= {entry.name for entry in model.declarations}
    return taken | {definition.name for definition in model.definitions}
