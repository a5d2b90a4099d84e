"""The forward pass at changed parameters: what confirms a gradient, and what it is good for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from bptt_sym.documents.worked.by_hand_entry import Place
from bptt_sym.documents.worked.example import DECIMALS, Example

CHANGES = (6, 5, 4, 7)
"""The exponents of the changes 10^-6, ... that are tried, the best first."""

CHECKED_DECIMALS = (6, 5, DECIMALS)
"""The decimals to which a check is printed, the most that agree."""

RATES = ("1", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.005", "0.002", "0.001")
"""The learning rates that are tried, in this order."""


@dataclass(frozen=True)
class EntryCheck:
    """An entry of a parameter changed by 10^-exponent to both sides, and what the loss says.

    ``slope`` is the difference of the two losses over that of the entries, ``gradient`` the entry
    of the gradient: both agree as printed.
    """

    number: str
    exponent: int
    slope: str
    gradient: str


def check(example: Example, name: str, place: Place) -> EntryCheck | None:
    """The check of an entry by central differences; None where a derivative is declared to be
    otherwise than the loss has it, or where rounding spoils all of the printed decimals.
    """
    if not example.calculation.is_the_derivative:
        return None
    parameter = example.model.parameters[name]
    before = example.numbers[parameter]
    exact = float(example.gradient(name).array[place])
    slopes = {}
    for exponent in CHANGES:
        change = np.zeros_like(before)
        change[place] = 10.0**-exponent
        above, below = (
            example.calculation.loss_at(example.given_numbers, {parameter: changed})
            for changed in (before + change, before - change)
        )
        slopes[exponent] = (above - below) / (2 * 10.0**-exponent)
    number = example.printed[parameter].digits[place[0]][place[1]]
    for decimals in CHECKED_DECIMALS:
        for exponent, slope in slopes.items():
            if f"{slope:.{decimals}f}" == f"{exact:.{decimals}f}":
                return EntryCheck(
                    number, exponent, f"{slope:.{decimals}f}", f"{exact:.{decimals}f}"
                )
    return None


@dataclass(frozen=True)
class Descent:
    """A step of gradient descent: the learning rate, those tried before, the losses as printed."""

    rate: str
    tried: tuple[str, ...]
    before: str
    after: str


def descent(example: Example, names: Collection[str]) -> Descent | None:
    """A step on some parameters that lowers the loss as printed, with the first rate that does."""
    parameters = {n: p for n, p in example.model.parameters.items() if n in names}
    before = example.loss
    for k, rate in enumerate(RATES):
        changed = {
            parameter: example.numbers[parameter] - float(rate) * example.gradient(name).array
            for name, parameter in parameters.items()
        }
        after = example.calculation.loss_at(example.given_numbers, changed)
        told = [f"{loss:.{DECIMALS}f}" for loss in (before, after)]
        if np.isfinite(after) and float(told[1]) < float(told[0]):
            return Descent(rate, RATES[:k], told[0], told[1])
    return None
