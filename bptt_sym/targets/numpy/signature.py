"""What a generated function takes beside the parameters: arrays, and the sizes that none tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bptt_sym.graph.array_shapes import Sizes
from bptt_sym.targets.numpy.row_parts import shape_code, size_code

COUNTS = {"T": "the number of time steps", "B": "the number of sequences"}
"""The sizes that are no dimensions of a model."""


@dataclass(frozen=True)
class Argument:
    """An array that goes into or comes out of a function: its name, sizes and meaning."""

    name: str
    sizes: Sizes
    meaning: str

    @property
    def shape(self) -> tuple[str, ...]:
        """The sizes as code."""
        return tuple(map(size_code, self.sizes))

    @property
    def shape_text(self) -> str:
        return shape_code(self.shape)


@dataclass(frozen=True)
class Signature:
    """The arrays that a function takes, and by keyword those of T and B that none of them tells."""

    arguments: tuple[Argument, ...]
    counts: tuple[str, ...]

    def typed(self, kind: str = "npt.ArrayLike") -> list[str]:
        """Its parameters with their annotations, the arrays of a kind."""
        counts = [f"{size}: int" for size in self.counts]
        arrays = [f"{argument.name}: {kind}" for argument in self.arguments]
        return [*arrays, *(["*"] if counts else []), *counts]

    @property
    def keywords(self) -> list[str]:
        """The same for a function that takes more by keyword."""
        return self.typed() if self.counts else [*self.typed(), "*"]

    @property
    def mapped(self) -> list[str]:
        """What is taken, as the entries of a mapping: "x": x"""
        names = [*(argument.name for argument in self.arguments), *self.counts]
        return [f'"{name}": {name}' for name in names]

    @property
    def passed(self) -> str:
        """What a call passes behind the parameters: , x, s0, T=T"""
        arrays = (argument.name for argument in self.arguments)
        return "".join(f", {part}" for part in (*arrays, *(f"{n}={n}" for n in self.counts)))

    @property
    def described(self) -> list[tuple[str, str]]:
        """Each number with what it means."""
        return [(size, f"{COUNTS[size]}, which no array here tells") for size in self.counts]


def places_of_sizes(arrays: Mapping[str, Argument], pattern: str) -> dict[str, str]:
    """Where arrays tell each size, as a pattern writes the array's code and the axis."""
    places: dict[str, str] = {}
    for code, argument in arrays.items():
        for axis, size in enumerate(argument.shape):
            places.setdefault(size, pattern.format(code, axis))
    return places


def signature(arguments: Sequence[Argument], beside: Iterable[Argument] = ()) -> Signature:
    """The signature of a function that takes these arrays and has others ``beside`` them."""
    known = {size for argument in (*arguments, *beside) for size in argument.shape}
    return Signature(tuple(arguments), tuple(size for size in COUNTS if size not in known))
