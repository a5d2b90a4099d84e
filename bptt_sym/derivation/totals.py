"""What an abbreviated total derivative stands for, for a symbolic number of steps between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from bptt_sym.algebra.expressions import (
    CONTRIBUTION_STEP,
    PRODUCT_STEP,
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    PartialDerivative,
    TimeProduct,
    add,
    at_step,
    product,
)
from bptt_sym.derivation.contributions import Contributions
from bptt_sym.derivation.derivation import Equation, Span
from bptt_sym.derivation.factors import Factor
from bptt_sym.derivation.reach import Lags, cases, reach
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.unfolding import Node


@dataclass(frozen=True)
class Total:
    """The total derivative of a variable at step ``last`` by one at step i."""

    of: str
    by: str
    last: Expr


def totals_of(factors: Iterable[Factor], last: Expr | None = None) -> list[Total]:
    """The total derivatives among factors that stand for more than one edge, each once.

    ``last`` is a symbol for the step at which they begin, where one definition is to serve many.
    """
    found = dict.fromkeys(
        Total(factor.of.name, factor.by.name, factor.of.time if last is None else last)
        for factor in factors
        if factor.edge is None
    )
    return list(found)


class TotalDefinitions:
    """Defines total derivatives: as a product of Jacobians, or by the chain rule's recursion."""

    def __init__(self, contributions: Contributions, *, matrices: bool) -> None:
        self.contributions = contributions
        self.step = contributions.step
        self.matrices = matrices

    def define(self, totals: Iterable[Total]) -> list[Equation]:
        """The equations that define total derivatives and those that occur in them, each once."""
        waiting = list(totals)
        seen = set(waiting)
        found: list[Equation] = []
        while waiting:
            total = waiting.pop(0)
            as_product = self.as_product(total)
            if as_product is not None:
                found.append(self._equation(total, as_product))
                continue
            for equation, needed in self._recursion(total):
                found.append(equation)
                for other in needed:
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
        return found

    def as_product(self, total: Total) -> MatrixExpr | None:
        """The total derivative as a product over time, where every path takes the same edges.

        None if between two steps there is more than one path.
        """
        steps = self.contributions.window.steps
        dominance = self.contributions.dominance(total.of)
        nodes = [Node(total.by, time) for time in range(steps, 0, -1)]
        nodes = [node for node in nodes if node in dominance]
        first = nodes[0]
        segments = []
        for later, earlier in itertools.pairwise(nodes):
            chain = dominance.chain(earlier)
            if later not in chain:
                return None
            segment = chain[chain.index(later) :]
            if not all(dominance.direct(node) for node in segment[1:]):
                return None
            segments.append([node.moved(-later.time) for node in segment])
        if not segments or any(segment != segments[0] for segment in segments):
            return None
        head = dominance.chain(first)
        if not all(dominance.direct(node) for node in head[1:]):
            return None
        body = self._path(segments[0], PRODUCT_STEP)
        start = total.last - (steps - first.time)
        repeated = TimeProduct(body, PRODUCT_STEP, CONTRIBUTION_STEP, start)
        moved = [node.moved(-steps) for node in head]
        return product(self._path(moved, total.last), repeated) if len(head) > 1 else repeated

    def _path(self, nodes: list[Node], origin: Expr) -> MatrixExpr:
        """The product of the derivatives along nodes whose times count from ``origin``."""
        factors = [
            self._edge(self.step.edge(of.name, by.name, of.time - by.time), origin + of.time)
            for of, by in itertools.pairwise(nodes)
        ]
        return product(*factors)

    def _edge(self, edge: Edge, time: Expr, *, immediate: bool = False) -> MatrixExpr:
        if self.matrices:
            return at_step(edge.jacobian, TIME, time)
        of, by = edge.of.at(time), edge.by
        return PartialDerivative(of, by.at(time - edge.lag), immediate)

    def _recursion(self, total: Total) -> list[tuple[Equation, list[Total]]]:
        reached = reach(self.step, {total.of: Lags(0, 0)})
        found = []
        for case in cases(self.step, total.by, reached):
            if not case.readers and total.of == total.by and case.lags.first == 0:
                continue  # the derivative of a variable by itself
            terms, needed = [], []
            span = None
            time: Expr = CONTRIBUTION_STEP
            if case.lags.first == case.lags.last:
                time = total.last - case.lags.first
            else:
                last = Integer(1) if case.lags.last is None else total.last - case.lags.last
                span = Span(CONTRIBUTION_STEP, total.last - case.lags.first, last)
            for edge in case.readers:
                factor = self._edge(edge, time + edge.lag, immediate=True)
                if edge.of.name == total.of and time + edge.lag == total.last:
                    terms.append(factor)
                    continue
                other = Total(total.of, edge.of.name, total.last)
                needed.append(other)
                terms.append(product(self._symbol(other, time + edge.lag), factor))
            right = add(*terms, like=self._symbol(total, time))
            equation = self._equation(total, right, time, span, str(case.lags.first))
            found.append((equation, needed))
        return found

    def _symbol(self, total: Total, time: Expr) -> PartialDerivative:
        of = self.contributions.variable(total.of, total.last)
        return PartialDerivative(of, self.contributions.variable(total.by, time), False)

    def _equation(
        self,
        total: Total,
        right: MatrixExpr,
        time: Expr = CONTRIBUTION_STEP,
        span: Span | None = None,
        *more: str,
    ) -> Equation:
        left = self._symbol(total, time)
        meaning = ("total", f"{total.of}_{total.last}", f"{total.by}_{CONTRIBUTION_STEP}", *more)
        return Equation(meaning, left, right, span=span)
