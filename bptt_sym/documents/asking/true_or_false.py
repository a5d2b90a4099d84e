"""Claims of which some are true: which copies count, by how many paths, which gradients agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from random import Random

from bptt_sym.algebra.expressions import Gradient, Parameter
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, said
from bptt_sym.documents.telling import Telling

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
    """Of parameters of one shape: whether the gradients are the same expression."""
    adjoints = telling.derived(asking.parameters, "adjoint")
    concrete = {
        e.left.by: e.right
        for section in adjoints.sections
        if section.topic == "gradients" and not section.general
        for e in section.equations
        if isinstance(e.left, Gradient) and e.left.by in asking.parameters
    }
    loss = telling.objective
    for one, other in combinations(concrete, 2):
        if one.shape == other.shape and concrete[one] == concrete[other]:
            names = telling.inline([one, other])
            yield Claim(
                "gradients",
                str(asking.say.claim_of_equal_gradients(names)),
                True,
                str(asking.say.claim_of_equal_gradients_reason(telling.math(concrete[one], loss))),
            )
