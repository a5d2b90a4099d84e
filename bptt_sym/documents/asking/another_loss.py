"""The recursion for another loss than that of the notes, or for theirs where they tell none."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import Gradient, Parameter
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, said, unlabelled
from bptt_sym.documents.document import Block
from bptt_sym.documents.telling import Telling


def another_loss(asking: Asking) -> Exercise | None:
    """What changes in the recursion, and in one gradient, with the loss."""
    random, telling = asking.random("another loss"), asking.telling
    if asking.told and (asking.other_loss is None or telling.steps == 1):
        return None
    other = asking.over(telling.steps, asking.loss)
    for parameter in random.sample(asking.parameters, len(asking.parameters)):
        # A gradient without time needs no recursion.
        if len(other.copies.of(parameter.name)) > 1 or telling.steps == 1:
            return _exercise(asking, other, parameter)
    return None


def _exercise(asking: Asking, other: Telling, parameter: Parameter) -> Exercise | None:
    say, name = asking.say, f"${other.math(parameter)}$"
    new = other.derived([parameter], "adjoint")
    lines = [*_general(new)]
    words = other.reduction.words
    if not asking.told:
        solution = [said(say.recursion_result()), *_shown(other, new, lines)]
        solution.append(said(say.recursion_solution()))
        return Exercise((said(say.recursion(words, name)),), tuple(solution), marks=6)
    old = {*map(_said, _general(asking.telling.derived([parameter], "adjoint")))}
    changed = [e for e in lines if _said(e) not in old]
    if not changed:
        return None
    same = not any(isinstance(e.left, Gradient) for e in changed)
    reason = say.another_loss_solution(not other.reduction.at_last, same, name)
    return Exercise(
        (said(say.another_loss(words, name)),),
        (said(say.another_loss_result()), *_shown(other, new, changed), said(reason)),
        marks=min(6, 1 + len(changed)),
    )


def _shown(other: Telling, new: Derivation, lines: list[DerivedEquation]) -> Iterator[Block]:
    """Lines of a derivation, section by section, without numbers."""
    *before, last = _by_section(new, lines)
    for part in before:
        yield from unlabelled(other.equations(new, part, ","))
    yield from unlabelled(other.equations(new, last, "."))


def _general(derivation: Derivation) -> Iterator[DerivedEquation]:
    for section in derivation.sections:
        if section.general and section.topic in ("adjoints", "gradients"):
            yield from section.equations


def _by_section(
    derivation: Derivation, lines: list[DerivedEquation]
) -> Iterator[list[DerivedEquation]]:
    for section in derivation.sections:
        found = [equation for equation in section.equations if equation in lines]
        if found:
            yield found


def _said(equation: DerivedEquation) -> object:
    """What an equation says, whatever its number and the name of the loss."""
    left = equation.left.by if isinstance(equation.left, Gradient) else equation.left
    return left, equation.right, equation.span
