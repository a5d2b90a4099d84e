"""The sizes that a generated module's SHAPES name: "n", "4*n", "m + n", "3"."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from bptt_sym.errors import InputError


def names_in(size: str) -> list[str]:
    """The names that a size holds, in their order: none for a whole number."""
    found = [node for node in ast.walk(_parsed(size)) if isinstance(node, ast.Name)]
    return [node.id for node in sorted(found, key=lambda node: node.col_offset)]


def number(size: str, numbers: Mapping[str, int]) -> int:
    """What a size is, given the numbers of its names.

    >>> number("m + 4*n", {"m": 2, "n": 3})
    14
    """
    return _number(_parsed(size), numbers, size)


def _parsed(size: str) -> ast.expr:
    try:
        return ast.parse(size.strip(), mode="eval").body
    except (SyntaxError, ValueError, AttributeError):
        raise _refused(size) from None


def _number(node: ast.expr, numbers: Mapping[str, int], size: str) -> int:
    match node:
        case ast.Name(id=name) if name in numbers:
            return numbers[name]
        case ast.Constant(value=value) if type(value) is int:
            return value
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _number(left, numbers, size) + _number(right, numbers, size)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _number(left, numbers, size) - _number(right, numbers, size)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _number(left, numbers, size) * _number(right, numbers, size)
    raise _refused(size)


def _refused(size: str) -> InputError:
    return InputError(f"not a module that bptt-sym generated: SHAPES holds the size {size!r}")
