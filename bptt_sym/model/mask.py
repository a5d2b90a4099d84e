"""Sequences of different lengths: a model with a mask, 1 at the steps that a sequence has."""

from __future__ import annotations

from dataclasses import replace

from sympy import S

from bptt_sym.algebra.arithmetic import Addition, ElementwiseProduct
from bptt_sym.algebra.expressions import TIME, MatrixExpr, Variable, ZeroMatrix, add, scale
from bptt_sym.errors import InputError
from bptt_sym.model.kept_inputs import free_name
from bptt_sym.model.model import TERMINAL, Declaration, Equation, Model

MASK = "mask"
"""The name of the mask among a model's inputs."""


def masked(model: Model, *, loss_of_every_step: bool) -> Model:
    """The model with a mask q as an input: s_t = q_t s'_t + (1 - q_t) s_{t-1} for each state.

    Behind its end, where its mask is 0, a sequence keeps its states, and a sequence that is scanned
    in reverse begins there. The loss of a step is multiplied by the mask with
    ``loss_of_every_step``; a loss of the last step alone reads the states that were kept, and a
    target of this step. So does one that the model has for the last step, E_last; where it reads
    more than these, inputs for example, it is kept itself, as a state. Raises InputError where the
    model has the name of the mask already.
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
    model = replace(
        model,
        declarations=(*inputs, mask, *others),
        equations=tuple(map(kept, model.equations)),
        loss=loss,
    )
    if not (model.ends or loss_of_every_step):
        model = _with_known_end(model, loss, symbol, {e.name for e in model.declared("target")})
    ending = loss if model.ends else model.terminal
    return model if ending is None else _with_known_end(model, ending, symbol, set())


def _with_known_end(model: Model, loss: Equation, mask: Variable, targets: set[str]) -> Model:
    """The model with a loss of the last step that is the same behind the end of a sequence."""
    known = _reads_kept_states(model, loss, targets)
    return model if known else _with_kept_loss(model, loss, mask)


def _reads_kept_states(model: Model, loss: Equation, targets: set[str]) -> bool:
    """Whether what a loss reads is the same at all steps from the end of a sequence on.

    The ``targets`` are given for the last step alone.
    """
    onward = {entry.name for entry in model.declared("state") if not entry.reverse} | targets
    equations = {equation.name: equation for equation in model.equations}
    waiting = list(loss.reads())
    while waiting:
        read = waiting.pop()
        if read.time != TIME or (read.name not in onward and read.name not in equations):
            return False
        if read.name not in onward:
            waiting += equations[read.name].reads()
    return True


def _with_kept_loss(model: Model, loss: Equation, mask: Variable) -> Model:
    """The model with a loss of the last step as a state, which a sequence keeps behind its end."""
    state = Declaration(
        free_name(model, loss.name.removesuffix(TERMINAL)),
        "state",
        loss.variable.shape,
        f"{loss.name} of the last step that the sequence has",
        initial=ZeroMatrix(*loss.variable.shape),
    )
    kept = state.symbol
    assert isinstance(kept, Variable)
    expression = _mixed(mask, loss.expression, kept.at(TIME - 1))
    step = Equation(kept, expression, loss.preactivations)
    read = replace(loss, expression=kept, preactivations=())
    model = replace(
        model,
        declarations=(*model.declarations, state),
        equations=(*model.equations, step),
    )
    return replace(model, loss=read) if loss is model.loss else replace(model, terminal=read)


def _mixed(mask: Variable, new: MatrixExpr, before: MatrixExpr) -> MatrixExpr:
    times = ElementwiseProduct().build
    return add(times(mask, new), times(Addition().build(S.One, scale(-1, mask)), before))
