"""What a user chooses of the compiler and for generated code."""

from __future__ import annotations

from typing import Literal

Style = Literal["fast", "readable"]
Layout = Literal["rows", "features"]

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
