"""Layers that are written once: a section [layers] as the sections that it stands for.

What is under [layers] is there once for each layer, its names with the number of the layer. Texts
stay as they are, so that a message points at them; what a name means in them is told beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sympy import Expr

from bptt_sym.errors import InputError, closest, listed
from bptt_sym.limits import EQUATIONS, LAYERED, LAYERS
from bptt_sym.model.equation_text import reads_now
from bptt_sym.model.language import parse_size
from bptt_sym.model.model import Equation
from bptt_sym.model.source import Source
from bptt_sym.quoting import shortened

SECTION = "layers"
BELOW = "below"
"""What a layer reads of the one beneath, as a name and as a size."""

DECLARING = ("inputs", "targets", "parameters", "states")
SECTIONS = (*DECLARING, "equations", "preactivations", "latex")
"""What a layer may have of its own."""

DEFINING = (*DECLARING, "equations")
_VARYING = ("inputs", "targets", "states", "equations")
_KEYS = ("repeat", BELOW, *SECTIONS)
_OF_BELOW = ("first", "then", "first_size", "then_size")
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
    return _Unroller(source).layered()


def numbered(name: str, layer: int) -> str:
    """A name of a layer: h_2 of h, W_i2 of W_i."""
    return f"{name}{layer}" if "_" in name else f"{name}_{layer}"


class _Unroller:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.tables = source.tables
        self.outside = {name: s for s in reversed(DEFINING) for name in self.outside_of(s)}
        self.own = self.checked(source.tables[SECTION])
        self.repeat = self.own["repeat"]
        bases = [name for section in DEFINING for name in self.of_layer(section)]
        self.bases = tuple(dict.fromkeys(bases))
        self.below = self.own.get(BELOW, {})

    def error(self, message: str, *path: str) -> InputError:
        return InputError(message, self.source.place(SECTION, *path))

    # What the file says.

    def checked(self, own: Any) -> dict[str, Any]:
        """The section, each of its parts of the right kind, within the limits."""
        if not isinstance(own, dict):
            raise InputError("'layers' must be a section: [layers]", self.source.place(SECTION))
        for key, value in own.items():
            if key not in _KEYS:
                shown = f"'{shortened(key)}'{closest(key, _KEYS)}"
                raise self.error(f"unknown entry {shown}; known are {listed(_KEYS)}", key)
            if key in SECTIONS and not isinstance(value, dict):
                raise self.error(f"'{key}' must be a section: [layers.{key}]", key)
        repeat = own.get("repeat")
        if not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 1:
            raise self.error("say how many layers there are: repeat = 3", "repeat")
        LAYERS.check(repeat, self.source.place(SECTION, "repeat"))
        counts = {section: len(own.get(section, {})) for section in SECTIONS}
        LAYERED.check(repeat * sum(counts.values()), self.source.place(SECTION, "repeat"))
        EQUATIONS.check(repeat * counts["equations"], self.source.place(SECTION, "equations"))
        if not counts["equations"]:
            raise self.error("the section [layers.equations] is missing or empty", "equations")
        self.check_below(own)
        return own

    def check_below(self, own: Mapping[str, Any]) -> None:
        """What the layers read, by names that there are."""
        below = own.get(BELOW, {})
        form = 'below = {first = "x", then = "h"}'
        for key, value in below.items() if isinstance(below, dict) else ():
            if key not in _OF_BELOW:
                shown = f"'{shortened(key)}'{closest(key, _OF_BELOW)}"
                message = f"unknown entry {shown}; known are {listed(_OF_BELOW)}"
                raise self.error(message, BELOW, key)
            size = key.endswith("_size") and isinstance(value, str | int)
            names = _names(value)
            if not size and not (names and all(isinstance(name, str) for name in names)):
                raise self.error(f"'{key}' is a name, or a list of names: {form}", BELOW, key)
        if not isinstance(below, dict) or (below and not {"first", "then"} <= set(below)):
            raise self.error(f"say what the first layer reads, and what the others: {form}", BELOW)
        for key, known, where in (
            ("first", self.outside, "outside of the layers"),
            ("then", {name: s for s in DEFINING for name in own.get(s, {})}, "in a layer"),
        ):
            varying = [name for name, section in known.items() if section in _VARYING]
            for name in _names(below.get(key, [])):
                if name not in varying:
                    shown = f"'{shortened(name)}' does not vary {where}{closest(name, varying)}"
                    raise self.error(f"{shown}; what does is {listed(varying)}", BELOW, key)

    def check_free(self, name: str, section: str, base: str) -> None:
        """Whether a name, that of a layer or with its number, is free outside of the layers."""
        if name in self.outside and section in DEFINING:
            also = "" if name == base else f", which '{shortened(base)}' is in a layer,"
            message = f"'{shortened(name)}'{also} is declared already, under [{self.outside[name]}]"
            raise self.error(message, section, base)

    def of_layer(self, section: str) -> Mapping[str, Any]:
        return self.own.get(section, {})

    def outside_of(self, section: str) -> Mapping[str, Any]:
        table = self.tables.get(section, {})
        return table if isinstance(table, dict) else {}

    # What it stands for.

    def layered(self) -> Layered:
        tables = {key: value for key, value in self.tables.items() if key != SECTION}
        spots = dict(self.source.spots)
        meanings: dict[str, Meaning] = {}
        parts: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
        of = {}
        for section in SECTIONS:
            for base in self.of_layer(section):
                self.check_free(base, section, base)
        for layer in range(1, self.repeat + 1):
            meaning = self.meaning(layer, parts)
            for name in _names(self.joined(layer)):
                text = ", ".join(f"{part}[t]" for part in self.read_by(layer))
                parts["equations"][name] = f"concat({text})"
                spots["equations", name] = replace(spots[SECTION, BELOW], value=None)
                of[name] = BELOW, layer
            for section in SECTIONS:
                for base, value in self.of_layer(section).items():
                    name = numbered(base, layer)
                    self.check_free(name, section, base)
                    if of.setdefault(name, (base, layer)) != (base, layer):
                        other, number = of[name]
                        message = (
                            f"'{name}' would be both '{shortened(base)}' of layer {layer} and "
                            f"'{shortened(other)}' of layer {number}"
                        )
                        raise self.error(message, section, base)
                    parts[section][name] = self.of_this(section, base, value, layer, meaning)
                    meanings[name] = meaning
                    for path, spot in self.spots_of(section, base):
                        spots[section, name, *path] = spot
        for section in SECTIONS:
            if parts[section]:
                outside = self.outside_of(section)
                tables[section] = {**outside, **parts[section]}
        tables["equations"] = self.in_order(parts["equations"])
        top = Meaning({base: numbered(base, self.repeat) for base in self.bases})
        return Layered(replace(self.source, tables=tables, spots=spots), meanings, top, of)

    def spots_of(self, section: str, base: str) -> Iterator[tuple[tuple[str, ...], Any]]:
        """The spots of a key of a layer and of those within it, by the path from this key."""
        whole = (SECTION, section, base)
        for path, spot in self.source.spots.items():
            if path[:3] == whole:
                yield path[3:], spot

    def read_by(self, layer: int) -> list[str]:
        """The names of what a layer reads."""
        if layer == 1:
            return _names(self.below.get("first", []))
        return [numbered(name, layer - 1) for name in _names(self.below.get("then", []))]

    def joined(self, layer: int) -> list[str]:
        """The name of what a layer reads where it is several things, end to end."""
        return [numbered(BELOW, layer)] if len(self.read_by(layer)) > 1 else []

    def meaning(self, layer: int, parts: Mapping[str, Mapping[str, Any]]) -> Meaning:
        names = {base: numbered(base, layer) for base in self.bases}
        below = self.joined(layer) or self.read_by(layer)
        return Meaning({**names, **({BELOW: below[0]} if below else {})}, self.size(layer, parts))

    def size(self, layer: int, parts: Mapping[str, Mapping[str, Any]]) -> str | None:
        """The number of entries of what a layer reads, where the file tells it."""
        told = self.below.get("first_size" if layer == 1 else "then_size")
        if told is not None:
            return str(told)
        sizes = [_size(self.declared(name, parts)) for name in self.read_by(layer)]
        return " + ".join(map(str, sizes)) if sizes and None not in sizes else None

    def declared(self, name: str, parts: Mapping[str, Mapping[str, Any]]) -> Any:
        """What the file declares of a name."""
        tables = [table for s in DECLARING for table in (self.outside_of(s), parts[s])]
        return next((table[name] for table in tables if name in table), None)

    def of_this(self, section: str, base: str, value: Any, layer: int, meaning: Meaning) -> Any:
        """What the file says of a name, for one layer."""
        if section in DECLARING:
            if not isinstance(value, dict):
                return self.shape(section, base, value, meaning, layer)
            shape = value.get("shape")
            return {**value, "shape": self.shape(section, base, shape, meaning, layer)}
        if section == "preactivations":
            names = [numbered(n, layer) if isinstance(n, str) else n for n in _names(value)]
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
            read = listed(self.read_by(layer)) or "nothing"
            raise self.error(
                f"the shape of '{base}' uses the size of what layer {layer} reads, {read}, which "
                f"is not declared; say it: below = {{{key}_size = ...}}",
                section,
                base,
            )
        whole = meaning.below or ""
        inner = whole if re.fullmatch(r"\w+", whole) else f"({whole})"
        return [_SIZE.sub(inner, size) if isinstance(size, str) else size for size in shape]

    def in_order(self, of_layers: Mapping[str, str]) -> dict[str, str]:
        """The equations: first those that read nothing of the layers, last those that do."""
        known = {*self.bases, *of_layers}
        before, after = {}, {}
        for name, text in self.outside_of("equations").items():
            reads = reads_now(text) if isinstance(text, str) else frozenset()
            if reads & known:
                known.add(name)
                after[name] = text
            else:
                before[name] = text
        return {**before, **of_layers, **after}


def _names(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _size(declared: Any) -> str | int | None:
    """The number of entries of a vector or a scalar, by its declared shape."""
    shape = declared.get("shape") if isinstance(declared, dict) else declared
    if not isinstance(shape, list) or len(shape) > 2:
        return None
    sizes = [size for size in shape if size != 1]
    return None if len(sizes) > 1 else sizes[0] if sizes else 1
