"""Another loss than that of the notes: what it changes; where they tell nothing, its gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bptt_sym.algebra.expressions import LAST_STEP, Gradient, Parameter
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.documents.asking.exercise_parts import (
    Asking,
    Exercise,
    changed_lines,
    said,
    unlabelled,
)
from bptt_sym.documents.document import Block
from bptt_sym.documents.telling import Telling


def another_loss(asking: Asking) -> Exercise | None:
    """What changes in the recursion with the loss, or the gradient as a sum of products."""
    random, telling = asking.random("another loss"), asking.telling
    if asking.other_loss is None or (asking.told and telling.steps == 1):
        return None
    other = asking.over(telling.steps, asking.other_loss)
    for parameter in random.sample(asking.parameters, len(asking.parameters)):
        # Where each loss sees one copy there is little to find.
        if other.copies.of_another_step(parameter.name) is not None:
            ask = _changes if asking.told else _as_a_sum
            return ask(asking, other, parameter)
    return None


def _changes(asking: Asking, other: Telling, parameter: Parameter) -> Exercise | None:
    say, name = asking.say, f"${other.math(parameter)}$"
    derivation = other.derived(asking.parameters, "adjoint")
    sections = [s for s in derivation.sections if s.general]
    lines = [[e for e in s.equations if _is_asked(e, parameter)] for s in sections]
    parts = [changed_lines(asking, part) for part in lines]
    changed = [equation for part in parts for equation in part]
    if not changed:
        return None
    same = not any(isinstance(e.left, Gradient) for e in changed)
    words = other.reduction.words
    reason = say.another_loss_solution(not other.reduction.at_last, same, name)
    return Exercise(
        (said(say.another_loss(words, name)),),
        (said(say.another_loss_result()), *_shown(other, derivation, parts), said(reason)),
        marks=min(6, 1 + len(changed)),
    )


def _as_a_sum(asking: Asking, other: Telling, parameter: Parameter) -> Exercise | None:
    say, name = asking.say, f"${other.math(parameter)}$"
    derivation = other.derived([parameter], "chain")
    general = other.reduction.labelled(other.model.loss.name, LAST_STEP)
    whole = [e for e in derivation.equations if e.meaning[0] == general]
    defined = [s.equations for s in derivation.sections if s.topic == "definitions"]
    if not whole:
        return None
    words, summed = other.reduction.words, not other.reduction.at_last
    result = [said(say.as_a_sum_result()), *_shown(other, derivation, [whole])]
    if defined:
        result += [said(say.as_a_sum_defined()), *_shown(other, derivation, defined)]
    return Exercise(
        (said(say.as_a_sum(words, name)),),
        (*result, said(say.as_a_sum_solution(summed))),
        marks=3,
    )


def _shown(
    other: Telling, derivation: Derivation, parts: Sequence[Sequence[DerivedEquation]]
) -> Iterator[Block]:
    """Lines of a derivation, section by section, without numbers."""
    for part in parts:
        if part:
            yield from unlabelled(other.equations(derivation, part, "."))


def _is_asked(equation: DerivedEquation, parameter: Parameter) -> bool:
    """Whether it is about an adjoint, or about the gradient with respect to the parameter."""
    left = equation.left
    return not isinstance(left, Gradient) or left.by == parameter
