"""What the copies of a parameter contribute, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.factors import Contribution
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.document import (
    Block,
    Drawing,
    Equations,
    Paragraph,
    Reserved,
    ToldContribution,
    ToldContributions,
)
from bptt_sym.documents.telling import Telling
from bptt_sym.render.latex import label


@dataclass(frozen=True)
class ToldCopies:
    """The contributions of a parameter, the latest first, and how they are told."""

    telling: Telling
    parameter: Parameter
    contributions: tuple[Contribution, ...]
    entries: tuple[ToldContribution, ...]
    labels: tuple[str, ...]

    @property
    def is_nested(self) -> bool:
        """Whether one path leads to each copy, that of the copy before and one variable more."""
        paths = [_path(found) for found in self.contributions]
        return all(paths) and all(
            set(shorter) < set(longer) and len(longer) == len(shorter) + 1
            for shorter, longer in pairwise(paths)
        )

    def place(self, k: int) -> str:
        """Where a copy is, as words."""
        step = _step(self.telling, self.parameter, self.contributions[k])
        return "the initial value" if step is None else f"step {step}"

    def all_paths(self) -> Drawing:
        """The figure of what lies between the copies and the loss."""
        telling, name = self.telling, f"path-{self.parameter.name}"
        drawn = telling.figure(self.parameter.name)
        caption = telling.sentences("gradients").paths_caption(
            telling.math(self.parameter), telling.told_loss(), drawn.has_colored_paths
        )
        return Drawing(name, drawn, caption, telling.figure_label(name))

    def shown(self) -> Iterator[Block]:
        """All of few; of many the first two and the last."""
        most = self.telling.most_told
        if len(self.entries) <= most:
            yield ToldContributions(self.entries)
            return
        yield ToldContributions(self.entries[:2])
        steps = [_step(self.telling, self.parameter, c) for c in self.contributions[2:-1]]
        yield Reserved(self.labels[2:-1])
        said = self.telling.sentences("gradients").others([step for step in steps if step])
        yield Paragraph(said)
        yield ToldContributions(self.entries[-1:])


def told_copies(
    telling: Telling,
    parameter: Parameter,
    chain: Derivation,
    equations: Sequence[DerivedEquation],
) -> ToldCopies:
    """The contributions that equations of a derivation are."""
    found = [equation.contribution for equation in equations]
    contributions = tuple(c for c in found if c is not None)
    labels = tuple(label(chain, equation) for equation in equations)
    entries = []
    before: Contribution | None = None
    for equation, contribution in zip(equations, contributions, strict=True):
        entries.append(_entry(telling, parameter, chain, equation, contribution, before))
        before = contribution
    return ToldCopies(telling, parameter, contributions, tuple(entries), labels)


def _entry(
    telling: Telling,
    parameter: Parameter,
    chain: Derivation,
    equation: DerivedEquation,
    contribution: Contribution,
    before: Contribution | None,
) -> ToldContribution:
    say, step = telling.sentences("gradients"), _step(telling, parameter, contribution)
    (written,) = telling.equations(chain, [equation], ".")
    assert isinstance(written, Equations)
    many = contribution.path_count != 1
    told = label(chain, equation)
    loss = telling.told_loss()
    caption = say.path_caption(telling.math(parameter), loss, step, many, told)
    name = f"path-{parameter.name}-{contribution.step}"
    drawn = telling.figure(f"{parameter.name}:{contribution.step}")
    drawing = Drawing(name, drawn, caption, telling.figure_label(name))
    text = Paragraph(_said(telling, contribution, before, step), lead=say.lead(step))
    return ToldContribution(text, written, drawing)


def _said(
    telling: Telling, contribution: Contribution, before: Contribution | None, step: int | None
) -> str:
    say, path = telling.sentences("gradients"), _path(contribution)
    if not path:
        count = contribution.path_count
        if count == 1:
            return str(say.one_path(step))
        readers = telling.inline(contribution.readers)
        return str(say.paths(count, step, readers, len(contribution.chains) > 1))
    earlier = _path(before) if before else ()
    more = [telling.at(node) for node in path if node not in earlier]
    if earlier and set(earlier) < set(path):
        return str(say.longer_path(more, step))
    first = telling.at(contribution.paths[0][0])
    return str(say.path(first, [telling.at(node) for node in path], step))


def _path(contribution: Contribution) -> tuple[Vertex, ...]:
    """The variables on the one path to a copy, or nothing where there are several."""
    return (
        tuple(contribution.paths[0][1:-1])
        if contribution.path_count == 1 and contribution.paths
        else ()
    )


def _step(telling: Telling, parameter: Parameter, contribution: Contribution) -> int | None:
    """The step of a copy; None of one in an initial value."""
    copy = Vertex(parameter.name, contribution.step)
    return contribution.step if telling.copies.is_of_step(copy) else None
