"""The models that ship with the package, and models from files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bptt_sym.errors import InputError, closest, listed
from bptt_sym.model.model import Model
from bptt_sym.model.read import parse_model, read_model
from bptt_sym.quoting import shortened

_CELLS = files("bptt_sym.model") / "cells"


def model_names() -> list[str]:
    """The names of the models that ship, in alphabetical order."""
    names = (entry.name for entry in _CELLS.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_model(name_or_path: str | Path) -> Model:
    """A model that ships, by name, or one of your own, by the path of its TOML file.

    A text without a path separator or the ending .toml is a name. Raises InputError for a name
    that does not ship and for a file that is not a model.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and "/" not in text and not text.endswith(".toml"):
        or_file = ", and a model file is given by a path that ends in .toml"
        return parse_model(shipped_text(text, or_file), text)
    return read_model(Path(name_or_path))


def shipped_text(name: str, otherwise: str = "") -> str:
    """The file of a model that ships.

    Raises InputError, which ends by what may be given ``otherwise``, for a name that does not.
    """
    if name not in model_names():
        raise InputError(
            f"unknown model '{shortened(name)}'{closest(name, model_names())}; "
            f"models that ship are {listed(model_names())}{otherwise}"
        )
    return (_CELLS / f"{name}.toml").read_text(encoding="utf-8")
