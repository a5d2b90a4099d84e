"""Claims of which some are true: which copies count, by how many paths, which gradients agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

import numpy as np

from bptt_sym.algebra.expressions import Gradient, Parameter
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.asking.exercise_parts import MOST_STEPS, Asking, Exercise, said
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.calculation import Calculation
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.small_numbers import small_numbers, small_sizes
from bptt_sym.render.tex_width import width
from bptt_sym.render.typeset import typeset

DIFFERENCE = 1e-3
"""Gradients differ if an entry does by more than this."""

WIDEST = 14.0
"""A gradient that is wider, in ems, does not stand in a sentence."""

CLAIMS = 3
"""So many claims are made."""


@dataclass(frozen=True)
class Claim:
    """A sentence on a model, whether it is true, and why; ``about`` tells its kind."""

    about: str
    text: str
    true: bool
    reason: str


def true_or_false(asking: Asking) -> Exercise | None:
    """Claims, at least one of them true and one false."""
    random = asking.random("claims")
    telling = asking.over(asking.steps)
    chosen = _chosen(random, [*claims(asking, telling)])
    if len(chosen) < 2:
        return None
    say = asking.say
    asked = say.claims(telling.steps, telling.told_objective(), [c.text for c in chosen])
    told = say.claims_solution([(claim.true, claim.reason) for claim in chosen])
    return Exercise((said(asked),), (said(told),), marks=len(chosen))


def _chosen(random: Random, found: list[Claim]) -> list[Claim]:
    """Claims of different kinds as far as there are some, in any order."""
    random.shuffle(found)
    sides = [next((c for c in found if c.true is side), None) for side in (True, False)]
    if None in sides:
        return []
    chosen = [claim for claim in sides if claim is not None]
    kinds = {claim.about for claim in chosen}
    others = [claim for claim in found if claim not in chosen]
    others.sort(key=lambda claim: claim.about in kinds)
    chosen += others[: CLAIMS - len(chosen)]
    random.shuffle(chosen)
    return chosen


def claims(asking: Asking, telling: Telling) -> Iterator[Claim]:
    """What can be said of a model over some time steps, right or wrong."""
    for parameter in asking.parameters:
        yield from _on_copies(asking, telling, parameter)
    yield from _on_equal_gradients(asking, telling)


def _on_copies(asking: Asking, telling: Telling, parameter: Parameter) -> Iterator[Claim]:
    say, copies = asking.say, telling.copies
    name, gradient = (
        f"${telling.math(it)}$" for it in (parameter, Gradient(telling.objective, parameter))
    )
    found = copies.of(parameter.name)
    steps = [copy.time for copy in found if copies.is_of_step(copy)]
    once = telling.told_once(parameter)
    if not steps:
        return
    for step in (1, telling.steps):
        there = step in steps
        if there or not once:
            yield Claim(
                "copies",
                str(say.claim_of_copy(name, gradient, step)),
                there,
                str(say.claim_of_copy_reason(there, name, telling.told_loss(), steps)),
            )
    for step in steps[-1:]:
        many = copies.has_many_paths(Vertex(parameter.name, step))
        yield Claim(
            "paths",
            str(say.claim_of_one_path(name, telling.told_loss(), step)),
            not many,
            str(say.claim_of_one_path_reason(many)),
        )


def _on_equal_gradients(asking: Asking, telling: Telling) -> Iterator[Claim]:
    """Of parameters of one shape, whose gradients are the same expression or differ in numbers."""
    say, loss = asking.say, telling.objective
    adjoints = telling.derived(asking.parameters, "adjoint")
    concrete = {
        e.left.by: e.right
        for section in adjoints.sections
        if section.topic == "gradients" and not section.general
        for e in section.equations
        if isinstance(e.left, Gradient) and e.left.by in asking.parameters
    }
    notation = telling.model.notation
    short = [p for p, e in concrete.items() if width(typeset(e, notation, loss=loss)) <= WIDEST]
    pairs = [(one, other) for one, other in combinations(short, 2) if one.shape == other.shape]
    different = [pair for pair in pairs if concrete[pair[0]] != concrete[pair[1]]]
    told_apart = _told_apart(asking, telling, different)
    for pair in pairs:
        equal = pair not in different
        if equal or pair in told_apart:
            values = [telling.math(concrete[parameter], loss) for parameter in pair]
            yield Claim(
                "gradients",
                str(say.claim_of_equal_gradients(telling.inline(pair))),
                equal,
                str(say.claim_of_equal_gradients_reason(equal, values)),
            )


def _told_apart(
    asking: Asking, telling: Telling, pairs: Sequence[tuple[Parameter, Parameter]]
) -> list[tuple[Parameter, Parameter]]:
    """The pairs of parameters whose gradients differ at drawn numbers."""
    if not pairs:
        return []
    steps = min(telling.steps, MOST_STEPS)
    calculation = Calculation(telling.model, telling.loss, steps)
    sizes = small_sizes(calculation.known)
    if most_entries(calculation.known, sizes) > EXAMPLE_ENTRIES.most:
        return []
    random = np.random.default_rng(asking.seed)
    with np.errstate(all="ignore"):
        numbers = calculation.run(small_numbers(calculation.known, steps, sizes, random, {}))
        arrays = {p: numbers[calculation.gradient(p)] for pair in pairs for p in pair}
        return [
            (one, other)
            for one, other in pairs
            if float(np.max(np.abs(arrays[one] - arrays[other]))) > DIFFERENCE
        ]
