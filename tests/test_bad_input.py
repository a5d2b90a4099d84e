"""Bad input: one line on standard error that says where, what and what else; exit code 2."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time
from importlib.resources import files

import pytest
import sympy
from conftest import ArmedError
from hypothesis import given, settings
from hypothesis import strategies as st

import bptt_sym as b
from bptt_sym.cli import main
from bptt_sym.model.read import parse_model

ELMAN = (files("bptt_sym.model") / "cells" / "elman.toml").read_text(encoding="utf-8")
STATE = 's = "phi(x[t] @ W_x + s[t-1] @ W_s)"'
W_S = 'W_s = ["n", "n"]'


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return end.value.code, output.out, output.err


def refused(capsys, *arguments: object) -> str:
    """The one line with which a command is refused."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1 and err.endswith("\n"), err
    assert "error: " in err and "Traceback" not in err
    return err.rstrip("\n")


OPTIONS = [
    ("derive nosuch", "unknown model 'nosuch'; models that ship are elman"),
    ("derive nosuch.toml", "nosuch.toml: error: no such model file"),
    ("derive .toml", "no such model file"),
    ("derive /", "this is a folder, not a model file"),
    ("derive /dev/zero", "no regular file"),
    ("derive --wrt Q", "unknown parameter 'Q'; the parameters of 'elman' are W_y, W_s, W_x"),
    ("derive --steps 0", "a whole number from 1 to 10000, not 0"),
    ("derive --steps -1", "a whole number from 1 to 10000, not -1"),
    ("derive --steps 1000000000", "a whole number from 1 to 10000, not 1000000000"),
    ("derive --steps 10**9", "'10**9' is not a valid integer"),
    ("derive --steps three", "'three' is not a valid integer"),
    ("derive --number-from -1", "from 0 to 1000000, not -1"),
    ("derive --most-factors 1", "from 4 to 10000, not 1"),
    ("derive --level proof", "is not one of 'chain', 'jacobian', 'adjoint'"),
    ("derive --loss all", "is not one of 'last', 'sum'"),
    ("derive --format pdf", "is not one of 'text', 'latex', 'json'"),
    ("derive --nosuch", "No such option '--nosuch'"),
    ("nosuch", "No such command 'nosuch'"),
    ("show", "Missing argument 'MODEL'"),
    ("show nosuch", "unknown model 'nosuch'"),
    ("generate --activation phi", "--activation takes NAME=FUNCTION"),
    ("generate --activation phi=nosuch", "unknown function 'nosuch'; known are"),
    ("generate --activation nosuch=tanh", "has no function 'nosuch'; it has phi, sigma"),
    ("generate -o /nosuch/m.py", "the folder to write into does not exist"),
    ("generate -o /", "this is a folder"),
    ("generate --force -o /dev/null", "no regular file"),
    ("verify --tolerance nan", "between 0 and 1, not nan"),
    ("verify --tolerance 0", "between 0 and 1, not 0.0"),
    ("verify --tolerance abc", "'abc' is not a valid float"),
    ("verify --seed -1", "the seed must be a whole number from 0"),
    ("verify --steps 0", "from 1 to 1000, not 0"),
    ("verify nosuch.py", "nosuch.py: error: no such file"),
]


@pytest.mark.parametrize(("command", "message"), OPTIONS)
def test_a_bad_option(capsys, command, message):
    assert message in refused(capsys, *command.split())


# What stands in the place of the state's equation, and the place and message that it gets.
EQUATIONS = [
    ("phi(x[t] @ Q)", "17: error: 'Q' is not declared; declared are W_y, W_s, W_x, x, d, s"),
    ("phi(x[t] @ W_s)", "10: error: operator '@': x[t] is 1 x m and W_s is n x n; the columns"),
    ("phi(x[t] + s[t-1])", "10: error: operator '+': x[t] is 1 x m and s[t-1] is 1 x n; both"),
    ("phi(x[t] * s[t-1])", "10: error: operator '*': x[t] is 1 x m and s[t-1] is 1 x n; both"),
    ("x[t]", "operator '=': the state 's' is declared 1 x n and its equation gives 1 x m"),
    ("phi(s[t+1])", "10: error: s[t+1] is a later time step"),
    ("phi(s[t-2])", "10: error: the time step of s[t-2] must be [t] or [t-1]"),
    ("phi(s[0])", "10: error: the time step of s[0] must be [t] or [t-1]"),
    ("phi(s[t:2])", "the time step of s[t:2] must be [t] or [t-1]"),
    ("phi(y[t] @ W_y.T)", "10: error: a cycle within the time step: s[t] -> y[t] -> s[t]"),
    ("phi(s[t])", "10: error: a cycle within the time step: s[t] -> s[t]"),
    ("phi(y[t-1] @ W_y.T)", "10: error: y[t-1] needs an initial value: declare 'y' under [states]"),
    ("phi(x[t-1] @ W_x)", "10: error: 'x' is given at [t] only"),
    ("s[t-1] @ W_s[t]", "the parameter 'W_s' has no time step; write W_s"),
    ("s @ W_s", "6: error: 's' needs a time step: s[t] or s[t-1]"),
    ("phi", "6: error: the function 'phi' needs an argument: phi(...)"),
    ("nosuch(s[t-1])", "6: error: unknown operation 'nosuch'; known are cos, exp"),
    ("phi(z=s[t-1])", "'phi' takes one argument"),
    ("phi(*s[t-1])", "'phi' takes one argument"),
    ("phi(s[t-1], s[t-1])", "'phi' takes one argument"),
    ("2 @ s[t-1]", "operator '@' joins matrices; a number is taken by '*'"),
    ("s[t-1] / 0", "division by zero"),
    ("s[t-1] / s[t-1]", "operator '/' divides by a number only"),
    ("s[t-1] ** 99999999", "the exponent must be a whole number from 1 to 16"),
    ("s[t-1] ** (-1)", "the exponent must be a whole number from 1 to 16"),
    ("9**9**9 * s[t-1]", "operator '**' raises a vector to a whole number"),
    ("1 + 1", "an equation must read a variable, not only numbers"),
    ("1e400 * s[t-1]", "a number is written plainly"),
    ("0.1234567890123456 * s[t-1]", "a number is written plainly, in at most 15 digits"),
    ("", "6: error: an equation is empty"),
    ("  ", "6: error: an equation is empty"),
    ("  s[t-1] +", "not an equation: invalid syntax"),
    ("s[t-1]; import os", "not an equation: invalid syntax"),
    ("__import__('os').system('touch x')", "6: error: not part of the equation language"),
    ("(lambda: 1)()", "not part of the equation language"),
    ("[s for s in x]", "not part of the equation language"),
    ("x.__class__", "not part of the equation language"),
    ("x[t].real", "not part of the equation language"),
    ("(z := s[t-1])", "not part of the equation language"),
    ("f'{s}'", "not part of the equation language"),
    ("'text'", "not part of the equation language"),
    ("b'bytes'", "not part of the equation language"),
    ("1j * s[t-1]", "not part of the equation language"),
    ("True * s[t-1]", "not part of the equation language"),
    ("None", "not part of the equation language"),
    ("s[t-1] if 1 else x[t]", "not part of the equation language"),
    ("s[t-1] // 2", "not part of the equation language"),
    ("~s[t-1]", "not part of the equation language"),
    ("not s[t-1]", "not part of the equation language"),
    ("s[t-1] < 0", "not part of the equation language"),
    ("1" * 5000, "not an equation"),
    ("(" * 4000 + "s[t-1]" + ")" * 4000, "error: "),
    ("-" * 9000 + "s[t-1]", "an equation nested too deeply"),
    ("s[t-1]" + ".T" * 3000, "nested"),
    ("s[t-1] + " * 1000 + "s[t-1]", "an equation nested more than 100 deep"),
    ("s[t-1] + " * 100_000 + "s[t-1]", "at most 10000 characters"),
]


@pytest.mark.parametrize(("equation", "message"), EQUATIONS, ids=range(len(EQUATIONS)))
def test_a_bad_equation(capsys, tmp_path, monkeypatch, equation, message):
    monkeypatch.chdir(tmp_path)
    text = ELMAN.replace(STATE, f's = "{equation}"')
    assert text != ELMAN
    (tmp_path / "cell.toml").write_text(text)
    line = text[: text.index("\ns = ", text.index("[equations]"))].count("\n") + 2
    shown = refused(capsys, "generate", "cell.toml", "-o", "cell.py")
    assert shown.startswith(f"cell.toml:{line}:")
    assert message in shown
    assert {path.name for path in tmp_path.iterdir()} == {"cell.toml"}


def changed(old: str, new: str) -> str:
    assert old in ELMAN
    return ELMAN.replace(old, new)


FILES = {
    "empty": ("", "the section [dimensions] is missing or empty"),
    "no loss": (changed("[loss]\nE", "[sum]\nE"), "unknown entry 'sum'; known are title"),
    "empty section": (changed(W_S, "").replace('W_y = ["n", "k"]', "").replace(
        'W_x = ["m", "n"]', ""), "the section [parameters] is missing or empty"),
    "broken TOML": ("a = [", "cell.toml:1:1: error: not valid TOML"),
    "broken string": (changed(STATE, 's = "phi('), "error: not valid TOML"),
    "a NUL": ('title = "a\0b"', "not valid TOML"),
    "a byte order mark": ("\ufeff" + ELMAN, "cell.toml:1:1: error: not valid TOML"),
    "nested arrays": ("a = " + "[" * 100_000, "nested too deeply"),
    "a large file": ('a = "' + "x" * 2_000_000 + '"', "at most 1000000 bytes"),
    "section is no table": (changed("[states]\ns = [", "[states.s]\nt = ["), "the shape of 's'"),
    "undeclared dimension": (changed(W_S, 'W_s = ["n", "q"]'), "declared; declared are k, m, n"),
    "shape is text": (changed(W_S, 'W_s = "n"'), '["n"] for a vector or ["m", "n"] for a matrix'),
    "three dimensions": (changed(W_S, 'W_s = ["n", "n", "n"]'), "for a vector or"),
    "declared twice": (changed("[targets]\nd", "[targets]\nx"), "declared already"),
    "no equation": (changed(STATE, "").replace('s = "z"\n', ""), "the state 's' has no equation"),
    "equation is a number": (changed(STATE, "s = 3"), "the equation of 's' must be text"),
    "loss is a vector": (changed("sum((d[t] - y[t]) ** 2)", "d[t] - y[t]"), "must be a scalar"),
    "two losses": (ELMAN + 'F = "sum(y[t])"\n', "the section [loss] has one equation"),
    "unknown function": (changed('phi = "tanh"', 'phi = "nosuch"'), "unknown function 'nosuch'"),
    "preactivation taken": (changed('s = "z"', 's = "W_s"'), "declared already, as a name"),
    "preactivation of nothing": (changed('s = "z"', 'q = "z"'), "'q' has no equation"),
    "too many preactivations": (changed('s = "z"', 's = ["z", "a"]'), "has 1 pre-activations"),
    "10,000 equations": (changed(STATE, "\n".join(
        f'v{k} = "2 * s[t-1]"' for k in range(10_000)) + "\n" + STATE), "at most 200 equations"),
    "a title of two lines": (changed("Elman network", "a\\nb"), "'title' must be one line"),
    "a meaning of two lines": (changed('m = "inputs"', 'm = "a\\nb"'), "say in words"),
    "keyword": (changed(W_S, 'class = ["n"]'), "the name 'class' is a Python keyword"),
    "dunder": (changed(W_S, '__x__ = ["n"]'), "is not letters and digits"),
    "quotes": (changed(W_S, '"a\\"b" = ["n"]'), "is not letters and digits"),
    "template": (changed(W_S, '"{{ 1 }}" = ["n"]'), "is not letters and digits"),
    "LaTeX command": (changed(W_S, '"\\\\input" = ["n"]'), "is not letters and digits"),
    "markup": (changed(W_S, '"</script>" = ["n"]'), "is not letters and digits"),
    "look-alike": (changed(W_S, '"\uff37_s" = ["n"]'), "is not letters and digits"),
    "line break": (changed(W_S, '"a\\nb" = ["n"]'), "is not letters and digits"),
    "reserved": (changed(W_S, 'np = ["n"]'), "the name 'np' is reserved"),
    "long name": (changed(W_S, f'{"a" * 100} = ["n"]'), "is longer than 40 characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_bad_model_file(capsys, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    text, message = FILES[case]
    (tmp_path / "cell.toml").write_text(text, encoding="utf-8")
    started = time.monotonic()
    shown = refused(capsys, "derive", "cell.toml", "-o", "out.txt")
    assert shown.startswith("cell.toml:") and message in shown
    assert {path.name for path in tmp_path.iterdir()} == {"cell.toml"}
    # Not a measurement: a hang is a fault of its own.
    assert time.monotonic() - started < 20


def test_a_file_that_is_not_utf_8(capsys, tmp_path):
    (tmp_path / "cell.toml").write_bytes(b"title = 'a'\nsource = '\xff'")
    assert ":2:11: error: not UTF-8 text" in refused(capsys, "show", tmp_path / "cell.toml")


MODULES = {
    "no interface": ("x = 1", "it has no Parameters, InitialState, forward"),
    "broken syntax": ("x = (", ":1:5: error: not a Python module"),
    "raises": ("1 / 0", "cannot be imported: ZeroDivisionError"),
    "exits": ("raise SystemExit(0)", "cannot be imported: SystemExit"),
}


@pytest.mark.parametrize("case", MODULES)
def test_a_module_that_is_not_one_of_ours(capsys, tmp_path, case):
    source, message = MODULES[case]
    (tmp_path / "module.py").write_text(source)
    assert message in refused(capsys, "verify", tmp_path / "module.py")


HOSTILE = ' """ \\ {{ 1 }} {% raw %} $%#_^&~{} \\input{x} </script> # é'


@pytest.mark.parametrize("old", ["Elman network", '"inputs"', "Cognitive Science"])
def test_words_of_a_user_stay_words(tmp_path, old):
    """Title, meanings and source end up in docstrings, comments and LaTeX; none gets out."""
    quoted = HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
    text = changed(old, f'"{quoted}"' if old[0] == '"' else quoted)
    model = parse_model(text, "cell")
    source = b.generate(model)
    tree = ast.parse(source)
    assert HOSTILE.strip() in ast.get_docstring(tree) or old == "Cognitive Science"
    assert b.verify(b.compile(model) and model).holds
    latex = b.derive(model).latex()
    assert "\\input{x}" not in latex.split("\\paragraph", 1)[1]


def test_the_path_of_a_model_stays_a_word(tmp_path, capsys):
    path = tmp_path / 'a """ \n b\\.toml'
    path.write_text(ELMAN)
    code, source, _ = run(capsys, "generate", path)
    assert code == 0
    ast.parse(source)
    code, latex, _ = run(capsys, "derive", path, "--format", "latex")
    assert code == 0
    assert re.match(r"(%.*\n)+\\paragraph", latex)


def test_the_suite_is_armed():
    with pytest.raises((ArmedError, sympy.SympifyError)):
        sympy.sympify("1 + 1")


def test_a_fault_of_our_own_asks_for_a_report(capsys, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr("bptt_sym.api.load_model", broken)
    code, _, err = run(capsys, "derive")
    assert code == 4
    assert "fault: RuntimeError" in err and "Please report it" in err
    assert "Traceback" not in err


def test_a_real_process(tmp_path):
    command = [sys.executable, "-m", "bptt_sym", "derive", "--steps", "0"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=20, cwd=tmp_path, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"[xsdyWphi_@+*/().T\[\]t0-9 -]{0,40}", fullmatch=True))
def test_any_text_is_an_equation_or_refused(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    try:
        parse_model(ELMAN.replace(STATE, f's = "{quoted}"'))
    except b.InputError as error:
        assert "\n" not in str(error)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_model_or_refused(text):
    with pytest.raises(b.InputError) as refusal:
        parse_model(text)
    assert "\n" not in str(refusal.value)
