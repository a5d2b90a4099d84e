"""The lecture: which chapters notes have, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from bptt_sym.documents.chapters import backward_in_time, gradients, opening
from bptt_sym.documents.chapters.as_matrices import as_matrices
from bptt_sym.documents.chapters.by_hand import two_steps
from bptt_sym.documents.chapters.references import references
from bptt_sym.documents.chapters.summary import summary
from bptt_sym.documents.chapters.truncation import truncation
from bptt_sym.documents.chapters.vanishing import vanishing
from bptt_sym.documents.chapters.why import why
from bptt_sym.documents.document import Block, NotesSection
from bptt_sym.documents.exercises import Exercises, heading_of
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.worked.example import Example
from bptt_sym.documents.worked.numbers import ExampleInNotes
from bptt_sym.documents.worked.worked_example import STEPS, worked_example
from bptt_sym.model.model import Model

MOST_DRAWN = 2
"""The paths of so many parameters are drawn."""

Part = tuple[str, str, Iterator[Block]]
"""Name, heading and blocks of a chapter."""

Report = Callable[[str], object]
"""What is told of long work, step by step."""


class Composer:
    """Makes the parts of a document about one model.

    The gradients with respect to ``exercises`` are left to the reader: nothing of them is told in
    ``sections``, all of it in ``solutions``. It says to ``report`` which chapter it is at.
    """

    def __init__(self, model: Model, request: NotesRequest, report: Report = str) -> None:
        self.request, self.report = request, report
        self.parameters, left = request.parameters(model), request.exercises(model)
        self.exercises = [parameter for parameter in self.parameters if parameter in left]
        self.shown = [parameter for parameter in self.parameters if parameter not in left]
        self.telling = Telling(model, request, self.shown or self.parameters)
        self.asked = Exercises(self.telling, self.exercises)

    def sections(self) -> Iterator[NotesSection]:
        """The whole derivation, as far as it is told, the exercises, and where to read on."""
        made = [*self._told(self.sheet() if self.request.sheet else self.parts())]
        yield from made
        found = references(self.telling.model, [section.name for section in made])
        if found and not self.request.sheet:
            yield found

    def sheet(self) -> Iterator[Part]:
        """What a sheet tells, nothing of it derived."""
        yield "model", "The model and its unfolding", opening.opening(self.telling)
        yield from self.left_open()
        yield "exercises", "Exercises", self.asked.questions()

    def left_open(self) -> Iterator[Part]:
        """The gradients that are left to the reader."""
        for parameter in self.exercises:
            blocks = self.asked.on_gradient(parameter)
            yield f"gradient-{parameter.name}", heading_of(self.telling, parameter), blocks

    def parts(self) -> Iterator[Part]:
        """The chapters, some of which may be empty."""
        telling = self.telling
        yield "why", "Why we need it", why(telling)
        yield "by-hand", "Two steps by hand", two_steps(telling)
        yield "model", "The model and its unfolding", opening.opening(telling)
        if self.shown:
            yield from gradients.chapters(telling, MOST_DRAWN)
        yield from self.left_open()
        if self.shown:
            factors = as_matrices(telling, telling.chain, telling.matrices)
            yield "matrices", "The factors as matrices", factors
            recursion = backward_in_time.told_recursion(telling)
            yield "recursion", backward_in_time.heading(telling), recursion
        if self.shown and telling.steps > 1:
            yield "vanishing", "Vanishing and exploding gradients", vanishing(telling)
            yield "truncation", "Truncation", truncation(telling)
        if self.worked is not None:
            example = ExampleInNotes(telling, self.worked, self.shown)
            yield "example", "A worked example", example.told()
        if self.shown:
            yield "summary", "Summary", summary(telling)
        yield "exercises", "Exercises", self.asked.questions()

    def solutions(self) -> Iterator[NotesSection]:
        """What was left to the reader, and nothing that the sheet tells."""
        return self._told(self.answers())

    def answers(self) -> Iterator[Part]:
        """The solutions, chapter by chapter."""
        if self.exercises:
            yield from self.gradient_answers()
        yield "exercises", "Exercises", self.asked.solutions()

    def gradient_answers(self) -> Iterator[Part]:
        """The gradients that were left to the reader."""
        telling = self.telling
        chain, matrices, adjoints = (
            telling.derived(self.exercises, level) for level in ("chain", "jacobian", "adjoint")
        )
        for parameter in self.exercises:
            answer = gradients.alone(telling, parameter, chain)
            heading = self.asked.answer_heading(parameter, heading_of(telling, parameter))
            yield f"gradient-{parameter.name}", heading, answer
        told = (telling.chain, telling.matrices, telling.adjoints) if self.shown else ()
        known = frozenset(e.left for derivation in told for e in derivation.equations)
        yield "matrices", "The factors as matrices", as_matrices(telling, chain, matrices, known)
        recursion = backward_in_time.adjoint_recursion(telling, adjoints, known)
        yield "recursion", "The adjoints", recursion
        if self.worked is not None:
            example = ExampleInNotes(telling, self.worked, self.exercises, self.shown)
            yield "example", "The worked example", example.results()

    @cached_property
    def worked(self) -> Example | None:
        """The worked example; none where no numbers for it were found."""
        telling = self.telling
        names = [parameter.name for parameter in self.parameters]
        return worked_example(
            telling.model,
            telling.loss,
            names,
            steps=min(telling.steps, STEPS),
            seed=self.request.seed,
            values=self.request.values,
        )

    def _told(self, parts: Iterable[Part]) -> Iterator[NotesSection]:
        """The chapters that have something under their heading."""
        for name, heading, found in parts:
            self.report(f"notes on {self.telling.model.name}: {name}")
            blocks = tuple(found)
            if blocks:
                yield NotesSection(name, heading, blocks)
