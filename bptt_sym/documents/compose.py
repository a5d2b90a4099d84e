"""The lecture: which chapters notes have, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.choices import Loss
from bptt_sym.documents import backward_in_time, gradients, numbers, opening
from bptt_sym.documents.as_matrices import as_matrices
from bptt_sym.documents.document import Block, NotesSection
from bptt_sym.documents.example import Example, worked_example
from bptt_sym.documents.telling import Telling
from bptt_sym.documents.vanishing import vanishing
from bptt_sym.model.model import Model

MOST_DRAWN = 8
"""Of more parameters than this, the paths of the first alone are drawn in the text."""


class Composer:
    """Makes the parts of a document about one model.

    The gradients with respect to ``exercises`` are left to the reader: nothing of them is told in
    ``sections``, all of it in ``solutions``.
    """

    def __init__(
        self,
        model: Model,
        steps: int,
        loss: Loss,
        parameters: Sequence[Parameter],
        exercises: Sequence[Parameter] = (),
    ) -> None:
        self.parameters, self.exercises = parameters, exercises
        self.shown = [parameter for parameter in parameters if parameter not in exercises]
        self.telling = Telling(model, steps, loss, self.shown or parameters)

    def sections(self) -> Iterator[NotesSection]:
        """The whole derivation, as far as it is told."""
        return _sections(self.parts())

    def parts(self) -> Iterator[tuple[str, Iterator[Block]]]:
        """The headings with what stands under them, which may be nothing."""
        telling = self.telling
        yield "The model", opening.the_model(telling)
        yield "Unfolding in time", opening.unfolding(telling)
        for parameter in self.parameters:
            yield gradients.heading(telling, parameter), self.gradient(parameter)
        if self.shown:
            yield "The factors as matrices", as_matrices(telling, telling.chain, telling.matrices)
            yield (
                backward_in_time.heading(telling),
                backward_in_time.adjoint_recursion(telling, telling.adjoints),
            )
        if self.shown and telling.steps > 1:
            yield "Why the recursion is cheaper", backward_in_time.cost(telling)
            yield "Vanishing and exploding gradients", vanishing(telling)
        if self.worked is not None:
            names = [parameter.name for parameter in self.shown]
            yield "A worked example", numbers.told(telling, self.worked, names)

    def solutions(self) -> Iterator[NotesSection]:
        """What was left to the reader, and nothing that the sheet tells."""
        return _sections(self.answers())

    def answers(self) -> Iterator[tuple[str, Iterator[Block]]]:
        """The headings of the solutions with what stands under them."""
        telling = self.telling
        chain, matrices, adjoints = (
            telling.derived(self.exercises, level) for level in ("chain", "jacobian", "adjoint")
        )
        for parameter in self.exercises:
            drawn = self.is_drawn(parameter)
            answer = gradients.gradient(telling, parameter, chain, drawn=drawn)
            yield gradients.heading(telling, parameter), answer
        told = (telling.chain, telling.matrices, telling.adjoints) if self.shown else ()
        known = frozenset(e.left for derivation in told for e in derivation.equations)
        yield "The factors as matrices", as_matrices(telling, chain, matrices, known)
        yield "The adjoints", backward_in_time.adjoint_recursion(telling, adjoints, known)
        if self.worked is not None:
            names = [parameter.name for parameter in self.exercises]
            yield "The worked example", numbers.results(telling, self.worked, names)

    def gradient(self, parameter: Parameter) -> Iterator[Block]:
        """The gradient with respect to a parameter, or the questions that lead to it."""
        if parameter in self.exercises:
            first = 1 + gradients.QUESTIONS * self.exercises.index(parameter)
            return gradients.exercise(self.telling, parameter, first)
        drawn = self.is_drawn(parameter)
        return gradients.gradient(self.telling, parameter, self.telling.chain, drawn=drawn)

    def is_drawn(self, parameter: Parameter) -> bool:
        """Whether the paths to its copies are drawn in the text."""
        many = [p for p in self.parameters if len(self.telling.copies.of(p.name)) > 1]
        return parameter in (many if len(self.parameters) <= MOST_DRAWN else many[:1])

    @cached_property
    def worked(self) -> Example | None:
        """The worked example; none where no numbers for it were found."""
        telling = self.telling
        names = [parameter.name for parameter in self.parameters]
        return worked_example(telling.model, telling.loss, names)


def _sections(parts: Iterable[tuple[str, Iterator[Block]]]) -> Iterator[NotesSection]:
    """The sections that have something under their heading."""
    for heading, found in parts:
        blocks = tuple(found)
        if blocks:
            yield NotesSection(heading, blocks)
