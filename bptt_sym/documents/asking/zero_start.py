"""Which contributions vanish for certain, if the initial values are zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bptt_sym.algebra.expressions import Parameter, Variable
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, gradient_name, said
from bptt_sym.documents.worked.calculation import Calculation
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.small_numbers import Numbers, small_numbers, small_sizes
from bptt_sym.model.starts import starts_at

STEPS = 3
"""Over so many time steps is asked."""

DRAWS = 3
"""What is zero at so many drawn numbers is so for a reason."""


@dataclass(frozen=True)
class ZeroSteps:
    """The steps whose contribution to a gradient is zero, and all that contribute."""

    parameter: Parameter
    zero: tuple[int, ...]
    every: tuple[int, ...]


def zero_start(asking: Asking) -> Exercise | None:
    """The contributions to two gradients that are certain to be zero, of one of them none."""
    random, telling = asking.random("zero start"), asking.over(STEPS)
    given = [symbol for symbol, initial in starts_at(telling.model, STEPS) if initial is None]
    found = zero_steps(asking, given) if given else []
    some = [entry for entry in found if entry.zero and entry.zero != entry.every]
    none = [entry for entry in found if not entry.zero and len(entry.every) > 1]
    if not some or not none:
        return None
    chosen = random.sample([random.choice(some), random.choice(none)], 2)
    names = [gradient_name(telling, entry.parameter) for entry in chosen]
    say, symbols = asking.say, telling.inline(given)
    told = [(name, entry.zero) for name, entry in zip(names, chosen, strict=True)]
    return Exercise(
        (said(say.zero_start(STEPS, telling.told_objective(), symbols, names)),),
        (said(say.zero_start_solution(told, symbols)),),
        marks=2,
    )


def zero_steps(asking: Asking, given: Sequence[Variable]) -> list[ZeroSteps]:
    """For each parameter the contributions that are zero with these initial values, at all draws.

    A parameter is left out where one is zero whatever the initial values are.
    """
    telling = asking.over(STEPS)
    calculation = Calculation(telling.model, telling.loss, STEPS)
    sizes = small_sizes(calculation.known)
    if most_entries(calculation.known, sizes) > EXAMPLE_ENTRIES.most:
        return []
    drawn, at_rest = (
        LargestEntries(calculation, asking.parameters),
        LargestEntries(calculation, asking.parameters),
    )
    for draw in range(DRAWS):
        random = np.random.default_rng(draw)
        with np.errstate(all="ignore"):
            numbers = small_numbers(calculation.known, STEPS, sizes, random, {})
        drawn.see(numbers)
        at_rest.see(numbers | {symbol: 0 * numbers[symbol] for symbol in given})
    found = []
    for parameter, every in drawn.found.items():
        if every and min(every.values()) > 0 and at_rest.found[parameter]:
            zero = (step for step, size in at_rest.found[parameter].items() if not size)
            found.append(ZeroSteps(parameter, tuple(zero), tuple(every)))
    return found


class LargestEntries:
    """The largest entry that the contribution of each step has had, by parameters.

    There is none for a parameter one of whose contributions belongs to no step, or was not finite.
    """

    def __init__(self, calculation: Calculation, parameters: Sequence[Parameter]) -> None:
        self.calculation = calculation
        self.found: dict[Parameter, dict[int, float]] = {p: {} for p in parameters}
        self.left_out: set[Parameter] = set()

    def see(self, given: Numbers) -> None:
        """The contributions at some numbers."""
        numbers = self.calculation.run(given)
        for parameter, entries in self.found.items():
            for contribution in self.calculation.contributions(parameter, numbers):
                if contribution.step is None or not np.all(np.isfinite(contribution.array)):
                    self.left_out.add(parameter)
                    continue
                size = float(np.max(np.abs(contribution.array), initial=0))
                entries[contribution.step] = max(size, entries.get(contribution.step, 0.0))
        for parameter in self.left_out:
            self.found[parameter] = {}
