"""The schema of the model file: what ships keeps to it, and what it refuses the reader refuses."""

from __future__ import annotations

import copy
import json
import re
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from support.cells import CORPUS
from support.draws import draws

import bptt_sym as b
from bptt_sym.model.key_places import key_spots
from bptt_sym.model.library import shipped_text
from bptt_sym.model.read import _ModelReader, parse_model
from bptt_sym.model.schema import model_schema
from bptt_sym.model.source import Source

SCHEMA = model_schema()
VALIDATOR = Draft7Validator(SCHEMA)

CELL = """
title = "A cell"
vectors = "rows"
[dimensions]
n = "units"
[inputs]
x = {shape = ["n"], positive = true, meaning = "what comes in"}
q = {shape = ["n"], once = true}
[targets]
d = {shape = ["n"], labels = true, initial = 0}
[parameters]
V = {shape = ["n", "n"], init = "glorot"}
p = {shape = [], frozen = true}
s = {shape = ["n"], init = 0.5}
[states]
r = {shape = ["n"], initial = "s"}
[functions]
phi = "tanh"
psi = {formula = "z ** 2", derivative = "2 * z"}
[equations]
r = "phi(r[t-1] @ V) + p * d[t-1] + q"
y = "psi(h[t]) + r[t] @ V"
[preactivations]
r = ["z"]
[loss]
E = "cross_entropy(y[t], d[t])"
[latex]
p = '\\gamma'
[layers]
repeat = 2
below = {first = "x", then = "h", first_size = "n", then_size = "n"}
[layers.parameters]
W = ["below", "n"]
[layers.states]
h = {shape = ["n"]}
[layers.equations]
h = "tanh(below[t] @ W + h[t-1])"
[layers.preactivations]
h = "a"
[layers.latex]
h = '\\eta'
"""

KINDS = ("inputs", "targets", "parameters", "states")


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(tomllib.loads(text))]


def test_the_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_what_ships_and_what_is_published_keeps_to_it() -> None:
    for name in b.model_names():
        assert errors(shipped_text(name)) == [], name
    for path in CORPUS:
        assert errors(path.read_text(encoding="utf-8")) == [], path


def test_a_file_with_everything_keeps_to_it() -> None:
    parse_model(CELL)
    assert errors(CELL) == []


BROKEN = [
    ('title = "A cell"', 'titel = "A cell"'),
    ('title = "A cell"', "title = 3"),
    ('vectors = "rows"', 'vectors = "row"'),
    ("[dimensions]", "[dimension]"),
    ('n = "units"', "n = 3"),
    ('n = "units"', 'n-1 = "units"'),
    ("positive = true", "positiv = true"),
    ("positive = true", "positive = 1"),
    ("positive = true", "frozen = true"),
    ("once = true", 'once = "true"'),
    ("once = true", "reverse = true"),
    ('meaning = "what comes in"', "meaning = []"),
    ("initial = 0", "initial = true"),
    ("initial = 0", "initial = [0]"),
    ('init = "glorot"', 'init = "xavier"'),
    ('init = "glorot"', "init = true"),
    ("init = 0.5", 'initial = "s"'),
    ('V = {shape = ["n", "n"]', 'V = {shape = ["n", "n", "n", "n"]'),
    ('V = {shape = ["n", "n"]', 'V = {shape = "n"'),
    ('V = {shape = ["n", "n"]', 'V = {shape = ["n", 0]'),
    ('V = {shape = ["n", "n"]', 'V = {shape = ["n", 1.5]'),
    ("shape = [], frozen", "frozen"),
    ('initial = "s"', "labels = true"),
    ('phi = "tanh"', "phi = 1"),
    ('phi = "tanh"', 'phi = ""'),
    ('formula = "z ** 2", ', ""),
    ('derivative = "2', 'derivate = "2'),
    ('y = "psi', 'y_1_2 = "psi'),
    ('r = ["z"]', "r = [1]"),
    ('r = ["z"]', 'r = ["z z"]'),
    ('E = "cross_entropy(y[t], d[t])"', ""),
    ('E = "cross_entropy(y[t], d[t])"', "E = 0"),
    ('E = "cross_entropy(y[t], d[t])"', 'E_params = "sum(W ** 2)"'),
    ('E = "cross_entropy(y[t], d[t])"', 'E = {loss = "sum(y[t])"}'),
    ("p = '\\gamma'", "p = ''"),
    ("p = '\\gamma'", f"p = '{'g' * 61}'"),
    ("repeat = 2", ""),
    ("repeat = 2", "repeat = 0"),
    ("repeat = 2", "repeat = 51"),
    ("repeat = 2", "repeat = true"),
    ("repeat = 2", "repeat = 2\ntimes = 2"),
    ('first = "x", ', ""),
    ('then = "h", ', ""),
    ('first = "x"', "first = 1"),
    ('first = "x"', "first = []"),
    ("first_size", "size"),
    ("[layers.latex]", "[layers.loss]"),
    ("[layers.equations]", "[layers.targets]"),
    ("shape = [\"n\"]}\n[layers.equations]", "size = [\"n\"]}\n[layers.equations]"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), BROKEN)
def test_what_is_broken_is_refused_by_both(before: str, after: str) -> None:
    assert before in CELL
    broken = CELL.replace(before, after, 1)
    assert errors(broken)
    with pytest.raises(b.InputError):
        parse_model(broken)


@pytest.mark.parametrize("outputs", ['"s"', "[]", "[1]", '["s", "s"]', '["s t"]'])
def test_what_is_no_list_of_outputs_is_refused_by_both(outputs: str) -> None:
    layer = shipped_text("lstm-layer")
    assert errors(layer) == []
    broken = layer.replace('outputs = ["h"]', f"outputs = {outputs}")
    assert errors(broken)
    with pytest.raises(b.InputError):
        parse_model(broken)


def test_outputs_or_a_loss_are_refused_together_by_both() -> None:
    both = 'outputs = ["y"]\n' + CELL
    assert errors(both)
    with pytest.raises(b.InputError, match="not both"):
        parse_model(both)


def test_what_a_file_must_have_may_stand_in_its_layers() -> None:
    """Parameters and equations may stand under [layers] alone; a loss may not."""
    whole = tomllib.loads(CELL)
    for section, complete in {"parameters": True, "equations": True, "loss": False}.items():
        assert VALIDATOR.is_valid({k: v for k, v in whole.items() if k != section}) is complete
        alone = {k: v for k, v in whole.items() if k not in ("layers", section)}
        assert not VALIDATOR.is_valid(alone)
        assert not VALIDATOR.is_valid(alone | {section: {}})


# The reader's own messages say which keys it knows: the schema has these and no others.


def known_keys(cell: str) -> set[str]:
    """What the reader says it knows, of a file with the key 'qqq' where it knows none such."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(b.InputError) as refused:
        for module in ("sections", "declare", "layer_section"):  # which show the first of many
            patch.setattr(f"bptt_sym.model.{module}.listed", ", ".join)
        parse_model(cell)
    shown = re.search(r"unknown entry 'qqq'.*; known are (.+)", str(refused.value).split("\n")[0])
    assert shown, refused.value
    return set(shown[1].split(", "))


def keys_of(schema: dict) -> set[str]:
    assert schema["additionalProperties"] is False
    return set(schema["properties"])


def table_of(sections: dict, section: str) -> dict:
    """What a name has in a section, where it is a table."""
    (entry,) = sections[section]["patternProperties"].values()
    return entry["anyOf"][1]


def test_it_knows_the_sections_that_the_reader_knows() -> None:
    assert keys_of(SCHEMA) == known_keys("qqq = 1\n" + CELL)


@pytest.mark.parametrize("section", KINDS)
def test_it_knows_of_a_name_what_the_reader_knows(section: str) -> None:
    """At the top and in the layers alike."""
    known = known_keys(
        CELL.replace(f"\n[{section}]\n", f"\n[{section}]\nu = {{shape = [], qqq = 1}}\n")
    )
    assert keys_of(table_of(SCHEMA["properties"], section)) == known
    layers = SCHEMA["properties"]["layers"]["properties"]
    assert keys_of(table_of(layers, section)) == known


def test_it_knows_of_layers_what_the_reader_knows() -> None:
    layers = SCHEMA["properties"]["layers"]
    assert keys_of(layers) == known_keys(CELL.replace("repeat = 2", "repeat = 2\nqqq = 1"))
    below = CELL.replace('then_size = "n"', 'qqq = "n"')
    assert keys_of(layers["properties"]["below"]) == known_keys(below)


def described(schema: object, where: str = "") -> list[str]:
    """The places of keys, and of what stands behind names, that have no description."""
    found = []
    if isinstance(schema, dict):
        for group in ("properties", "patternProperties"):
            for key, inner in schema.get(group, {}).items():
                required = schema.keys() & {"type"}
                if required and not inner.get("description"):
                    shapes = inner.get("anyOf", [{}])
                    found += [] if shapes[0].get("description") else [f"{where}/{key}"]
        for key, inner in schema.items():
            found += described(inner, f"{where}/{key}")
    if isinstance(schema, list):
        for inner in schema:
            found += described(inner, where)
    return found


def test_every_key_is_described() -> None:
    assert described(SCHEMA) == []
    texts = json.dumps(SCHEMA)
    assert texts.count('"description"') > len(keys_of(SCHEMA))


# Any value in any place: a file that the schema refuses, the reader refuses.

TABLES = tomllib.loads(CELL)


def places(table: dict, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = [place for key, value in table.items() if isinstance(value, dict)
             for place in places(value, (*path, key))]  # fmt: skip
    return [*((*path, key) for key in table), *inner]


PLACES = places(TABLES)
WORDS = st.sampled_from(
    ["x", "n", "V", "tanh", "", "zeros", "argument", "shape", "once", "initial", "first", "h[t]",
     "below", "2*n", "[", "rows", "é", "a_b_c"]
)  # fmt: skip
VALUES = st.recursive(
    st.booleans() | st.integers(-1, 3) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def changed(path: tuple[str, ...], value: object, new: str | None) -> dict:
    """The tables with another value in a place, or without it, or with a new key beside it."""
    tables = copy.deepcopy(TABLES)
    table = tables
    for key in path[:-1]:
        table = table[key]
    if new is None:
        table[path[-1]] = value
    else:
        del table[path[-1]]
        table[new] = value
    return tables


@settings(max_examples=draws(2000), deadline=None)
@given(st.sampled_from(PLACES), VALUES, st.none() | WORDS)
def test_what_it_refuses_the_reader_refuses(path, value, new) -> None:
    tables = changed(path, value, new)
    if VALIDATOR.is_valid(tables):
        return
    with pytest.raises(b.InputError):
        _ModelReader(Source("c", tables, CELL, key_spots(CELL, "c")), "c", "c").model()
