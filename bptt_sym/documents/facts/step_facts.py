"""What is known of the derivatives from step to step: the blocks of a step's matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sympy import DiagMatrix, Identity, ZeroMatrix

from bptt_sym.algebra.blocks import StateTuple, blocks
from bptt_sym.algebra.expressions import (
    TIME,
    Add,
    MatrixExpr,
    PartialDerivative,
    S,
    Variable,
    is_one,
    number_of_entries,
)
from bptt_sym.derivation.dependencies import Link
from bptt_sym.derivation.step import Step
from bptt_sym.documents.facts.diagonal_terms import DiagonalTerms, TooManyTermsError


@dataclass(frozen=True)
class StepBlock:
    """The total derivative of a state at step t with respect to one at the step before.

    It is taken along all paths within the step, other states of the step before held constant.
    ``terms`` are None where there are too many to take apart. ``by`` is at the step that is
    computed before; ``direct`` is the immediate derivative, which is zero where ``of`` does not
    read ``by``.
    """

    of: Variable
    by: Variable
    terms: DiagonalTerms | None
    direct: MatrixExpr

    @property
    def zero(self) -> MatrixExpr:
        """A matrix of zeros, with its shape."""
        return ZeroMatrix(number_of_entries(self.of), number_of_entries(self.by))

    @property
    def matrix(self) -> MatrixExpr | None:
        """The block, where it is known."""
        return None if self.terms is None else self.terms.matrix(self.zero)

    @property
    def is_zero(self) -> bool:
        return self.terms is not None and not self.terms

    @property
    def is_diagonal(self) -> bool:
        """Whether it is a diagonal matrix, and not zero."""
        return self.terms is not None and [*self.terms] == [()]

    @property
    def is_identity(self) -> bool:
        return self.is_diagonal and self.diagonal is not None and is_one(self.diagonal)

    @property
    def diagonal(self) -> MatrixExpr | None:
        """The v of the term diag(v) that stands by itself, if there is one."""
        return None if self.terms is None else self.terms.get(())

    @property
    def others(self) -> DiagonalTerms:
        """The terms beside this one."""
        assert self.terms is not None
        return DiagonalTerms({rest: v for rest, v in self.terms.items() if rest})

    @property
    def is_immediate(self) -> bool:
        """Whether the immediate derivative is the whole."""
        return self.matrix == _normal(self.direct)

    @property
    def diagonal_is_immediate(self) -> bool:
        """Whether the term diag(v) that stands by itself is the immediate derivative."""
        v = self.diagonal
        if v is None:
            return False
        return DiagonalTerms({(): v}).matrix(self.zero) == _normal(self.direct)


def _normal(matrix: MatrixExpr) -> MatrixExpr | None:
    try:
        return DiagonalTerms.of(matrix).matrix(matrix)
    except TooManyTermsError:
        return None


@dataclass(frozen=True)
class StepMap:
    """What a step hands on as a function of what it was handed, for scans in one direction.

    ``places`` are its components, each a state so many steps back, and ``direction`` is 1, or -1
    for scans in reverse. It is the ``whole`` of what links steps unless there are scans in both.
    """

    step: Step
    places: tuple[Link, ...]
    direction: int
    whole: bool

    @cached_property
    def components(self) -> tuple[Variable, ...]:
        """The components of the newest step, t."""
        return tuple(self._at(place, 0) for place in self.places)

    @cached_property
    def symbol(self) -> Variable:
        """The state, or the tuple of all components, at step t."""
        if len(self.places) == 1:
            return self.components[0]
        entries = [entry.at(entry.time - TIME) for entry in self.components]
        columns = Add(*(number_of_entries(entry) for entry in entries))
        name = ".".join(place.name for place in self.places)
        return StateTuple(name, S.One, columns, TIME, *entries)

    @property
    def before(self) -> Variable:
        """The same at the step that is computed before."""
        return self.symbol.at(TIME - self.direction)

    @property
    def factor(self) -> MatrixExpr:
        """The derivative from step to step."""
        return PartialDerivative(self.symbol, self.before, False)

    @cached_property
    def blocks(self) -> tuple[tuple[StepBlock, ...], ...]:
        """A row for each component of the step, with a block for each of the step before."""
        return tuple(tuple(self._block(of, by) for by in self.places) for of in self.places)

    @cached_property
    def matrix(self) -> MatrixExpr | None:
        """The matrix of the step, where all blocks are known."""
        rows = [[block.matrix for block in row] for row in self.blocks]
        known = [[entry for entry in row if entry is not None] for row in rows]
        return blocks(known) if rows == known else None

    @property
    def diagonal(self) -> tuple[StepBlock, ...]:
        """The blocks from each component to itself."""
        return tuple(row[k] for k, row in enumerate(self.blocks))

    @property
    def every(self) -> list[StepBlock]:
        """All blocks."""
        return [block for row in self.blocks for block in row]

    @property
    def is_identity(self) -> bool:
        """Whether a step hands on changes alone: each block is the identity or zero."""
        return self._only_diagonal and all(block.is_identity for block in self.diagonal)

    @property
    def is_diagonal(self) -> bool:
        """Whether the matrix of the step is a diagonal matrix."""
        return self._only_diagonal and all(b.is_diagonal or b.is_zero for b in self.diagonal)

    @property
    def _only_diagonal(self) -> bool:
        return all(
            block.is_zero or row == column
            for row, entries in enumerate(self.blocks)
            for column, block in enumerate(entries)
        )

    @property
    def is_constant(self) -> bool:
        """Whether the matrix of the step is the same at every step, and for all data."""
        once = [entry.symbol for entry in self.step.model.declared("once")]
        return self.matrix is not None and not self.matrix.has(Variable, *once)

    @property
    def is_linear(self) -> bool:
        """Whether the matrix of the step does not depend on the states, so that these enter
        linearly.
        """
        if self.matrix is None:
            return False
        return not any(leaf.name in self.after_states for leaf in self.matrix.atoms(Variable))

    @cached_property
    def after_states(self) -> frozenset[str]:
        """The names of all that depends on a state, in whatever way."""
        found = {state.name for state in self.step.model.states}
        reads = {
            definition.name: {leaf.name for leaf in definition.expression.atoms(Variable)}
            for definition in self.step.model.definitions
        }
        while True:
            more = {name for name, read in reads.items() if read & found} - found
            if not more:
                return frozenset(found)
            found |= more

    def _at(self, place: Link, back: int) -> Variable:
        symbol = self.step.model.symbol(place.name)
        assert isinstance(symbol, Variable)
        return symbol.at(TIME - self.direction * (place.lag + back))

    def _block(self, of: Link, by: Link) -> StepBlock:
        left, right = self._at(of, 0), self._at(by, 1)
        if of.lag:
            # What is older was handed on as it is.
            same = by == Link(of.name, of.lag - 1)
            size = number_of_entries(left)
            held = Identity(size) if same else ZeroMatrix(size, number_of_entries(right))
            return StepBlock(left, right, DiagonalTerms.of(held), held)
        edges = [e for e in self.step.reads(of.name) if self._ends(e.by.name, e.lag, by)]
        direct = edges[0].jacobian if edges else StepBlock(left, right, None, right).zero
        terms = self._reached[by].get(of.name, DiagonalTerms({}))
        return StepBlock(left, right, terms, direct)

    def _ends(self, name: str, lag: int, by: Link) -> bool:
        return (name, lag * self.direction) == (by.name, by.lag + 1)

    @cached_property
    def _reached(self) -> Mapping[Link, Mapping[str, DiagonalTerms | None]]:
        """For each component before, the derivatives of the step's variables with respect to it."""
        return {by: self._from(by) for by in self.places}

    def _from(self, by: Link) -> Mapping[str, DiagonalTerms | None]:
        """The derivatives that are not zero; None is one that has too many terms."""
        found: dict[str, DiagonalTerms | None] = {}
        for variable in self.step.variables:
            try:
                terms = [*self._along(variable, by, found)]
                if terms:
                    found[variable.name] = DiagonalTerms({}).plus(*terms)
            except TooManyTermsError:
                found[variable.name] = None
        return found

    def _along(
        self, variable: Variable, by: Link, found: Mapping[str, DiagonalTerms | None]
    ) -> Iterator[DiagonalTerms]:
        for edge in self.step.reads(variable.name):
            if self._ends(edge.by.name, edge.lag, by):
                yield DiagonalTerms.of(edge.jacobian)
            elif edge.lag == 0 and edge.by.name in found:
                before = found[edge.by.name]
                if before is None:
                    raise TooManyTermsError
                yield DiagonalTerms.of(edge.jacobian).times(before)


def step_maps(step: Step) -> list[StepMap]:
    """What links the steps of a model, as far as its losses depend on it: forward, then reverse."""
    read = _read_by(step)
    found = []
    for direction in (1, -1):
        depth = {
            state.name: max(
                (e.lag * direction for e in step.readers(state.name) if e.of.name in read),
                default=0,
            )
            for state in step.model.states
        }
        places = tuple(
            Link(state.name, k)
            for state in step.model.states
            if state.name in read
            for k in range(depth[state.name])
        )
        if places:
            found.append((places, direction))
    return [StepMap(step, places, direction, len(found) == 1) for places, direction in found]


def _read_by(step: Step) -> set[str]:
    """The names that the losses depend on at whatever step."""
    found = {loss.name for loss in step.losses}
    waiting = [*found]
    names = {variable.name for variable in step.variables}
    while waiting:
        for edge in step.reads(waiting.pop()):
            if edge.by.name in names and edge.by.name not in found:
                found.add(edge.by.name)
                waiting.append(edge.by.name)
    return found


def diagonal_of(v: MatrixExpr) -> MatrixExpr:
    """The diagonal matrix of a vector; a scalar is one by itself."""
    return v if v.shape == (1, 1) else DiagMatrix(v)
