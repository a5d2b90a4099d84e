"""An exercise and its solution, and what those on one model are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

from bptt_sym.algebra.expressions import Gradient, Parameter
from bptt_sym.choices import LOSSES, Loss
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.documents.document import Block, Equations, Paragraph
from bptt_sym.documents.telling import Telling

FEWEST_STEPS, MOST_STEPS = 3, 5
"""Over so many time steps questions are asked, where others would do as well."""


@dataclass(frozen=True)
class Exercise:
    """A question and its solution, each beginning with a paragraph.

    A solution is the result, a line of reason, and how to check it. Of what is ``hidden``, formulas
    in LaTeX, nothing may stand in what is printed before the solution.
    """

    question: tuple[Block, ...]
    solution: tuple[Block, ...]
    marks: int
    hidden: tuple[str, ...] = ()


class Asking:
    """A model, a seed, and what exercises may ask about that its notes have not ``told``.

    A sheet tells nothing of the derivation. Where it is told, a question is about more time steps
    or another loss. None is about a gradient that is ``left`` to the reader.
    """

    def __init__(
        self, telling: Telling, seed: int, *, told: bool, left: Sequence[Parameter] = ()
    ) -> None:
        self.telling, self.seed, self.told = telling, seed, told
        self.parameters = [p for p in telling.parameters if p not in left]
        self.say: Any = telling.sentences("exercises")
        self._others: dict[tuple[int, Loss], Telling] = {}

    def random(self, kind: str) -> Random:
        """Chance for one kind of exercise, the same in every run and on every machine."""
        return Random(f"{self.seed} {kind}")

    @property
    def steps(self) -> int:
        """A number of time steps: where the derivation is told, more than those of the notes."""
        told = self.telling.steps
        return told + 1 if self.told else min(max(told, FEWEST_STEPS), MOST_STEPS)

    @cached_property
    def loss(self) -> Loss:
        """A loss: where the derivation is told and there is another, another one."""
        return (self.other_loss if self.told else None) or self.telling.loss

    @property
    def other_loss(self) -> Loss | None:
        """A loss that is not that of the notes, nor a multiple of it, if the model has one."""
        model, own = self.telling.model, self.telling.reduction
        rows = [reduction_of(model, loss) for loss in LOSSES]
        return next((row.name for row in rows if row.at_last != own.at_last), None)

    def over(self, steps: int, loss: Loss | None = None) -> Telling:
        """The same model over some number of steps, and with some loss."""
        telling, key = self.telling, (steps, loss or self.telling.loss)
        if key not in self._others:
            request = replace(telling.request, steps=key[0], loss=key[1])
            self._others[key] = Telling(telling.model, request, self.parameters)
        return self._others[key]


Kind = Callable[[Asking], Exercise | None]
"""Makes an exercise of one kind; none where the model does not offer it."""


def gradient_name(telling: Telling, parameter: Parameter) -> str:
    """The gradient with respect to a parameter, as a formula within a sentence."""
    return f"${telling.math(Gradient(telling.objective, parameter))}$"


def said(text: object) -> Paragraph:
    """A paragraph of a sentence that a template made."""
    return Paragraph(str(text))


def unlabelled(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks whose equations have no number: what stands in a solution is not referred to."""
    for block in blocks:
        if isinstance(block, Equations):
            plain = (replace(f, label=None, also=(), optional=False) for f in block.formulas)
            yield Equations(tuple(plain))
        else:
            yield block


def changed_lines(asking: Asking, lines: Iterable[DerivedEquation]) -> list[DerivedEquation]:
    """Those lines of the recursion that it does not have with the loss of the notes."""
    told = asking.telling.derived(asking.parameters, "adjoint")
    known = {_meant(e) for section in told.sections if section.general for e in section.equations}
    return [equation for equation in lines if _meant(equation) not in known]


def _meant(equation: DerivedEquation) -> object:
    """What an equation says, whatever its number and the name of the loss."""
    left = equation.left.by if isinstance(equation.left, Gradient) else equation.left
    return left, equation.right, equation.span
