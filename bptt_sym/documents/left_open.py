"""A gradient that is left to the reader: the questions that lead to it."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.documents.document import Block, Paragraph, Space
from bptt_sym.documents.telling import Telling

QUESTIONS = 3
"""So many questions an exercise has."""


def heading_of(telling: Telling, parameter: Parameter) -> str:
    """The heading of the section on a parameter."""
    say = telling.sentences("gradients")
    return str(say.heading(telling.inline([parameter]), False, False, True))


def left_open(telling: Telling, parameter: Parameter, first: int) -> Iterator[Block]:
    """The steps of a gradient as questions, numbered from ``first``, with room for the answers."""
    say = telling.sentences("exercises")
    asked = say.questions(telling.math(parameter), telling.told_loss(), first)
    for question in asked.strip().splitlines():
        yield Paragraph(question)
        yield Space()
