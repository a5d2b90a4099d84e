"""Bad input: one line on standard error that says where, what and what else; exit code 2."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import time

import pytest
import sympy
from conftest import ArmedError
from hypothesis import given, settings
from hypothesis import strategies as st
from support.draws import draws
from support.elman_text import ELMAN, STATE, W_S, changed
from support.message import message_of

import bptt_sym as b
from bptt_sym.cli import main
from bptt_sym.model.read import parse_model


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """The exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return end.value.code, output.out, output.err


def refused(capsys, *arguments: object) -> str:
    """The one line with which a command is refused; what a file says there may stand below it."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, ""), err
    return message_of(err)


OPTIONS = [
    (
        "derive nosuch",
        "unknown model 'nosuch'; models that ship are bidirectional, elman, elman-bias, ",
    ),
    ("derive nosuch.toml", "nosuch.toml: error: no such model file"),
    ("derive .toml", "no such model file"),
    ("derive /", "this is a folder, not a model file"),
    ("derive /dev/zero", "no regular file"),
    (
        "derive --wrt Q",
        "unknown parameter or input 'Q'; the parameters of 'elman' are W_y, W_s, W_x, its inputs x",
    ),
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
    ("derive --nosuch", "No such option"),
    ("nosuch", "No such command 'nosuch'"),
    ("show", "Missing argument 'MODEL'"),
    ("show nosuch", "unknown model 'nosuch'"),
    ("generate --activation phi", "--activation takes NAME=FUNCTION"),
    ("generate --activation phi=quux", "unknown function 'quux'; known are"),
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
    # Names.
    ("phi(x[t] @ Q)", "17: error: 'Q' is not declared; declared are W_y, W_s, W_x, x, d, s"),
    ("phi", "6: error: the function 'phi' needs an argument: phi(...)"),
    ("quux(s[t-1])", "6: error: unknown operation 'quux'; known are abs, arctan"),
    ("Phi(s[t-1])", "6: error: unknown operation 'Phi' (did you mean 'phi'?); known are"),
    ("s[t-1] @ W_s[t]", "'W_s' has no time step; write W_s"),
    ("W_s[0:n, t]", "'W_s' has no time step; write W_s"),
    ("s @ W_s", "6: error: 's' needs a time step: s[t] or s[t-1]"),
    # Shapes.
    ("phi(x[t] @ W_s)", "10: error: operator '@': x[t] is 1 x m and W_s is n x n; the columns"),
    ("phi(x[t] + s[t-1])", "10: error: operator '+': x[t] is 1 x m and s[t-1] is 1 x n; both"),
    ("phi(x[t] - s[t-1])", "10: error: operator '-': x[t] is 1 x m and s[t-1] is 1 x n; both"),
    ("phi(x[t] * s[t-1])", "10: error: operator '*': x[t] is 1 x m and s[t-1] is 1 x n; both"),
    ("s[t-1] / x[t]", "operator '/': s[t-1] is 1 x n and x[t] is 1 x m; both sides must have the"),
    ("s[t-1] / W_y", "operator '/': s[t-1] is 1 x n and W_y is n x k; both sides must have the"),
    ("s[t-1] @ s[t-1]", "operator '@': s[t-1] is 1 x n and s[t-1] is 1 x n; the columns of the"),
    ("eye(n) @ x[t]", "operator '@': eye(n) is n x n and x[t] is 1 x m; the columns of the left"),
    ("x[t]", "operator '=': the state 's' is declared 1 x n and its equation gives 1 x m"),
    ("s[t-1].T", "operator '=': the state 's' is declared 1 x n and its equation gives n x 1"),
    ("outer(s[t-1], x[t])", "the state 's' is declared 1 x n and its equation gives n x m"),
    ("concat(s[t-1], x[t])", "is declared 1 x n and its equation gives 1 x m + n"),
    ("logsumexp(s[t-1])", "the state 's' is declared 1 x n and its equation gives 1 x 1"),
    ("dot(s[t-1], x[t])", "6: error: 'dot': s[t-1] is 1 x n and x[t] is 1 x m; "),
    ("dot(W_s, s[t-1])", "'dot': W_s is n x n and s[t-1] is 1 x n; both must be vectors"),
    ("outer(W_s, s[t-1])", "'outer': W_s is n x n and s[t-1] is 1 x n; both must be vectors"),
    ("softmax(W_s)", "6: error: 'softmax': W_s is n x n; softmax is of a vector"),
    ("log_softmax(W_s)", "'log_softmax': W_s is n x n; log_softmax is of a vector"),
    ("logsumexp(W_s)", "'logsumexp': W_s is n x n; logsumexp is of a vector"),
    ("layer_norm(W_s)", "'layer_norm': W_s is n x n; layer_norm is of a vector"),
    ("maximum(s[t-1], x[t])", "'maximum': s[t-1] is 1 x n and x[t] is 1 x m; both sides must have"),
    ("minimum(W_y, s[t-1])", "'minimum': W_y is n x k and s[t-1] is 1 x n; both sides must have"),
    ("W_s + s[t-1].T", "the state 's' is declared 1 x n and its equation gives n x n"),
    ("clip(s[t-1], 1, x[t])", "'clip': s[t-1] is 1 x n and 1 is a number and x[t] is 1 x m; both"),
    (
        "where(s[t-1] >= 0, x[t], 2)",
        "6: error: 'where': s[t-1] is 1 x n and 0 is a number and x[t]",
    ),
    ("where(s[t-1] > x[t], 1, 2)", "'where': s[t-1] is 1 x n and x[t] is 1 x m and 1 is a number"),
    ("concat(s[t-1], W_s)", "'concat': s[t-1] is 1 x n and W_s is n x n; concat is of vectors"),
    (
        "cross_entropy(s[t-1], x[t])",
        "1 x n and x[t] is 1 x m; logits and target must have the same",
    ),
    ("cross_entropy(W_s, W_s)", "W_s is n x n and W_s is n x n; logsumexp is of a vector"),
    ("s[t-1] @ inv(x[t])", "'inv': x[t] is 1 x m; inv is of a square matrix"),
    ("s[t-1] * det(x[t])", "'det': x[t] is 1 x m; det is of a square matrix"),
    ("s[t-1] * logdet(s[t-1])", "'logdet': s[t-1] is 1 x n; logdet is of a square matrix"),
    ("solve(x[t], s[t-1])", "and s[t-1] is 1 x n; the first must be a square matrix"),
    (
        "solve(W_s, s[t-1])",
        "6: error: 'solve': W_s is n x n and s[t-1] is 1 x n; the matrix and what stands on the "
        "right must have as many rows; for a row v write solve(A, v.T).T, or for v times the "
        "inverse, solve(A.T, v.T).T",
    ),
    ("mod(s[t-1], x[t])", "'mod': s[t-1] is 1 x n and x[t] is 1 x m; both sides must have"),
    ("mod(s[t-1], 0)", "'mod': s[t-1] is 1 x n and 0 is a number; a division by zero has no rem"),
    ("leaky_relu(s[t-1], x[t])", "the slope must be a number; for others, where(a > 0, a, slope"),
    ("leaky_relu(2, 3)", "'leaky_relu' needs a variable, not only numbers"),
    ("binary_cross_entropy(s[t-1], x[t])", "logits and target must have the same shape"),
    # Time steps.
    (
        "phi(s[t+1])",
        "10: error: s[t+1] is a later time step, which a state is read at only where it ",
    ),
    ("phi(x[t+1] @ W_x)", "10: error: x[t+1] is a later time step"),
    ("phi(s[0])", "10: error: 's' needs a time step: s[t] or s[t-1]"),
    ("phi(s[t-0])", "10: error: the time step of s[t-0] must be [t], or [t-1] and so on"),
    ("phi(s[t-101])", "10: error: the time step of s[t-101] must be [t], or [t-1] and so on"),
    ("phi(s[t-1.5])", "10: error: the time step of s[t-1.5] must be [t], or [t-1] and so on"),
    ("phi(s[t-9**9**9])", "10: error: the time step of s[t-9**9**9] must be [t], or [t-1]"),
    ("phi(s[t:2])", "10: error: 's' needs a time step: s[t] or s[t-1]"),
    ("phi(s[t, t])", "10: error: the time step of s[t, t] must be [t], or [t-1] and so on"),
    ("phi(y[t] @ W_y.T)", "10: error: a cycle within the time step: s[t] -> y[t] -> s[t]"),
    ("phi(s[t])", "10: error: a cycle within the time step: s[t] -> s[t]"),
    ("phi(y[t-1] @ W_y.T)", "10: error: y[t-1] needs an initial value: declare 'y' under [states]"),
    ("phi(y[t-3] @ W_y.T)", "10: error: y[t-3] needs an initial value: declare 'y' under [states]"),
    ("phi(d[t+1] @ W_y.T)", "10: error: "),
    # Slices and sizes.
    ("s[t-1][0:n+1]", "'[:]': s[t-1] is 1 x n; a slice must end within the vector, which has n"),
    ("s[t-1][0:m]", "'[:]': s[t-1] is 1 x n; a slice must end within the vector, which has n"),
    ("s[t-1][n:n]", "'[:]': s[t-1] is 1 x n; a slice must begin at 0 or later and hold an entry"),
    ("s[t-1][n:0]", "'[:]': s[t-1] is 1 x n; a slice must begin at 0 or later and hold an entry"),
    ("s[t-1][-1:n]", "13: error: not a size: -1; a size is made of m, n, k, whole numbers"),
    ("s[t-1][0:q]", "15: error: not a size: q; a size is made of m, n, k, whole numbers"),
    ("s[t-1][0:1.5]", "15: error: not a size: 1.5; a size is made of m, n, k, whole numbers"),
    ("s[t-1][0:n/2]", "15: error: not a size: n/2; a size is made of m, n, k, whole numbers"),
    ("s[t-1][0:s[t-1]]", "15: error: not a size: s[t-1]; a size is made of m, n, k, whole numbers"),
    ("s[t-1][0:9**9**9]", "15: error: not a size: 9**9**9; a size is made of m, n, k"),
    ("s[t-1][0:n:2]", "error: a slice has no step"),
    (
        "W_s[0:m, :]",
        "'[:]': W_s is n x n; a slice must end within the matrix, which has n",
    ),
    ("W_s[2]", "a slice must end within the matrix, which has n along this axis"),
    ("s[t-1][n]", "not part of the equation language: s[t-1][n]"),
    ("s[t-1][0, 1]", "a slice must end within the matrix, which has n along this axis"),
    ("s[t-1][0.5]", "not part of the equation language: s[t-1][0.5]"),
    ("x[t][t]", "not part of the equation language: x[t][t]"),
    ("eye(s[t-1])", "10: error: not a size: s[t-1]; a size is made of m, n, k"),
    ("eye(9**9**9)", "10: error: not a size: 9**9**9; a size is made of m, n, k"),
    ("eye(1000000000000)", "10: error: a number in a size is at most 1000000000"),
    # Arguments.
    ("phi(z=s[t-1])", "6: error: 'phi' takes its arguments by position"),
    ("phi(*s[t-1])", "6: error: 'phi' takes its arguments by position"),
    ("phi(**s[t-1])", "6: error: 'phi' takes its arguments by position"),
    ("phi(s[t-1], s[t-1])", "6: error: 'phi' takes one argument"),
    ("phi()", "6: error: 'phi' takes one argument"),
    ("log(-1) * s[t-1]", "6: error: log(-1) is no number"),
    ("log(0 * 2) * s[t-1]", "log(0 * 2) is no number"),
    ("ones(0) + s[t-1]", "the size 0 is not positive"),
    ("zeros(n, n, n) + s[t-1]", "'zeros' takes 1 or 2 arguments"),
    ("diag(W_s)", "'diag': W_s is n x n; diag is of a vector"),
    ("sum()", "6: error: 'sum' takes one argument"),
    ("sum(s[t-1], s[t-1])", "6: error: 'sum' takes one argument"),
    ("sum(2)", "10: error: 'sum' needs a variable, not a number"),
    ("mean()", "6: error: 'mean' takes one argument"),
    ("dot(s[t-1])", "6: error: 'dot' takes 2 arguments"),
    ("dot(2, s[t-1])", "10: error: 'dot' needs a variable, not a number"),
    ("outer(s[t-1], 3)", "20: error: 'outer' needs a variable, not a number"),
    ("eye()", "6: error: 'eye' takes one argument"),
    ("softmax(s[t-1], 1)", "6: error: 'softmax' takes one argument"),
    ("maximum(1, 2)", "6: error: 'maximum' needs a variable, not only numbers"),
    ("maximum(s[t-1])", "6: error: 'maximum' takes 2 arguments"),
    ("clip(s[t-1], 1)", "6: error: 'clip' takes 3 arguments"),
    ("clip(1, 2, 3)", "6: error: 'clip' needs a variable, not only numbers"),
    ("where(s[t-1] >= 0)", "6: error: 'where' takes 3 arguments"),
    (
        "where(s[t-1], 1, 2)",
        "6: error: the first argument of 'where' compares: where(a >= b, c, d)",
    ),
    ("where(s[t-1] == 0, 1, 2)", "the first argument of 'where' compares: where(a >= b, c, d)"),
    ("where(0 <= s[t-1] <= 1, 1, 2)", "the first argument of 'where' compares"),
    ("where(1 >= 0, 1, 2)", "6: error: 'where' needs a variable, not only numbers"),
    ("concat()", "6: error: 'concat' takes 1 or more arguments"),
    ("concat(s[t-1], 2)", "21: error: 'concat' needs a variable, not a number"),
    ("stop_gradient(2)", "20: error: 'stop_gradient' needs a variable, not a number"),
    ("cross_entropy(s[t-1])", "6: error: 'cross_entropy' takes 2 arguments"),
    # Numbers.
    ("2 @ s[t-1]", "operator '@' joins matrices; a number is taken by '*'"),
    ("s[t-1] / 0", "division by zero"),
    ("s[t-1] / 0.0", "division by zero"),
    ("s[t-1] / (1 - 1)", "division by zero"),
    ("1 / 0", "division by zero"),
    ("s[t-1] ** 99999999", "the exponent must be a number from -16 to 16"),
    ("s[t-1] ** 1e29", "the exponent must be a number from -16 to 16"),
    ("s[t-1] ** s[t-1]", "the exponent must be a number; of others, a ** b is exp(b * log(a))"),
    ("2 ** s[t-1]", "the exponent must be a number; of others, a ** b is exp(b * log(a))"),
    ("9**9**9 * s[t-1]", "the exponent must be a number from -16 to 16"),
    ("s[t-1] ** 9**9**9", "the exponent must be a number from -16 to 16"),
    ("0 ** -1 * s[t-1]", "0 ** -1 is no number"),
    ("(-2) ** 0.5 * s[t-1]", "(-2) ** 0.5 is no number"),
    ("1 + 1", "an equation must read a variable, not only numbers"),
    ("1e400 * s[t-1]", "6: error: a number lies between 1e-300 and 1e300"),
    ("0.123456789012345678 * s[t-1]", "a number is written plainly, in at most 17 digits"),
    ("1_000 * s[t-1]", "a number is written plainly, in at most 17 digits"),
    ("0x10 * s[t-1]", "a number is written plainly, in at most 17 digits"),
    ("007 * s[t-1]", "6: error: not an equation: leading zeros in decimal integer literals"),
    ("1" * 5000, "not an equation"),
    # Form.
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
    ("s[t-1].t", "not part of the equation language"),
    ("t", "6: error: 't' is the time step"),
    ("s[t-1] == 0", "not part of the equation language"),
    ("{s[t-1]}", "not part of the equation language"),
    ("{{ s[t-1] }}", "not part of the equation language"),
    ("s[t-1] and x[t]", "not part of the equation language"),
    ("(yield)", "not part of the equation language"),
    ("await_(s[t-1])", "unknown operation 'await_'"),
    ("...", "not part of the equation language"),
    ("\uff33[t-1]", "6: error: "),
    ("\u0405[t-1]", "6: error: "),
    ("s[t\u2212 1]", "error: "),
    ("tanh\u200b(s[t-1])", "error: "),
    ("(" * 4000 + "s[t-1]" + ")" * 4000, "error: "),
    ("-" * 9000 + "s[t-1]", "an equation nested too deeply"),
    ("s[t-1]" + ".T" * 3000, "nested"),
    ("s[t-1] + " * 1000 + "s[t-1]", "an equation is nested at most 100 deep"),
    ("s[t-1] + " * 2_000 + "s[t-1]", "at most 10000 characters"),
]


@pytest.mark.parametrize(("equation", "message"), EQUATIONS, ids=range(len(EQUATIONS)))
def test_a_bad_equation(capsys, tmp_path, monkeypatch, equation, message):
    monkeypatch.chdir(tmp_path)
    text = ELMAN.replace(STATE, f's = "{equation}"')
    assert text != ELMAN
    (tmp_path / "cell.toml").write_text(text, encoding="utf-8")
    line = text[: text.index("\ns = ", text.index("[equations]"))].count("\n") + 2
    shown = refused(capsys, "generate", "cell.toml", "-o", "cell.py")
    assert shown.startswith(f"cell.toml:{line}:")
    assert message in shown
    assert {path.name for path in tmp_path.iterdir()} == {"cell.toml"}


FILES = {
    "empty": ("", "the section [parameters] is missing or empty"),
    "no loss": (changed("[loss]\nE", "[sum]\nE"), "unknown entry 'sum'; known are title"),
    "empty section": (changed(W_S, "").replace('W_y = ["n", "k"]', "").replace(
        'W_x = ["m", "n"]', ""), "the section [parameters] is missing or empty"),
    "broken TOML": ("a = [", "cell.toml:1:6: error: not valid TOML"),
    "broken string": (changed(STATE, 's = "phi('), "error: not valid TOML"),
    "a NUL": ('title = "a\0b"', "not valid TOML"),
    "a byte order mark": ("\ufeff" + ELMAN, "cell.toml:1:1: error: not valid TOML"),
    "nested arrays": ("a = " + "[" * 100_000, "nested at most 8 deep"),
    "a large file": ('a = "' + "x" * 2_000_000 + '"', "at most 200000 bytes"),
    "section is no table": (
        changed("[states]\ns = [", "[states.s]\nt = ["), "unknown entry 't' for 's'; known are"),
    "undeclared dimension": (changed(W_S, 'W_s = ["n", "q"]'), "declared; declared are k, m, n"),
    "undeclared dimension of none": (
        '[inputs]\nx = ["m"]\n[parameters]\nb = []\n[equations]\ny = "b"\n[loss]\nE = "y[t]"\n',
        "declared; declared are none",
    ),
    "shape is text": (changed(W_S, 'W_s = "n"'), '["n"] for a vector, ["m", "n"] for a matrix'),
    "four sizes": (changed(W_S, 'W_s = ["n", "n", "n", "n"]'), "for H heads of matrices"),
    "heads in the loss": (
        changed(W_S, 'W_s = ["n", "n", "n"]').replace("s[t-1] @ W_s", "sum(s[t-1] @ W_s)").replace(
            "sum((d[t] - y[t]) ** 2)", "W_s"
        ),
        "must be a scalar, not n x n x n; take its sum",
    ),
    "heads without a state's": (
        changed(W_S, 'W_s = ["n", "n", "n"]'), "is declared 1 x n and its equation gives n x 1 x n"
    ),
    "different numbers of heads": (
        changed(W_S, 'W_s = ["n", "n", "n"]').replace("s[t-1] @ W_s", "sum(x[t] @ W_s)").replace(
            'W_x = ["m", "n"]', 'W_x = ["k", "n", "n"]').replace("x[t] @ W_x", "sum(W_x @ W_s)"),
        "both sides must have the same number of heads",
    ),
    "softmax of heads": (
        changed(W_S, 'W_s = ["n", "n", "n"]').replace("s[t-1] @ W_s", "sum(softmax(W_s))"),
        "W_s is n x n x n; it is of a quantity without heads",
    ),
    "declared twice": (changed("[targets]\nd", "[targets]\nx"), "declared already"),
    "no equation": (changed(STATE, "").replace('s = "z"\n', ""), "the state 's' has no equation"),
    "equation is a number": (changed(STATE, "s = 3"), "the equation of 's' must be text"),
    "loss is a vector": (changed("sum((d[t] - y[t]) ** 2)", "d[t] - y[t]"), "must be a scalar"),
    "two losses": (ELMAN + 'F = "sum(y[t])"\n', "'F' is none of these"),
    "two stems": (ELMAN + 'F_last = "sum(y[t])"\n', "E_last at the last step"),
    "a loss that reads another": (
        ELMAN + 'E_last = "E[t]"\n', "'E' is a loss, which no equation reads: what both need"),
    "a penalty that reads a loss": (ELMAN + 'E_params = "E"\n', "'E' is a loss, which no"),
    "an equation that reads a loss": (
        changed("x[t] @ W_x", "E[t] * x[t] @ W_x"), "'E' is a loss, which no equation reads"),
    "a loss nearly named": (ELMAN + 'E_Last = "sum(y[t])"\n', "(did you mean 'E_last'?)"),
    "the time step as a number": (
        changed("x[t] @ W_x", "t * x[t] @ W_x"), "'t' is the time step, which stands in brackets"),
    "a loss of nothing in time": (
        changed("E = ", "E_params = "), "add the loss E of each step, or E_last"),
    "a penalty of a state": (
        ELMAN + 'E_params = "sum(s[t] ** 2)"\n', "'s' varies with the time step; 'E_last' may"),
    "a penalty without brackets": (
        ELMAN + 'E_params = "sum(x)"\n', "of parameters alone, and 'x' varies"),
    "a penalty of what is given once": (
        changed('[parameters]', 'c = {shape = ["n"], once = true}\n\n[parameters]')
        + 'E_params = "sum(c)"\n', "'c' is given for each sequence"),
    "a name for the whole": (
        changed('E = "', 'y_last = "') + 'y_params = "sum(W_s)"\n', "'y' is declared already"),
    "unknown function": (changed('phi = "tanh"', 'phi = "quux"'), "unknown function 'quux'"),
    "preactivation taken": (changed('s = "z"', 's = "W_s"'), "declared already, as a name"),
    "preactivation of nothing": (changed('s = "z"', 'q = "z"'), "'q' has no equation"),
    "too many preactivations": (changed('s = "z"', 's = ["z", "a"]'), "has 1 pre-activations"),
    "201 equations": (changed(STATE, "\n".join(
        f'v{k} = "2 * s[t-1]"' for k in range(201)) + "\n" + STATE), "at most 200 equations"),
    "a title of two lines": (changed("Elman network", "a\\nb"), "'title' must be one line"),
    "a meaning of two lines": (changed('m = "inputs"', 'm = "a\\nb"'), "say in words"),
}  # fmt: skip


ASKED = {
    "s": "'s' is a state, not a parameter or input; the parameters of 'cell' are W, ",
    "d": "'d' is a target, not a parameter or input; the",
    "g": "'g' is computed by an equation, not a parameter or input; the",
    "E": "'E' is a loss, not a parameter or input; the",
    "c": "the parameter 'c' is frozen: no gradient is taken with respect to it; the",
    "l": "the input 'l' is given by labels: there is no gradient with respect to it",
    "X": "unknown parameter or input 'X' (did you mean 'x'?); the",
}
MORE = """
[dimensions]
n = "units"
[inputs]
x = ["n"]
l = {shape = ["n"], labels = true}
k = {shape = ["n"], once = true}
[targets]
d = ["n"]
[parameters]
W = ["n", "n"]
c = {shape = [], frozen = true}
[states]
s = ["n"]
[equations]
g = "c * (x[t] + l[t] + k)"
s = "tanh(g[t] + s[t-1] @ W)"
[loss]
E = "sum((d[t] - s[t]) ** 2)"
"""


@pytest.mark.parametrize("name", ASKED)
def test_what_there_is_no_gradient_with_respect_to_is_told(name):
    model = parse_model(MORE, "cell")
    with pytest.raises(b.InputError) as refusal:
        b.derive(model, wrt=name)
    assert refusal.value.message.startswith(ASKED[name])
    assert b.derive(model, wrt=["W", "x", "k"], level="adjoint")


def test_notes_and_figures_are_of_parameters():
    model = parse_model(MORE, "cell")
    for asked in (lambda: b.notes(model, 2, wrt="x"), lambda: b.figure(model, 2, path="x:1")):
        with pytest.raises(b.InputError, match="'x' is an input: derive --wrt x shows the"):
            asked()


GIVEN = "the initial value of 's' is \"argument\", a number or an expression"
SHAPED = 'must be [] for a scalar, ["n"] for a vector, ["m", "n"] for a matrix'
S, X, D, PHI = 's = ["n"]', 'x = ["m"]', 'd = ["k"]', 'phi = "tanh"'

DECLARATIONS = [
    (X, 'x = {shape = ["m", "n"], labels = true}', "labels are one-hot vectors, and 'x' is none"),
    (D, "d = {shape = [], labels = true}", "labels are one-hot vectors, and 'd' is none"),
    (D, 'd = {shape = ["k"], labels = "yes"}', "'labels' of 'd' must be true or false"),
    (D, 'd = {shape = ["k"], frozen = true}', "unknown entry 'frozen' for 'd'; known are initial"),
    (X, 'x = {shape = ["m"], reverse = true}', "unknown entry 'reverse' for 'x'; known are"),
    (X, 'x = {shape = ["m"], frozen = true}', "unknown entry 'frozen' for 'x'; known are"),
    (W_S, 'W_s = {shape = ["n", "n"], labels = true}', "unknown entry 'labels' for 'W_s'; known"),
    (W_S, 'W_s = {shape = ["n", "n"], initial = 0}', "'initial' for 'W_s' (did you mean 'init'?)"),
    (W_S, 'W_s = {shape = ["n", "n"], frozen = 1}', "'frozen' of 'W_s' must be true or false"),
    (W_S, 'W_s = {shape = ["n", "n"], positive = "no"}', "'positive' of 'W_s' must be true or"),
    (W_S, 'W_s = {shape = ["n", "n"], meaning = 3}', "the meaning of 'W_s' must be one line"),
    (W_S, 'W_s = {shape = ["n", "n"], "a\\nb" = 3}', r"unknown entry 'a\nb' for 'W_s'; known are"),
    (S, 's = {shape = ["n"], frozen = true}', "unknown entry 'frozen' for 's'; known are initial"),
    (S, 's = {shape = ["n"], positive = true}', "unknown entry 'positive' for 's'; known are"),
    (S, 's = {shape = ["n"], intial = 0}', "'intial' for 's' (did you mean 'initial'?); known"),
    (S, 's = {shape = ["n"], reverse = true}', "'s' is scanned in reverse and read at"),
    (S, "s = {initial = 0}", f"the shape of 's' {SHAPED}"),
    # Shapes and sizes.
    (W_S, 'W_s = ["n", 2.5]', f"the shape of 'W_s' {SHAPED}"),
    (W_S, 'W_s = ["n", true]', f"the shape of 'W_s' {SHAPED}"),
    (W_S, 'W_s = ["n", ["n"]]', f"the shape of 'W_s' {SHAPED}"),
    (W_S, 'W_s = ["n", 0]', "the size 0 is not positive"),
    (W_S, 'W_s = ["n", -1]', "not a size: -1; a size is made of m, n, k, whole numbers"),
    (W_S, 'W_s = ["n", "n - n"]', "the size n - n is not positive"),
    (W_S, 'W_s = ["n", "n - 1"]', "the size n - 1 is not positive"),
    (W_S, 'W_s = ["n", "n / 2"]', "not a size: n / 2; a size is made of"),
    (W_S, 'W_s = ["n", "n ** n"]', "not a size: n ** n; a size is made of"),
    (W_S, 'W_s = ["n", "9**9**9"]', "not a size: 9**9**9; a size is made of"),
    (W_S, 'W_s = ["n", 1000000000000]', "a number in a size is at most 1000000000"),
    (W_S, 'W_s = ["n", ""]', "cell.toml:18:1: error: "),
    (W_S, 'W_s = ["n", "x[t]"]', "not a size: x[t]; a size is made of"),
    (W_S, 'W_s = ["n", "a\\nb"]', r"not an equation: invalid syntax"),
    (W_S, f'W_s = ["n", "{"(" * 5000}n{")" * 5000}"]', "at most 10000 characters"),
    # Initial values.
    (S, 's = {shape = ["n"], initial = true}', GIVEN),
    (S, 's = {shape = ["n"], initial = nan}', GIVEN),
    (S, 's = {shape = ["n"], initial = -inf}', GIVEN),
    (S, 's = {shape = ["n"], initial = [0]}', GIVEN),
    (S, 's = {shape = ["n"], initial = 1e301}', "a number lies between 1e-300 and 1e300"),
    (S, 's = {shape = ["n"], initial = 1e-301}', "a number lies between 1e-300 and 1e300"),
    (S, 's = {shape = ["n"], initial = ""}', "cell.toml:22:32: error: an equation is empty"),
    (S, 's = {shape = ["n"], initial = "zeros"}', "'zeros' is not declared; declared are W_y, W_s"),
    (S, 's = {shape = ["n"], initial = "s[t-1]"}', "'s' is not declared; declared are W_y, W_s"),
    (S, 's = {shape = ["n"], initial = "x[t] @ W_x"}', "'x' is not declared; declared are W_y"),
    (S, 's = {shape = ["n"], initial = "W_s"}', "value of 's' is n x n, and 's' is 1 x n"),
    (S, 's = {shape = ["n"], initial = "quux(W_s)"}', "unknown operation 'quux'; known are"),
    # Scans.
    (f"{S}\n", f'{S}\nr = {{shape = ["n"], reverse = true}}\n', "the state 'r' has no equation"),
    # Functions.
    (PHI, "phi = 3", "'phi' must be the name of a function or a formula in z: known are identity"),
    (PHI, 'phi = {derivative = "z"}', "'phi' must be the name of a function or a formula in z"),
    (PHI, 'phi = {formula = "z", slope = "z"}', "'phi' must be the name of a function or"),
    (PHI, 'phi = {formula = "z", derivative = 1}', "'phi' must be the name of a function or"),
    (PHI, 'phi = ""', "an equation is empty"),
    (PHI, 'phi = "phi(z)"', "cell.toml:26:8: error: unknown operation 'phi'; known are"),
    (PHI, 'phi = "sigma(z)"', "26:8: error: unknown operation 'sigma' (did you mean 'sign'?)"),
    (PHI, 'phi = "z + s[t]"', "cell.toml:26:12: error: 's' is not declared; declared are z"),
    (PHI, 'phi = "z * W_s"', "cell.toml:26:12: error: 'W_s' is not declared; declared are z"),
    (PHI, 'phi = "3"', "an equation must read a variable, not only numbers"),
    (PHI, 'phi = "softmax(z)"', "the formula of 'phi' must act on each entry by itself"),
    (PHI, 'phi = "z @ z"', "the formula of 'phi' must act on each entry by itself"),
    (PHI, 'phi = {formula = "z", derivative = "logsumexp(z)"}', "the derivative of 'phi' must act"),
    # Pre-activations.
    ('s = "z"', 's = ["z", 3]', "a pre-activation's name is text"),
    ('s = "z"', 's = "o"', "'o' is declared already, as a pre-activation"),
    ('s = "z"', 's = "__z"', "the name '__z' is not letters and digits"),
    ('s = "z"', 's = "in"', "the name 'in' is a keyword of Python"),
    # Whole entries.
    ("[dimensions]", 'vectors = "diagonal"\n[dimensions]', "'vectors' must be \"rows\" or"),
    ("[dimensions]", 'vectors = ["rows"]\n[dimensions]', "'vectors' must be one line of text"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), DECLARATIONS, ids=range(len(DECLARATIONS)))
def test_a_bad_declaration(capsys, tmp_path, monkeypatch, old, new, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.toml").write_text(changed(old, new), encoding="utf-8")
    shown = refused(capsys, "generate", "cell.toml", "-o", "cell.py")
    assert re.match(r"cell\.toml:\d+:\d+: error: ", shown) and message in shown
    assert {path.name for path in tmp_path.iterdir()} == {"cell.toml"}


def test_scans_of_both_directions_on_one_cycle(capsys, tmp_path):
    text = changed(S, f'{S}\nr = {{shape = ["n"], reverse = true}}').replace(
        STATE, 's = "phi(r[t] + x[t] @ W_x + s[t-1] @ W_s)"'
    )
    text = text.replace("[equations]\n", '[equations]\nr = "tanh(r[t+1] + s[t-1])"\n')
    (tmp_path / "cell.toml").write_text(text, encoding="utf-8")
    shown = refused(capsys, "show", tmp_path / "cell.toml")
    assert "'s' is scanned onward and 'r' in reverse, and each depends on the other" in shown


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
    "no interface": ("x = 1", "it has no Parameters, InitialState, Inputs, forward"),
    "broken syntax": ("x = (", ":1:5: error: not a Python module"),
    "raises": ("1 / 0", "cannot be imported: ZeroDivisionError"),
    "exits": ("raise SystemExit(0)", "cannot be imported: SystemExit"),
}


@pytest.mark.parametrize("case", MODULES)
def test_a_module_that_is_not_one_of_ours(capsys, tmp_path, case):
    source, message = MODULES[case]
    module = tmp_path / "module.py"
    module.write_text(source)
    assert "it does not begin as a module of bptt-sym" in refused(capsys, "verify", module)
    code, out, err = run(capsys, "verify", "--run", module)
    assert (code, out) == (2, "")
    before, refusal = err.splitlines()
    assert before == f"verify runs {module}, whatever it does"
    assert "error: " in refusal and message in refusal


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
    assert re.match(r"(%.*\n)+\\begingroup\n", latex)


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


@settings(max_examples=draws(200), deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"[xsdyWphi_@+*/().T\[\]t0-9 -]{0,40}", fullmatch=True))
def test_any_text_is_an_equation_or_refused(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    try:
        parse_model(ELMAN.replace(STATE, f's = "{quoted}"'))
    except b.InputError as error:
        assert "\n" not in str(error)


@settings(max_examples=draws(200), deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_model_or_refused(text):
    with pytest.raises(b.InputError) as refusal:
        parse_model(text)
    assert "\n" not in str(refusal.value)
