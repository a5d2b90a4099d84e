"""Names that a model may not have: of others, of a wrong form, alike; and the LaTeX of names."""

from __future__ import annotations

import json
import re

import pytest
from support.elman_text import ELMAN, W_S, changed

import bptt_sym as b
from bptt_sym.algebra.names import why_not_a_name
from bptt_sym.model.latex_names import why_not_latex
from bptt_sym.model.read import parse_model

# Names: of Python, of the language, and what would be no name anywhere.

KEYWORD = "is a keyword of Python, which no equation can hold; take another name"
SPELLED = "is not letters and digits, begun by a letter, with at most one underscore inside"
KNOWN = "is an operation of the equation language"
NAMES = {
    "class": KEYWORD, "None": KEYWORD, "lambda": KEYWORD, "in": KEYWORD, "async": KEYWORD,
    "tanh": KNOWN, "sum": KNOWN, "softmax": KNOWN, "layer_norm": KNOWN, "floor": KNOWN,
    "t": "is reserved",
    "__class__": SPELLED, "_x": SPELLED, "x_": SPELLED, "x__y": SPELLED, "W_x_y": SPELLED,
    "1x": SPELLED, "x'": SPELLED, "x y": SPELLED, "x-y": SPELLED, "x.y": SPELLED, "": SPELLED,
    'a"b': SPELLED, "a\\b": SPELLED, "a\nb": SPELLED, "a\tb": SPELLED, "{a}": SPELLED,
    "{{ 1 }}": SPELLED, "{% raw %}": SPELLED, "\\input": SPELLED, "$x$": SPELLED, "%": SPELLED,
    "</script>": SPELLED, "a#b": SPELLED, '"""': SPELLED,
    # Look-alikes: of a full width, Cyrillic, mathematical, with a mark, Greek, a ligature, hidden.
    "\uff37": SPELLED, "\u0430": SPELLED, "\U0001d44a": SPELLED, "e\u0301": SPELLED,
    "\u03b1": SPELLED, "\ufb01": SPELLED, "x\u200b": SPELLED, "\u00e9": SPELLED, "\u2160": SPELLED,
    "a" * 41: "is longer than 40 characters",
}  # fmt: skip


@pytest.mark.parametrize("section", ["dimensions", "parameters", "functions", "equations", "loss"])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_bad_name(name, section):
    key = name.translate({ord(c): f"\\u{ord(c):04x}" for c in '"\\\n\t'})
    value = {"dimensions": '"more"', "parameters": '["n"]', "functions": '"tanh"'}.get(section)
    value = value or '"2 * s[t]"'
    text = ELMAN if section != "loss" else changed('E = "sum', f'"{key}" = "sum')
    if section != "loss":
        text = re.sub(rf"(\[{section}\]\n(.+\n)*)", r'\1"{}" = {}\n', text, count=1)
        before, after = text.split('"{}" = {}', 1)
        text = f'{before}"{key}" = {value}{after}'
    with pytest.raises(b.InputError) as refusal:
        parse_model(text, "cell")
    assert NAMES[name] in str(refusal.value) and "\n" not in str(refusal.value)
    assert str(refusal.value).isascii()


@pytest.mark.parametrize(
    "name",
    ["e", "W", "h_tilde", "size", "id", "np", "b_1", "I", "O", "l", "E", "gamma", "nu"],
)
def test_a_name_of_mathematics_is_good(name):
    assert why_not_a_name(name) is None


# Names that print alike.

MORE = f"{W_S}\n"
SAME = [
    (MORE + 'x_1 = ["n"]', {}, "'x_1' prints like 'x' at step 1"),
    (MORE + 'x_t = ["n"]', {}, "'x_t' prints like 'x' at step t"),
    (MORE + 's_0 = ["n"]', {}, "'s_0' prints like 's' at step 0"),
    (MORE + 'E_12 = ["n"]', {}, "'E_12' prints like 'E' at step 12"),
    (MORE + 'z_1 = ["n"]', {}, "'z_1' prints like 'z' at step 1"),
    (MORE + 'I_n = ["n"]', {}, "'I_n' prints like the identity of size n"),
    (W_S, {"W_x": "W_s"}, "'W_x' prints like 'W_s'"),
    (W_S, {"W_s": "A", "W_x": "A"}, "'W_x' prints like 'W_s'"),
    (W_S, {"W_s": "A_1", "W_x": "{A}_{1}"}, "'W_x' prints like 'W_s'"),
    (W_S, {"W_s": r"\tilde{A}", "W_x": r"{ \tilde { {A} } }"}, "'W_x' prints like 'W_s'"),
    (W_S, {"s": "a", "x": "a"}, "'s' prints like 'x'"),
    (W_S, {"s": r"\bar{x}"}, "'s' prints like 'x'"),
    (W_S, {"W_s": "n"}, "'W_s' prints like 'n'"),
    (W_S, {"W_s": "t"}, "'W_s' prints like the index t"),
    (W_S, {"W_s": "I_n"}, "'W_s' prints like the identity of size n"),
    (W_S, {"W_s": r"\phi"}, "'phi' prints like 'W_s'"),
    (W_S, {"x": "x", "W_s": "x_1"}, "'W_s' prints like 'x' at step 1"),
    (W_S, {"W_s": r"\bar{x}_{12}"}, "'W_s' prints like 'x' at step 12"),
    (W_S, {"W_s": r"\bar{x}_{t-1}"}, "'W_s' prints like 'x' at step t-1"),
]


@pytest.mark.parametrize(("parameters", "latex", "message"), SAME, ids=range(len(SAME)))
def test_two_names_that_print_alike(parameters, latex, message):
    lines = [f"{name} = '{text}'" for name, text in latex.items()]
    with pytest.raises(b.InputError) as refusal:
        parse_model("\n".join([changed(W_S, parameters), "[latex]", *lines]), "cell")
    assert f"error: {message}; give one of them another name, or another" in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (W_S, MORE + 'x1 = ["n"]\nq_1 = ["n"]\nx_s = ["n"]\nx_n = ["n"]'),
        (W_S, MORE + 'd_N = ["n"]'),
        (f"{W_S}\n", f'{W_S}\ns_0 = ["n"]\n'),
        ("[loss]", "[latex]\ns = 'n'\nW_s = 'x'\nd = '\\hat{x}'\n\n[loss]"),
    ],
)
def test_names_that_look_different_are_good(old, new):
    text = changed(old, new).replace(
        '[states]\ns = ["n"]', '[states]\ns = {shape = ["n"], initial = 0}'
    )
    if "s_0" in text:
        text = text.replace("initial = 0", 'initial = "s_0"')
    parse_model(text)


# The LaTeX of a name.

CLOSED = [
    r"\input", r"\input{/etc/passwd}", r"\write18{ls}", r"\def", r"\catcode", r"\csname", r"\let",
    r"\mathrm{\input{x}}", r"\immediate", r"\openout", r"\href{x}{y}", r"\text{x}", r"\frac{1}{2}",
    r"\left(", r"\\", r"\,", r"\ ", "\\", "a\\", r"\^^41", "a^^M", "%", "a%b", "#1", "$x$", "$$",
    "a&b", "~", "x\ny", "x\ty", '"', "<", "</script>", "{% raw %}", "\u00e9", "\uff41", "\u200b",
    "\0", "", " ", "a" * 61, "{", "}", "}{", "{a", "a}", "{{a}", "_", "^", "'", "_a", "^a", "'a",
    "a_", "a^", "a__b", "a^^b", "a_b_c", "a^b^c", "a^b'", "a'_b'", "a' '", "a_ b_ c", "a_}", "a_^b",
    "{a_}", r"\bar", r"\bar a", r"\bar{}", r"\bar_a", r"\mathbf^a", r"a_\bar{b}", r"\tilde\bar{a}",
]  # fmt: skip


@pytest.mark.parametrize("text", CLOSED, ids=ascii)
def test_latex_that_is_refused(text):
    reason = why_not_latex(text)
    assert reason and "\n" not in reason and reason.isascii()
    quoted = json.dumps(text)
    with pytest.raises(b.InputError, match="the LaTeX of 's' "):
        parse_model(f"{ELMAN}[latex]\ns = {quoted}\n")


@pytest.mark.parametrize(
    "text",
    [r"\tilde{h}", "f'", "h''", "x_1", "x_{12}", "x'_1", "x'^2", "{x_1}_2", "h^{(1)}",
     r"x^\top", "W^*", r"\overleftarrow{h}", r"\mathbf{x}_{i,j}", r"\bar{\phi}^{+}", "a b",
     "{{ x }}", r"\langle a \rangle"],
)  # fmt: skip
def test_latex_that_is_good(text):
    assert why_not_latex(text) is None
