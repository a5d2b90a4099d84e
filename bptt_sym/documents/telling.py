"""What all parts of the notes on one model share: its symbols, its sentences, its equations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from bptt_sym.algebra.expressions import Expr, Integer, Parameter, Variable
from bptt_sym.choices import Level
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.derive import derive
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.step import written_step
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.displays import displayed
from bptt_sym.documents.document import Block, Equations, Paragraph, plain_words
from bptt_sym.documents.facts.copy_facts import Copies, crosses_time
from bptt_sym.documents.facts.families import Alike, Family, Siblings, families
from bptt_sym.documents.facts.measured_decay import Decay, measured_decay
from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.figures.figure import Figure, figure
from bptt_sym.model.model import Model
from bptt_sym.render.glossary import Glossary
from bptt_sym.render.latex import label
from bptt_sym.render.show import given_from_above, typesetter, words_of
from bptt_sym.render.tex import tex, tex_in_line
from bptt_sym.render.typeset import typeset
from bptt_sym.templating import environment

TEXT_WIDTH = 16.0
"""Of an article, in centimetres: its figures are made for that."""


def glossary(model: Model) -> Glossary:
    """What explains signs in notes on a model."""
    return Glossary(model, lambda box: f"${tex_in_line(box)}$")


class Telling:
    """A model over ``steps`` time steps with one loss, as notes speak of it.

    ``parameters`` are those whose gradients are told, in ``full`` each for itself. Of the
    contributions to one of them at most ``most_told`` are all written.
    """

    most_told = 4

    def __init__(
        self, model: Model, request: NotesRequest, parameters: Sequence[Parameter]
    ) -> None:
        self.model, self.request, self.parameters = model, request, parameters
        self.steps, self.loss, self.full = request.steps, request.loss, request.full
        self.siblings = Siblings(model)
        self.said_likewise = False
        self.reduction = reduction_of(model, self.loss)
        self.step = written_step(model)
        self.glossary = glossary(model)
        self.copies = Copies(self.step, self.steps, self.reduction)
        # The symbols of the sentences depend on no parameter.
        any_one = self.derived([], "adjoint")
        self.objective, self.parts = any_one.objective(), any_one.parts
        self.layer_index = any_one.layer_index
        self.words = {
            key: value if isinstance(value, str) else self.math(value)
            for key, value in words_of(any_one, tex_in_line).items()
        }
        self.jinja = environment({"words": plain_words})
        self.common = self.sentences("common")

    def sentences(self, chapter: str) -> Any:
        """The sentences of a chapter, one macro for each, in the symbols of the model."""
        return self.jinja.get_template(f"notes/sentences/{chapter}.j2").make_module(self.words)

    def derived(self, parameters: Sequence[Parameter], level: Level) -> Derivation:
        """The derivation of the gradients with respect to some parameters; without any, all."""
        wrt = [parameter.name for parameter in parameters] or None
        return derive(
            self.model,
            wrt=wrt,
            steps=self.steps,
            level=level,
            loss=self.loss,
            most_factors=self.request.most_factors,
        )

    @cached_property
    def chain(self) -> Derivation:
        """The gradients that are told, as products of partial derivatives."""
        return self.derived(self.parameters, "chain")

    @cached_property
    def matrices(self) -> Derivation:
        """The same, with the derivatives as matrices."""
        return self.derived(self.parameters, "jacobian")

    @cached_property
    def adjoints(self) -> Derivation:
        """The same, by the recursion of the adjoints."""
        return self.derived(self.parameters, "adjoint")

    @cached_property
    def families(self) -> list[Family]:
        """The parameters, those whose gradients are derived alike together."""
        if self.full:
            return [Family(parameter) for parameter in self.parameters]
        groups = [
            [p for p in self.parameters if self.needs_time(p) == timed] for timed in (False, True)
        ]
        return [f for group in groups for f in families(self.step, self.chain, group)]

    def needs_time(self, parameter: Parameter) -> bool:
        """Whether some step's loss depends on the copy of another, or on an initial value."""
        ends = bool(self.model.ends)
        return self.steps > 1 and (ends or crosses_time(self.step, parameter.name))

    @cached_property
    def decay(self) -> Decay | None:
        """How what reaches a step falls with its distance, measured; None where it cannot be."""
        return measured_decay(self.model, self.step, self.loss, self.parameters)

    def math(self, expression: Expr, loss: Expr | None = None) -> str:
        """An expression in the notation of the model; ``loss`` is what adjoints are of."""
        notation = self.model.notation
        marked = notation.mark_immediate
        return tex(typeset(expression, notation, mark_immediate=marked, loss=loss))

    def inline(self, expressions: Iterable[Expr]) -> list[str]:
        """Each expression as a formula within a sentence."""
        return [f"${self.math(expression)}$" for expression in expressions]

    def at(self, node: Vertex) -> str:
        """A node of the unfolding, as a formula within a sentence."""
        variable = self.model.symbol(node.name)
        assert isinstance(variable, Variable)
        return f"${self.math(variable.at(Integer(node.time)))}$"

    @property
    def loss_symbol(self) -> str:
        """The loss as a formula where it is that of one step, else nothing."""
        alone = self.reduction.at_last and not self.reduction.added
        return f"${self.math(self.objective)}$" if alone else ""

    def told_loss(self) -> str:
        """What is derived, as a sentence names it."""
        return self.loss_symbol or "the loss"

    def told_objective(self) -> str:
        """What is derived, as a sentence says what it is."""
        (loss,) = self.inline([self.objective])
        parts = next(iter(self.inline([] if self.parts is None else [self.parts])), None)
        given = given_from_above(self.model, lambda box: f"${tex_in_line(box)}$")
        if given["signals"]:
            told = self.common.from_above(loss, parts, given["signals"], given["outputs"])
            return f"The loss {told}"
        return str(self.sentences("opening").objective(loss, parts, self.reduction.words))

    def told_once(self, parameter: Parameter | None = None) -> str:
        """The regularizer as a formula within a sentence, if it reads the parameter, or any."""
        regularizer, read = self.model.regularizer, self.step.by_regularizer
        if regularizer is None or (parameter is not None and parameter.name not in read):
            return ""
        return f"${self.math(regularizer.left)}$"

    def figure(self, path: str | None = None) -> Figure:
        """The unfolded model, or the paths to the copies of a parameter."""
        loss = self.reduction.shown
        return figure(self.model, self.steps, path=path, loss=loss, width=TEXT_WIDTH)

    def figure_label(self, name: str) -> str:
        """The label of a figure."""
        return f"fig:{self.model.name}:{name}"

    def equations(
        self,
        derivation: Derivation,
        equations: Sequence[DerivedEquation],
        mark: str = "",
        *,
        numbered: bool = True,
    ) -> Iterator[Block]:
        """Equations of a derivation, below each other; those with a number have a label.

        Of a contribution the text says which it is. Of equations that differ in names alone the
        first stands there, and says so. Those that are not ``numbered`` stand side by side where
        they are narrow. ``mark`` is what ends them.
        """
        if not equations:
            return
        section = next((s for s in derivation.sections if equations[0] in s.equations), None)
        alone = [Alike(equation) for equation in equations]
        told = alone if self.full else self.siblings.told(derivation, equations)
        found = {}
        for entry in told:
            line = replace(derivation.line(entry.equation), contribution=None)
            found[line.meaning] = replace(entry, equation=line)
        lines = [*(entry.equation for entry in found.values()), *equations]
        names = {e.meaning: label(derivation, e) for e in lines if e.number is not None}
        show = typesetter(derivation, section)
        made = displayed([*found.values()], show, names, self.glossary)
        written = made if numbered else [replace(formula, optional=True) for formula in made]
        yield Equations(tuple(written), packs=not numbered).ended(mark)
        if any(entry.others for entry in told) and not self.said_likewise:
            self.said_likewise = True
            yield Paragraph(self.common.likewise())
