"""What a user chooses by name: of a derivation, of the compiler and for generated code."""

from __future__ import annotations

from typing import Literal

Level = Literal["chain", "jacobian", "adjoint"]
Loss = Literal["last", "sum", "mean"]
ShownLoss = Literal["last", "sum"]
Style = Literal["fast", "readable"]
Layout = Literal["rows", "features"]

LEVELS: tuple[Level, ...] = ("chain", "jacobian", "adjoint")
"""Products of partial derivatives, their matrices, or the backward recursion."""

LOSSES: tuple[Loss, ...] = ("last", "sum", "mean")
"""The loss of the last step alone, or the sum or the mean over all steps."""

SHOWN_LOSSES: tuple[ShownLoss, ...] = ("last", "sum")
"""The losses that a figure tells apart: of the last step alone, or of all steps."""

STYLES: tuple[Style, ...] = ("fast", "readable")
"""Compiled for speed, or one statement for each equation."""

LAYOUTS: tuple[Layout, ...] = ("rows", "features")
"""Arrays of a time step as (B, n), or as (n, B)."""

PASSES = ("share", "distribute", "stack", "layout", "buffers")
"""The passes of the compiler, in order."""

FORMS = ("translation", *PASSES)
"""What a program is before all passes, and after each."""
