"""The cells that tests go through: those that ship, and a corpus of published ones.

A run goes through a few of each kind; ``pytest -m exhaustive`` goes through the others.
"""

from __future__ import annotations

from pathlib import Path

import bptt_sym as b

SHIPPED = tuple(b.model_names())
CORPUS = tuple(sorted((Path(__file__).parent.parent / "cells").glob("*.toml")))
CELLS = (*SHIPPED, *CORPUS)

FEW = frozenset(
    {
        "elman",  # the course's
        "elman-character",  # labels
        "elman-column",  # columns
        "gru",  # many paths within a step
        "lstm",  # two states
        "linear-attention",  # a matrix state, zero at first
        "bidirectional",  # a scan in reverse
        "jordan",  # two factors from step to step
        "minlstm",  # quotients of gates
        "lag-two",  # a delay of two steps
        "learned-start",  # a start that parameters make up
        "epidemic",  # one start of two states
        "kinks",  # maximum, minimum, where
        "rwkv",  # an input of the step before, logarithms of sums
        "distance-loss",  # a loss that is a root
        "lqr-terminal",  # a loss of the last step beside those of all
    }
)
"""A cell of each kind."""


def path_of(cell: str) -> Path:
    """The file of a cell that ships, or of one of the corpus."""
    path = Path(__file__).parent.parent / "cells" / f"{cell}.toml"
    return path if path.exists() else Path(b.__file__).parent / "model" / "cells" / f"{cell}.toml"


def text_of(cell: str) -> str:
    return path_of(cell).read_text(encoding="utf-8")


def model_of(cell: str) -> b.Model:
    return b.load_model(cell if cell in SHIPPED else path_of(cell))


def name_of(cell: str | Path) -> str:
    """The name of a cell that ships, or of a file of the corpus."""
    return cell.stem if isinstance(cell, Path) else cell


def is_of_the_rest(value: object) -> bool:
    """Whether a parameter of a test is a cell that only the exhaustive run goes through."""
    return value in CELLS and name_of(value) not in FEW


def deepest(model: b.Model) -> int:
    """How many steps back an equation reads at most."""
    return max((model.depth(entry.name) for entry in model.declarations), default=0)
