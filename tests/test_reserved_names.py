"""Which names a model may not have, as docs/language.md says; all others work throughout."""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
from pathlib import Path

import numpy as np
import pytest

import bptt_sym as b
from bptt_sym.algebra.names import TIME_STEP
from bptt_sym.model.latex_names import why_not_latex
from bptt_sym.model.read import parse_model
from bptt_sym.model.tables import WORDS
from bptt_sym.model.words import FREE_WORDS
from bptt_sym.render.plain import ascii_text, unicode_text
from bptt_sym.render.tex import tex
from bptt_sym.render.typeset import typeset
from bptt_sym.reserved import REACHING
from bptt_sym.targets.numpy.python_names import free_sizes

PAGE = (Path(__file__).parents[1] / "docs" / "language.md").read_text(encoding="utf-8")

CELL = """
[dimensions]
{n} = "units"
[inputs]
{x} = ["{n}"]
[parameters]
{W} = ["{n}", "{n}"]
{b} = []
[states]
{s} = ["{n}"]
[equations]
{s} = "tanh({x}[t] + {s}[t-1] @ {W}) * {b}"
{y} = "{s}[t] * {s}[t-1] + {x}[t]"
[loss]
{E} = "sum({y}[t] ** 2)"
"""
PLAIN = {"n": "n", "x": "x", "W": "W", "b": "b", "s": "s", "y": "y", "E": "E"}


def cell(**names: str) -> b.Model:
    return parse_model(CELL.format(**PLAIN | names))


# What is refused, and why.


def reason(**names: str) -> str:
    with pytest.raises(b.InputError) as refusal:
        cell(**names)
    return refusal.value.message


@pytest.mark.parametrize("name", ["lambda", "in", "is", "as", "if", "class"])
def test_a_keyword_is_refused_where_it_is_declared_and_where_it_is_read(name):
    said = f"'{name}' is a keyword of Python, which no equation can hold; take another name, "
    assert said in reason(W=name)
    with pytest.raises(b.InputError) as refusal:
        parse_model(CELL.format(**PLAIN).replace("@ W", f"@ {name}"))
    assert said in refusal.value.message
    assert refusal.value.excerpt.line[refusal.value.place.column - 1 :].startswith(f"{name}) *")


def test_the_way_out_of_a_keyword_is_one():
    said = reason(W="lambda")
    name, latex = re.search(r"such as (\w+) = '(.*)' under \[latex\]", said).groups()
    assert (name, latex, why_not_latex(latex)) == ("lam", r"\lambda", None)
    assert cell(W=name)


def test_the_time_step_of_equations_is_reserved():
    for role in PLAIN:
        assert "the name 't' is reserved: equations call the time step so, as in x[t]" in reason(
            **{role: TIME_STEP}
        )


def test_an_operation_that_prints_by_its_name_is_no_name():
    for name in WORDS - FREE_WORDS:
        for role in ("n", "W", "s", "E"):
            assert f"'{name}' is an operation of the equation language, which a" in reason(
                **{role: name}
            )


SAMPLE = """
[dimensions]
n = ""
[inputs]
v = ["n"]
[parameters]
M = ["n", "n"]
[equations]
y = "{}"
[loss]
E = "sum(y[t]) + sum(v[t])"
"""
OPERANDS = ("v[t]", "M", "n", "2", "v[t] > 0")


def sample(word: str) -> b.Model:
    """A model with a call of a word, with operands that it takes."""
    for count in (1, 2, 3):
        for operands in itertools.product(OPERANDS, repeat=count):
            try:
                return parse_model(SAMPLE.format(f"{word}({', '.join(operands)})"))
            except b.InputError:
                continue
    raise AssertionError(word)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_a_word_is_free_where_it_does_not_print_by_its_name(word):
    """Add a new word to FREE_WORDS if its call prints as a sign."""
    model = sample(word)
    name = word.replace("_", r"[\\_ ]*").replace("sum", r"(?<!\\)sum")
    printed = [typeset(equation.expression) for equation in model.definitions]
    texts = [write(shown) for shown in printed for write in (tex, unicode_text, ascii_text)]
    found = re.search(rf"(?<![a-z]){name}(?![a-z])", "\n".join(texts))
    assert (found is None) == (word in FREE_WORDS)


# What is not refused works: names of Python, of NumPy, of generated code and of the language.

FORM = re.compile("[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)?")
OF_CODE = ("np", "npt", "T", "B", "N", "I", "O", "l", "params", "work", "value")
OTHERS = {*OF_CODE, "match", "case", "type", "step", "normal_pdf"}
ALLOWED = {*vars(np), *dir(builtins), *OTHERS, *REACHING} - {*WORDS, *keyword.kwlist, TIME_STEP}
ALLOWED = sorted(filter(FORM.fullmatch, ALLOWED | FREE_WORDS))


def test_every_other_name_is_read():
    assert len(ALLOWED) > 500
    for name in ALLOWED:
        assert cell(W=name).parameters.keys() == {name, "b"}


NAMES = [
    dict(zip(PLAIN, names, strict=True))
    for names in [
        ("size", "np", "ones", "shape", "mean", "dot", "loss"),
        ("ones", "T", "B", "l", "state", "O", "I"),
        ("any", "input", "eye", "type", "range", "len", "zeros"),
        ("np", "dtype", "dump", "ctypes", "dot", "math", "forward"),
        ("value", "array", "match", "index", "count", "where", "print"),
        ("l", "params", "work", "rng", "sizes", "start", "Result"),
        ("dump", "self", "State", "Array", "weight", "final", "result"),
        ("T", "B", "N", "T_1", "E", "t_0", "L"),
        ("B", "x", "T", "N", "i", "j", "J"),
        ("N", "T", "B", "L", "s", "K", "J"),
        ("id", "step", "Parameters", "seed", "exact", "window", "run"),
    ]
]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("names", NAMES, ids=lambda names: "-".join(names.values()))
@pytest.mark.parametrize("style", ["readable", "fast"])
def test_a_model_works_under_any_names(names, style, tmp_path):
    model = cell(**names)
    report = b.verify(model, style=style)
    assert report.holds
    path = tmp_path / "module.py"
    path.write_text(b.generate(model, style=style), encoding="utf-8")
    from bptt_sym.api import verify_file

    assert verify_file(path).holds
    assert names["s"] in b.derive(model, level="adjoint").text()


HEADS = """
[dimensions]
T = "heads"
B = "inputs"
len = "units of a head"
N = "outputs"
[inputs]
x = ["B"]
[targets]
d = ["T", 1, "N"]
[parameters]
W = ["T", "B", "len"]
g = ["T", 1, 1]
V = ["len", "N"]
[states]
S = {shape = ["T", 1, "len"], initial = 0}
[equations]
S = "sigmoid(g) * S[t-1] + tanh(x[t] @ W) / sqrt(T)"
y = "S[t] @ V"
[loss]
E = "sum((d[t] - y[t]) ** 2) / N"
E_last = "sum(S[t] ** 2) * B"
"""


@pytest.mark.parametrize("style", ["readable", "fast"])
def test_dimensions_may_have_the_names_that_steps_and_sequences_have(style):
    model = parse_model(HEADS)
    assert b.verify(model, style=style, masked=True).holds
    code = b.generate(model, style=style)
    told = " ".join(code.split())
    assert "Sizes: T time steps, B sequences, T_ heads, B_ inputs, len_ units of a head" in told
    assert "tanh(z_{S,t}) / sqrt(T_)" in code


def test_the_last_step_gives_way_to_a_name_of_the_model():
    told = b.derive(parse_model(HEADS), level="adjoint", loss="sum").text()
    assert "L = 3, level adjoint" in told and "for any L" in told and " / N" in told
    assert "N = 3" not in told and "_N" not in told
    assert "given x (T, B, B_)" in b.api.program_text(parse_model(HEADS), after="graph")


def test_a_size_gives_way_to_what_code_needs_and_to_other_names():
    assert free_sizes(["n", "T", "len"], ["T_", "x"]) == {"n": "n", "T": "T__", "len": "len_"}


# The page says all of it.


def test_the_page_names_what_is_reserved():
    section = PAGE.partition("## Names\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", section, re.MULTILINE))
    listed = {what: set(re.findall(r"`([^`]+)`", names)) for names, what in rows.items()}
    (reserved,) = (names for what, names in listed.items() if "time step" in what)
    assert reserved == {TIME_STEP}
    free = re.search(r"may be called (.*?), too", section.replace("\n", " "))[1]
    assert set(re.findall(r"`([^`]+)`", free)) == FREE_WORDS
