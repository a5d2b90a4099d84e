"""Model files with any value in any place: a model or one clean refusal, never a fault."""

from __future__ import annotations

import copy
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st
from support.cells import text_of
from support.draws import draws

import bptt_sym as b
from bptt_sym.model.key_places import key_spots
from bptt_sym.model.read import _ModelReader
from bptt_sym.model.source import Source

TEXT = text_of("elman-bias")
TABLES = tomllib.loads(TEXT)
PLACES = [(section, key) for section, table in TABLES.items() if isinstance(table, dict)
          for key in table]  # fmt: skip

WORDS = st.sampled_from(
    ["s", "x", "z", "n", "k", "W_s", "b_s", "phi", "tanh", "E", "y", "", "t", "np", "class", "é"]
)
EQUATIONS = st.sampled_from(
    ["s[t]", "s[t-1]", "x[t]", "y[t-1]", "phi(s[t-1])", "W_s", "b_s", "sum(W_s)", "s[t-1].T",
     "b_s + b_s", "s[t-1] @ W_s @ W_s.T", "W_s @ s[t-1].T", "sum(s[t] - s[t])", "2 * d[t]"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | WORDS | EQUATIONS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=draws(500), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3),
    st.lists(st.tuples(st.sampled_from(list(TABLES)), WORDS, VALUES), max_size=2),
    st.lists(st.tuples(st.sampled_from(list(TABLES)), VALUES), max_size=1),
)
def test_any_value_in_any_place(changes, additions, sections):
    tables = copy.deepcopy(TABLES)
    for (section, key), value in changes:
        tables[section][key] = value
    for section, key, value in additions:
        if isinstance(tables[section], dict):
            tables[section][key] = value
    for section, value in sections:
        tables[section] = value
    try:
        source = Source("cell.toml", tables, TEXT, key_spots(TEXT, "cell.toml"))
        model = _ModelReader(source, "cell", "c").model()
        b.derive(model, steps=2, level="jacobian").latex()
        b.derive(model, steps=2, level="adjoint", loss="sum").text()
        b.generate(model)
    except b.InputError as error:
        assert "\n" not in str(error)
