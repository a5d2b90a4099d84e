"""What a time step hands on to its neighbours, and what only its loss reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.figures.request import Request
from bptt_sym.figures.weights import weights
from bptt_sym.model.model import Equation


@dataclass(frozen=True)
class Register:
    """What is read ``lag`` steps after the one that it is of, before it where that is negative."""

    name: str
    lag: int


class StepParts:
    """The equations of a step: the cell, which makes what later steps read, and the readout."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.equations = request.model.all_equations
        self.reads = {e.name: list(weights(e).items()) for e in self.equations}

    @cached_property
    def registers(self) -> list[Register]:
        """What a step is handed by those before it, in the order of the model."""
        lags: dict[str, set[int]] = {}
        for found in self.reads.values():
            for (name, lag), _ in found:
                passed = range(1, lag + 1) if lag > 0 else range(-1, lag - 1, -1)
                lags.setdefault(name, set()).update(passed)
        order = [entry.name for entry in self.request.model.declarations]
        names = sorted(lags, key=lambda name: order.index(name) if name in order else -1)
        return [Register(name, lag) for name in names for lag in sorted(lags[name])]

    @cached_property
    def cell(self) -> list[Equation]:
        """The equations that what is handed on depends on within the step.

        Where nothing is handed on, it is what the losses read, or else the losses themselves.
        """
        losses = {loss.name for loss in self.request.model.losses}
        every = {equation.name for equation in self.equations}
        kept = {register.name for register in self.registers} or every - losses or every
        for equation in reversed(self.equations):
            if equation.name in kept:
                kept |= {name for (name, lag), _ in self.reads[equation.name] if lag == 0}
        return [equation for equation in self.equations if equation.name in kept]

    @cached_property
    def _in_cell(self) -> set[str]:
        return {equation.name for equation in self.cell}

    def readout(self, time: int | None) -> list[str]:
        """What else a step computes, up to the losses that are looked at; None is any step."""
        losses = {loss.name for loss in self.request.model.losses}
        looked = {r.name for r in self.request.roots if time is None or r == Vertex(r.name, time)}
        names = [e.name for e in self.equations if e.name not in self._in_cell]
        return [name for name in names if name not in losses or name in looked]

    def within(self, name: str) -> list[tuple[str, int, tuple[str, ...]]]:
        """What an equation of the readout reads of the cell, with the parameters on the way."""
        outer = {e.name for e in self.equations} - self._in_cell
        given = self.inputs
        return [
            (read, lag, parameters)
            for (read, lag), parameters in self.reads[name]
            if lag or (read not in outer and (read in self._in_cell or read in given))
        ]

    @cached_property
    def inputs(self) -> list[str]:
        """What the cell reads at its own time and does not compute."""
        found = (
            name
            for equation in self.cell
            for (name, lag), _ in self.reads[equation.name]
            if lag == 0 and name not in self._in_cell
        )
        handed = (r.name for r in self.registers if r.name not in self._in_cell)
        return list(dict.fromkeys((*found, *handed)))

    def beside(self, name: str) -> list[tuple[str, tuple[str, ...]]]:
        """What an equation of the readout reads that is given to it alone."""
        computed = {e.name for e in self.equations}
        return [
            (read, parameters)
            for (read, lag), parameters in self.reads[name]
            if lag == 0 and read not in computed and read not in self.inputs
        ]

    def is_chain(self, names: list[str]) -> bool:
        """Whether each reads the one before it, the first alone the cell, and few other things."""
        for k, name in enumerate(names):
            outer = [read for (read, lag), _ in self.reads[name] if lag == 0 and read in names]
            if outer != names[k - 1 : k] * (k > 0) or len(self.beside(name)) > 1:
                return False
            if k and self.within(name):
                return False
        return True
