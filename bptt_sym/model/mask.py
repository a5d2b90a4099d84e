"""Sequences of different lengths: a model with a mask, 1 at the steps that a sequence has."""

from __future__ import annotations

from dataclasses import replace

from sympy import S

from bptt_sym.algebra.arithmetic import Addition, ElementwiseProduct
from bptt_sym.algebra.expressions import MatrixExpr, Variable, add, scale
from bptt_sym.errors import InputError
from bptt_sym.model.model import Declaration, Equation, Model

MASK = "mask"
"""The name of the mask among a model's inputs."""


def masked(model: Model, *, loss_of_every_step: bool) -> Model:
    """The model with a mask q as an input: s_t = q_t s'_t + (1 - q_t) s_{t-1} for each state.

    Behind its end, where its mask is 0, a sequence keeps its states, and a sequence that is scanned
    in reverse begins there. The loss of a step is multiplied by the mask with
    ``loss_of_every_step``; a loss of the last step alone reads the states that were kept. Raises
    InputError where the model has the name of the mask already.
    """
    if any(entry.name == MASK for entry in model.declarations):
        raise InputError(f"the model '{model.name}' has a '{MASK}' already")
    mask = Declaration(
        MASK,
        "input",
        (S.One, S.One),
        "1 where the sequence has the step, 0 behind its end",
        mask=True,
    )
    symbol = mask.symbol
    assert isinstance(symbol, Variable)
    reverse = {entry.name: entry.reverse for entry in model.declared("state")}

    def kept(equation: Equation) -> Equation:
        if equation.name not in reverse:
            return equation
        state = equation.variable
        before = state.at(state.time + 1 if reverse[equation.name] else state.time - 1)
        return replace(equation, expression=_mixed(symbol, equation.expression, before))

    loss = model.loss
    if loss_of_every_step:
        loss = replace(loss, expression=ElementwiseProduct().build(symbol, loss.expression))
    inputs = model.declared("input")
    others = tuple(entry for entry in model.declarations if entry.kind != "input")
    return replace(
        model,
        declarations=(*inputs, mask, *others),
        equations=tuple(map(kept, model.equations)),
        loss=loss,
    )


def _mixed(mask: Variable, new: MatrixExpr, before: MatrixExpr) -> MatrixExpr:
    times = ElementwiseProduct().build
    return add(times(mask, new), times(Addition().build(S.One, scale(-1, mask)), before))
