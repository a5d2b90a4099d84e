"""A gradient as data: factors, chains of factors, contributions of time steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bptt_sym.algebra.expressions import (
    TIME,
    MatrixExpr,
    Parameter,
    PartialDerivative,
    TotalLoss,
    Variable,
    at_step,
    product,
)
from bptt_sym.derivation.reach import Lags
from bptt_sym.derivation.step import Edge
from bptt_sym.derivation.unfolding import Vertex

MOST_COUNTED = 2**53
"""Contributions count their paths below this number, up to which any reader of JSON is exact."""

Kind = Literal["immediate", "total", "both"]


@dataclass(frozen=True)
class Factor:
    """One derivative d(of)/d(by) of a chain.

    With respect to a parameter it is immediate; between variables it is total, and where one edge
    is the only path between them it is both. ``edge`` is that edge, absent where there is more
    between and where a tuple of states is one of the two. ``matrix`` is the factor's matrix where
    it is the same for all models.
    """

    of: Variable | TotalLoss
    by: Variable | Parameter
    kind: Kind
    edge: Edge | None = None
    matrix: MatrixExpr | None = None

    @property
    def expression(self) -> PartialDerivative:
        """The derivative, unevaluated."""
        return PartialDerivative(self.of, self.by, self.kind == "immediate")

    @property
    def known(self) -> MatrixExpr | None:
        """The factor's matrix; none where a definition says what it is."""
        if self.edge is None:
            return self.matrix
        return at_step(self.edge.jacobian, TIME, self.of.time)

    @property
    def jacobian(self) -> MatrixExpr:
        """The factor's matrix; the derivative itself where a definition says what it is."""
        return self.expression if self.known is None else self.known


@dataclass(frozen=True)
class Chain:
    """A product of derivatives from a loss to a parameter; the last factor is the immediate one."""

    factors: tuple[Factor, ...]

    @property
    def reader(self) -> Variable:
        """The variable that reads the parameter."""
        return self.factors[-1].of

    def pulled_back(self, before: Sequence[MatrixExpr]) -> MatrixExpr:
        """The chain as matrices, in the shape of the parameter.

        ``before`` are the matrices of all factors but the last: their product is the row that
        reaches the reader, which is pulled back through the reader's equation.
        """
        last = self.factors[-1]
        assert last.edge is not None
        row = product(*before) if before else last.edge.seed
        return last.edge.applied(row, last.of.time)


@dataclass(frozen=True)
class Contribution:
    """The gradient with respect to the copy of a parameter at ``step``: the sum of chains.

    Step 0 has the copies that initial states are made of. ``readers`` are the variables that read
    the parameter at that step. ``path_count`` counts the paths through the unfolding, from a loss
    to the copy, that the contribution sums, or is none where they are more than JSON's readers
    count exactly; ``paths`` holds them if they are at most ``most_factors`` and span at most as
    many steps.
    """

    parameter: Parameter
    step: int
    readers: tuple[Variable, ...]
    chains: tuple[Chain, ...]
    path_count: int | None
    paths: tuple[tuple[Vertex, ...], ...] = ()


@dataclass(frozen=True)
class GeneralChain:
    """The chain of a contribution where the number of steps is symbolic.

    With ``lags.last`` absent there is one for each time step i = 1, ..., last - lags.first, and
    the factors carry i; else it is the chain at one lag, and the factors carry the loss's step.
    Without lags it is the chain to step 0.
    """

    chain: Chain
    lags: Lags | None

    @property
    def summed(self) -> bool:
        """Whether it stands for one contribution of every time step."""
        return self.lags is not None and self.lags.last is None
