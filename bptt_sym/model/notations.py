"""The notations that ship with the package, those of files, and models in one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from bptt_sym.algebra.names import why_not_shown
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.model.alike import alike
from bptt_sym.model.conventions import CHOICES, INDICES, Notation, of_layers
from bptt_sym.model.giving_way import giving_way
from bptt_sym.model.latex_names import why_not_latex
from bptt_sym.model.model import Model
from bptt_sym.model.orientation import turned
from bptt_sym.model.source import Source, parse_source, read_source
from bptt_sym.quoting import shortened

_SHIPPED = files("bptt_sym.model") / "notations"

_SETTINGS = {*CHOICES, "source", "mark_immediate"}


def notation_names() -> list[str]:
    """The names of the notations that ship, in alphabetical order."""
    names = (entry.name for entry in _SHIPPED.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def in_notation(model: Model, name_or_path: str | Path) -> Model:
    """The model as a notation writes it: turned, with other names and signs.

    A text without a path separator or the ending .toml is the name of a notation that ships: the
    first of its tables of names is taken of which the model has all. One of a file must be such.
    Raises InputError for an unknown notation, for a file that is
    none, or that does not fit the model.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and "/" not in text and not text.endswith(".toml"):
        if text not in notation_names():
            raise InputError(
                f"unknown notation '{shortened(text)}'{closest(text, notation_names())}; "
                f"notations that ship are {listed(notation_names())}, "
                "and a notation file is given by a path that ends in .toml"
            )
        source = parse_source((_SHIPPED / f"{text}.toml").read_text(encoding="utf-8"), text)
        return _NotationReader(source, text).fitted(model)
    return _NotationReader(read_source(Path(name_or_path), "notation"), text).applied(model)


@dataclass(frozen=True)
class Names:
    """Other names for those of a model, and their LaTeX."""

    names: Mapping[str, str] = field(default_factory=dict)
    latex: Mapping[str, str] = field(default_factory=dict)

    def missing(self, model: Model) -> str | None:
        """A name that the model does not have, or None."""
        known = _known(model)
        return next((name for name in (*self.names, *self.latex) if name not in known), None)


def _written(model: Model, notation: Notation, names: Names) -> Model:
    """The model as a notation writes it, with other names."""
    kept = {name: latex for name, latex in model.latex.items() if name not in names.names}
    if notation.vectors not in ("declared", model.vectors):
        model = turned(model)
    usual = model.notation.names if model.notation.is_default else of_layers(model.layers)
    known = _names_of(model)
    indices = {name: new for name, new in names.names.items() if name not in known}
    named = {name: new for name, new in names.names.items() if name in known}
    full = replace(
        notation,
        names={**usual, **named},
        indices=indices,
        latex={**kept, **names.latex},
        decimals=model.notation.decimals,
    )
    return giving_way(replace(model, notation=full))


def _known(model: Model) -> set[str]:
    """What may have another name: all that the model declares or defines, and the indices."""
    return {*INDICES, *_names_of(model)}


def _names_of(model: Model) -> set[str]:
    return {
        *model.functions,
        *(entry.name for entry in model.dimensions),
        *(entry.name for entry in model.declarations),
        *(entry.name for entry in model.definitions),
    }


class _NotationReader:
    """Reads the tables of a notation file, each setting and name checked."""

    def __init__(self, source: Source, reference: str) -> None:
        self.source = source
        self.notation = self.settings(reference)
        tables = source.tables.get("names", [])
        self.names = [self.table(t) for t in (tables if isinstance(tables, list) else [tables])]

    def fitted(self, model: Model) -> Model:
        """The model in the notation, with the first names that it has and that stay apart."""
        for names in self.names:
            if not names.missing(model):
                written = _written(model, self.notation, names)
                if not alike(written):
                    return written
        return _written(model, self.notation, Names())

    def applied(self, model: Model) -> Model:
        """The model in the notation, whose names must fit it."""
        if not self.names:
            return _written(model, self.notation, Names())
        fitting = next((names for names in self.names if not names.missing(model)), None)
        if fitting is None:
            name = str(self.names[0].missing(model))
            near = closest(name, sorted(_known(model)))
            message = f"the model '{model.name}' has no '{shortened(name)}'{near}"
            raise self.error(message, "names", name)
        written = _written(model, self.notation, fitting)
        same = alike(written)
        if same:
            message = f"'{same[0]}' would print like {same[1]}; give one of them another name"
            raise self.error(message, "names", same[0])
        return written

    def error(self, message: str, *path: str | None) -> InputError:
        return InputError(message, self.source.place(*path))

    def settings(self, reference: str) -> Notation:
        settings: dict[str, Any] = {"reference": reference, "source": ""}
        for key, value in self.source.tables.items():
            if key == "names":
                continue
            if key not in _SETTINGS:
                known = sorted((*_SETTINGS, "names"))
                shown = f"'{shortened(key)}'{closest(key, known)}"
                message = f"unknown setting {shown}; the settings are {listed(known)}"
                raise self.error(message, None, key)
            settings[key] = self.setting(key, value)
        notation = Notation(**settings)
        for key in ("adjoint", "gradient"):
            for of in ("vector", "matrix"):
                if getattr(notation, key) == "overbar" and getattr(notation, of) == "bar":
                    message = f"what it is of has a bar already; give '{of}' another alphabet"
                    raise self.error(f"'{key}' is \"overbar\", but {message}", None, key)
        return notation

    def setting(self, key: str, value: object) -> object:
        if key == "mark_immediate":
            if not isinstance(value, bool):
                raise self.error("'mark_immediate' must be true or false", None, key)
        elif key == "source":
            if not isinstance(value, str) or not value.isprintable():
                raise self.error("'source' must be one line of text", None, key)
        elif value not in CHOICES[key]:
            near = closest(value, CHOICES[key]) if isinstance(value, str) else ""
            raise self.error(f"'{key}' must be one of {listed(CHOICES[key])}{near}", None, key)
        return value

    def table(self, table: object) -> Names:
        if not isinstance(table, dict):
            raise self.error("'names' must be a table, or several", None, "names")
        names: dict[str, str] = {}
        latex: dict[str, str] = {}
        for old, value in table.items():
            entry = value if isinstance(value, dict) else {"name": value}
            if not entry or set(entry) - {"name", "latex"}:
                message = f"'{shortened(old)}' must have a name, or a table of 'name' and 'latex'"
                raise self.error(message, "names", old)
            if "name" in entry:
                names[old] = self.checked(old, entry["name"], why_not_shown)
            if "latex" in entry:
                latex[old] = self.checked(old, entry["latex"], why_not_latex)
        raised = self.notation.time != "subscript"
        clash = next((old for old in INDICES if names.get(old) == "T"), None)
        if raised and clash and self.notation.transpose == "T":
            message = "a raised T would be a time step and a transpose; give one of them another"
            raise self.error(message, "names", clash)
        return Names(names, latex)

    def checked(self, old: str, value: object, why_not: Callable[[str], str | None]) -> str:
        reason = why_not(value) if isinstance(value, str) else "is not a text"
        if not isinstance(value, str) or reason:
            shown = shortened(str(value))
            message = f"'{shown}', for '{shortened(old)}', {reason}"
            raise self.error(message, "names", old)
        return value
