"""Numbers from text files, TOML or JSON: a number or nested lists of them for each name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bptt_sym.errors import InputError, Place
from bptt_sym.limits import FILE_BYTES
from bptt_sym.model.source import read_source
from bptt_sym.quoting import shortened, shown_path

ENDINGS = (".toml", ".json")


def numbers_from(path: Path) -> dict[str, Any]:
    """The arrays of a file, by their names.

    Raises InputError for what cannot be read or is no such text, for lists whose entries have
    different lengths, and for what is no number.
    """
    place = Place(shown_path(path))
    if path.suffix == ".toml":
        table: Any = read_source(path, "numbers").tables
    else:
        table = _json(path, place)
    if not isinstance(table, dict):
        raise InputError("this is no table of numbers by their names", place)
    return {name: _array(name, value, place) for name, value in table.items()}


def _json(path: Path, place: Place) -> Any:
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES.most + 1)
        FILE_BYTES.check(len(data), place)
        return json.loads(data)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", place) from None
    except RecursionError:
        raise InputError("not a numbers file: nested too deeply", place) from None
    except json.JSONDecodeError as error:
        where = Place(place.file, error.lineno, error.colno)
        raise InputError(f"not valid JSON: {error.msg}", where) from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"not valid JSON: {error}", place) from None


def _array(name: str, value: Any, place: Place) -> Any:
    if not _is_numbers(value):
        raise InputError(
            f"'{shortened(name)}' must be a number, or lists of numbers in one another", place
        )
    try:
        return np.array(value)
    except ValueError:
        raise InputError(f"the lists of '{shortened(name)}' differ in length", place) from None


def _is_numbers(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool)
