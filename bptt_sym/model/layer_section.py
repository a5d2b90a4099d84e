"""The section [layers] of a model file: what it says, checked before layers are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bptt_sym.errors import InputError, closest, listed
from bptt_sym.limits import EQUATIONS, LAYERED, LAYERS
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
KEYS = ("repeat", BELOW, *SECTIONS)
OF_BELOW = ("first", "then", "first_size", "then_size")


class LayerSection:
    """What is there once for each layer: tables as those outside, their number, what is below.

    Raises InputError, at its place in the file, for what is wrong.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.outside = {name: s for s in reversed(DEFINING) for name in self.outside_of(s)}
        self.own = self.checked(source.tables[SECTION])
        self.repeat: int = self.own["repeat"]
        self.below: Mapping[str, Any] = self.own.get(BELOW, {})
        bases = [name for section in DEFINING for name in self.of_layer(section)]
        self.bases = tuple(dict.fromkeys(bases))
        self.check_names()

    def error(self, message: str, *path: str) -> InputError:
        return InputError(message, self.source.place(SECTION, *path))

    def checked(self, own: Any) -> dict[str, Any]:
        """The section, each of its parts of the right kind, within the limits."""
        if not isinstance(own, dict):
            raise InputError("'layers' must be a section: [layers]", self.source.place(SECTION))
        for key, value in own.items():
            if key not in KEYS:
                shown = f"'{shortened(key)}'{closest(key, KEYS)}"
                raise self.error(f"unknown entry {shown}; known are {listed(KEYS)}", key)
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
            if key not in OF_BELOW:
                shown = f"'{shortened(key)}'{closest(key, OF_BELOW)}"
                message = f"unknown entry {shown}; known are {listed(OF_BELOW)}"
                raise self.error(message, BELOW, key)
            size = key.endswith("_size") and isinstance(value, str | int)
            names = names_of(value)
            if not size and not (names and all(isinstance(name, str) for name in names)):
                raise self.error(f"'{key}' is a name, or a list of names: {form}", BELOW, key)
        if not isinstance(below, dict) or (below and not {"first", "then"} <= set(below)):
            raise self.error(f"say what the first layer reads, and what the others: {form}", BELOW)
        for key, known, where in (
            ("first", self.outside, "outside of the layers"),
            ("then", {name: s for s in DEFINING for name in own.get(s, {})}, "in a layer"),
        ):
            varying = [name for name, section in known.items() if section in _VARYING]
            for name in names_of(below.get(key, [])):
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
        table = self.source.tables.get(section, {})
        return table if isinstance(table, dict) else {}

    def check_names(self) -> None:
        """Names of layers stand for one thing each."""
        for section in SECTIONS:
            for base in self.of_layer(section):
                self.check_free(base, section, base)
                if base == BELOW and self.below:
                    raise self.error(f"'{BELOW}' is what a layer reads", section, base)
        if self.below and BELOW in self.outside:
            place = self.source.place(self.outside[BELOW], BELOW)
            raise InputError(f"'{BELOW}' is what a layer reads, under [layers]", place)


def names_of(value: Any) -> list[Any]:
    """A name or several as a list."""
    return value if isinstance(value, list) else [value]
