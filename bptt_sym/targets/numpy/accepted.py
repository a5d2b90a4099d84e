"""Whether a text is a module as it was emitted, told without running any of it."""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterator

from bptt_sym.errors import InputError, Place
from bptt_sym.made_by import is_marked_module
from bptt_sym.quoting import shortened
from bptt_sym.reserved import REACHING
from bptt_sym.targets.numpy.vocabulary import (
    BUILTINS,
    IMPORTS,
    METHODS,
    MODULES,
    NODES,
    SPECIAL,
    WITHIN_MODULES,
)

SEAL = "Code: "
UNSEALED = f"{SEAL}{'0' * 16}"
"""The line of a module's docstring that has the digest of what follows the docstring."""

_END = '"""\n\nfrom __future__'


def sealed(source: str) -> str:
    """A module's source with the digest of its code in its docstring."""
    return source.replace(UNSEALED, f"{SEAL}{_digest(source)}", 1)


def _digest(source: str) -> str:
    code = source.partition(_END)[2]
    return hashlib.sha256(code.encode("utf-8")).hexdigest()[:16]


def check_emitted(source: str, file: str) -> None:
    """Raises InputError, with the place, unless a text is a module as it was emitted.

    It begins as one, its code is what the digest is of, and it holds nothing but the closed lists
    of the vocabulary and names of its own: then to run it is to compute.
    """
    lines = source.partition(_END)[0].splitlines()
    if not is_marked_module(source):
        raise _refused("it does not begin as a module of bptt-sym does", Place(file))
    if f"{SEAL}{_digest(source)}" not in lines:
        raise _refused("its code is not what bptt-sym wrote", Place(file))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused("it is no Python", Place(file)) from None
    for node in ast.walk(tree):
        reason = _why_not(node)
        if reason:
            line = getattr(node, "lineno", None)
            column = node.col_offset + 1 if isinstance(node, ast.expr | ast.stmt) else None
            raise _refused(reason, Place(file, line, column))
    handed_on = next(_handed_on(tree), None)
    if handed_on is not None:
        place = Place(file, handed_on.lineno, handed_on.col_offset + 1)
        raise _refused(f"it hands on '{handed_on.id}'", place)


def _refused(reason: str, place: Place) -> InputError:
    return InputError(
        f"verify takes a module as bptt-sym wrote it, and {reason}; --run runs it as it is", place
    )


def _why_not(node: ast.AST) -> str | None:
    """Why emitted code has no such node, or None if it may."""
    if not isinstance(node, NODES):
        return f"it has a {type(node).__name__}"
    match node:
        case ast.Import() | ast.ImportFrom() if ast.unparse(node) not in IMPORTS:
            return f"it has another import: {shortened(ast.unparse(node))}"
        case ast.Name(id=name) | ast.arg(arg=name):
            return _why_not_a_name(name)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return None if name in SPECIAL else _why_not_a_name(name)
        case ast.Attribute(value=value, attr=name):
            return _why_not_an_attribute(value, name)
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=name), *_]):
            return None if name in METHODS else f"it gets the attribute {shortened(str(name))}"
        case ast.Call(func=ast.Name(id="getattr")):
            return "it gets an attribute by a name that it computes"
        case ast.Call(func=ast.Name(id="type"), args=arguments) if len(arguments) != 1:
            return "it makes a type"
        case ast.keyword(arg="metaclass"):
            return "it has a metaclass"
    return None


def _why_not_a_name(name: str) -> str | None:
    known = name in BUILTINS or name in ("__all__", "np", "npt", "math", "functools")
    if not known and (hasattr(builtins, name) or name.startswith("__")):
        return f"it has the name '{shortened(name)}'"
    return None


def _why_not_an_attribute(value: ast.expr, name: str) -> str | None:
    match value:
        case ast.Name(id=module) if module in MODULES:
            known = name in MODULES[module]
        case ast.Attribute(value=ast.Name(id="np"), attr=module) if module in WITHIN_MODULES:
            known = name in WITHIN_MODULES[module]
        case ast.Call(func=ast.Name(id="super")):
            known = name == "__init__"
        case _:
            own = not name.startswith("_") and name not in REACHING
            known = own or name in METHODS
    return None if known else f"it has the attribute '{shortened(name)}'"


def _handed_on(tree: ast.AST) -> Iterator[ast.Name]:
    """Names that stand where they could be given another: a module of which no attribute is taken,
    and ``getattr`` and ``type`` where they are not called.
    """
    nodes = list(ast.walk(tree))
    taken = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        match node:
            case ast.Name(id=name) if name in MODULES and id(node) not in taken:
                yield node
            case ast.Name(id="getattr" | "type") if id(node) not in called:
                yield node
            case ast.Attribute(value=ast.Name(id="np") as base, attr=name) if (
                name in WITHIN_MODULES and id(node) not in taken
            ):
                yield base
