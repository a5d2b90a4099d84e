"""Steps that are linked by several states, or by scans in both directions: the paths within one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bptt_sym.algebra.expressions import Parameter, PartialDerivative, Variable
from bptt_sym.documents.document import Block, Paragraph
from bptt_sym.documents.facts.norm_bounds import NormBound, norm_bound
from bptt_sym.documents.facts.ranges import Ranges
from bptt_sym.documents.facts.step_facts import StepBlock, StepMap, diagonal_of
from bptt_sym.documents.step_writing import StepWriting, is_plain_gate
from bptt_sym.documents.telling import Telling
from bptt_sym.render.tex import tex

MOST_BOUNDS = 4
"""Of more states than this, the bounds within each are not printed."""

MOST_MATRICES = 6
"""Nor are the matrices on the way from a state back to it."""


def of_several_states(
    telling: Telling, maps: Sequence[StepMap], say: Any, ranges: Ranges
) -> Iterator[Block]:
    """What is known along paths that stay in one state, and of the whole."""
    parts = [_OneDirection(telling, StepWriting(telling, found), say, ranges) for found in maps]
    if len(parts) == 1:
        (write,) = (part.write for part in parts)
        factor, distance = write.factor, write.math(write.distance)
        yield Paragraph(say.opening(telling.reduction.at_last, factor, distance, "", None))
    else:
        factors = [part.write.factor for part in parts]
        if all(factors):
            yield Paragraph(say.scans([f"${factor}$" for factor in factors]))
    for part in parts:
        yield from part.carried()
    bounds = [(part.write, *bound) for part in parts for bound in part.bounds()]
    told = 0 < len(bounds) <= MOST_BOUNDS
    if told:
        every = [bound for _, _, bound in bounds]
        letters = bounds[0][0].letters(every)
        listed = []
        for write, block, bound in bounds:
            power = tex(write.bound_power(bound, letters))
            listed.append(f"${power}$ for {write.inline(block.of)}")
        yield Paragraph(say.parts(bounds[0][0].slopes(every), False, listed))
    if len(parts) == 1:
        (found,) = maps
        identity = any(block.is_identity for block in found.every)
        yield Paragraph(say.norms(parts[0].write.math(parts[0].write.distance), identity, told))


@dataclass(frozen=True)
class _OneDirection:
    """The states that are scanned in one direction."""

    telling: Telling
    write: StepWriting
    say: Any
    ranges: Ranges

    @property
    def found(self) -> StepMap:
        return self.write.found

    @property
    def newest(self) -> list[StepBlock]:
        """The blocks from each state to itself one step on, of states that are not read later."""
        pairs = [*zip(self.found.diagonal, self.found.places, strict=True)]
        older = {place.name for place in self.found.places if place.lag}
        return [block for block, place in pairs if place.name not in older]

    def _is_gated(self, block: StepBlock) -> bool:
        v = block.diagonal
        gated = block.is_diagonal and v is not None and self.ranges.of(v).is_gate
        return gated and v is not None and is_plain_gate(v) is not None

    def carried(self) -> Iterator[Block]:
        """The states that a gate, or nothing, carries from step to step."""
        gated = [block for block in self.newest if self._is_gated(block)]
        for block in gated[:1]:
            yield from self._kept(block)
        for block in self.newest:
            if block.is_identity:
                yield Paragraph(self.say.stays(self.write.inline(block.of)))

    def _kept(self, block: StepBlock) -> Iterator[Block]:
        write, v = self.write, block.diagonal
        assert v is not None
        state = write.inline(block.of)
        before = write.inline(block.by)
        held = [write.inline(other.by) for other in self.found.diagonal if other is not block]
        yield Paragraph(self.say.within(state, before, held))
        left = write.marked(PartialDerivative(block.of, block.by, block.is_immediate))
        yield write.display([(left, [("equal", write.show(diagonal_of(v)))])]).ended(".")
        yield Paragraph(self.say.kept(state))
        yield write.display([(write.entries_between(v), [])]).ended(".")
        told = self.say.forgetting(v.shape == (1, 1), True)
        cycle = self._cycle(block)
        if cycle is not None:
            told += " " + self.say.one_path(cycle, self._is_learned(v))
        yield Paragraph(told)

    def _cycle(self, block: StepBlock) -> dict[str, Any] | None:
        """The way from a state through others and back to it, and the matrices on the way back."""
        found, write = self.found, self.write
        place = next(k for k, b in enumerate(found.diagonal) if b is block)
        through: list[str] = []
        matrices: dict[str, None] = {}
        for k, other in enumerate(found.diagonal):
            out, back = found.blocks[k][place], found.blocks[place][k]
            if k == place or out.is_zero or not back.terms:
                continue
            leaves = [leaf for rest in back.terms for p in rest for leaf in p.atoms(Parameter)]
            weights = {write.inline(leaf): None for leaf in leaves if 1 not in leaf.shape}
            if weights:
                through.append(write.inline(other.of))
                matrices |= weights
        if not through or len(matrices) > MOST_MATRICES:
            return None
        before, after = block.by, block.of.at(block.of.time + found.direction)
        return {
            "before": write.inline(before),
            "after": write.inline(after),
            "through": through,
            "matrices": [*matrices],
        }

    def _is_learned(self, v: Any) -> bool:
        """Whether the gate depends on parameters."""
        definitions = {d.name: d.expression for d in self.telling.model.definitions}
        waiting, seen = [v], set[str]()
        while waiting:
            expression = waiting.pop()
            if expression.has(Parameter):
                return True
            for leaf in expression.atoms(Variable):
                if leaf.name in definitions and leaf.name not in seen:
                    seen.add(leaf.name)
                    waiting.append(definitions[leaf.name])
        return False

    def bounds(self) -> Iterator[tuple[StepBlock, NormBound]]:
        """Bounds within a state, where none is known exactly."""
        for block in self.newest:
            if self._is_gated(block) or block.is_identity or not block.terms:
                continue
            bound = norm_bound(block.terms, self.telling.model, self.ranges)
            if bound is not None and bound.number < 1:
                yield block, bound
