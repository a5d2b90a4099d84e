"""What a user chooses of the compiler and for generated code."""

from __future__ import annotations

from typing import Literal

Style = Literal["fast", "readable"]
Layout = Literal["rows", "features"]

STYLES: tuple[Style, ...] = ("fast", "readable")
"""Compiled for speed, or one statement for each equation."""

LAYOUTS: tuple[Layout, ...] = ("rows", "features")
"""Arrays of a time step as (B, n), or as (n, B)."""

PASSES = ("share", "distribute", "stack", "layout", "buffers")
"""The passes of the compiler, in order."""

FORMS = ("translation", *PASSES)
"""What a program is before all passes, and after each."""
