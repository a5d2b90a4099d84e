"""A derivative is with respect to what one differentiates with respect to, never by it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bptt_sym as b

ROOT = Path(__file__).parent.parent
FOLDERS = ("bptt_sym", "templates", "docs", "tests", "tools", "benchmarks", "generated")
ENDINGS = {".py", ".md", ".j2", ".toml", ".json", ".txt", ".tex"}

WRONG = re.compile(
    r"\b(gradients?|derivatives?|jacobians?|differentiat(e|es|ed|ing|ion))\s+"
    r"(of\s+[\w'`]+(\s+[\w'`]+){0,4}\s+)?by\s+"
    r"(?!itself|hand|their names|this\b|numbers\b|backpropagation|one\b|definition)"
    r"|\bthe loss by\b|\bimmediate if by\b",
    re.IGNORECASE,
)
"""A gradient, or one of something, that is "by" something; "by hand" and a rule's name are not."""

TEXTS = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in ENDINGS and path.name != Path(__file__).name
)


def wrong(text: str) -> list[str]:
    # A sentence may be broken into lines of comments.
    flat = re.sub(r"\n\s*(#|%)?\s*", " ", text)
    return [found[0] for found in WRONG.finditer(flat)]


@pytest.mark.parametrize(
    "text",
    [
        "the gradient by W",
        "Gradients by the\n    # parameters",
        "derivative of E by W_s",
        "the loss by v",
    ],
)
def test_a_wrong_preposition_is_found(text: str) -> None:
    assert wrong(text)


def test_derivatives_are_with_respect_to() -> None:
    pages = [*TEXTS, *ROOT.glob("*.md")]
    found = {str(p.relative_to(ROOT)): wrong(p.read_text(encoding="utf-8")) for p in pages}
    assert not {name: places for name, places in found.items() if places}


@pytest.mark.parametrize("level", ["chain", "jacobian", "adjoint"])
def test_outputs_say_with_respect_to(level: str) -> None:
    derivation = b.derive(b.load_model("elman"), level=level)  # type: ignore[arg-type]
    assert not wrong(derivation.text())
    assert not wrong(derivation.latex())
