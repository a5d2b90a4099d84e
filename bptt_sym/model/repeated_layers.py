"""Layers that are written once: a section [layers] as the sections that it stands for.

What is under [layers] is there once for each layer, its names with the number of the layer. Texts
stay as they are, so that a message points at them; what a name means in them is told beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from sympy import Expr

from bptt_sym.errors import listed
from bptt_sym.limits import EQUATION_LENGTH
from bptt_sym.model.equation_text import reads_now
from bptt_sym.model.key_places import Spot
from bptt_sym.model.language import parse_size
from bptt_sym.model.layer_section import (
    BELOW,
    DECLARING,
    SECTION,
    SECTIONS,
    LayerSection,
    names_of,
)
from bptt_sym.model.model import Equation
from bptt_sym.model.source import Source
from bptt_sym.quoting import shortened

_SIZE = re.compile(rf"\b{BELOW}\b")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Meaning:
    """What names stand for in the texts of one layer, or outside of them, and the size below."""

    names: Mapping[str, str] = field(default_factory=dict)
    below: str | None = None

    def seen(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What is known by name, and by the names that stand for others."""
        known = {name: values[other] for name, other in self.names.items() if other in values}
        return {**known, **{name: value for name, value in values.items() if name not in known}}


@dataclass(frozen=True)
class Layered:
    """A source without layers, and what names mean in its texts: by the name that a text defines.

    ``of`` tells of each name of a layer which one it is of, and the number of the layer.
    """

    source: Source
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    outside: Meaning = field(default_factory=Meaning)
    of: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def meaning(self, name: str) -> Meaning:
        """What names mean in the text that defines a name."""
        return self.meanings.get(name, self.outside)

    def sizes_in(self, name: str, sizes: Mapping[str, Expr]) -> Mapping[str, Expr]:
        """The sizes by name in the text that defines a name: in a layer, that of what it reads."""
        below = self.meaning(name).below
        if below is None:
            return sizes
        place = self.source.place(SECTION, BELOW)
        return {**sizes, BELOW: parse_size(below, sizes, lambda _: place)}

    def with_arguments(self, equations: Iterable[Equation]) -> dict[str, tuple[str, int]]:
        """The names of layers, and those of the arguments of functions in their equations."""
        found = dict(self.of)
        for equation in equations:
            if equation.name in self.of:
                _, layer = self.of[equation.name]
                for argument in equation.preactivations:
                    found[argument.name] = without_number(argument.name, layer), layer
        return found


def without_number(name: str, layer: int) -> str:
    """A name without the number of its layer: z_h of z_h2, a of a_2, z_hb of z_h2b."""
    base, _, index = name.partition("_")
    before, _, after = index.rpartition(str(layer))
    return f"{base}_{before}{after}" if before or after else base


def unrolled(source: Source) -> Layered:
    """The source with the layers one after the other.

    Raises InputError, at its place in the file, for what is wrong under [layers].
    """
    if SECTION not in source.tables:
        return Layered(source)
    return _Unroller(LayerSection(source)).layered()


def numbered(name: str, layer: int) -> str:
    """A name of a layer: h_2 of h, W_i2 of W_i."""
    return f"{name}{layer}" if "_" in name else f"{name}_{layer}"


class _Unroller:
    def __init__(self, section: LayerSection) -> None:
        self.section, self.source, self.below = section, section.source, section.below
        self.of_layer, self.outside_of = section.of_layer, section.outside_of
        self.spots = dict(self.source.spots)
        self.parts: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        self.meanings: dict[str, Meaning] = {}
        self.of: dict[str, tuple[str, int]] = {}

    def layered(self) -> Layered:
        """The source with layers in the place of the section."""
        for layer in range(1, self.section.repeat + 1):
            self.add_layer(layer)
        tables = {key: value for key, value in self.source.tables.items() if key != SECTION}
        for section in SECTIONS:
            # What should be a section and is none stays, for the reader to refuse.
            if self.parts[section] and isinstance(tables.get(section, {}), dict):
                tables[section] = {**self.outside_of(section), **self.parts[section]}
        tables["equations"] = self.in_order(self.parts["equations"])
        top = Meaning({base: numbered(base, self.section.repeat) for base in self.section.bases})
        whole = replace(self.source, tables=tables, spots=self.spots)
        return Layered(whole, self.meanings, top, self.of)

    def add_layer(self, layer: int) -> None:
        meaning = self.meaning(layer)
        if self.is_joined(layer):
            self.take(meaning.names[BELOW], "equations", BELOW, layer)
            text = ", ".join(f"{name}[t]" for name in self.read_by(layer))
            self.parts["equations"][meaning.names[BELOW]] = f"concat({text})"
            spot = replace(self.spots[SECTION, BELOW], value=None)
            self.spots["equations", meaning.names[BELOW]] = spot
        for section in SECTIONS:
            for base, value in self.of_layer(section).items():
                name = numbered(base, layer)
                self.take(name, section, base, layer)
                self.parts[section][name] = self.of_this(section, base, value, layer, meaning)
                self.meanings[name] = meaning
                for path, spot in self.spots_of_layer.get((section, base), ()):
                    self.spots[section, name, *path] = spot

    def take(self, name: str, section: str, base: str, layer: int) -> None:
        """Takes a name for one of a layer, which no other one may have."""
        self.section.check_free(name, section, base)
        other, number = self.of.setdefault(name, (base, layer))
        if (other, number) != (base, layer):
            raise self.section.error(
                f"'{shortened(name)}' would be both '{shortened(other)}' of layer {number} "
                f"and '{shortened(base)}' of layer {layer}",
                section,
                base,
            )

    @cached_property
    def spots_of_layer(self) -> dict[tuple[str, ...], list[tuple[tuple[str, ...], Spot]]]:
        """By section and key: the spots of the key and of those within it, by the path from it."""
        found: dict[tuple[str, ...], list[tuple[tuple[str, ...], Spot]]] = {}
        for path, spot in self.source.spots.items():
            if path[0] == SECTION and len(path) > 2:
                found.setdefault(path[1:3], []).append((path[3:], spot))
        return found

    def read_by(self, layer: int) -> list[str]:
        """The names of what a layer reads."""
        if layer == 1:
            return names_of(self.below.get("first", []))
        return [numbered(name, layer - 1) for name in names_of(self.below.get("then", []))]

    def is_joined(self, layer: int) -> bool:
        """Whether a layer reads several things, end to end, which have a name of their own."""
        return len(self.read_by(layer)) > 1

    def meaning(self, layer: int) -> Meaning:
        names = {base: numbered(base, layer) for base in self.section.bases}
        below = [numbered(BELOW, layer)] if self.is_joined(layer) else self.read_by(layer)
        return Meaning({**names, **({BELOW: below[0]} if below else {})}, self.size(layer))

    def size(self, layer: int) -> str | None:
        """The number of entries of what a layer reads, where the file tells it."""
        told = self.below.get("first_size" if layer == 1 else "then_size")
        if told is not None:
            return str(told)
        sizes = [_size(self.declared(name)) for name in self.read_by(layer)]
        return " + ".join(map(str, sizes)) if sizes and None not in sizes else None

    def declared(self, name: str) -> Any:
        """What the file declares of a name."""
        tables = [table for s in DECLARING for table in (self.outside_of(s), self.parts[s])]
        return next((table[name] for table in tables if name in table), None)

    def of_this(self, section: str, base: str, value: Any, layer: int, meaning: Meaning) -> Any:
        """What the file says of a name, for one layer."""
        if section in DECLARING:
            if not isinstance(value, dict):
                return self.shape(section, base, value, meaning, layer)
            shape = value.get("shape")
            return {**value, "shape": self.shape(section, base, shape, meaning, layer)}
        if section == "preactivations":
            names = [numbered(n, layer) if isinstance(n, str) else n for n in names_of(value)]
            return names if isinstance(value, list) else names[0]
        if section == "latex" and isinstance(value, str):
            return f"{{{value}}}^{{({layer})}}"
        return value

    def shape(self, section: str, base: str, shape: Any, meaning: Meaning, layer: int) -> Any:
        """A shape with the size of what the layer reads in its place."""
        if not isinstance(shape, list):
            return shape
        if meaning.below is None and any(_SIZE.search(str(size)) for size in shape):
            key = "first" if layer == 1 else "then"
            read = listed(map(shortened, self.read_by(layer)))
            raise self.section.error(
                f"the shape of '{shortened(base)}' uses the size of what layer {layer} reads, "
                f"{read}, which is not declared; say it: below = {{{key}_size = ...}}",
                section,
                base,
            )
        whole = meaning.below or ""
        inner = whole if re.fullmatch(r"\w+", whole) else f"({whole})"
        for size in shape:
            # Sizes made of sizes below could double from layer to layer.
            length = len(str(size)) + len(_SIZE.findall(str(size))) * len(inner)
            EQUATION_LENGTH.check(length, self.source.place(SECTION, section, base))
        return [
            _SIZE.sub(lambda _: inner, size) if isinstance(size, str) else size for size in shape
        ]

    def in_order(self, of_layers: Mapping[str, str]) -> dict[str, str]:
        """The equations: first those that read nothing of the layers, last those that do."""
        known = {*self.section.bases, *of_layers}
        before, after = {}, {}
        for name, text in self.outside_of("equations").items():
            reads = reads_now(text) if isinstance(text, str) else frozenset()
            if reads & known:
                known.add(name)
                after[name] = text
            else:
                before[name] = text
        return {**before, **of_layers, **after}


def _size(declared: Any) -> str | int | None:
    """The number of entries of a vector or a scalar, by its declared shape."""
    shape = declared.get("shape") if isinstance(declared, dict) else declared
    if not isinstance(shape, list) or len(shape) > 2:
        return None
    sizes = [size for size in shape if size != 1]
    return None if len(sizes) > 1 else sizes[0] if sizes else 1
