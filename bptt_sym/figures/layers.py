"""Which variables of a time step stand side by side, and which rows lie on which."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from bptt_sym.figures.readings import Reading
from bptt_sym.figures.scene import Scene


class Layers:
    """The rows of a time step, from the inputs up to the loss."""

    def __init__(self, scene: Scene, readings: Collection[Reading]) -> None:
        self.scene = scene
        self.readings = readings
        self.roles = {item.node.name: item.role for item in scene.items}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What is drawn, in the order of the model."""
        model = self.scene.request.model
        order = [entry.name for entry in model.declarations]
        order += [e.name for e in model.all_equations if e.name not in order]
        computed = [equation.name for equation in model.all_equations]
        given = [name for name in order if name not in computed]
        return tuple(name for name in (*given, *computed) if name in self.roles)

    @cached_property
    def beside(self) -> str | None:
        """The first input or target that the loss alone reads: it stands at its right.

        There must be room: what is as deep as the loss stands in its row, unless it reads itself.
        """
        loss = self.scene.request.model.loss.name
        given = [name for name in self.names if self._only_for_loss(name)]
        deep = [n for n in self.names if n != loss and self.depth.get(n) == self.depth.get(loss)]
        in_row = [n for n in deep if not any(r.of == r.by == n for r in self.readings)]
        return given[0] if given and not in_row else None

    def _only_for_loss(self, name: str) -> bool:
        loss = self.scene.request.model.loss.name
        readings = [reading for reading in self.readings if reading.by == name]
        return self.roles[name] in ("input", "target") and set(readings) == {Reading(loss, name, 0)}

    @cached_property
    def copy(self) -> str | None:
        """The parameter whose copies are drawn."""
        return next((name for name in self.names if self.roles[name] == "copy"), None)

    @cached_property
    def depth(self) -> dict[str, int]:
        """The longest path within a step from the inputs to each name."""
        found: dict[str, int] = {}
        for name in self.names:
            if self.roles[name] in ("input", "target") or name == self.copy:
                found[name] = 0
                continue
            below = [found.get(r.by, 0) for r in self.readings if r.of == name and r.lag == 0]
            found[name] = 1 + max(below, default=0)
        loss = self.scene.request.model.loss.name
        for name in self.names:
            if self._only_for_loss(name):
                found[name] = found[loss] - 1
        return found

    @cached_property
    def groups(self) -> list[list[str]]:
        """The names of each depth, from the inputs up; they stand side by side."""
        found: dict[int, list[str]] = {}
        for name in self.names:
            if name not in (self.beside, self.copy):
                found.setdefault(self.depth[name], []).append(name)
        return [found[depth] for depth in sorted(found)]

    @cached_property
    def rows(self) -> list[list[str]]:
        """The rows, from the bottom up: those of one depth, each name that reads itself apart.

        So the line from step to step is straight and meets no other node.
        """
        found: list[list[str]] = []
        for group in self.groups:
            itself = [n for n in group if any(r.of == r.by == n for r in self.readings)]
            others = [name for name in group if name not in itself]
            if len(group) == 1 or not itself:
                found.append(list(group))
                continue
            found += [others] if others else []
            found += [[name] for name in itself]
        if self.copy is not None:
            reading = {r.of for r in self.readings if r.by == self.copy}
            place = next(k for k, row in enumerate(found) if reading & set(row))
            found.insert(place, [self.copy])
        if self.beside is not None:
            next(r for r in found if self.scene.request.model.loss.name in r).append(self.beside)
        return found

    @cached_property
    def row(self) -> dict[str, int]:
        return {name: k for k, row in enumerate(self.rows) for name in row}
