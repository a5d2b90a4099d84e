"""The numbers of a worked example: small ones, from which one can read what is to be shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from bptt_sym.algebra.expressions import Expr
from bptt_sym.choices import Loss
from bptt_sym.documents.worked.calculation import Calculation
from bptt_sym.documents.worked.example import LEGIBLE, NOISE, Example, largest
from bptt_sym.documents.worked.followed_entry import followed
from bptt_sym.documents.worked.own_numbers import own_numbers
from bptt_sym.documents.worked.run_again import check, descent
from bptt_sym.errors import InputError
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.measuring.asked import ArraysOrFile
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.model import Model
from bptt_sym.model.small_numbers import small_numbers, small_sizes

STEPS = 2
"""So many time steps an example has."""

MOST_DRAWS = 24
"""So many times numbers are drawn where something is too small to be read."""

DRAWS_PER_SIZES = 4
"""After so many draws the dimensions change their sizes."""

LEGIBLE_UP_TO = 100
"""What is larger has more digits than one wants to read."""


FAINT = 0.001
"""Of what has no entry above this, hardly a digit is printed."""


def worked_example(
    model: Model,
    loss: Loss,
    wanted: Collection[str],
    *,
    steps: int = STEPS,
    seed: int = 0,
    values: ArraysOrFile = None,
) -> Example | None:
    """Numbers from which the loss and each of the ``wanted`` gradients can be read.

    The best of some draws, where some number stays small; None if the numbers of none are finite
    and the loss and some gradient large enough. Another ``seed`` draws others. ``values`` are
    numbers that are not drawn: with them, the example is told whatever they are. Raises InputError
    for values that do not fit the model, or at which some number is not finite.
    """
    own = own_numbers(model, values, steps)
    calculation = Calculation(model, loss, steps if own is None else own.steps)
    best: tuple[Quality, Example] | None = None
    for draw in range(1 if own is not None and own.is_all else MOST_DRAWS):
        sizes = own.sizes if own else small_sizes(calculation.known, draw // DRAWS_PER_SIZES)
        if most_entries(calculation.known, sizes) > EXAMPLE_ENTRIES.most:
            continue
        found = _drawn(calculation, sizes, seed, draw, own.given if own else {})
        if not found.is_finite or (own is None and not _says_something(found, wanted)):
            continue
        quality = _quality(found, wanted)
        if best is None or quality > best[0]:
            best = quality, found
        if all(quality[:-1]) and quality[-1] > LEGIBLE:
            break
    if own is not None and best is None:
        raise InputError("at these values the loss or a gradient is not finite")
    # A gradient that is zero in every draw is so for a reason; one that is in some is not.
    return None if best is None else best[1]


def _drawn(
    calculation: Calculation,
    sizes: Mapping[str, int],
    seed: int,
    draw: int,
    own: Mapping[Expr, Any],
) -> Example:
    random = np.random.default_rng([seed, draw])
    with np.errstate(all="ignore"):
        given = small_numbers(
            calculation.known, calculation.steps, sizes, random, own, calculation.target_bounds
        )
    return Example(calculation, given)


def _says_something(example: Example, wanted: Collection[str]) -> bool:
    """Whether the loss and some gradient can be read."""
    of_loss, *of_gradients = example.magnitudes(wanted)
    return min(of_loss, max(of_gradients, default=of_loss)) > LEGIBLE


Quality = tuple[int, bool, bool, bool, bool, float]
"""How many gradients are not zero, whether all numbers and contributions can be read, whether an
entry can be followed, whether its check and a step of gradient descent come out, whether nothing is
faint, and how large the smallest gradient is."""


def _quality(example: Example, wanted: Collection[str]) -> Quality:
    there = [size for size in example.magnitudes(wanted)[1:] if size > NOISE]
    smallest = min(there, default=1.0)
    name = example.needing_time(wanted)
    if name is None:
        return len(there), True, True, True, True, smallest
    contributions = example.contributions(name)
    not_zero = [c for c in contributions if largest(c.array)]
    computed = (*example.forward, *example.adjoints, *example.gradients)
    sizes = [size for value in computed if (size := largest(value.array)) > NOISE]
    is_clear = min(sizes, default=1.0) > FAINT
    # What a model sets itself may be large, as the logarithm of no weight at all.
    most = LEGIBLE_UP_TO * max(1, *(largest(value.array) for value in example.given))
    legible = max(largest(value.array) for value in computed) < most and all(
        largest(c.array) > LEGIBLE or example.zero_factor(c) is not None for c in contributions
    )
    if not (legible and not_zero):
        return len(there), legible, False, False, False, smallest
    entry = followed(example, example.gradient(name), not_zero)
    checked = (
        not example.calculation.is_the_derivative or check(example, name, entry.place) is not None
    )
    descends = descent(example, wanted) is not None
    return len(there), legible, entry.adds_up, checked and descends, is_clear, smallest
