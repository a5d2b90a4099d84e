"""The JSON schema of the model file, for editors: of the tables that the reader checks with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bptt_sym.algebra.names import LONGEST_NAME, NAME
from bptt_sym.limits import LAYERS
from bptt_sym.model.declare import DECLARING, FORMULA, OPTIONS
from bptt_sym.model.latex_names import LONGEST
from bptt_sym.model.layer_section import KEYS, OF_BELOW, SECTION
from bptt_sym.model.layer_section import SECTIONS as OF_LAYERS
from bptt_sym.model.losses import Losses
from bptt_sym.model.model import INITS, OF_PARAMETERS, Kind
from bptt_sym.model.outputs import KEY as OUTPUTS
from bptt_sym.model.sections import REQUIRED, SECTIONS, TEXTS
from bptt_sym.version import MADE_BY

Schema = dict[str, Any]
Described = tuple[str, Schema]

_TEXT: Schema = {"type": "string"}
_SWITCH: Schema = {"type": "boolean", "default": False}
_FORMULA: Schema = {"type": "string", "minLength": 1}
_NAME: Schema = {"type": "string", "pattern": f"^{NAME}$", "maxLength": LONGEST_NAME}
_SIZE: Schema = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 1}]}
_SHAPE: Schema = {"type": "array", "items": _SIZE, "maxItems": 3}

_TOP: Mapping[str, Described] = {
    "title": ("What the model is called, in one line.", _TEXT),
    "description": ("What the model is, in one line.", _TEXT),
    "source": ("Where the model was published, in one line.", _TEXT),
    "vectors": (
        'What a shape of one size means: "rows" or "columns".',
        {"enum": ["rows", "columns"], "default": "rows"},
    ),
    OUTPUTS: (
        "What a layer hands to the one above, which gives the derivatives with respect to it; it "
        "stands in the place of a loss.",
        {"type": "array", "items": _NAME, "minItems": 1, "uniqueItems": True},
    ),
}
"""Each entry at the top of a file that is no section."""

_SECTIONS: Mapping[str, str] = {
    "dimensions": 'The sizes, each with what it counts: n = "hidden units".',
    "inputs": 'What is given at every time step, each with its shape: x = ["m"].',
    "targets": 'What is given for the loss to compare with, each with its shape: d = ["k"].',
    "parameters": "What is learned, the same at every time step, each with its shape.",
    "states": "What is read at other time steps, each with its shape; each has an equation.",
    "functions": 'Functions of one variable z that stay symbolic in derivations: phi = "tanh".',
    "equations": "One time step, in the order of computation.",
    "preactivations": 'Names for the arguments of functions in equations: s = "z".',
    "loss": (
        "The loss of one time step, a scalar: E. What is added once: E_last of the last step, "
        "E_params of parameters alone."
    ),
    "latex": "How names are typeset: the LaTeX of each, c = 'n'.",
    SECTION: "Layers that are written once: their number, what each reads and what each has.",
}
"""What each section holds."""

_OF_SHAPE: Described = (
    '[] is a scalar, ["n"] a vector, ["m", "n"] a matrix, ["H", "m", "n"] H heads of matrices; a '
    'size is the name of a dimension, a whole number, or a sum of products: "4*n", "m + n".',
    _SHAPE,
)

_OPTIONS: Mapping[str, Described] = {
    "shape": _OF_SHAPE,
    "meaning": ("What it is, in one line.", _TEXT),
    "labels": ("One-hot vectors, which generated code takes as whole numbers.", _SWITCH),
    "positive": ("Verification draws positive numbers, for log and sqrt.", _SWITCH),
    "once": (
        "Given once for each sequence, the same at all of its steps: c, without [t].",
        _SWITCH,
    ),
    "frozen": ("No gradient is taken; an argument of the generated functions.", _SWITCH),
    "reverse": ("The scan runs from the last step to the first: read at [t+1].", _SWITCH),
    "initial": (
        'The value before the first step: "argument", a number, or an expression of parameters.',
        {"type": ["string", "number"], "default": "argument"},
    ),
    "init": (
        "How init_parameters of generated code draws it: one of these ways, or the number that it "
        "is filled with.",
        {"anyOf": [{"enum": list(INITS)}, {"type": "number"}]},
    ),
}
"""What a table says of a name."""

_FORMULAS: Mapping[str, Described] = {
    "formula": ("A formula in z, or the name of a known function.", _FORMULA),
    "derivative": ("Its derivative, a formula in z, which you declare.", _FORMULA),
}
"""What a table says of a function."""

_OF_LOSSES: Schema = {
    "maxProperties": len(Losses._fields),
    "not": {"propertyNames": {"pattern": f"{OF_PARAMETERS}$"}},
}
"""There are so many losses, of which one at least is of a time step."""

_READ: Schema = {"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}

_BELOW: Mapping[str, Described] = {
    "first": ("What the first layer reads: a name, or several, one behind the other.", _READ),
    "then": ("What the other layers read of the one beneath: a name, or several.", _READ),
    "first_size": ("The number of entries of what the first layer reads.", _SIZE),
    "then_size": ("The number of entries of what the other layers read.", _SIZE),
}
"""What [layers] says of what a layer reads."""


def model_schema() -> Schema:
    """The schema, by JSON Schema's draft 7, which editors know best.

    What it refuses, the reader refuses, too. What needs more than the form of a file, such as
    shapes that fit, the reader alone tells.
    """
    sections = {name: _section(name) for name in SECTIONS}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "made_by": MADE_BY,
        "title": "A recurrent network",
        "description": "A model file of bptt-sym; docs/language.md tells all that it may hold.",
        **_table({**_described(_TOP, (*TEXTS, OUTPUTS)), **sections, SECTION: _layers()}),
        "allOf": [_required(section) for section in REQUIRED],
        "oneOf": [_required("loss"), {"required": [OUTPUTS]}],
    }


def schema_text() -> str:
    """The schema as JSON."""
    return json.dumps(model_schema(), indent=2, ensure_ascii=False) + "\n"


def meaning_of(key: str) -> str:
    """What stands at the top of a file under a key, a section or not."""
    return _SECTIONS[key] if key in _SECTIONS else _TOP[key][0]


def _described(table: Mapping[str, Described], keys: Iterable[str]) -> Schema:
    return {key: {"description": table[key][0], **table[key][1]} for key in keys}


def _table(properties: Schema, **more: Any) -> Schema:
    """A table of these keys and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _filled(section: str) -> Schema:
    return {"required": [section], "properties": {section: {"minProperties": 1}}}


def _required(section: str) -> Schema:
    """That a section has an entry, at the top or in the layers if these may have it."""
    if section not in OF_LAYERS:
        return _filled(section)
    in_layers = {"required": [SECTION], "properties": {SECTION: _filled(section)}}
    return {"anyOf": [_filled(section), in_layers]}


def _section(section: str) -> Schema:
    """A section: names, each with its entry."""
    entry = _declaration(DECLARING[section]) if section in DECLARING else _ENTRIES[section]
    return {
        "description": _SECTIONS[section],
        "type": "object",
        "propertyNames": {"maxLength": LONGEST_NAME},
        "patternProperties": {_NAME["pattern"]: entry},
        "additionalProperties": False,
        **(_OF_LOSSES if section == "loss" else {}),
    }


def _declaration(kind: Kind) -> Schema:
    """A shape alone, or a table that says more."""
    options = _described(_OPTIONS, ("shape", "meaning", *sorted(OPTIONS[kind])))
    shape = _described({"shape": _OF_SHAPE}, ["shape"])["shape"]
    return {"anyOf": [shape, _table(options, required=["shape"])]}


def _layers() -> Schema:
    pairs = {key: ["first", "then"] for key in OF_BELOW}
    described: dict[str, Described] = {
        "repeat": (
            "How many layers there are.",
            {"type": "integer", "minimum": 1, "maximum": LAYERS.most},
        ),
        "below": (
            'What below[t] is in a layer: below = {first = "x", then = "h"}.',
            _table(_described(_BELOW, OF_BELOW), dependencies=pairs),
        ),
    }
    keys = {
        key: _section(key) if key in OF_LAYERS else _described(described, [key])[key]
        for key in KEYS
    }
    return {
        "description": _SECTIONS[SECTION],
        **_table(keys, required=["repeat", "equations"]),
        "allOf": [_filled("equations")],
    }


_ENTRIES: Mapping[str, Schema] = {
    "dimensions": {"description": "What it counts, in words.", **_TEXT},
    "functions": {
        "description": "A known function, a formula in z, or a table with its derivative, too.",
        "anyOf": [_FORMULA, _table(_described(_FORMULAS, FORMULA), required=[FORMULA[0]])],
    },
    "equations": {"description": "Its equation, as one writes NumPy.", **_FORMULA},
    "preactivations": {
        "description": "The name of its function's argument, or those of several.",
        "anyOf": [_NAME, {"type": "array", "items": _NAME}],
    },
    "loss": {"description": "Its equation, a scalar.", **_FORMULA},
    "latex": {"description": "Its LaTeX.", "type": "string", "minLength": 1, "maxLength": LONGEST},
}
"""What stands behind a name, in sections that declare none with a shape."""
