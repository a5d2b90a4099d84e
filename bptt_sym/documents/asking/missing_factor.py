"""A product along a path, one factor of which is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bptt_sym.algebra import boxes
from bptt_sym.algebra.expressions import Parameter
from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.derivation.factors import Contribution, Factor
from bptt_sym.documents.asking.exercise_parts import Asking, Exercise, gradient_name, said
from bptt_sym.documents.document import DisplayedFormula, Equations
from bptt_sym.documents.telling import Telling
from bptt_sym.render.formulas import GAP, shape
from bptt_sym.render.latex import PAGE, TEXT_WIDTH, lines, right_width
from bptt_sym.render.line_breaking import broken
from bptt_sym.render.show import Show, typesetter
from bptt_sym.render.tex import tex

LONGEST = 7
"""A product of more factors than this is not asked about."""


@dataclass(frozen=True)
class Gap:
    """A place in a product of a contribution; ``alone`` if the contribution is this product."""

    contribution: Contribution
    factors: tuple[Factor, ...]
    place: int
    alone: bool

    @property
    def factor(self) -> Factor:
        """What is missing."""
        return self.factors[self.place]

    def written(self, show: Show) -> Equations:
        """The product without it."""
        shown = [show(factor.expression) for factor in self.factors]
        shown[self.place] = GAP
        parts = broken(boxes.Factors(tuple(shown)), TEXT_WIDTH, PAGE)
        return Equations((DisplayedFormula(tuple(f"& {part}" for part in parts)),))


def missing_factor(asking: Asking) -> Exercise | None:
    """Which derivative is missing in a product of a contribution, and what it is as a matrix."""
    random = asking.random("missing factor")
    telling = asking.over(asking.steps)
    for parameter in random.sample(asking.parameters, len(asking.parameters)):
        found = [*gaps(asking, telling, parameter)]
        if found:
            return _exercise(asking, telling, parameter, random.choice(found))
    return None


def gaps(asking: Asking, telling: Telling, parameter: Parameter) -> Iterator[Gap]:
    """The factors within products that the notes have not told, neither the first nor the last."""
    every = (e.contribution for e in telling.chain.equations)
    for contribution in (c for c in every if c is not None and c.parameter == parameter):
        for chain in contribution.chains:
            inner = range(1, min(len(chain.factors), LONGEST + 1) - 1)
            for place in inner if len(chain.factors) <= LONGEST else ():
                known = chain.factors[place].of.time <= asking.telling.steps
                if not (asking.told and known):
                    yield Gap(contribution, chain.factors, place, len(contribution.chains) == 1)


def _exercise(asking: Asking, telling: Telling, parameter: Parameter, gap: Gap) -> Exercise:
    say, factor = asking.say, gap.factor
    # Marked as it is in the whole derivation.
    show = typesetter(telling.chain)
    matrix = factor.known
    step = gap.contribution.step if 1 <= gap.contribution.step <= telling.steps else None
    of = gradient_name(telling, parameter)
    asked = say.missing_factor(of, step, telling.steps, gap.alone)
    of_what, by_what = telling.inline([factor.of, factor.by])
    found = [(size, telling.math(size)) for size in factor.expression.shape]
    sizes = [f"({written})" if size.is_Add else written for size, written in found]
    told = say.missing_factor_solution(of_what, by_what, f"${shape(sizes)}$")
    if matrix is None:
        answer = Equations((DisplayedFormula((f"& {tex(show(factor.expression))}",)),))
    else:
        equation = DerivedEquation(("factor",), factor.expression, matrix)
        room = right_width([equation], show)
        answer = Equations((DisplayedFormula(tuple(lines(equation, show, room))),))
    return Exercise(
        (said(asked), gap.written(show), said(say.missing_factor_asked(matrix is not None))),
        (said(say.missing_factor_result()), answer.ended("."), said(told)),
        marks=2 if matrix is not None else 1,
        hidden=(tex(show(factor.expression)),),
    )
