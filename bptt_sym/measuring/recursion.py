"""Contributions to gradients in numbers: the backward recursion of a model with untied copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bptt_sym.derivation.reduction import Reduction
from bptt_sym.errors import InputError
from bptt_sym.measuring.initial_values import InitialValues
from bptt_sym.measuring.running import (
    Arrays,
    compiled_sum,
    copies_of,
    initial_arguments,
    plain_name,
    value_and_grad,
)
from bptt_sym.measuring.untied import Untied
from bptt_sym.measuring.values import Wanted
from bptt_sym.model.model import Model

Array = Any


@dataclass(frozen=True)
class StepTerms:
    """The terms of the gradient with respect to one parameter, for several sequences.

    ``steps`` is (N, B, ...) with the contribution of step i at i - 1. Those of no step are what
    reaches the parameter through the initial values of states, ``beginning`` of (B, ...), and what
    the loss of parameters alone adds, ``regularizer`` of (...), where there are any.
    """

    steps: Array
    beginning: Array | None
    regularizer: Array | None


class Recursion:
    """The compiled recursion: what each step's copy of a parameter contributes, for any weights."""

    def __init__(self, model: Model, untied: Untied, functions: Mapping[str, str]) -> None:
        self.model, self.untied = model, untied
        self.module = compiled_sum(untied.model, functions)
        learned = untied.beginning
        self.initial = None if learned is None else InitialValues(learned, functions)
        states = initial_arguments(untied.model, self.module)
        self.arguments = {state: states[state] for state in learned.signals} if learned else {}
        self._once = {entry.name for entry in model.declared("once")}

    def wanted(self) -> Wanted:
        """The arrays that the model takes, under the names in the model file and of arguments."""
        own = {self.untied.weight, self.untied.last_weight, *self.arguments.values()}
        copies = {copy: name for name, copy in self.untied.copies.items()}
        axes = {} if self.initial is None else self.initial.axes()
        kinds = {}
        for argument, sizes in self.module.SHAPES.items():
            name = copies.get(argument, plain_name(argument))
            if argument not in own:
                axes[name] = self._tied(name, sizes) if argument in copies else sizes
                kinds[name] = self.module.KINDS.get(argument, "")
        order = {entry.name: k for k, entry in enumerate(self.model.declarations)}
        return Wanted(
            {
                name: axes[name]
                for name in sorted(axes, key=lambda n: (order.get(n, len(order)), n))
            },
            kinds,
            frozenset(
                e.name for e in self.model.declarations if e.kind in ("parameter", "constant")
            ),
            self.module.Dimensions._fields,
            self.untied.model,
        )

    def _tied(self, name: str, sizes: tuple[str, ...]) -> tuple[str, ...]:
        """The axes of what copies are of, by those of the copies."""
        if name in self._once:
            return sizes[1:]
        return () if sizes[2:] == ("1",) else sizes[2:]

    def terms(
        self, arrays: Arrays, weights: Array, last: Array
    ) -> tuple[float, dict[str, StepTerms]]:
        """The loss, and the terms of every gradient for each of B sequences with the same numbers.

        The losses of its steps count as ``weights`` of (N, B) says, and what is added at the last
        step as ``last`` of (B,) does. Raises InputError where these are not finite.
        """
        steps, sequences = weights.shape
        given = dict(arrays) | copies_of(self.module, self.untied.copies, arrays, steps, sequences)
        for name, weight in ((self.untied.weight, weights), (self.untied.last_weight, last)):
            spread = np.broadcast_to(weight, (steps, sequences))[..., np.newaxis]
            # A loss that counts at the last step alone has one weight.
            given[name] = spread if self.module.SHAPES.get(name, ())[:1] == ("T",) else spread[-1]
        if self.initial is not None:
            for state, value in self.initial.values(arrays).items():
                axes = self.module.SHAPES[self.arguments[state]]
                shape = value.shape if axes[0] == "B" else (int(axes[0]), *value.shape)
                given[self.arguments[state]] = np.broadcast_to(value, shape)
        found = value_and_grad(self.module, given, steps, sequences)
        begun = self._begun(arrays, found.initial)
        alone = {plain_name(name): np.asarray(a) for name, a in found.gradients._asdict().items()}
        result = {}
        for name, copy in self.untied.copies.items():
            shape = np.shape(arrays[name])[name in self._once :]
            of_steps = np.reshape(getattr(found.inputs, copy), (steps, sequences, *shape))
            beginning = np.reshape(begun[name], (sequences, *shape)) if name in begun else None
            result[name] = StepTerms(of_steps, beginning, alone.get(name))
        parts = [p for t in result.values() for p in (t.steps, t.beginning, t.regularizer)]
        if not all(np.all(np.isfinite(part)) for part in parts if part is not None):
            raise NotFiniteError
        return float(found.value), result

    def _begun(self, arrays: Arrays, gradients: Any) -> dict[str, Array]:
        """What reaches each parameter through the initial values of states."""
        if self.initial is None:
            return {}
        reached = {}
        for state, argument in self.arguments.items():
            gradient = np.asarray(getattr(gradients, argument))
            one = self.module.SHAPES[argument][0] == "B"
            # Each of several steps before the first has the same value.
            reached[state] = gradient if one else gradient.sum(axis=0)
        return self.initial.pulled_back(arrays, reached)


class NotFiniteError(InputError):
    """The gradient is not finite at the values where it was to be measured."""

    def __init__(self) -> None:
        super().__init__(
            "the gradient is not finite at these values; take fewer time steps or other values"
        )


def loss_weights(reduction: Reduction, steps: int, losses: range) -> tuple[Array, Array]:
    """The weights for sequences of which each has one of the ``losses``, by the steps.

    Alone, the last one has what is added at the last step.
    """
    share = 1 / steps if reduction.mean else 1.0
    weights = np.zeros((steps, len(losses)))
    weights[np.asarray(losses) - 1, np.arange(len(losses))] = share
    return weights, (np.asarray(losses) == steps) * 1.0
