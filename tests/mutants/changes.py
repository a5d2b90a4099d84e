"""The ways to change the text of a generated module."""

from __future__ import annotations

import ast
from collections.abc import Callable

Change = Callable[[str], str]


def text(before: str, after: str) -> Change:
    """``before``, which occurs once in the module, becomes ``after``."""

    def change(source: str) -> str:
        assert source.count(before) == 1, f"{before!r} in:\n{source}"
        return source.replace(before, after)

    return change


def assigned(target: str, before: str, after: str) -> Change:
    """In what ``value_and_grad`` assigns to a target, ``before`` becomes ``after``.

    ``before`` is in the form of ``ast.unparse`` and occurs once; "" stands for the whole.
    """

    def change(source: str) -> str:
        statement = _assignment(source, target)
        value = ast.unparse(statement.value)
        if before:
            assert value.count(before) == 1, f"{before!r} in {target} = {value}"
        return _with_value(source, statement, value.replace(before, after) if before else after)

    return change


def times(target: str, factor: str) -> Change:
    """What is assigned to a target is multiplied by a factor."""

    def change(source: str) -> str:
        statement = _assignment(source, target)
        return _with_value(source, statement, f"({ast.unparse(statement.value)}) * {factor}")

    return change


def scan(target: str, steps: str) -> Change:
    """The loop of ``value_and_grad`` that computes a target runs over other steps."""

    def change(source: str) -> str:
        loop = next(
            node
            for node in _function(source).body
            if isinstance(node, ast.For) and target in map(ast.unparse, _targets(node))
        )
        lines = source.splitlines()
        lines[loop.lineno - 1] = f"{' ' * loop.col_offset}for t in {steps}:"
        return "\n".join(lines) + "\n"

    return change


def after(target: str, line: str) -> Change:
    """Behind the assignment to a target a line is put in."""

    def change(source: str) -> str:
        statement = _assignment(source, target)
        lines = source.splitlines()
        assert statement.end_lineno
        lines.insert(statement.end_lineno, " " * statement.col_offset + line)
        return "\n".join(lines) + "\n"

    return change


def each(*changes: Change) -> Change:
    """One change after the other."""

    def change(source: str) -> str:
        for one in changes:
            source = one(source)
        return source

    return change


def _function(source: str) -> ast.FunctionDef:
    return next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "value_and_grad"
    )


def _assignment(source: str, target: str) -> ast.Assign:
    """The last assignment to a target in ``value_and_grad``."""
    nodes = ast.walk(_function(source))
    assignments = [node for node in nodes if isinstance(node, ast.Assign)]
    found = [node for node in assignments if ast.unparse(node.targets[0]) == target]
    assert found, f"nothing is assigned to {target} in:\n{source}"
    return max(found, key=lambda node: node.lineno)


def _targets(node: ast.AST) -> list[ast.expr]:
    return [part.targets[0] for part in ast.walk(node) if isinstance(part, ast.Assign)]


def _with_value(source: str, statement: ast.Assign, value: str) -> str:
    lines = source.splitlines()
    indent = " " * statement.col_offset
    code = f"{indent}{ast.unparse(statement.targets[0])} = {value}"
    lines[statement.lineno - 1 : statement.end_lineno] = [code]
    return "\n".join(lines) + "\n"
