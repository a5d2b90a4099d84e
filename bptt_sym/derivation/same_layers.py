"""Equations that are the same for several layers, as one equation for a layer in general.

Two are the same if they are equal where each name of a layer is told by its distance from the layer
that the equation is about: of which layers this holds is found by comparison.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sympy import Basic

from bptt_sym.algebra.expressions import Expr, MatrixExpr, Parameter, Symbol, Variable
from bptt_sym.model.conventions import of_layers
from bptt_sym.model.model import Model

LETTERS = "lqrpuvwabcdefgho"
"""The letters for the number of a layer, of which one is taken that the model has not."""


@dataclass(frozen=True)
class LayerSpan:
    """For which layers an equation holds: those of ``numbers``, in their order."""

    index: Symbol
    numbers: tuple[int, ...]

    def told(self, dots: str) -> str:
        """The numbers, with dots between the first and the last of many in a row."""
        first, *between, last = self.numbers
        in_a_row = {later - before for before, later in pairwise(self.numbers)} in ({1}, {-1})
        shown = [dots] if len(between) > 1 and in_a_row else between
        return ", ".join(map(str, [first, *shown, last]))


class Line(NamedTuple):
    """What is printed for the equations at these positions: sides, and the layers they are of."""

    sides: tuple[MatrixExpr, ...]
    layers: LayerSpan | None
    positions: tuple[int, ...]


class SameLayers:
    """Finds the equations of a model that are the same for several layers."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.layers = model.layers
        bases = {base for base, _ in self.layers.values()}
        taken = {e.name for e in model.declarations} | {e.name for e in model.dimensions}
        taken |= {*model.functions, *bases}
        self.index = Symbol(next((c for c in LETTERS if c not in taken), "layer"), integer=True)
        notation, usual = model.notation, of_layers(model.layers)
        named = {name for name, shown in notation.names.items() if usual.get(name) != shown}
        self.own_faces = {*notation.latex, *named, *notation.macros}

    def lines(
        self, equations: Sequence[tuple[MatrixExpr, ...]], besides: Sequence[Hashable]
    ) -> list[Line]:
        """The lines for equations given by their sides, the left first, in order.

        Equations are the same only if what is told of them ``besides`` is equal.
        """
        if not self.layers:
            return [Line(sides, None, (position,)) for position, sides in enumerate(equations)]
        groups: dict[Hashable, dict[int, int]] = {}
        single: list[Line] = []
        for position, (sides, beside) in enumerate(zip(equations, besides, strict=True)):
            own = next(map(self.layer, self.named(sides[0])), None)
            if own is None or any(self.has_own_face(leaf) for s in sides for leaf in self.named(s)):
                single.append(Line(sides, None, (position,)))
                continue
            key = (*(self.relative(side, own) for side in sides), beside)
            groups.setdefault(key, {})[own] = position
        found = [line for group in groups.values() for line in self.of_group(equations, group)]
        return sorted([*single, *found], key=lambda line: line.positions[0])

    def of_group(
        self, equations: Sequence[tuple[MatrixExpr, ...]], group: Mapping[int, int]
    ) -> Iterator[Line]:
        """Equal ones, of layers that follow each other."""
        runs: list[list[int]] = []
        for layer in sorted(group):
            if runs and runs[-1][-1] == layer - 1:
                runs[-1].append(layer)
            else:
                runs.append([layer])
        for run in runs:
            in_order = sorted(run, key=lambda layer: group[layer])
            positions = tuple(group[layer] for layer in in_order)
            sides = equations[positions[0]]
            if len(run) == 1:
                yield Line(sides, None, positions)
            else:
                general = tuple(self.general(side, in_order[0]) for side in sides)
                yield Line(general, LayerSpan(self.index, tuple(in_order)), positions)

    # Names of layers in expressions.

    def named(self, expression: Basic) -> Iterator[Variable | Parameter]:
        """The names of layers in an expression, each as often as it is."""
        if isinstance(expression, Variable | Parameter):
            if expression.name in self.layers:
                yield expression
            return
        for part in expression.args:
            yield from self.named(part)

    def layer(self, leaf: Variable | Parameter) -> int:
        return self.layers[leaf.name][1]

    def has_own_face(self, leaf: Variable | Parameter) -> bool:
        """Whether a name is printed in a way of its own, which tells nothing of its layer."""
        return leaf.name in self.own_faces

    def relative(self, expression: Basic, own: int) -> Hashable:
        """An expression with each name of a layer by its distance from a layer."""
        if isinstance(expression, Variable | Parameter) and expression.name in self.layers:
            base, layer = self.layers[expression.name]
            return type(expression), base, layer - own, *expression.args[1:]
        if not expression.args:
            return expression
        return (type(expression), *(self.relative(part, own) for part in expression.args))

    def general(self, expression: MatrixExpr, own: int) -> MatrixExpr:
        """An expression about one layer as one about the layer of the index."""
        leaves = dict.fromkeys(self.named(expression))
        return expression.xreplace({leaf: self.renamed(leaf, own) for leaf in leaves})

    def renamed(self, leaf: Variable | Parameter, own: int) -> Expr:
        base, layer = self.layers[leaf.name]
        away = f"{layer - own:+d}" if layer != own else ""
        name = f"{base}{',' if '_' in base else '_'}{self.index}{away}"
        return type(leaf)(name, *leaf.args[1:])
