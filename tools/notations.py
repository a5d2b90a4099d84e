"""The pages of docs/notations/: a network that the source has, as the source writes it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import bptt_sym as b
from bptt_sym.render.latex import displays

ROOT = Path(__file__).resolve().parent.parent


class Shown(NamedTuple):
    """What a page shows: a model, derived in two ways."""

    model: str
    wrt: tuple[str, ...]
    levels: tuple[str, ...]
    loss: str
    about: str


PAGES = {
    "course": Shown("elman", ("W_y", "W_s"), ("chain",), "last", "Equations 36 to 42."),
    "d2l": Shown(
        "tests/cells/d2l-linear.toml",
        ("W_hx", "W_hh", "W_qh"),
        ("adjoint",),
        "mean",
        "Equations 9.7.9 to 9.7.16; the loss of one step is half the squared error.",
    ),
    "goodfellow": Shown(
        "elman-character",
        ("W_y", "W_h", "W_x", "b_h", "b_y"),
        ("adjoint",),
        "sum",
        "Equations 10.18 to 10.28. In 10.20 and 10.21 the book goes from one hidden state to the "
        "next; here the pre-activation stands between them.",
    ),
    "pascanu": Shown(
        "tests/cells/pascanu.toml",
        ("W",),
        ("chain", "jacobian"),
        "last",
        "Equations 3 to 5. Equation 5 has the recurrent matrix transposed in print, which is the "
        "Jacobian in no layout; here it is not.",
    ),
    "search-space-odyssey": Shown(
        "lstm-peephole",
        ("W_f", "R_f", "p_f", "b_f"),
        ("adjoint",),
        "sum",
        "The backward pass of section II.B. The paper counts from step 0 with states of zero "
        "before; here the first step is 1, and the initial state is kept.",
    ),
}


def notation_page(name: str) -> str:
    """The page on a notation, in Markdown with formulas between dollar signs."""
    shown = PAGES[name]
    own = shown.model.endswith(".toml")
    model = b.load_model(ROOT / shown.model if own else shown.model)
    parts = []
    for level in shown.levels:
        made = b.derive(model, shown.wrt, level=level, loss=shown.loss, notation=name)
        words = [word for parameter in shown.wrt for word in ("--wrt", parameter)]
        options = ["--level", level, "--loss", shown.loss, "--notation", name]
        command = " ".join(["bptt-sym derive", shown.model, *words, *options])
        equations = "\n\n".join(displays(made))
        parts.append(f"`{command}`\n\n{equations}\n")
    notation = made.model.notation
    head = f"# The notation `{name}`\n\n{notation.source}. {shown.about}\n\n"
    return head + "\n".join(parts)
