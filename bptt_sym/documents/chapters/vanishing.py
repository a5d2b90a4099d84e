"""How derivatives over many time steps behave: by what links one step of this model to the next."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from sympy import Transpose

from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.expressions import (
    MatrixExpr,
    OneMatrix,
    Parameter,
    PartialDerivative,
    Variable,
    ZeroMatrix,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.operations import replaced
from bptt_sym.documents.chapters.decay_table import how_far_back
from bptt_sym.documents.chapters.vanishing_within import of_several_states
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.facts.copy_facts import crosses_time
from bptt_sym.documents.facts.diagonal_terms import DiagonalTerms, Rest
from bptt_sym.documents.facts.norm_bounds import NormBound, norm_bound
from bptt_sym.documents.facts.ranges import Ranges
from bptt_sym.documents.facts.step_facts import StepBlock, StepMap, diagonal_of, step_maps
from bptt_sym.documents.step_writing import (
    PrintedBound,
    StepWriting,
    ToldNorms,
    is_plain_gate,
)
from bptt_sym.documents.telling import Telling
from bptt_sym.model.function_rules import AS_NAMED
from bptt_sym.render.latex import label
from bptt_sym.render.relations import Relation
from bptt_sym.render.tex import tex, tex_in_line
from bptt_sym.render.tex_width import width

NOTHING_TOLD = ToldNorms()

MOST_TERMS = 5
"""A step's matrix of more terms is not printed."""


SHORT = 9.0
"""The width of a matrix, in ems, up to which it stands within a sentence."""


def vanishing(telling: Telling) -> Iterator[Block]:
    """What becomes of a derivative on its way through the states, where there is such a way."""
    crossing = [p for p in telling.parameters if crosses_time(telling.step, p.name)]
    if telling.steps == 1 or not crossing:
        return
    say = telling.sentences("vanishing")
    told = yield from linked(telling, say)
    yield from how_far_back(telling, say, told)


def linked(telling: Telling, say: Any) -> Generator[Block, None, ToldNorms]:
    """What links one step to the next, and what follows from it. Returns what it says of norms."""
    maps, ranges = step_maps(telling.step), Ranges(telling.model)
    if len(maps) == 1 and (len(maps[0].places) == 1 or maps[0].is_diagonal):
        chapter = _OneState(telling, StepWriting(telling, maps[0]), say, ranges)
        yield from chapter.blocks()
        return chapter.norms
    if maps:
        yield from of_several_states(telling, maps, say, ranges)
    return ToldNorms(is_defined=len(maps) == 1)


@dataclass
class _OneState:
    """The steps are linked by one state, or by several that do not act on each other."""

    telling: Telling
    write: StepWriting
    say: Any
    ranges: Ranges
    norms: ToldNorms = NOTHING_TOLD

    @property
    def found(self) -> StepMap:
        return self.write.found

    @property
    def block(self) -> StepBlock:
        return self.found.every[0]

    @property
    def terms(self) -> DiagonalTerms | None:
        """The terms of the step's matrix, where it has no blocks."""
        return self.block.terms if len(self.found.places) == 1 else None

    def blocks(self) -> Iterator[Block]:
        terms = self.terms
        inline = None
        if terms is not None and self.block.matrix is not None and self._is_short:
            inline = self.write.math(self.block.matrix)
        factor, distance = self.write.factor, self.write.math(self.write.distance)
        where = self._label() if inline is not None else ""
        at_last = self.telling.reduction.at_last
        yield Paragraph(self.say.opening(at_last, factor, distance, where, inline))
        if self.found.is_identity:
            yield Paragraph(self.say.unchanged())
        elif self.found.is_constant:
            yield from self._power()
        elif terms is not None and self.block.is_diagonal:
            if inline is None:
                yield from self._printed()
            yield from self._diagonal(is_short=inline is not None)
        else:
            if terms and inline is None and len(terms) <= MOST_TERMS:
                yield from self._terms()
            yield from self._bounded()

    @property
    def _is_short(self) -> bool:
        """Whether the step's matrix stands within a sentence."""
        matrix = self.block.matrix
        return matrix is not None and width(self.write.show(matrix)) <= SHORT

    def _label(self) -> str:
        """The equation that says what the factor is, if it has a number."""
        matrices = self.telling.matrices
        factors = (e for e in matrices.equations if e.left == self.found.factor)
        return next((label(matrices, e) for e in factors if e.number is not None), "")

    def _power(self) -> Iterator[Block]:
        write, found = self.write, self.found
        assert found.matrix is not None
        yield Paragraph(self.say.power())
        base = found.matrix if len(found.places) == 1 else found.factor
        yield write.display([(write.show(write.whole), [("equal", write.power(base))])]).ended(".")
        if found.is_diagonal:
            entries = [block.diagonal for block in found.diagonal]
            gate = all(v is not None and self.ranges.of(v).is_gate for v in entries)
            yield Paragraph(self.say.diagonal_power(found.matrix.shape == (1, 1), gate))
        else:
            printed = write.math(base) if len(found.places) == 1 else None
            yield Paragraph(self.say.matrix_power(printed))

    def _printed(self) -> Iterator[Block]:
        """The step's matrix, where it is too long for a line of text."""
        block = self.block
        assert block.terms is not None and block.matrix is not None
        yield Paragraph(self.say.as_sum(len(block.terms)))
        yield self.write.equation(self.found.factor, block.matrix).ended(".")

    def _diagonal(self, *, is_short: bool) -> Iterator[Block]:
        write, v = self.write, self.block.diagonal
        assert v is not None
        scalar = v.shape == (1, 1)
        if is_short:
            yield Paragraph(self.say.diagonal(scalar))
            plain = is_plain_gate(v) is not None
            right = write.entries_between(v) if plain else write.show(write.product(diagonal_of(v)))
            yield write.display([(write.show(write.whole), [("equal", right)])]).ended(".")
        elif not scalar:
            yield Paragraph(self.say.diagonal_product())
        linear = " " + self.say.known_before() if self.found.is_linear else ""
        if self.ranges.of(v).is_gate:
            yield Paragraph(self.say.forgetting(scalar, False) + linear)
            return
        if linear:
            yield Paragraph(linear.strip())
        yield from self._bounded()

    def _terms(self) -> Iterator[Block]:
        """The terms of the step's matrix, and what is known of the first of them."""
        write, block = self.write, self.block
        yield from self._printed()
        v, others = block.diagonal, block.others
        if v is None or v.has(Parameter) or not others or not all(map(_has_weights, others)):
            return
        direct = PartialDerivative(block.of, block.by, True)
        immediate = tex_in_line(write.marked(direct)) if block.diagonal_is_immediate else None
        yield Paragraph(self.say.shortcut(immediate, *self._gate(v)))

    def _gate(self, v: MatrixExpr) -> tuple[str | None, int, int, int]:
        """The gate that opens the shortcut, at which value, and how many terms there are beside
        it, in all and where it is closed.
        """
        others = self.block.others
        plain = is_plain_gate(v)
        unknown = (None, 1, len(others), 0)
        if plain is None or not self.ranges.of(v).is_gate:
            return unknown
        gate, itself = plain
        one, zero = OneMatrix(*gate.shape), ZeroMatrix(*gate.shape)
        open_, closed = (one, zero) if itself else (zero, one)
        if any(not _is_zero(w, gate, open_) for w in others.values()):
            return unknown
        remaining = sum(not _is_zero(w, gate, closed) for w in others.values())
        if any(part.has(gate) for rest in others for part in rest):
            remaining = 0
        return self.write.math(gate), int(itself), len(others), remaining

    def _bounded(self) -> Iterator[Block]:
        """A bound on the product, as far as one is known."""
        write, found, terms = self.write, self.found, self.terms
        distance = write.math(write.distance)
        bound = None if terms is None else norm_bound(terms, self.telling.model, self.ranges)
        letters = {} if bound is None else write.letters([bound])
        if bound is None or found.matrix is None or not write.is_short(bound, letters):
            blocks = any(block.is_identity for block in found.every)
            yield Paragraph(self.say.norms(distance, blocks, False))
            self.norms = ToldNorms(is_defined=True)
            return
        yield Paragraph(self.say.norm(write.slopes([bound]), False))
        place = f"eq:{self.telling.model.name}:vanishing"
        product, power = write.product_of_norms(found.matrix), write.bound_power(bound, letters)
        chain: list[tuple[Relation, Box]] = [("at most", product), ("at most", power)]
        yield write.display([(write.norm(write.whole), chain)], place).ended(".")
        base = tex(write.bound(bound, letters))
        self.norms = ToldNorms(PrintedBound(bound, base, place), is_defined=True)
        base_told = base if len(bound.terms) == 1 else None
        told = self.say.falls(base_told, distance, bound.number >= 1)
        yield Paragraph(told + self._radius(bound))

    def _radius(self, bound: NormBound) -> str:
        """What decides without the activation function, where there is one of a linear map."""
        block = self.block
        definitions = self.telling.step.model.definitions
        value = next(d for d in definitions if d.name == block.of.name).expression
        if not isinstance(value, Elementwise) or value.order or bound.number >= 1:
            return ""
        if block.diagonal is not None or len(block.others) != 1 or not block.is_immediate:
            return ""
        (rest,) = block.others
        if any(part.has(Variable) for part in rest):
            return ""
        matrix = DiagonalTerms({rest: OneMatrix(1, rest[0].rows)}).matrix(block.zero)
        function = self.write.math(Elementwise(value.function, AS_NAMED))
        power = tex(self.write.power(matrix))
        # A transpose has the same eigenvalues.
        bare = matrix.arg if isinstance(matrix, Transpose) else matrix
        return " " + str(self.say.radius(self.write.math(bare), power, function))


def _has_weights(rest: Rest) -> bool:
    """Whether a matrix of parameters, and no vector or number, is among the factors."""
    leaves = (leaf for part in rest for leaf in part.atoms(Parameter))
    return any(1 not in leaf.shape for leaf in leaves)


def _is_zero(v: MatrixExpr, gate: MatrixExpr, value: MatrixExpr) -> bool:
    return isinstance(replaced(v, {gate: value}), ZeroMatrix)
