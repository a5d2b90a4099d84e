"""The facts that license the sentences of course notes: what one says is asked here first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bptt_sym.algebra.blocks import Blocks
from bptt_sym.algebra.expressions import (
    TIME,
    Expr,
    Identity,
    MatMul,
    MatrixExpr,
    PartialDerivative,
    ZeroMatrix,
    at_step,
    product,
)
from bptt_sym.algebra.over_time import TimeProduct
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.paths import Paths, losses_of
from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.step import Step
from bptt_sym.derivation.unfolding import Vertex

# The copies of a parameter.


class Copies:
    """The copies of parameters that paths lead to, over ``steps`` time steps."""

    def __init__(self, step: Step, steps: int, reduction: Reduction) -> None:
        self.step, self.steps = step, steps
        self.paths = Paths(step, steps, losses_of(step.model, steps, reduction), most=2)

    def of(self, parameter: str) -> list[Vertex]:
        """The copies that a path from the loss leads to, the latest first."""
        return self.paths.copies(parameter)

    def readers(self, copy: Vertex) -> list[Vertex]:
        """The variables through which such paths enter the copy."""
        return self.paths.readers(copy)

    def has_many_paths(self, copy: Vertex) -> bool:
        """Whether more than one path leads to a copy."""
        return self.paths.count(copy) > 1

    def is_of_step(self, copy: Vertex) -> bool:
        """Whether a copy belongs to a time step, and not to an initial value."""
        return 1 <= copy.time <= self.steps

    def of_another_step(self, parameter: str) -> tuple[Vertex, list[Vertex]] | None:
        """A loss that a path leads from to the copy of another step, with all copies it sees.

        Of several, it is the loss that sees the most copies; None if each loss sees the copy of
        its own step alone.
        """
        found = []
        every = reduction_of(self.step.model, "sum")
        for loss in losses_of(self.step.model, self.steps, every):
            seen = Paths(self.step, self.steps, (loss,)).copies(parameter)
            if any(copy.time != loss.time for copy in seen):
                found.append((loss, seen))
        return max(found, key=lambda entry: len(entry[1]), default=None)


def crosses_time(step: Step, parameter: str) -> bool:
    """Whether, for enough steps, some path from a loss to a parameter leaves the loss's step."""
    made_of = {edge.of.name for edge in step.initial if edge.by.name == parameter}
    waiting = [(loss.name, False) for loss in step.losses]
    seen = set(waiting)
    while waiting:
        name, crossed = waiting.pop()
        for edge in step.reads(name):
            across = crossed or edge.lag != 0
            if (edge.by.name == parameter and across) or (edge.lag and edge.by.name in made_of):
                return True
            entry = (edge.by.name, across)
            if edge.by in step.variables and entry not in seen:
                seen.add(entry)
                waiting.append(entry)
    return False


# From step to step.


@dataclass(frozen=True)
class StepProduct:
    """The product over time that the chains to distant steps pass through.

    ``factor`` is what is multiplied at each step, as derivatives at step t, ``matrix`` the same as
    matrices, whose blocks may be derivatives that ``known`` says the matrices of.
    """

    product: TimeProduct
    factor: MatrixExpr
    matrix: MatrixExpr
    known: Mapping[MatrixExpr, MatrixExpr]

    @property
    def first(self) -> Expr:
        """The step at which it begins, the latest one."""
        return self.product.args[3]

    @property
    def distance(self) -> Expr:
        """The number of its factors."""
        return self.first - self.product.args[2]

    @cached_property
    def blocks(self) -> tuple[tuple[MatrixExpr, ...], ...]:
        """The blocks of the matrix, or itself, each as what it is known to be."""
        found = self._known(self.matrix)
        rows = found.rows_of_blocks if isinstance(found, Blocks) else ((found,),)
        return tuple(tuple(map(self._known, row)) for row in rows)

    def _known(self, expression: MatrixExpr) -> MatrixExpr:
        while expression in self.known:
            expression = self.known[expression]
        return expression

    @property
    def has_blocks(self) -> bool:
        """Whether blocks stand in the matrix."""
        return bool(self.matrix.has(Blocks))

    @property
    def is_identity(self) -> bool:
        """Whether each factor is the identity."""
        return all(
            isinstance(entry, Identity if row == column else ZeroMatrix)
            for row, entries in enumerate(self.blocks)
            for column, entry in enumerate(entries)
        )

    @property
    def has_identity_block(self) -> bool:
        """Whether a block is an identity, so that no norm of a factor is below 1."""
        return any(isinstance(entry, Identity) for row in self.blocks for entry in row)


def step_product(chain: Derivation, matrices: Derivation) -> StepProduct | None:
    """The product over time of a derivation, given at the levels chain and jacobian."""
    products = (p for e in chain.equations for p in e.right.atoms(TimeProduct))
    found = next((p for p in products if not p.args[3].is_Integer), None)
    if found is None:
        return None
    body = at_step(found.body, found.args[1], TIME)
    factors = body.args if isinstance(body, MatMul) else (body,)
    known = {e.left: e.right for e in matrices.equations if e.left is not None}
    defined = {equation.left for equation in _definitions(chain)}
    parts = []
    for factor in factors:
        assert isinstance(factor, PartialDerivative)
        # One that needs no definition goes along one edge, and is immediate as well.
        immediate = PartialDerivative(factor.of, factor.by, True)
        same = immediate if factor not in known and factor not in defined else factor
        if same not in known:
            return None
        parts.append(known[same])
    return StepProduct(found, body, product(*parts), known)


def _definitions(derivation: Derivation) -> Iterator[DerivedEquation]:
    for section in derivation.sections:
        if section.topic == "definitions":
            yield from section.equations
