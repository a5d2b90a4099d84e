"""The exercises of a document: which there are, their numbers, their marks, their solutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.documents.asking.another_loss import another_loss
from bptt_sym.documents.asking.derivative_shapes import derivative_shapes
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, Kind
from bptt_sym.documents.asking.given_entry import given_entry
from bptt_sym.documents.asking.guaranteed_distance import guaranteed_distance
from bptt_sym.documents.asking.missing_factor import missing_factor
from bptt_sym.documents.asking.path_counts import path_counts
from bptt_sym.documents.asking.true_or_false import true_or_false
from bptt_sym.documents.asking.wrong_line import wrong_line
from bptt_sym.documents.asking.zero_start import zero_start
from bptt_sym.documents.document import Block, Paragraph, Space
from bptt_sym.documents.telling import Telling

KINDS: tuple[tuple[Kind, ...], ...] = (
    (derivative_shapes, path_counts),
    (true_or_false, missing_factor),
    (given_entry, guaranteed_distance, zero_start),
    (wrong_line, another_loss),
)
"""The kinds from easy to hard; of each row notes have one, a sheet all."""

QUESTIONS = 3
"""So many questions lead to a gradient that is left to the reader."""

MARKS = 2
"""The marks of each of these questions."""


def heading_of(telling: Telling, parameter: Parameter) -> str:
    """The heading of the section on a parameter."""
    say = telling.sentences("gradients")
    return str(say.heading(telling.inline([parameter]), False, False, True))


class Exercises:
    """The exercises of a document on a model, numbered through.

    First come the questions on the gradients that are ``left`` to the reader, then the others.
    """

    def __init__(self, telling: Telling, left: Sequence[Parameter]) -> None:
        self.telling, self.left, self.request = telling, left, telling.request
        self.say = telling.sentences("exercises")

    @cached_property
    def drawn(self) -> list[Exercise]:
        """The exercises of the chapter, or of the sheet, from easy to hard."""
        if self.request.no_exercises:
            return []
        sheet = self.request.sheet
        asking = Asking(self.telling, self.request.seed, told=not sheet, left=self.left)
        found: list[Exercise] = []
        for row in KINDS:
            kinds = asking.random("kinds").sample(row, len(row))
            made = filter(None, (kind(asking) for kind in kinds))
            found += made if sheet else islice(made, 1)
        return found

    def on_gradient(self, parameter: Parameter) -> Iterator[Block]:
        """The steps of a gradient that is left to the reader as questions, with room."""
        first = 1 + QUESTIONS * self.left.index(parameter)
        asked = self.say.questions(self.telling.math(parameter), self.telling.told_loss())
        for number, question in enumerate(str(asked).strip().splitlines(), first):
            yield Paragraph(question, lead=self._lead(number, MARKS))
            yield Space()

    def answer_heading(self, parameter: Parameter, heading: str) -> str:
        """The heading of the solution of these questions."""
        first = 1 + QUESTIONS * self.left.index(parameter)
        return f"{self.say.leads(first, first + QUESTIONS - 1)}: {heading[0].lower()}{heading[1:]}"

    def questions(self) -> Iterator[Block]:
        """The exercises, on a sheet with room to answer; with marks, what all are worth."""
        if self.request.marks and self.drawn:
            all_marks = sum(e.marks for e in self.drawn) + MARKS * QUESTIONS * len(self.left)
            yield Paragraph(str(self.say.worth(all_marks)))
        for number, exercise in self._numbered():
            yield from self._led(exercise.question, self._lead(number, exercise.marks))
            if self.request.sheet:
                yield Space()

    def solutions(self) -> Iterator[Block]:
        """Their solutions, under the same numbers."""
        for number, exercise in self._numbered():
            yield from self._led(exercise.solution, self._lead(number, exercise.marks))

    def _numbered(self) -> Iterator[tuple[int, Exercise]]:
        return enumerate(self.drawn, 1 + QUESTIONS * len(self.left))

    def _lead(self, number: int, marks: int) -> str:
        return str(self.say.lead(number, marks if self.request.marks else 0))

    @staticmethod
    def _led(blocks: Sequence[Block], lead: str) -> Iterator[Block]:
        first, *rest = blocks
        assert isinstance(first, Paragraph)
        yield replace(first, lead=lead)
        yield from rest
