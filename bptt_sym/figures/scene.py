"""What a figure shows, before it has a place: the nodes and edges of an unfolded model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bptt_sym.algebra.expressions import (
    TIME,
    Integer,
    MatrixExpr,
    PartialDerivative,
    Variable,
)
from bptt_sym.derivation.dependencies import Dependencies, Link, dependencies_of
from bptt_sym.derivation.step import written_step
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.errors import InputError, listed
from bptt_sym.figures.coloured import MOST_COLOURED, UNCOLOURED, Coloured, coloured, with_lanes
from bptt_sym.figures.picture import Role
from bptt_sym.figures.request import Request
from bptt_sym.figures.weights import weights
from bptt_sym.model.model import Model
from bptt_sym.render.tex import tex, tex_in_line
from bptt_sym.render.typeset import typeset

NEARBY = 8
"""Within so many steps another path between two nodes is looked for."""


@dataclass(frozen=True)
class Item:
    """A node, what it is and its label."""

    node: Vertex
    role: Role
    latex: str
    paths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Arrow:
    """``of`` reads ``by``; the label is a weight or a derivative, or empty.

    A derivative is ``marked`` where it is immediate and not total. ``paths`` are the colours that
    pass.
    """

    of: Vertex
    by: Vertex
    latex: str = ""
    paths: tuple[int, ...] = ()
    marked: bool = False

    @property
    def lag(self) -> int:
        return self.of.time - self.by.time


@dataclass(frozen=True)
class Scene:
    """The nodes and edges of a figure. ``shown`` are the time steps that are drawn."""

    request: Request
    items: tuple[Item, ...]
    arrows: tuple[Arrow, ...]
    shown: tuple[int, ...]
    coloured: Coloured = UNCOLOURED

    @cached_property
    def item(self) -> Mapping[Vertex, Item]:
        return {item.node: item for item in self.items}


def scene(request: Request) -> Scene:
    """The nodes and edges that a request asks for."""
    if request.kind == "folded":
        return _folded(request)
    if request.kind == "unfolded":
        return _unfolded(request)
    return _Contributions(request).scene()


# The whole model.


def _unfolded(request: Request) -> Scene:
    shown = _shown(request)
    nodes: dict[Vertex, None] = {}
    arrows = []
    # A reader just behind a step that is drawn may itself be left out; its edge is drawn in part.
    for arrow in _readings(request, _near(shown, request)):
        if _is_drawn(arrow.of, request, shown) or _is_drawn(arrow.by, request, shown):
            arrows.append(arrow)
    for arrow in arrows:
        nodes |= dict.fromkeys(n for n in (arrow.by, arrow.of) if _is_drawn(n, request, shown))
    items = tuple(Item(node, role_of(request.model, node), _label(request, node)) for node in nodes)
    return Scene(request, items, tuple(arrows), shown)


def _folded(request: Request) -> Scene:
    arrows = tuple(_readings(request, (1,)))
    nodes = dict.fromkeys(n.moved(1 - n.time) for arrow in arrows for n in (arrow.by, arrow.of))
    items = tuple(Item(node, role_of(request.model, node), _label(request, node)) for node in nodes)
    return Scene(request, items, arrows, (1,))


def _readings(request: Request, times: Iterable[int]) -> Iterable[Arrow]:
    """The edges to what the equations of some steps read."""
    model = request.model
    labels = {equation.name: weights(equation) for equation in model.all_equations}
    used = {name for equation in labels.values() for name in _flat(equation)}
    names = {name: _tex(request, model.symbol(name)) for name in used}
    without = {Vertex(loss.name, time) for loss in model.losses for time in times}
    without -= set(request.roots)
    for time in times:
        for equation in model.all_equations:
            if Vertex(equation.name, time) in without:
                continue
            for link, factors in labels[equation.name].items():
                of, by = Vertex(equation.name, time), Vertex(link.name, time - link.lag)
                yield Arrow(of, by, ",".join(names[factor] for factor in factors))


def _flat(found: Mapping[Link, Sequence[str]]) -> Iterable[str]:
    return (name for names in found.values() for name in names)


# What contributes to the gradient with respect to one parameter.


class _Contributions:
    """The nodes that lie on a path from a loss to a copy of the parameter."""

    def __init__(self, request: Request) -> None:
        assert request.parameter is not None
        self.request = request
        self.parameter = request.parameter
        self.colours = UNCOLOURED
        # A figure has the values that equations are of, and nothing within them.
        written = {equation.name for equation in request.model.all_equations}
        self.graph: Dependencies = dependencies_of(written_step(request.model)).among(written)
        self.readers: dict[Vertex, list[Vertex]] = {}
        waiting = request.roots
        reached = set(waiting)
        while waiting:
            node = waiting.pop()
            for read in self.reads(node):
                self.readers.setdefault(read, []).append(node)
                if read not in reached:
                    reached.add(read)
                    waiting.append(read)
        self.copies = sorted(node for node in reached if node.name == self.parameter)

    def reads(self, node: Vertex) -> list[Vertex]:
        """What a node depends on; initial values before the first step or behind the last."""
        if 1 <= node.time <= self.request.steps:
            links = self.graph.reads.get(node.name, ())
            parameters = self.request.model.sources
            return [Vertex(n, node.time - (0 if n in parameters else lag)) for n, lag in links]
        end = 0 if node.time < 1 else self.request.steps + 1
        return [Vertex(name, end) for name, _ in self.graph.initial.get(node.name, ())]

    def above(self, copies: Iterable[Vertex]) -> set[Vertex]:
        """All that lies on a path from a loss to one of these copies, the copies themselves too."""
        waiting = list(copies)
        found = set(waiting)
        while waiting:
            for reader in self.readers.get(waiting.pop(), ()):
                if reader not in found:
                    found.add(reader)
                    waiting.append(reader)
        return found

    def scene(self) -> Scene:
        request, copies = self.request, self.copies
        number = request.contribution
        at_last = request.reduction.at_last
        where = f"the loss of step {request.steps}" if at_last else "any loss"
        if not copies:
            raise InputError(f"{self.parameter} contributes nothing to {where}")
        times = [node.time for node in copies]
        if number is not None and number not in times:
            contributing = listed(times) if len(times) <= 8 else f"{times[0]} to {times[-1]}"
            raise InputError(
                f"{self.parameter} has no contribution {number} to {where}; "
                f"with {request.steps} steps it has those of {contributing}"
            )
        if request.kind == "path":
            asked = copies if number is None else [Vertex(self.parameter, number)]
            self.colours = coloured(self.readers, asked, MOST_COLOURED if request.whole else 0)
            request = replace(request, space=with_lanes(request.space, self.colours.count))
        kept = self.above(copies)
        shown = _shown(request)
        ordered = sorted(kept, key=lambda node: (node.time, self._rank(node)))
        drawn = [node for node in ordered if _is_drawn(node, request, shown)]
        items = tuple(
            Item(
                node,
                role_of(request.model, node),
                _label(request, node),
                self.colours.nodes.get(node, ()),
            )
            for node in drawn
        )
        arrows = [
            Arrow(reader, node, paths=self.colours.edges.get((reader, node), ()))
            for node in ordered
            for reader in self.readers.get(node, ())
            if _is_drawn(node, request, shown) or _is_drawn(reader, request, shown)
        ]
        # What leads to a name that is left out altogether is left out with it.
        names = {node.name for node in drawn}
        arrows = [arrow for arrow in arrows if {arrow.of.name, arrow.by.name} <= names]
        return Scene(request, items, tuple(map(self._labelled, arrows)), shown, self.colours)

    def _rank(self, node: Vertex) -> int:
        inputs = (name for name in self.graph.initial if name not in self.graph.order)
        order = (self.parameter, *inputs, *self.graph.order)
        return order.index(node.name)

    def _labelled(self, arrow: Arrow) -> Arrow:
        if arrow.paths and (self.colours.each or not self.request.space.slashed):
            of, by = (_symbol_at(self.request, node) for node in (arrow.of, arrow.by))
            marked = self._has_other_path(arrow)
            derivative = PartialDerivative(of, by, marked)
            return replace(arrow, latex=_tex(self.request, derivative), marked=marked)
        if self.request.kind == "path" or arrow.by.name == self.parameter:
            return arrow
        equation = next(e for e in self.request.model.all_equations if e.name == arrow.of.name)
        found = weights(equation) if 1 <= arrow.of.time <= self.request.steps else {}
        names = next((w for k, w in found.items() if k == (arrow.by.name, arrow.lag)), ())
        # The parameter in question is drawn as copies of its own.
        shown = (
            _tex(self.request, self.request.model.symbol(name))
            for name in names
            if name != self.parameter
        )
        return replace(arrow, latex=",".join(shown))

    def _has_other_path(self, arrow: Arrow) -> bool:
        """Whether the immediate derivative is not the total one, so that a mark is needed."""
        waiting = [node for node in self.reads(arrow.of) if node != arrow.by]
        seen = set(waiting)
        while waiting:
            for read in self.reads(waiting.pop()):
                if read == arrow.by:
                    return True
                if read not in seen and abs(read.time - arrow.by.time) <= NEARBY:
                    seen.add(read)
                    waiting.append(read)
        return False


# Time steps, roles and labels.


def _shown(request: Request) -> tuple[int, ...]:
    """The time steps that are drawn; a single one between two that are drawn is drawn, too."""
    last = request.steps
    if last <= request.most_drawn:
        return tuple(range(1, last + 1))
    found = {*range(1, request.ends + 1), *range(last - request.ends + 1, last + 1)}
    if request.contribution is not None:
        found |= {request.contribution + k for k in (-1, 0, 1)}
    found |= {time + 1 for time in found if time + 2 in found}
    return tuple(sorted(time for time in found if 1 <= time <= last))


def _near(shown: Sequence[int], request: Request) -> list[int]:
    """The steps that are drawn and those beside them, as far as a lag goes."""
    model = request.model
    far = max((model.depth(entry.name) for entry in model.declarations), default=1)
    near = {time + k for time in shown for k in range(-far, far + 1)}
    return sorted(time for time in near if 1 <= time <= request.steps)


def _is_drawn(node: Vertex, request: Request, shown: Sequence[int]) -> bool:
    return node.time in shown or not 1 <= node.time <= request.steps


def role_of(model: Model, node: Vertex) -> Role:
    """What a variable is in the model, and so how it looks."""
    if any(node.name == loss.name for loss in model.losses):
        return "loss"
    if node.name in model.sources:
        return "copy"
    entry = next((entry for entry in model.declarations if entry.name == node.name), None)
    kind = entry.kind if entry else "value"
    if kind in ("input", "target", "state"):
        return kind
    read_by_loss = {variable.name for loss in model.losses for variable in loss.reads()}
    return "output" if node.name in read_by_loss else "value"


def _symbol_at(request: Request, node: Vertex) -> MatrixExpr:
    symbol = request.model.symbol(node.name)
    if isinstance(symbol, Variable):
        symbol = symbol.at(TIME if request.kind == "folded" else Integer(node.time))
    return symbol


def _tex(request: Request, expression: MatrixExpr) -> str:
    box = typeset(expression, request.model.notation, mark_immediate=True)
    return tex_in_line(box) if request.space.slashed else tex(box)


def _label(request: Request, node: Vertex) -> str:
    return _tex(request, _symbol_at(request, node))
