"""The plain Python of ``runtime/`` as text that stands in emitted modules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

PARTS = (
    "shapes", "labels", "masks", "workspaces", "onward", "streams", "layer", "passes",
    "gradient_check",
)  # fmt: skip
"""The parts that stand in a module as a whole, or not at all."""

DECREED = ("stop_gradient", "declared")
"""Functions that set a derivative, which differences of the loss do not see."""

_MARKER = "# From here on as it stands in an emitted module.\n"


@cache
def runtime_text(part: str) -> str:
    """The text of one of the parts below the line that marks its beginning."""
    whole = (files("bptt_sym.targets.numpy.runtime") / f"{part}.py").read_text(encoding="utf-8")
    return whole.partition(_MARKER)[2].strip()


@cache
def runtime_names(parts: tuple[str, ...] = PARTS) -> frozenset[str]:
    """What the parts define."""
    nodes = (node for part in parts for node in ast.parse(runtime_text(part)).body)
    return frozenset(n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef))


def functions_for(names: Iterable[str]) -> dict[str, str]:
    """The texts of functions and of what they need, by name, in the order of their file."""
    wanted: set[str] = set()
    waiting = [name for name in names if name in function_texts()]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            nodes = ast.walk(ast.parse(function_texts()[name]))
            read = (node.id for node in nodes if isinstance(node, ast.Name))
            waiting += [other for other in read if other in function_texts()]
    return {name: text for name, text in function_texts().items() if name in wanted}


@cache
def function_texts() -> dict[str, str]:
    """The functions that modules define one by one, and their constants, by name."""
    text = runtime_text("definitions")
    lines, found = text.splitlines(), {}
    nodes = ast.parse(text).body
    ends = [*(node.lineno - 1 for node in nodes[1:]), len(lines)]
    for node, end in zip(nodes, ends, strict=True):
        source = "\n".join(lines[node.lineno - 1 : end]).strip()
        match node:
            case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = source
            case _:  # what is said of a constant
                found[name] += f"\n{source}"
    return found
