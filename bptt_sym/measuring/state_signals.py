"""A model of the states alone, whose vector-Jacobian products are rows of the step's Jacobian."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bptt_sym.measuring.untied import of_loss
from bptt_sym.model.kept_inputs import with_kept_inputs
from bptt_sym.model.model import Model
from bptt_sym.model.outputs import layer_of


@dataclass(frozen=True)
class Stepping:
    """A model whose loss is the sum of the products of states and ``signals``, entry by entry.

    In the ``anywhere`` model all states begin with arguments, so that each has a gradient.
    """

    model: Model
    anywhere: Model
    signals: dict[str, str]


def stepping(model: Model) -> Stepping:
    """The model with an error signal for each state, and without gradients of parameters."""
    model = with_kept_inputs(model)
    taken = {*model.functions, *(entry.name for entry in model.dimensions)}
    taken |= {entry.name for entry in model.declarations}
    taken |= {definition.name for definition in model.definitions}
    states = model.declared("state")
    layer = layer_of([replace(entry, kind="value") for entry in states], taken)
    read = {leaf.name for equation in model.equations for leaf in equation.reads()}
    declarations = tuple(
        replace(entry, kind="constant", init=None) if entry.kind == "parameter" else entry
        for entry in model.declarations
        if entry.kind != "target" or entry.name in read
    )
    changed = replace(
        model,
        declarations=(*declarations, *layer.signals, of_loss(layer.loss)),
        loss=layer.loss,
        terminal=None,
        regularizer=None,
        ends=False,
        outputs={},
    )
    anywhere = tuple(
        replace(entry, initial=None) if entry.kind == "state" else entry
        for entry in changed.declarations
    )
    return Stepping(changed, replace(changed, declarations=anywhere), layer.outputs)
