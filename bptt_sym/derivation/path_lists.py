"""The paths to the copies of a parameter one by one, each a product of immediate derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from bptt_sym.algebra.expressions import Integer, Parameter, product
from bptt_sym.choices import Loss
from bptt_sym.derivation.derivation import DerivedEquation, Section
from bptt_sym.derivation.factors import Chain, Factor
from bptt_sym.derivation.paths import Paths, losses_of
from bptt_sym.derivation.reduction import reduction_of
from bptt_sym.derivation.step import Step
from bptt_sym.derivation.unfolding import Vertex

MOST_LISTED = 200
"""The paths to the copies of a parameter are listed where they are at most so many."""


class PathLists:
    """Lists and counts the paths from the losses to the copies of parameters."""

    def __init__(self, step: Step, steps: int, loss: Loss, *, matrices: bool) -> None:
        self.step = step
        self.steps = steps
        self.reduction = reduction_of(step.model, loss)
        self.matrices = matrices
        self.paths = Paths(step, steps, losses_of(step.model, steps, self.reduction))

    def sections(self, parameters: Sequence[Parameter]) -> list[Section]:
        """A section for each parameter; it holds no path where they are more than MOST_LISTED."""
        return [self._section(parameter) for parameter in parameters]

    def _section(self, parameter: Parameter) -> Section:
        count = self.paths.totals[parameter.name]
        equations: list[DerivedEquation] = []
        for copy in self.paths.copies(parameter.name) if count <= MOST_LISTED else ():
            found = sorted(self.paths.to(copy), key=lambda path: path[0].time)
            equations += [self._equation(parameter, path, k + 1) for k, path in enumerate(found)]
        return Section("paths", tuple(equations), parameter, path_count=count)

    def _equation(
        self, parameter: Parameter, path: tuple[Vertex, ...], number: int
    ) -> DerivedEquation:
        chain = Chain(tuple(self._factor(*pair) for pair in itertools.pairwise(path)))
        right = product(*(factor.expression for factor in chain.factors))
        if self.matrices:
            right = chain.pulled_back([factor.jacobian for factor in chain.factors[:-1]])
        right = self.reduction.share(right, Integer(self.steps))
        meaning = (parameter.name, "path", str(path[-1].time), str(number))
        return DerivedEquation(meaning, None, right, (chain.factors,), path=path)

    def _factor(self, of: Vertex, by: Vertex) -> Factor:
        """The immediate derivative along one edge of the unfolding."""
        if 1 <= of.time <= self.steps:
            edge = self.step.edge(of.name, by.name, of.time - by.time)
        else:
            edges = self.step.initial
            edge = next(e for e in edges if (e.of.name, e.by.name) == (of.name, by.name))
        read = edge.by if isinstance(edge.by, Parameter) else edge.by.at(by.time)
        return Factor(edge.of.at(of.time), read, "immediate", edge)
