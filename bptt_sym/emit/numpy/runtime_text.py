"""The plain Python of ``runtime/`` as text that stands in emitted modules."""

from __future__ import annotations

import ast
from functools import cache
from importlib.resources import files

PARTS = ("shapes", "labels", "masks", "workspaces", "windows", "gradient_check")

_MARKER = "# From here on as it stands in an emitted module.\n"


@cache
def runtime_text(part: str) -> str:
    """The text of one of the parts below the line that marks its beginning."""
    whole = (files("bptt_sym.emit.numpy.runtime") / f"{part}.py").read_text(encoding="utf-8")
    return whole.partition(_MARKER)[2].strip()


@cache
def runtime_names() -> frozenset[str]:
    """What the parts define."""
    nodes = (node for part in PARTS for node in ast.parse(runtime_text(part)).body)
    return frozenset(n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef))
