"""The text of an equation with Python's syntax tree of it, and the place of what is wrong there."""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from bptt_sym.algebra.names import why_not_written
from bptt_sym.errors import InputError, Place
from bptt_sym.limits import EQUATION_DEPTH, EQUATION_LENGTH
from bptt_sym.quoting import shortened

Locate: TypeAlias = "Callable[[int], Place]"
"""The place in the file of a column of a text."""


class EquationText:
    """A text on one line, in whose columns the nodes of its tree stand."""

    def __init__(self, text: str, place: Locate) -> None:
        self.encoded = text.encode()
        self.place = place

    def source(self, node: ast.expr) -> str:
        """What is written there."""
        return self.encoded[node.col_offset : node.end_col_offset].decode()

    def error(self, node: ast.expr, message: str) -> InputError:
        """An error at its place."""
        return InputError(message, self.place_of(node))

    def place_of(self, node: ast.expr) -> Place:
        """Where it is written."""
        return self.place(len(self.encoded[: node.col_offset].decode()))

    def refused(self, node: ast.expr) -> InputError:
        """The error for what is not in the language."""
        return self.error(
            node,
            f"not part of the equation language: {shortened(self.source(node))} "
            "(it has @ + - * / **, .T, slices and calls of functions by name)",
        )


def parsed(text: str, place: Locate) -> tuple[EquationText, ast.expr]:
    """The text with its syntax tree, whose columns are those of the text.

    Raises InputError for what is no expression of Python in ASCII, or too long or too deep.
    """
    EQUATION_LENGTH.check(len(text), place(0))
    text = _COMMENT.sub(_blank, text)
    foreign = next((k for k, character in enumerate(text) if not character.isascii()), None)
    if foreign is not None:
        # Python would read a look-alike as the letter that it looks like.
        raise InputError(f"an equation is ASCII: {text[foreign]!a} is not", place(foreign))
    # On one line, the parser's columns are offsets into the text.
    text = text.translate(_ONE_LINE).rstrip()
    if not text:
        raise InputError("an equation is empty", place(0))
    indent = len(text) - len(text.lstrip())
    text, place = text[indent:], partial(_moved, place, indent)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        column = min(max((error.offset or 1) - 1, 0), len(text))
        for word in _WORD.finditer(text):
            if _is_misplaced(word, column):
                message = f"'{word[0]}' {why_not_written(word[0])}"
                raise InputError(message, place(word.start())) from None
        message = f"not an equation: {shortened(error.msg)}: {shortened(text)}"
        raise InputError(message, place(column)) from None
    except (RecursionError, MemoryError):
        raise InputError("an equation nested too deeply", place(0)) from None
    _check_depth(tree, place)
    return EquationText(text, place), tree.body


def _is_misplaced(word: re.Match[str], column: int) -> bool:
    """Whether the parser stopped for a word, as it does behind a lambda that has no colon."""
    begins_there = word.start() == column or (word[0] == "lambda" and word.start() < column)
    return begins_there and keyword.iskeyword(word[0])


def _blank(comment: re.Match[str]) -> str:
    return " " * len(comment[0])


def _moved(place: Locate, indent: int, column: int) -> Place:
    return place(indent + column)


_WORD = re.compile(r"\b[A-Za-z]+\b")
_COMMENT = re.compile("#[^\n]*")
_ONE_LINE = {ord(character): " " for character in "\n\r\t\f\v"}


def _check_depth(tree: ast.AST, place: Locate) -> None:
    level: list[ast.AST] = [tree]
    for depth in itertools.count():
        EQUATION_DEPTH.check(depth, place(0))
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return


def reads_now(text: str) -> frozenset[str]:
    """The names that an equation's text reads at step t, as far as a glance can tell."""
    return frozenset(re.findall(r"([A-Za-z]\w*)\s*\[\s*t\s*\]", text))
