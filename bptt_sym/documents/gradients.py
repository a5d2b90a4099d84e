"""The gradient with respect to one parameter: its copies, what each contributes, their sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bptt_sym.algebra.expressions import LAST_STEP, Parameter, Variable
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.document import (
    Block,
    Drawing,
    Equations,
    Paragraph,
    Space,
    ToldContribution,
    ToldContributions,
)
from bptt_sym.documents.facts import crosses_time
from bptt_sym.documents.telling import Telling
from bptt_sym.render.latex import label

QUESTIONS = 3
"""So many questions an exercise has."""


def heading(telling: Telling, parameter: Parameter) -> str:
    """The heading of the section on a parameter."""
    return f"The gradient with respect to ${telling.math(parameter)}$"


def exercise(telling: Telling, parameter: Parameter, first: int) -> Iterator[Block]:
    """The steps of a gradient as questions, numbered from ``first``, with room for the answers."""
    asked = telling.sentences("exercises").questions(
        telling.math(parameter), telling.told_loss(), first
    )
    for question in asked.strip().splitlines():
        yield Paragraph(question)
        yield Space()


def gradient(
    telling: Telling, parameter: Parameter, chain: Derivation, *, drawn: bool
) -> Iterator[Block]:
    """ToldContribution by contribution, their sum, and the general form."""
    say, name = telling.sentences("gradients"), telling.math(parameter)
    (part,) = (section for section in chain.sections if section.parameter == parameter)
    found = telling.copies.of(parameter.name)
    single = [e for e in part.equations if e.contribution] if len(found) > 1 else []
    entries = tuple(_contribution(telling, parameter, chain, equation) for equation in single)
    drawing = entries[-1].drawing if entries and drawn else None
    yield Paragraph(_copies(telling, parameter, found, bool(entries), drawing))
    if entries:
        yield ToldContributions(entries, drawing)
        yield Paragraph(say.accumulation(name, telling.told_once(parameter)))
    general = telling.reduction.labelled(telling.model.loss.name, LAST_STEP)
    rest = [e for e in part.equations if not e.contribution]
    yield from telling.equations(chain, [e for e in rest if e.meaning[0] != general])
    whole = [e for e in rest if e.meaning[0] == general]
    if whole and found:
        yield Paragraph(say.general(max(map(_least_steps, whole))))
        yield from telling.equations(chain, whole)


def _copies(
    telling: Telling,
    parameter: Parameter,
    found: Sequence[Vertex],
    one_by_one: bool,
    drawing: Drawing | None,
) -> str:
    """Which copies of a parameter paths lead to, and whether they leave their step."""
    say, name = telling.sentences("gradients"), telling.math(parameter)
    loss = telling.told_loss()
    if not found:
        return str(say.no_copy(name, loss, telling.told_once(parameter)))
    ends, once = telling.model.ends, telling.told_once(parameter)
    timeless = telling.steps > 1 and not ends and not crosses_time(telling.step, parameter.name)
    if len(found) > 1:
        shown = drawing.label if drawing else ""
        many = telling.copies.has_many_paths(found[-1])
        places = _places(telling, found)
        return str(say.many_copies(name, loss, places, timeless, one_by_one, shown, many))
    (only,) = found
    readers = [telling.at(node) for node in telling.copies.readers(only)]
    step = only.time if telling.copies.is_of_step(only) else None
    other = telling.copies.of_another_step(parameter.name)
    seen = None
    if other and step and telling.reduction.at_last and not ends:
        seen = {"loss": telling.at(other[0]), **_places(telling, other[1])}
    return str(say.one_copy(name, loss, step, readers, timeless, seen, once))


def _places(telling: Telling, copies: Sequence[Vertex]) -> dict[str, Any]:
    """The steps of copies, and how many belong to initial values."""
    steps = [copy.time for copy in copies if telling.copies.is_of_step(copy)]
    return {"steps": steps, "initial": len(copies) - len(steps)}


def _contribution(
    telling: Telling, parameter: Parameter, chain: Derivation, equation: DerivedEquation
) -> ToldContribution:
    say, found = telling.sentences("gradients"), equation.contribution
    assert found is not None
    copy = Vertex(parameter.name, found.step)
    step = found.step if telling.copies.is_of_step(copy) else None
    through = [telling.at(node) for node in found.paths[0][1:-1]] if len(found.paths) == 1 else []
    readers = telling.inline(found.readers)
    said = say.contribution(step, readers, found.path_count, through)
    (written,) = telling.equations(chain, [equation])
    assert isinstance(written, Equations)
    many = telling.copies.has_many_paths(copy)
    caption = say.path_caption(
        telling.math(parameter), telling.told_loss(), step, many, label(chain, equation)
    )
    name = f"path-{parameter.name}-{found.step}"
    drawn = telling.figure(f"{parameter.name}:{found.step}")
    drawing = Drawing(name, drawn, caption, telling.figure_label(name))
    return ToldContribution(Paragraph(said), written, drawing)


def _least_steps(equation: DerivedEquation) -> int:
    """The least number of steps N for which each step N - k of an equation exists."""
    times = (variable.time - LAST_STEP for variable in equation.right.atoms(Variable))
    return 1 + max((-int(time) for time in times if time.is_Integer), default=0)
