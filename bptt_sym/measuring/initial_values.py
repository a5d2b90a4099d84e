"""Initial values that parameters make up, in numbers, and what goes back through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bptt_sym.measuring.running import Arrays, compiled_sum, copies_of, plain_name, value_and_grad
from bptt_sym.measuring.untied import Beginning

Array = Any


class InitialValues:
    """The compiled model of the initial values of some states."""

    def __init__(self, beginning: Beginning, functions: Mapping[str, str]) -> None:
        self.beginning = beginning
        self.module = compiled_sum(beginning.model, functions)

    def axes(self) -> dict[str, tuple[str, ...]]:
        """The arrays that it takes beside copies and error signals."""
        own = {*self.beginning.copies.values(), *self.beginning.signals.values()}
        shapes = {plain_name(name): axes for name, axes in self.module.SHAPES.items()}
        return {name: axes for name, axes in shapes.items() if name not in own}

    def values(self, arrays: Arrays) -> dict[str, Array]:
        """The initial value of each state, of one sequence."""
        signals = set(self.beginning.signals.values())
        taken = {
            name: given
            for name, given in self._given(arrays, 1).items()
            if plain_name(name) not in signals
        }
        with np.errstate(all="ignore"):
            found = self.module.forward(self.module.Parameters(), **taken)
        known = {plain_name(name): np.asarray(a)[0] for name, a in found._asdict().items()}
        return {state: known[state] for state in self.beginning.signals}

    def pulled_back(self, arrays: Arrays, gradients: Arrays) -> dict[str, Array]:
        """The gradients with respect to parameters, of each sequence, for those with respect to
        the initial value of each state.
        """
        sequences = len(next(iter(gradients.values())))
        given = self._given(arrays, sequences) | {
            signal: gradients[state][np.newaxis] for state, signal in self.beginning.signals.items()
        }
        found = value_and_grad(self.module, given, 1, sequences)
        copies = self.beginning.copies.items()
        return {name: np.asarray(getattr(found.inputs, copy))[0] for name, copy in copies}

    def _given(self, arrays: Arrays, sequences: int) -> dict[str, Array]:
        copied = copies_of(self.module, self.beginning.copies, arrays, 1, sequences)
        others = self.module.SHAPES.keys() - copied.keys()
        return copied | {n: arrays[plain_name(n)] for n in others if plain_name(n) in arrays}
