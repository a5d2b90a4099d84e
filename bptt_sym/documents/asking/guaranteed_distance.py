"""From which distance in time on a bound guarantees that little is left of a derivative."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, said
from bptt_sym.documents.facts.norm_bounds import NormBound, NormOf, Slope, norm_bound, number_box
from bptt_sym.documents.facts.ranges import Ranges
from bptt_sym.documents.facts.step_facts import StepMap, step_maps
from bptt_sym.documents.step_writing import StepWriting
from bptt_sym.documents.telling import Telling
from bptt_sym.render.tex import tex

LITTLE = 0.01
"""What is left is less than this."""

SMALLEST, LARGEST = 60, 90
"""Between these lies what is left from one step to the next, in hundredths."""


@dataclass(frozen=True)
class GuaranteedDistance:
    """A bound with the ``norm`` of the only matrix in it, and what it is then for one step."""

    step: StepMap
    bound: NormBound
    matrix: NormOf
    norm: float
    base: float

    @property
    def exact(self) -> float:
        """The distance at which the bound is just as large as what is little."""
        return math.log(LITTLE) / math.log(self.base)

    @property
    def distance(self) -> int:
        """The first whole distance at which it is smaller."""
        return math.floor(self.exact) + 1


def guaranteed_distance(asking: Asking) -> Exercise | None:
    """The distance from which on a product of step matrices has a norm below 1 per cent."""
    found = distance_asked(asking.telling, asking.random("distance"))
    if found is None or not asking.parameters or asking.telling.steps == 1:
        return None
    say, write = asking.say, StepWriting(asking.telling, found.step)
    letters = write.letters([found.bound])
    slopes = [(tex(letter), _written(found.bound.slopes[name])) for name, letter in letters.items()]
    whole, distance = tex(write.norm(write.whole)), write.math(write.distance)
    norm = tex(write.norm(found.matrix.matrix))
    number = f"{found.base:g}"
    values = [f"{found.base**k:.4f}" for k in (found.distance - 1, found.distance)]
    return Exercise(
        (said(say.distance(norm, f"{found.norm:g}", whole, distance, bool(slopes))),),
        (
            said(
                say.distance_solution(
                    tex(write.bound(found.bound, letters)),
                    slopes,
                    number,
                    f"{found.exact:.1f}",
                    found.distance,
                    values,
                )
            ),
        ),
        marks=2,
    )


def _written(slope: float | None) -> str:
    assert slope is not None
    return tex(number_box(slope))


def distance_asked(telling: Telling, random: Random) -> GuaranteedDistance | None:
    """The question, where one state links the steps and one matrix stands in the bound."""
    maps = step_maps(telling.step)
    if len(maps) != 1 or len(maps[0].places) != 1:
        return None
    terms = maps[0].every[0].terms
    bound = None if terms is None else norm_bound(terms, telling.model, Ranges(telling.model))
    if bound is None or not bound.is_known:
        return None
    with_norm = [term for term in bound.terms if term]
    norms = [factor for term in with_norm for factor in term if isinstance(factor, NormOf)]
    if len(with_norm) != 1 or len(norms) != 1 or norms[0].matrix.shape == (1, 1):
        return None
    coefficient = bound.terms[with_norm[0]]
    for factor in with_norm[0]:
        if isinstance(factor, Slope):
            slope = bound.slopes[factor.function]
            assert slope is not None
            coefficient *= slope
    wanted = random.randint(SMALLEST, LARGEST) / 100
    norm = round((wanted - bound.number) / coefficient, 2)
    base = round(bound.number + coefficient * norm, 6)
    if norm <= 0 or not 0 < base < 1:
        return None
    return GuaranteedDistance(maps[0], bound, norms[0], norm, base)
