"""A model written as a Python function, which is run once: each assignment is an equation."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral
from typing import Any

from bptt_sym.errors import InputError, Place
from bptt_sym.limits import FILE_BYTES, NESTING
from bptt_sym.model.model import OF_PARAMETERS, TERMINAL, Model
from bptt_sym.model.outputs import KEY as OUTPUTS
from bptt_sym.model.read import parse_model
from bptt_sym.model.traced import Traced, TracedTime, traced
from bptt_sym.quoting import label_name, shortened

CellFunction = Callable[[Any, Any], object]


class Cell:
    """What a model file says besides equations; a function that says these makes a model of it."""

    def __init__(self, loss: str, sections: Mapping[str, Any]) -> None:
        self.loss, self.sections = loss, sections

    def __call__(self, function: CellFunction) -> Model:
        """The model whose equations the function says.

        Raises InputError for what a model file would be refused for.
        """
        return parse_model(self.toml(function), _name(function), _file(function))

    def toml(self, function: CellFunction) -> str:
        """The model file of that model."""
        place = Place(_file(function))
        equations: dict[str, Traced] = {}
        if function(_Equations(equations, place), TracedTime()) is not None:
            message = "a cell says its equations by assignments, c.s = ..., and returns nothing"
            raise InputError(message, place)
        losses = (self.loss, self.loss + TERMINAL, self.loss + OF_PARAMETERS)
        if OUTPUTS not in self.sections and not set(losses) & equations.keys():
            message = (
                f"no equation of the loss: c.{self.loss} = ..., or tell its name by loss=, or "
                f"those of a layer's outputs by {OUTPUTS}="
            )
            raise InputError(message, place)
        said = {name: ast.unparse(value.tree) for name, value in equations.items()}
        of_losses = {name: text for name, text in said.items() if name in losses}
        tables = {
            **self.sections,
            "equations": {name: text for name, text in said.items() if name not in losses},
            **({"loss": of_losses} if of_losses else {}),
        }
        text = "".join(_document(tables, place))
        FILE_BYTES.check(len(text.encode(errors="replace")), place)
        return text


def cell(*, loss: str = "E", **sections: Any) -> Cell:
    """What makes a model of a function: ``@cell(inputs={"x": ["n"]}, ...)``.

    The keywords are the texts and sections of a model file other than its equations. The function
    takes the cell and the time step: ``c.s = c.tanh(c.x[t] + c.s[t-1] @ c.W)`` is the equation of
    s, and the one called ``loss``, E, is the loss, to which E_last and E_params are added once; a
    layer has ``outputs=["s"]`` instead.
    It is run once, with values that stand for those of a step; what it says is a model file,
    NAME.toml for a function NAME, and is read as one.
    Raises InputError for equations, which the function is to say.
    """
    if "equations" in sections:
        raise InputError("the equations of a cell are what its function says")
    return Cell(loss, sections)


def _name(function: CellFunction) -> str:
    return label_name(getattr(function, "__name__", "cell"))


def _file(function: CellFunction) -> str:
    return f"{_name(function)}.toml"


class _Equations:
    """The first argument of a cell's function: all its attributes are names of the model."""

    def __init__(self, said: dict[str, Traced], place: Place) -> None:
        # No model has a name that begins so.
        vars(self).update({_SAID: said, _PLACE: place})

    def __getattr__(self, name: str) -> Traced:
        if name.startswith("_"):
            raise AttributeError(name)
        return Traced(ast.Name(name))

    def __setattr__(self, name: str, value: object) -> None:
        said = vars(self)[_SAID]
        if name in said:
            message = f"'{shortened(name)}' has an equation already"
            raise InputError(message, vars(self)[_PLACE])
        said[name] = traced(value)


_SAID, _PLACE = "_said", "_place"


def _document(tables: Mapping[str, Any], place: Place) -> Iterator[str]:
    """The lines of a TOML file: first what is no section."""
    sections = {key: value for key, value in tables.items() if isinstance(value, Mapping)}
    for key, value in tables.items():
        if key not in sections:
            yield f"{_key(key, place)} = {_value(value, place)}\n"
    for key, section in sections.items():
        yield f"\n[{_key(key, place)}]\n"
        for name, value in section.items():
            yield f"{_key(name, place)} = {_value(value, place)}\n"


def _key(key: object, place: Place) -> str:
    if not isinstance(key, str):
        raise InputError(f"a name is text, not {shortened(repr(key))}", place)
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else _text(key)


def _text(text: str) -> str:
    # JSON leaves one control character as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object, place: Place, depth: int = 1) -> str:
    """A value of a section, on one line."""
    NESTING.check(depth, place)
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _text(value)
        case Integral():
            return str(int(value))
        case float():
            return repr(float(value))
        case list() | tuple():
            return f"[{', '.join(_value(entry, place, depth + 1) for entry in value)}]"
        case Mapping():
            entries = (
                f"{_key(key, place)} = {_value(entry, place, depth + 1)}"
                for key, entry in value.items()
            )
            return f"{{{', '.join(entries)}}}"
    message = f"a model file has text, numbers, lists and tables, not {shortened(repr(value))}"
    raise InputError(message, place)
