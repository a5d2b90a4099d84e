"""Four lines of a derivation, one of which is wrong, as numbers prove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

import numpy as np

from bptt_sym.algebra.evaluate import Functions, evaluate
from bptt_sym.algebra.expressions import (
    LAST_STEP,
    Adjoint,
    Expr,
    Gradient,
    at_step,
)
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.network_values import functions_of
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, changed_lines, said
from bptt_sym.documents.asking.wrong_steps import WrongStep, wrong_steps
from bptt_sym.documents.displays import displayed
from bptt_sym.documents.document import DisplayedFormula, Equations
from bptt_sym.documents.facts.families import Alike
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.calculation import Calculation
from bptt_sym.limits import EXAMPLE_ENTRIES
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.small_numbers import small_numbers, small_sizes
from bptt_sym.render.formulas import lettered
from bptt_sym.render.show import typesetter

LINES = 4
"""So many lines are shown."""

LETTERS = "abcd"

MOST_ROWS = 2
"""No equation is asked about that takes more rows than this."""

STEPS = 4
"""Over so many time steps the lines are evaluated, or over more where they hold for no fewer."""

DIFFERENCE = 1e-3
"""A line is wrong if a number in it is so far off, relative to the largest."""

MOST_TRIED = 60
"""So many mistakes are tried."""


@dataclass(frozen=True)
class WrongLine:
    """A line, and the same with a mistake."""

    right: DerivedEquation
    step: WrongStep

    @property
    def wrong(self) -> DerivedEquation:
        return replace(self.right, right=self.step.expression)


class LinesInNumbers:
    """The lines of a derivation for any number of steps, at drawn numbers."""

    def __init__(self, telling: Telling, random: Random, fewest: int) -> None:
        self.telling, self.random = telling, random
        self.steps = max(STEPS, fewest + 1)

    @cached_property
    def numbers(self) -> dict[Expr, Any] | None:
        """What the symbols are; None where too many numbers would be needed."""
        calculation = Calculation(self.telling.model, self.telling.loss, self.steps)
        sizes = small_sizes(calculation.known)
        if most_entries(calculation.known, sizes) > EXAMPLE_ENTRIES.most:
            return None
        random = np.random.default_rng(self.random.randrange(2**32))
        given = small_numbers(calculation.known, self.steps, sizes, random, {})
        return calculation.run(given) | {LAST_STEP: self.steps}

    @cached_property
    def functions(self) -> Functions:
        return functions_of(self.telling.model, {})

    def values(self, equation: DerivedEquation) -> list[Any] | None:
        """The right side at each time step that the line is for; None where it has no value."""
        numbers, span = self.numbers, equation.span
        if numbers is None:
            return None
        times: Sequence[int] = [0]
        if span is not None:
            first, last = (int(at_step(e, LAST_STEP, self.steps)) for e in (span.first, span.last))
            times = range(last, first + 1)
        found = []
        for time in times:
            right = equation.right if span is None else at_step(equation.right, span.index, time)
            right = at_step(right, LAST_STEP, self.steps)
            shape = tuple(int(evaluate(size, numbers, {})) for size in right.shape)
            try:
                with np.errstate(all="ignore"):
                    value = np.array(evaluate(right, numbers, self.functions), float)
            except (KeyError, ValueError):
                return None
            if value.shape != shape or not np.all(np.isfinite(value)):
                return None
            found.append(value)
        return found

    def are_told_apart(self, line: WrongLine) -> bool:
        """Whether the wrong line has the right shape everywhere, and somewhere another value."""
        right, wrong = self.values(line.right), self.values(line.wrong)
        if right is None or wrong is None:
            return False
        off = max(float(np.max(np.abs(a - b))) for a, b in zip(right, wrong, strict=True))
        return off > DIFFERENCE * max(float(np.max(np.abs(a))) for a in (*right, *wrong))


@dataclass(frozen=True)
class LinesAsked:
    """Lines of a derivation, one of which is to be shown with a mistake."""

    telling: Telling
    derivation: Derivation
    shown: Sequence[DerivedEquation]
    found: WrongLine

    @property
    def written(self) -> list[DerivedEquation]:
        """The lines with the mistake."""
        return [self.found.wrong if e == self.found.right else e for e in self.shown]


def wrong_line(asking: Asking) -> Exercise | None:
    """Lines of the recursion, of which one has a mistake that no shape betrays."""
    asked = lines_asked(asking)
    return None if asked is None else _exercise(asking, asked)


def lines_asked(asking: Asking) -> LinesAsked | None:
    """The lines, where there are enough and numbers prove a mistake in one of them."""
    if not asking.parameters or (asking.told and asking.other_loss is None):
        return None
    random = asking.random("wrong line")
    telling = asking.over(asking.telling.steps, asking.loss)
    derivation = telling.derived(asking.parameters, "adjoint")
    sections = [s for s in derivation.sections if s.general]
    every = [e for s in sections for e in s.equations if _is_asked(asking, e)]
    formulas = _lines(telling, derivation, every)
    lines = [e for e, f in zip(every, formulas, strict=True) if len(f.lines) <= MOST_ROWS]
    # A line that the notes have told is no question.
    tried = changed_lines(asking, lines) if asking.told else lines
    numbers = LinesInNumbers(telling, random, max(s.fewest_steps for s in sections))
    found = next(_found(random, numbers, tried), None) if len(lines) >= LINES else None
    if found is None:
        return None
    return LinesAsked(telling, derivation, _beside(random, lines, found.right), found)


def _is_asked(asking: Asking, equation: DerivedEquation) -> bool:
    left = equation.left
    return isinstance(left, Adjoint) or (
        isinstance(left, Gradient) and left.by in asking.parameters
    )


def _found(
    random: Random, numbers: LinesInNumbers, lines: Sequence[DerivedEquation]
) -> Iterator[WrongLine]:
    """The mistakes that numbers prove, the kinds of them in any order."""
    adjoints = [line.left for line in lines if isinstance(line.left, Adjoint)]
    every = [WrongLine(line, step) for line in lines for step in wrong_steps(line.right, adjoints)]
    random.shuffle(every)
    kinds = sorted({line.step.mistake for line in every})
    random.shuffle(kinds)
    every.sort(key=lambda line: kinds.index(line.step.mistake))
    yield from filter(numbers.are_told_apart, every[:MOST_TRIED])


def _beside(
    random: Random, lines: Sequence[DerivedEquation], chosen: DerivedEquation
) -> list[DerivedEquation]:
    """Neighbouring lines, the chosen one at any place among them."""
    place = lines.index(chosen)
    first = max(0, min(place - random.randrange(LINES), len(lines) - LINES))
    return [*lines[first : first + LINES]]


def _exercise(asking: Asking, asked: LinesAsked) -> Exercise:
    say, found, telling = asking.say, asked.found, asked.telling
    place = asked.shown.index(found.right)
    question = _lines(telling, asked.derivation, asked.written)
    right = _lines(telling, asked.derivation, asked.shown)[place]
    at = telling.math(found.step.at, telling.objective)
    told = say.wrong_line_reason(found.step.mistake, at)
    letters = [
        Equations(tuple(lettered_formula(f, k) for k, f in enumerate(question))),
        Equations((lettered_formula(right, place),)),
    ]
    return Exercise(
        (said(say.wrong_line(telling.reduction.words)), letters[0].ended(".")),
        (said(say.wrong_line_result(LETTERS[place])), letters[1].ended("."), said(told)),
        marks=3,
        hidden=(right.flat,),
    )


def lettered_formula(formula: DisplayedFormula, place: int) -> DisplayedFormula:
    """A formula with its letter before it."""
    return replace(formula, lines=tuple(lettered(formula.lines, LETTERS[place])))


def _lines(
    telling: Telling, derivation: Derivation, equations: Sequence[DerivedEquation]
) -> list[DisplayedFormula]:
    section = next(s for s in derivation.sections if s.general)
    show = typesetter(derivation, section)
    plain = [Alike(replace(equation, number=None)) for equation in equations]
    return displayed(plain, show, {}, telling.glossary)
