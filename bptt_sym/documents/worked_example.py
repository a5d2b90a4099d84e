"""The numbers of a worked example: small ones, from which one can read what is to be shown."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from bptt_sym.choices import Loss
from bptt_sym.documents.calculation import Calculation
from bptt_sym.documents.example import LEGIBLE, NOISE, Example, largest
from bptt_sym.documents.followed_entry import followed
from bptt_sym.documents.run_again import check, descent
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.model import Model
from bptt_sym.model.small_numbers import small_numbers, small_sizes

STEPS = 2
"""So many time steps an example has."""

MOST_DRAWS = 24
"""So many times numbers are drawn where something is too small to be read."""

DRAWS_PER_SIZES = 4
"""After so many draws the dimensions change their sizes."""

LARGE = 100
"""What is larger has more digits than one wants to read."""


def worked_example(
    model: Model, loss: Loss, wanted: Collection[str], *, steps: int = STEPS, seed: int = 0
) -> Example | None:
    """Numbers from which the loss and each of the ``wanted`` gradients can be read.

    The best of some draws, where some number stays small; None if the numbers of none are finite
    and the loss and some gradient large enough. Another ``seed`` draws others.
    """
    calculation = Calculation(model, loss, steps)
    drawn: list[tuple[Quality, Example]] = []
    for draw in range(MOST_DRAWS):
        sizes = small_sizes(calculation.known, draw // DRAWS_PER_SIZES)
        if most_entries(calculation.known, sizes) > EXAMPLE_ENTRIES.most:
            continue
        random = np.random.default_rng([seed, draw])
        with np.errstate(all="ignore"):
            given = small_numbers(calculation.known, steps, sizes, random)
        found = Example(calculation, given)
        of_loss, *of_gradients = found.magnitudes(wanted)
        if found.is_finite and min(of_loss, max(of_gradients, default=of_loss)) > LEGIBLE:
            quality = _quality(found, wanted)
            drawn.append((quality, found))
            if all(quality[:-1]) and quality[-1] > LEGIBLE:
                break
    # A gradient that is zero in every draw is so for a reason; one that is in some is not.
    return max(drawn, key=lambda entry: entry[0], default=(None, None))[1]


Quality = tuple[int, bool, bool, bool, float]
"""How many gradients are not zero, whether all numbers and contributions can be read, whether an
entry can be followed, whether its check and a step of gradient descent come out, and how large the
smallest gradient is."""


def _quality(example: Example, wanted: Collection[str]) -> Quality:
    there = [size for size in example.magnitudes(wanted)[1:] if size > NOISE]
    smallest = min(there, default=1.0)
    name = example.needing_time(wanted)
    if name is None:
        return len(there), True, True, True, smallest
    contributions = example.contributions(name)
    not_zero = [c for c in contributions if largest(c.array)]
    legible = max(largest(v.array) for v in example.printed.values()) < LARGE and all(
        largest(c.array) > LEGIBLE or example.zero_factor(c) is not None for c in contributions
    )
    if not (legible and not_zero):
        return len(there), legible, False, False, smallest
    entry = followed(example, example.gradient(name), not_zero)
    checked = (
        not example.calculation.is_the_derivative or check(example, name, entry.place) is not None
    )
    descends = descent(example, wanted) is not None
    return len(there), legible, entry.adds_up, checked and descends, smallest
