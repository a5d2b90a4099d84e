r"""The LaTeX of a derivation, read back and evaluated, is the gradient of the generated module."""

from __future__ import annotations

import pytest
from page import compared

import bptt_sym as b

UNREAD = {
    "bidirectional", "linear-attention", "lstm", "lstm-coupled", "lstm-peephole", "mgu", "minlstm",
    "sru", "stacked",
}  # fmt: skip
"""Models whose Jacobians the reader cannot read yet: blocks of zeros whose width is not printed,
names that print as a longer formula, derivatives that are not printed at all."""

READ = [("adjoint", name) for name in b.model_names()]
READ += [("jacobian", name) for name in b.model_names() if name not in UNREAD]


@pytest.mark.parametrize("loss", ["last", "sum"])
@pytest.mark.parametrize(("level", "name"), READ)
def test_the_print_is_the_gradient(level: str, name: str, loss: str) -> None:
    assert max(compared(b.load_model(name), level, loss)) < 1e-12


@pytest.mark.parametrize("name", ["elman", "gru", "stacked"])
@pytest.mark.parametrize(
    ("printed", "wrong"),
    [
        (r"^{\top}", ""),
        (r" - \bar{y}", r" + \bar{y}"),
        (r"\left( \bar", r"\bar"),
        ("&= -2", "&= 2"),
    ],
)
def test_a_fault_in_the_print_is_found(name: str, printed: str, wrong: str) -> None:
    def fault(latex: str) -> str:
        at = latex.find(printed, latex.index("Adjoints for"))
        if at < 0:
            pytest.fail("there is nothing to spoil")
        return latex[:at] + wrong + latex[at + len(printed) :]

    try:
        far = max(compared(b.load_model(name), "adjoint", "sum", fault))
    except (AssertionError, ValueError, KeyError):
        return
    assert far > 1e-6
