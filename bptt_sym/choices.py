"""What a user chooses by name: of a derivation, of the compiler and for generated code."""

from __future__ import annotations

from typing import Literal

Level = Literal["chain", "jacobian", "adjoint"]
Loss = Literal["last", "sum", "mean"]
ShownLoss = Literal["last", "sum"]
Style = Literal["fast", "readable"]
Layout = Literal["rows", "features"]
SectionLevel = Literal["chapter", "section", "subsection", "subsubsection"]

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

PASSES = ("expand", "share", "distribute", "stack")
"""The passes of the compiler, in order."""

SWITCHES = (*PASSES, "layout", "buffers")
"""What can be left out when a program is compiled, to see what it is good for."""

FORMS = ("graph", *PASSES, "arrays", "calls")
"""What a program is: as it was built, after each pass, in arrays, and as calls of NumPy."""

MEASURED_PARTS = ("pairs", "states")
PICTURES = ("svg", "png")
"""What can be left out of a measurement: terms by loss and by lag, and the Jacobians of a step."""

SECTION_LEVELS: tuple[SectionLevel, ...] = ("chapter", "section", "subsection", "subsubsection")
"""What notes in LaTeX may have as headings."""
