"""A derivation told from the model to a worked example: what is said, in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from bptt_sym.algebra.expressions import (
    LAST_STEP,
    Expr,
    Parameter,
)
from bptt_sym.choices import Level, Loss
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.documents import gradients, numbers, opening
from bptt_sym.documents.cost import Cost, costs
from bptt_sym.documents.document import (
    Block,
    NotesSection,
    Paragraph,
    Table,
)
from bptt_sym.documents.example import Example, worked_example
from bptt_sym.documents.facts import step_product
from bptt_sym.documents.telling import Telling
from bptt_sym.model.model import Model
from bptt_sym.render.formulas import about
from bptt_sym.render.latex import label
from bptt_sym.render.show import typesetter

MOST_DRAWN = 8
"""Of more parameters than this, the paths of the first alone are drawn in the text."""

MOST_WHOLE = 10**7
"""Numbers from this on are rounded."""


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
        self.model, self.steps, self.loss = model, steps, loss
        self.parameters, self.exercises = parameters, exercises
        self.shown = [parameter for parameter in parameters if parameter not in exercises]
        self.telling = Telling(model, steps, loss)
        self.say, self.math = self.telling.say, self.telling.math
        self.chain, self.matrices, self.adjoints = (
            self.derived(self.shown, level) for level in ("chain", "jacobian", "adjoint")
        )

    def derived(self, parameters: Sequence[Parameter], level: Level) -> Derivation:
        """The derivation of some of the gradients."""
        return self.telling.derived([parameter.name for parameter in parameters], level)

    def sections(self) -> Iterator[NotesSection]:
        """The whole derivation, as far as it is told."""
        return _sections(self.parts())

    def parts(self) -> Iterator[tuple[str, Iterator[Block]]]:
        """The headings with what stands under them, which may be nothing."""
        yield "The model", opening.the_model(self.telling, self.chain)
        yield "Unfolding in time", opening.unfolding(self.telling, self.chain)
        for parameter in self.parameters:
            yield gradients.heading(self.telling, parameter), self.gradient(parameter)
        if self.shown:
            yield "The factors as matrices", self.factors(self.chain, self.matrices)
            recursion = self.recursion(self.adjoints)
            yield "The adjoint recursion" if self.steps > 1 else "The adjoints", recursion
        if self.shown and self.steps > 1:
            yield "Why the recursion is cheaper", self.cost()
            yield "Vanishing and exploding gradients", self.vanishing()
        if self.worked is not None:
            names = [parameter.name for parameter in self.shown]
            yield "A worked example", numbers.told(self.telling, self.worked, names)

    def solutions(self) -> Iterator[NotesSection]:
        """What was left to the reader, and nothing that the sheet tells."""
        return _sections(self.answers())

    def answers(self) -> Iterator[tuple[str, Iterator[Block]]]:
        """The headings of the solutions with what stands under them."""
        chain, matrices, adjoints = (
            self.derived(self.exercises, level) for level in ("chain", "jacobian", "adjoint")
        )
        for parameter in self.exercises:
            drawn = self.is_drawn(parameter)
            answer = gradients.gradient(self.telling, parameter, chain, drawn=drawn)
            yield gradients.heading(self.telling, parameter), answer
        told = (self.chain, self.matrices, self.adjoints) if self.shown else ()
        known = frozenset(e.left for derivation in told for e in derivation.equations)
        yield "The factors as matrices", self.factors(chain, matrices, known)
        yield "The adjoints", self.recursion(adjoints, known)
        if self.worked is not None:
            names = [parameter.name for parameter in self.exercises]
            yield "The worked example", numbers.results(self.telling, self.worked, names)

    # The parts.

    def gradient(self, parameter: Parameter) -> Iterator[Block]:
        """The gradient with respect to a parameter, or the questions that lead to it."""
        if parameter in self.exercises:
            first = 1 + gradients.QUESTIONS * self.exercises.index(parameter)
            return gradients.exercise(self.telling, parameter, first)
        drawn = self.is_drawn(parameter)
        return gradients.gradient(self.telling, parameter, self.chain, drawn=drawn)

    def is_drawn(self, parameter: Parameter) -> bool:
        """Whether the paths to its copies are drawn in the text."""
        many = [p for p in self.parameters if len(self.telling.copies.of(p.name)) > 1]
        return parameter in (many if len(self.parameters) <= MOST_DRAWN else many[:1])

    def factors(
        self, chain: Derivation, matrices: Derivation, known: Collection[Expr | None] = ()
    ) -> Iterator[Block]:
        """What the derivatives are, except for those ``known``."""
        sentences = [
            (chain, "definitions", self.say.meanings),
            (matrices, "factors", self.say.matrices),
            (matrices, "definitions", self.say.blocks),
        ]
        for derivation, topic, said in sentences:
            for part in derivation.sections:
                equations = [e for e in part.equations if e.left not in known]
                if part.topic == topic and equations:
                    yield Paragraph(said())
                    yield from self.telling.equations(derivation, equations)

    def recursion(
        self, adjoints: Derivation, known: Collection[Expr | None] = ()
    ) -> Iterator[Block]:
        """Adjoints, except for those ``known``, and gradients: for N steps, or for the only one."""
        general = self.steps > 1
        for part in (s for s in adjoints.sections if s.general == general):
            equations = [e for e in part.equations if e.left not in known]
            if not equations:
                continue
            if part.topic == "adjoints":
                spans = [e.span for e in equations if e.span]
                rising = any(span.rising for span in spans)
                order = "both" if rising else "backward" if spans else ""
                shared = general and self.is_shared
                yield Paragraph(self.say.adjoints(shared, order, part.fewest_steps))
            else:
                yield Paragraph(self.say.gradients())
            yield from self.telling.equations(adjoints, equations)

    @cached_property
    def counted(self) -> Parameter:
        """The parameter whose products are counted, that with the most paths."""
        shown = self.shown or self.parameters
        return max(shown, key=lambda p: self.telling.copies.paths.totals[p.name])

    @cached_property
    def costs(self) -> list[Cost]:
        """How many products the gradient with respect to this parameter takes."""
        return [*costs(self.telling.step, self.counted, self.telling.reduction)]

    @property
    def is_shared(self) -> bool:
        """Whether paths to its copies begin with the same factors."""
        return any(entry.along_paths > entry.recursion for entry in self.costs)

    def cost(self) -> Iterator[Block]:
        if not self.is_shared:
            return
        name = self.math(self.counted)
        yield Paragraph(self.say.cost(name))
        head = (
            f"${self.math(LAST_STEP)}$",
            f"paths to ${name}$",
            "products path by path",
            "products of the recursion",
        )
        rows = (
            tuple(map(_count, (entry.steps, entry.paths, entry.along_paths, entry.recursion)))
            for entry in self.costs
        )
        yield Table(head, tuple(rows))

    def vanishing(self) -> Iterator[Block]:
        """How the product of the derivatives from step to step behaves, where there is one."""
        found = step_product(self.chain, self.matrices)
        if found is None:
            return
        factors = (e for e in self.matrices.equations if e.left == found.factor)
        known = next((label(self.matrices, e) for e in factors if e.number is not None), "")
        product, first, distance = map(self.math, (found.product, found.first, found.distance))
        said = self.say.step_product(product, first, known, found.has_blocks)
        yield Paragraph(said, self.telling.glossary.signs([typesetter(self.chain)(found.product)]))
        written = DerivedEquation(("step",), found.factor, found.matrix)
        yield from self.telling.equations(self.matrices, [written])
        if found.is_identity:
            yield Paragraph(self.say.unchanged(distance))
        else:
            yield Paragraph(self.say.vanishing(distance, found.has_identity_block))

    @cached_property
    def worked(self) -> Example | None:
        """The worked example; none where no numbers for it were found."""
        return worked_example(self.model, self.loss, [p.name for p in self.parameters])


def _sections(parts: Iterable[tuple[str, Iterator[Block]]]) -> Iterator[NotesSection]:
    """The sections that have something under their heading."""
    for heading, found in parts:
        blocks = tuple(found)
        if blocks:
            yield NotesSection(heading, blocks)


def _count(number: int) -> str:
    """A number as one reads it: whole, or about so large."""
    return f"${number if number < MOST_WHOLE else about(number)}$"
