"""What notes are asked for: the derivation that they tell, and what they look like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.choices import LOSSES, SECTION_LEVELS, Loss, SectionLevel
from bptt_sym.derivation.derive import MOST_FACTORS, check_choice, check_number
from bptt_sym.derivation.masked_model import masked_model
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.sources import choose_parameters
from bptt_sym.errors import InputError
from bptt_sym.limits import DERIVATION_STEPS, NOTES_STEPS
from bptt_sym.measuring.asked import ArraysOrFile
from bptt_sym.model.model import Model
from bptt_sym.quoting import LONGEST_PATH
from bptt_sym.render.command import notation_words


class NotesOptions(TypedDict, total=False):
    """What ``notes`` takes beside a model, its number of steps and a notation.

    - ``loss``: last, sum or mean; ``masked`` adds a mask, for sequences of different lengths.
    - ``wrt``: the parameters asked for; without it, all.
    - ``exercise``: those that are left to the reader, and told in the solutions.
    - ``no_exercises`` leaves out those at the end; a ``sheet`` has exercises of all kinds and no
      derivation. ``marks`` says what each is worth.
    - ``seed``: another one draws other exercises, and other numbers for the worked example.
    - ``full``: each gradient is derived for itself, where else one stands for others like it.
    - ``most_factors``: a chain of more factors is abbreviated; ``mark_immediate``: all immediate
      derivatives are marked, and not only where the mark tells two apart.
    - ``number_from``: the number of the derivation's first equation; the model's stand before it.
    - ``values``: numbers of one's own for it, a mapping of arrays by the names that generated
      modules have or the path of a file (.npz, .toml, .json), of one sequence of at most 6 time
      steps; what it does not hold is drawn.
    - ``macros``: LaTeX has a command for each symbol.
    - ``author``, ``date``: what stands below the title.
    - ``section_level``: chapter, section, subsection or subsubsection, the headings of LaTeX to
      \\input.
    """

    loss: Loss
    masked: bool
    wrt: str | Iterable[str] | None
    exercise: str | Iterable[str]
    no_exercises: bool
    sheet: bool
    seed: int
    marks: bool
    full: bool
    most_factors: int
    mark_immediate: bool
    number_from: int | None
    values: ArraysOrFile
    macros: bool
    author: str
    date: str
    section_level: SectionLevel


_FLAGS = ("masked", "mark_immediate", "macros", "full", "no_exercises", "sheet", "marks")


@dataclass(frozen=True)
class NotesRequest:
    """What notes tell, of ``steps`` time steps and one loss, and how; see ``NotesOptions``."""

    steps: int = 3
    loss: Loss = "last"
    masked: bool = False
    wrt: str | Iterable[str] | None = None
    exercise: str | Iterable[str] = ()
    no_exercises: bool = False
    sheet: bool = False
    seed: int = 0
    marks: bool = False
    full: bool = False
    most_factors: int = MOST_FACTORS
    mark_immediate: bool = False
    number_from: int | None = None
    values: ArraysOrFile = None
    macros: bool = False
    author: str = ""
    date: str = ""
    section_level: SectionLevel = "subsection"

    def checked(self, model: Model) -> NotesRequest:
        """The request with the loss that a model leaves. Raises InputError for what cannot be."""
        check_choice("loss", self.loss, LOSSES)
        check_choice("section level", self.section_level, SECTION_LEVELS)
        check_number("number of steps of notes", self.steps, 1, NOTES_STEPS.most)
        check_number("number of factors", self.most_factors, 4, DERIVATION_STEPS.most)
        if self.number_from is not None:
            check_number("first equation number", self.number_from, 1, 10**6)
        check_number("seed", self.seed, 0, 2**63)
        for what, text in (("author", self.author), ("date", self.date)):
            if not text.isprintable() or len(text) > LONGEST_PATH:
                raise InputError(
                    f"the {what} must be one line of at most {LONGEST_PATH} characters"
                )
        if self.sheet and self.no_exercises:
            raise InputError(
                "a sheet has nothing but exercises: leave out --no-exercises or --sheet"
            )
        asked = {parameter.name for parameter in self.parameters(model)}
        for parameter in self.exercises(model):
            if parameter.name not in asked:
                raise InputError(
                    f"the exercise {parameter.name!a} is not among the parameters asked for"
                )
        wrt = None if self.wrt is None else tuple(p.name for p in self.parameters(model))
        left = tuple(p.name for p in self.exercises(model))
        return replace(self, wrt=wrt, exercise=left, loss=reduction_of(model, self.loss).name)

    def parameters(self, model: Model) -> Sequence[Parameter]:
        """The parameters whose gradients notes on a model are about."""
        return choose_parameters(model, self.wrt)

    def exercises(self, model: Model) -> Sequence[Parameter]:
        """Those of them that are left to the reader."""
        return choose_parameters(model, self.exercise)

    def masked_model(self, model: Model) -> Model:
        """A model, with a mask if one is asked for."""
        if not self.masked:
            return model
        return masked_model(model, self.loss)

    def marked(self, model: Model) -> Model:
        """A model in a notation that marks immediate derivatives, if that is asked for."""
        if not self.mark_immediate:
            return model
        return replace(model, notation=replace(model.notation, mark_immediate=True))

    def words(self, model: Model) -> Iterator[str]:
        """The command that asks for the same notes on a model in its notation, word by word."""
        yield from ("notes", model.reference, "--steps", str(self.steps), "--loss", self.loss)
        if self.wrt is not None:
            for parameter in self.parameters(model):
                yield from ("--wrt", parameter.name)
        for parameter in self.exercises(model):
            yield from ("--exercise", parameter.name)
        if self.number_from is not None:
            yield from ("--number-from", str(self.number_from))
        if self.most_factors != MOST_FACTORS:
            yield from ("--most-factors", str(self.most_factors))
        if isinstance(self.values, str | Path):
            yield from ("--values", str(self.values))
        for name in ("author", "date"):
            if text := getattr(self, name):
                yield from (f"--{name}", text)
        if self.section_level != NotesRequest.section_level:
            yield from ("--section-level", self.section_level)
        if self.seed:
            yield from ("--seed", str(self.seed))
        yield from notation_words(model)
        for name in _FLAGS:
            if getattr(self, name):
                yield "--" + name.replace("_", "-")
