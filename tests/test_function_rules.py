"""Functions are printed with their derivatives, which are derived or declared."""

from __future__ import annotations

import pytest

import bptt_sym as b
from bptt_sym.choices import Level
from bptt_sym.model.read import parse_model

SPIKE = """
[dimensions]
m = "inputs"
n = "units"
[inputs]
x = ["m"]
[targets]
d = ["n"]
[parameters]
W = ["m", "n"]
[states]
u = ["n"]
[functions]
phi = "tanh"
g = "z / (1 + z ** 2)"
spike = {formula = "where(z > 0, 1, 0)", derivative = "1 / (1 + (3.14 * z) ** 2)"}
[equations]
u = "g(u[t-1]) + phi(x[t] @ W)"
y = "spike(u[t] - 1)"
[loss]
E = "sum((y[t] - d[t]) ** 2)"
"""
MODEL = parse_model(SPIKE, "spike")
LINES = (
    "φ(z) = tanh(z), φ′(z) = 1 − tanh(z)² (derived)",
    "spike(z) = (1 if z > 0, else 0), spike′(z) = 1 / (1 + (3.14 z)²) (declared)",
)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_a_derivation_tells_its_functions(level: Level, line: str) -> None:
    assert line in b.derive(MODEL, level=level).text()


@pytest.mark.parametrize("line", LINES)
def test_a_model_tells_its_functions(line: str) -> None:
    assert line in b.api.model_text(MODEL)


def test_latex_and_notes_tell_what_is_derived_and_what_is_declared() -> None:
    for text in (b.derive(MODEL).latex(), b.notes(MODEL, steps=2).tex()):
        assert r"$\phi(z) = \tanh(z)$, from which $\phi'(z) = 1 - \tanh(z)^{2}$ is derived" in text
        assert r"for which $\operatorname{spike}'(z) = \frac{1}{" in text
        assert "$ is declared" in text


def test_json_has_the_functions() -> None:
    functions = b.derive(MODEL).data()["model"]["functions"]
    assert [entry["declared"] for entry in functions] == [False, False, True]
    assert functions[0]["derivative"]["text"] == "1 − tanh(z)²"
