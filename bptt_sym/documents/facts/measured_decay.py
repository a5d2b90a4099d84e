"""How far back a model sees, in numbers: small random networks, measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from sympy import Symbol

from bptt_sym.algebra.evaluate import Functions
from bptt_sym.algebra.expressions import TIME, Expr, Parameter, Variable, dimension
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.choices import Loss
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.step import Step
from bptt_sym.documents.facts.copy_facts import crosses_time
from bptt_sym.documents.facts.norm_bounds import NormBound
from bptt_sym.documents.facts.step_facts import StepMap, step_maps
from bptt_sym.errors import InputError
from bptt_sym.model.model import Model

if TYPE_CHECKING:
    from bptt_sym.measuring.decay import Draw

Array = Any

STEPS = 20
"""So many time steps are measured."""

DISTANCES = (0, 1, 3, 5, 8, 10, 15)
"""The distances that are printed."""

DRAWS = 20
"""So many networks are drawn, of which one in the middle is printed."""

SCALE = 0.6
"""Weights and inputs are those that are drawn for a measurement, times this."""

MOST_KEPT = 100
"""So many measurements are kept, for notes of the same model in another form."""

SMALL = 0.01
"""What is called gone, beside what is at distance 0."""


@dataclass(frozen=True)
class Decay:
    """The norms of what one loss sends to the copies of a ``parameter``, in several draws.

    ``draws`` are the norms by the distance from the loss, which is that of the last step, in
    ``reverse`` that of the first. One that is typical is ``measured``: in it they are ``norms``.
    ``links`` are what links the steps of the model.
    """

    parameter: Parameter
    reverse: bool
    draws: Sequence[Array]
    norms: Array
    measured: Any
    links: tuple[StepMap, ...]

    @cached_property
    def shares(self) -> Array:
        """The norms beside that at distance 0."""
        return self.norms / self.norms[0]

    @cached_property
    def reaches(self) -> list[int | None]:
        """For each draw the distance from which on all is below one per cent of distance 0."""
        return [reach(norms) for norms in self.draws]

    @cached_property
    def rise(self) -> tuple[int, int] | None:
        """Two printed distances, next to each other, of which the farther has the larger share."""
        pairs = pairwise(DISTANCES)
        return next(((a, b) for a, b in pairs if self.shares[b] > self.shares[a]), None)

    def dropped(self, window: int) -> float | None:
        """What a window drops of the gradient, as the ratio of the norms; None where not known."""
        pairs = self.measured.parameters[self.parameter.name].pairs
        if pairs is None or pairs.dropped is None:
            return None
        ratio = float(pairs.dropped.ratio[window - 1])
        return ratio if math.isfinite(ratio) else None

    @property
    def _sizes(self) -> dict[Expr, int]:
        return {dimension(name): size for name, size in self.measured.sizes.items()}

    @cached_property
    def states(self) -> StepMap | None:
        """What links the steps, if the norms of its products are those that were measured."""
        states = self.measured.states
        if states is None or len(self.links) != 1 or self.links[0].direction != 1:
            return None
        entries = sum(int((c.rows * c.cols).subs(self._sizes)) for c in self.links[0].components)
        return self.links[0] if states.entries == entries else None

    def product_norm(self, distance: int) -> float:
        """The norm of the derivative of the states of the last step by those so far before."""
        return float(10.0 ** self.measured.states.log_norm[STEPS - distance])

    def norm_product(self, distance: int) -> float:
        """The product of the norms of the factors of this derivative."""
        return float(10.0 ** self.measured.states.log_bound[STEPS - distance])

    def bound(self, bound: NormBound) -> float:
        """The bound on the norm of a step's matrix, in numbers."""
        values: dict[Expr, Any] = dict(self._sizes)
        for entry in self.measured.model.declarations:
            if isinstance(entry.symbol, Parameter) and entry.name in self.measured.values:
                shape = [int(size.subs(self._sizes)) for size in entry.symbol.shape]
                values[entry.symbol] = self.measured.values[entry.name].reshape(shape)
        return bound.value(values, known_functions())


def reach(norms: Sequence[float]) -> int | None:
    """The first distance from which on all norms are below one per cent of that at 0."""
    above = [distance for distance, norm in enumerate(norms) if not norm < SMALL * norms[0]]
    first = above[-1] + 1
    return first if first < len(norms) else None


def measured_decay(
    model: Model, step: Step, loss: Loss, parameters: Sequence[Parameter]
) -> Decay | None:
    """The numbers of a model; None where there are none to tell, or none that are finite."""
    candidates, reverse = _recurrent(step, parameters)
    if not candidates or (reverse and reduction_of(model, loss).at_last):
        return None
    names = tuple(parameter.name for parameter in candidates)
    found = _drawn(_Computed.of(model), names, loss, reverse)
    if found is None:
        return None
    name, draws, norms, whole = found
    return Decay(model.parameters[name], reverse, draws, norms, whole, tuple(step_maps(step)))


@dataclass(frozen=True)
class _Computed:
    """A model as what it computes, whatever it is called and however it is printed."""

    parts: tuple[Any, ...]
    model: Model = field(compare=False)

    @classmethod
    def of(cls, model: Model) -> _Computed:
        losses = (model.loss, model.ends, model.terminal, model.regularizer)
        functions = tuple(model.functions.items())
        outputs = tuple(model.outputs.items())
        named = (model.dimensions, model.declarations, model.equations)
        return cls((*named, *losses, functions, outputs, model.vectors, model.transposed), model)


@lru_cache(maxsize=MOST_KEPT)
def _drawn(
    computed: _Computed, names: tuple[str, ...], loss: Loss, reverse: bool
) -> tuple[str, list[Array], Array, Any] | None:
    """The parameter of ``names`` that is told of, its norms in all draws and in one that is
    typical, and this one measured.
    """
    from bptt_sym.measuring.decay import falling
    from bptt_sym.measuring.measure_model import measure

    model = computed.model
    try:
        drawn = falling(model, names, STEPS, loss, range(DRAWS), scale=SCALE, reverse=reverse)
        chosen = max(names, key=lambda name: _from_others(drawn, name))
        found = {seed: of.norms[chosen] for seed, of in drawn.items() if of.norms[chosen][0]}
        if not found:
            return None
        order = sorted(found, key=lambda seed: reach(found[seed]) or STEPS)
        seed = order[len(order) // 2]
        arrays = drawn[seed].arrays
        weights = {name: arrays[name] for name in model.parameters}
        data = {entry.name: arrays[entry.name] for entry in model.varied_inputs}
        values: dict[str, Any] = {"weights": weights, "data": data}
        whole = measure(model, chosen, STEPS, loss=loss, seed=seed, **values)
    except InputError:
        return None
    return chosen, [*found.values()], found[seed], whole


def _recurrent(step: Step, parameters: Sequence[Parameter]) -> tuple[list[Parameter], bool]:
    """The parameters that may be measured, and whether their loss is that of the first step.

    They are those that are multiplied by a state of the step before, or, in a model that has only
    scans in reverse, of the step behind; else those that need time at all.
    """
    states = {state.name for state in step.model.states}
    for direction in (1, -1):
        found = []
        for parameter in parameters:
            pulled = (edge.pulled for edge in step.readers(parameter.name))
            leaves = (leaf for matrix in pulled for leaf in matrix.atoms(Variable))
            if any(e.name in states and e.time == TIME - direction for e in leaves):
                found.append(parameter)
        if found:
            return found, direction < 0
    if any(entry.reverse for entry in step.model.declared("state")):
        return [], False
    return [p for p in parameters if crosses_time(step, p.name)], False


def _from_others(drawn: Mapping[int, Draw], name: str) -> float:
    """How much a loss sends to the copies of other steps, in the middle of several draws."""
    return median(float(of.norms[name][1:].sum()) for of in drawn.values()) if drawn else 0.0


class _OfTheTable(dict[str, Any]):
    """The functions of the table, by name, for an argument and the order of a derivative."""

    def __missing__(self, name: str) -> Any:
        def value(argument: Any, order: int) -> Any:
            import numpy as np

            z = Symbol("z", real=True)
            formula = FUNCTIONS[name].scalar(z).diff(z, order)
            entries = [float(formula.subs(z, float(entry))) for entry in np.ravel(argument)]
            return np.reshape(entries, np.shape(argument))

        return value


def known_functions() -> Functions:
    """The functions of the table, at numbers."""
    return _OfTheTable()
