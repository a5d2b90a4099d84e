"""Nodes, each an operation for one time step of one sequence, and the table that makes them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from sympy import Expr

from bptt_sym.graph.array_shapes import Sizes, width
from bptt_sym.graph.kinds import KINDS


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One operation.

    ``detail`` is what the kind needs beside its operands: of "apply" the name of the function.
    ``sizes`` are the axes of one time step of one sequence: (n,) for a vector, (1,) for a scalar,
    () for a plain number.
    """

    kind: str
    operands: tuple[Node, ...]
    detail: Any
    sizes: Sizes
    time: bool
    batch: bool
    number: int

    @property
    def width(self) -> Expr:
        """The number of entries of a vector."""
        return width(self.sizes)

    @property
    def axes(self) -> Axes:
        """All its axes."""
        return Axes(self.sizes, self.time, self.batch)

    @property
    def implied(self) -> Axes:
        """The axes that its kind makes of those of its operands."""
        return implied_axes(self.kind, self.operands, self.detail)

    @property
    def coefficients(self) -> dict[Node, Fraction]:
        """The operands of a sum with their coefficients."""
        return dict(zip(self.operands, self.detail.coefficients, strict=True))

    @property
    def is_constant(self) -> bool:
        """Whether it depends on parameters and sizes alone."""
        return not (self.time or self.batch)


class Axes(NamedTuple):
    """The axes of a node; of ``sizes`` None where any may be told."""

    sizes: Sizes | None
    time: bool
    batch: bool


def implied_axes(kind: str, operands: Sequence[Node], detail: Any) -> Axes:
    """The axes that a kind makes of its operands'."""
    rules = KINDS[kind]
    return Axes(
        rules.sizes_of([operand.sizes for operand in operands], detail),
        not rules.timeless and any(operand.time for operand in operands),
        not rules.shared and any(operand.batch for operand in operands),
    )


class Coefficients(NamedTuple):
    """The detail of a sum: its coefficients, and a number that stands before the term ``place``."""

    coefficients: tuple[Fraction, ...]
    constant: Fraction = Fraction(0)
    place: int = 0


def _is_zero(node: Node) -> bool:
    return node.kind == "number" and not node.detail


@dataclass
class Nodes:
    """Makes nodes: equal ones are one, sums and products are in a normal form.

    They keep the author's order of their operands; where the table is ``canonical``, the order in
    which the operands were made.
    """

    canonical: bool = False
    _known: dict[Hashable, Node] = field(default_factory=dict, repr=False)
    _whole: set[Node] = field(default_factory=set, repr=False)

    def make(
        self,
        kind: str,
        operands: Iterable[Node] = (),
        detail: Any = None,
        *,
        sizes: Sizes | None = None,
        time: bool | None = None,
        batch: bool | None = None,
    ) -> Node:
        """The node of an operation; its axes are those that its kind makes of its operands', where
        not told.
        """
        operands = tuple(operands)
        rules, implied = KINDS[kind], implied_axes(kind, operands, detail)
        sizes = implied.sizes if sizes is None else sizes
        assert sizes is not None, f"the sizes of a node of the kind '{kind}' must be told"
        time = implied.time if time is None else time
        batch = implied.batch if batch is None else batch
        numbers = tuple(operand.number for operand in operands)
        key: Hashable = (kind, numbers, detail, sizes, time, batch)
        if rules is KINDS["sum"]:
            terms = frozenset(zip(detail.coefficients, numbers, strict=True))
            key = (kind, terms, detail.constant)
        elif rules is KINDS["times"]:
            key = (kind, tuple(sorted(numbers)), detail)
        known = self._known.get(key)
        if known is None:
            known = Node(kind, operands, detail, sizes, time, batch, len(self._known))
            self._known[key] = known
        return known

    def keep_whole(self, node: Node) -> None:
        """Sums and products that read the node read it as it is, its number in it."""
        self._whole.add(node)

    def number(self, value: Fraction | int) -> Node:
        """A number."""
        return self.make("number", (), Fraction(value))

    def total(self, terms: Iterable[tuple[Fraction, Node]]) -> Node:
        """A sum of nodes with coefficients; numbers are gathered, equal terms put together.

        Where all terms cancel that vary over time or between sequences, or that have more entries,
        what is left is spread as they are: a sum over all counts it for each of them.
        """
        terms = list(terms)
        constant, place = Fraction(0), 0
        gathered: dict[Node, Fraction] = {}
        for coefficient, node in terms:
            if node.kind == "number":
                place = place if constant else len(gathered)
                constant += coefficient * node.detail
                continue
            number, bare = self._split(node, free=node.detail == -1)
            gathered[bare] = gathered.get(bare, Fraction(0)) + coefficient * number
        left = {node: c for node, c in gathered.items() if c}
        if not left and not constant:
            return self.number(0)
        axes = implied_axes("sum", [node for _, node in terms], None)
        return self.with_axes(self._sum(left, constant, place), axes)

    def with_axes(self, node: Node, axes: Axes) -> Node:
        """The node with these axes: itself, or spread."""
        return node if node.axes == axes else self.make("spread", [node], **axes._asdict())

    def _sum(self, terms: dict[Node, Fraction], constant: Fraction, place: int) -> Node:
        if not terms:
            return self.number(constant)
        if len(terms) == 1 and not constant:
            ((node, coefficient),) = terms.items()
            return self.times(coefficient, [node])
        nodes, place = self._ordered(terms), 0 if self.canonical else min(place, len(terms))
        return self.make(
            "sum", nodes, Coefficients(tuple(terms[n] for n in nodes), constant, place)
        )

    def _ordered(self, nodes: Iterable[Node]) -> list[Node]:
        return sorted(nodes, key=lambda node: node.number) if self.canonical else list(nodes)

    def times(self, coefficient: Fraction | int, factors: Iterable[Node]) -> Node:
        """A product entry by entry."""
        coefficient = Fraction(coefficient)
        left: list[Node] = []
        factors = list(factors)
        for factor in factors:
            if factor.kind == "number":
                coefficient *= factor.detail
            else:
                number, bare = self._split(factor, free=len(factors) == 1)
                coefficient *= number
                left.append(bare)
        if not left or not coefficient:
            return self.number(coefficient)
        if coefficient == 1 and len(left) == 1:
            return left[0]
        return self.make("times", self._ordered(left), coefficient)

    def _split(self, node: Node, *, free: bool) -> tuple[Fraction, Node]:
        """The number before a product, and the rest.

        What is computed once keeps its number, unless this is ``free`` where the node is read.
        """
        kept = not (free and len(node.operands) == 1)
        computed_once = self.canonical and node.is_constant and kept
        if node.kind != "times" or node.detail == 1 or computed_once or node in self._whole:
            return Fraction(1), node
        return node.detail, self.times(1, node.operands)

    def remade(self, node: Node, operands: Iterable[Node]) -> Node:
        """The node with other operands, in the normal form of its kind."""
        operands = tuple(operands)
        match node.kind:
            case "sum":
                return self.total(self.terms(node, operands))
            case "times":
                return self.times(node.detail, operands)
            case "weighted" | "dot" | "contract" | "outer" if any(map(_is_zero, operands)):
                # What cancels does so whatever it is a factor of.
                return self.with_axes(self.number(0), node.axes)
            case _:
                return self.make(node.kind, operands, node.detail, **node.axes._asdict())

    def terms(self, node: Node, operands: Iterable[Node]) -> list[tuple[Fraction, Node]]:
        """The terms of a sum in order, the number among them, with other operands."""
        coefficients, constant, place = node.detail
        terms = list(zip(coefficients, operands, strict=True))
        number = [(Fraction(1), self.number(constant))] if constant else []
        return [*terms[:place], *number, *terms[place:]]
