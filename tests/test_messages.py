"""What a message adds: the line of the file with a caret, what to write, the nearest known name."""

from __future__ import annotations

import itertools
import re
import traceback

import pytest
from support.message import message_of
from test_bad_input import changed, run

import bptt_sym as b
from bptt_sym.excerpt import WIDEST, Excerpt
from bptt_sym.model.read import parse_model

# The line and the caret.


def below(text: str) -> list[str]:
    """What stands below the message for a text of a model file."""
    with pytest.raises(b.InputError) as refusal:
        parse_model(text, "cell")
    return refusal.value.excerpt.shown().splitlines()


@pytest.mark.parametrize(
    ("old", "new", "line", "under"),
    [
        ("x[t] @ W_x", "x[t] @ W_z", 's = "phi(x[t] @ W_z + s[t-1] @ W_s)"', "W_z"),
        ("s[t-1] @ W_s", "x[t]", 's = "phi(x[t] @ W_x + x[t])"', "x[t] @"),
        ('W_s = ["n", "n"]', 'W_s = ["n", "q"]', 'W_s = ["n", "q"]', "W_s"),
        ("[loss]", "[los]", "[los]", "los"),
        ('"phi(x[t]', '"phi(x[t] \\u0040 é', None, "é"),
        ('phi = "tanh"', "phi = tanh", "phi = tanh", "tanh"),
        ('s = "phi(x[t]', 's = """\nphi(\n\t q[t])"""\nv = "x[t]', '\t q[t])"""', "q[t]"),
    ],
)
def test_the_caret_is_under_what_is_wrong(old, new, line, under):
    shown, caret = below(changed(old, new))
    assert line is None or shown == line.replace("\t", " ")
    assert shown[caret.index("^") :].startswith(under)


def test_a_key_at_the_top_and_the_end_of_the_file_have_a_caret():
    assert below("titel = 'a'") == ["titel = 'a'", "^"]
    assert below("a = [") == ["a = [", "     ^"]


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ("日本 = 3", 4, "日本 = 3\n     ^"),
        ("e\u0301 = 3", 4, "e\u0301 = 3\n  ^"),
        ("\ta = 1", 2, " a = 1\n ^"),
        ("\x1b[31m = 1", 6, "\\x1b[31m = 1\n        ^"),
        ("\u202e = 1", 3, "\\u202e = 1\n       ^"),
        ("a = ", 5, "a =\n    ^"),
        ("", 1, "\n^"),
    ],
)
def test_signs_of_any_width_keep_the_caret_in_its_place(line, column, shown):
    assert Excerpt(line, column).shown() == shown


def test_what_an_encoding_lacks_is_an_escape_of_its_own_width():
    assert Excerpt("é日 = 1", 4).shown("ascii") == "\\xe9\\u65e5 = 1\n           ^"


@pytest.mark.parametrize("column", [1, 30, 60, 500, 970, 1000, 1001])
@pytest.mark.parametrize("sign", ["x", "数", "\x00", "\u0301"])
def test_a_long_line_is_cut_around_the_place(column, sign):
    """The place is in what is left, with some of what is around it, and the rest is dots."""
    line = sign * (column - 1) + "!" + sign * (1000 - column)
    text, caret = Excerpt(line[:1000], column).shown().split("\n")
    wide = 2 if sign == "数" else 0 if sign == "\u0301" else 1
    before = text.partition("!")[0]
    assert len(caret) - 1 == sum(wide if c == sign else 1 for c in before)
    assert sum(wide if c == sign else 1 for c in text) <= WIDEST
    assert text.startswith("...") or column < 200
    assert text.endswith("...") or column > 800


def test_python_shows_the_excerpt_as_a_note():
    with pytest.raises(b.InputError) as refusal:
        parse_model(changed("x[t] @ W_x", "x[t] @ W_z"), "cell")
    shown = "".join(traceback.format_exception(refusal.value))
    assert shown.endswith(f's = "phi(x[t] @ W_z + s[t-1] @ W_s)"\n{" " * 16}^\n')


# What to write instead of a product that does not fit.

ADVICE = {
    "W_s @ s[t-1]": "write s[t-1] @ W_s.T or s[t-1] @ W_s",
    "W_x @ x[t]": "write x[t] @ W_x",
    "W_x.T @ x[t]": "write x[t] @ W_x",
    "W_x @ (s[t-1] + s[t-1])": "write (s[t-1] + s[t-1]) @ W_x.T",
    "s[t-1] @ W_x": "write s[t-1] @ W_x.T",
    "s[t-1] @ s[t-1]": "write dot(s[t-1], s[t-1]) for a number or outer(s[t-1], s[t-1]) for a",
    "s[t-1] @ x[t]": "write outer(s[t-1], x[t]) for a matrix",
    "W_x @ W_x": "write W_x @ W_x.T or W_x.T @ W_x",
    "s[t-1] @ sum(s[t-1])": "write s[t-1] * sum(s[t-1])",
}


@pytest.mark.parametrize("equation", ADVICE)
def test_a_product_of_rows_that_does_not_fit_shows_one_that_does(equation):
    with pytest.raises(b.InputError) as refusal:
        parse_model(changed("phi(x[t] @ W_x + s[t-1] @ W_s)", equation))
    assert f"; {ADVICE[equation]}" in refusal.value.message


SHAPES = {"u": '["n"]', "v": '["m"]', "A": '["n", "n"]', "B_1": '["m", "n"]', "C": '["n", "m"]',
          "a": "[]", "r": '["n", 1]', "q": '[1, "m"]'}  # fmt: skip
MODEL = """
vectors = "{vectors}"
[dimensions]
n = ""
m = ""
[parameters]
{declared}
[equations]
y = "{equation}"
[loss]
E = "sum(y[t])"
"""


def refusal_of(equation: str, vectors: str) -> str | None:
    declared = "\n".join(f"{name} = {shape}" for name, shape in SHAPES.items())
    try:
        parse_model(MODEL.format(vectors=vectors, declared=declared, equation=equation))
    except b.InputError as error:
        return error.message
    return None


@pytest.mark.parametrize("vectors", ["rows", "columns"])
def test_what_is_advised_can_be_written(vectors):
    """Every pair of shapes, with a number, a vector or a matrix on either side of '@'."""
    advised = 0
    for left, right in itertools.product([*SHAPES, "(A + A)", "C.T"], repeat=2):
        said = refusal_of(f"{left} @ {right}", vectors) or ""
        if "; write " not in said:
            one, other = re.findall(r" is (\w) x (\w)", said) or ("", "")
            assert not set(one) & set(other), said
            continue
        for way in said.rpartition("; write ")[2].removesuffix(" (equation of 'y')").split(" or "):
            advised += 1
            refused = refusal_of(way.partition(" for a ")[0], vectors)
            assert refused is None, (said, refused)
    assert advised > 30


# The nearest known name.

NEAR = {
    "show elmann": "unknown model 'elmann' (did you mean 'elman'?)",
    "derive --wrt w_s": "unknown parameter or input 'w_s' (did you mean 'W_s'?)",
    "derive --wrt X": "unknown parameter or input 'X' (did you mean 'x'?)",
    "figure --path W_t:2 -o f.svg": "unknown parameter 'W_t' (did you mean 'W_",
    "notes --exercise Ws -o f.tex": "unknown parameter 'Ws' (did you mean 'W_s'?)",
    "derive --notation goodfelow": "unknown notation 'goodfelow' (did you mean 'goodfellow'?)",
    "derive --steeps 3": "No such option '--steeps' (did you mean '--steps'?)",
    "derve": "No such command 'derve' (did you mean 'derive'?)",
    "derive --level adjiont": "'chain', 'jacobian', 'adjoint' (did you mean 'adjoint'?)",
    "derive --loss SUM": "'SUM' is not one of 'last', 'sum', 'mean' (did you mean 'sum'?)",
    "generate --activation ph=tanh": "has no function 'ph' (did you mean 'phi'?)",
    "generate --activation phi=tahn": "unknown function 'tahn' (did you mean 'tanh'?)",
}


@pytest.mark.parametrize("command", NEAR)
def test_the_nearest_name_on_the_command_line(capsys, command):
    code, out, err = run(capsys, *command.split())
    assert (code, out) == (2, "")
    assert NEAR[command] in message_of(err)


NEAR_IN_A_FILE = [
    ("x[t] @ W_x", "x[t] @ w_x", "'w_x' is not declared (did you mean 'W_x'?)"),
    ("phi(x[t]", "phj(x[t]", "unknown operation 'phj' (did you mean 'phi'?)"),
    ("phi(x[t]", "sigmiod(x[t]", "unknown operation 'sigmiod' (did you mean 'sigmoid'?)"),
    ("[equations]", "[Equations]", "unknown entry 'Equations' (did you mean 'equations'?)"),
    ("title =", "titel =", "unknown entry 'titel' (did you mean 'title'?)"),
    ('s = "z"', 'S = "z"', "'S' has no equation (did you mean 's'?)"),
    ('phi = "tanh"', 'phi = "Tanh"', "unknown function 'Tanh' for 'phi' (did you mean 'tanh'?)"),
    ("[loss]", "[latex]\nW_S = 'W'\n[loss]", "'W_S' is not declared (did you mean 'W_"),
    ('W_s = ["n", "n"]', 'W_s = ["n", "nn"]', "is not declared (did you mean 'n'?)"),
    ('W_s = ["n", "n"]', 'W_s = {shap = ["n"]}', "'shap' for 'W_s' (did you mean 'shape'?)"),
    ('W_s = ["n", "n"]', 'W_s = {shape = ["n", "n"], init = "ortogonal"}', "mean 'orthogonal'?"),
]


@pytest.mark.parametrize(("old", "new", "said"), NEAR_IN_A_FILE)
def test_the_nearest_name_in_a_file(old, new, said):
    with pytest.raises(b.InputError) as refusal:
        parse_model(changed(old, new))
    assert said in refusal.value.message
