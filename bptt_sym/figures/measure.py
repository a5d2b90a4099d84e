"""How much room a label takes: widths of Computer Modern, without LaTeX or a font at hand."""

from __future__ import annotations

import re
from typing import NamedTuple

SCRIPT = 0.7
"""The size of an index, of that of the letter."""

SCRIPT_WIDTH = 0.82
"""Small letters are wider, for their size."""

POINT = 2.54 / 72.27
"""A point of TeX, in centimetres."""

_WIDTHS = {
    **dict.fromkeys("ijl'", 0.37), **dict.fromkeys("cegkorstvyz", 0.52),
    **dict.fromkeys("abdhnpqux", 0.6), "f": 0.6, "w": 0.75, "m": 0.88,
    **dict.fromkeys("IJPT", 0.72), "Y": 0.75, **dict.fromkeys("ABCDEFGHKLNOQRSUXZ", 0.91),
    "V": 0.88, "/": 0.5,
    "M": 0.98, "W": 1.16, **dict.fromkeys("()[]", 0.39), **dict.fromkeys("+-", 1.25), ",": 0.48,
    "leftarrow": 1.45, "rightarrow": 1.45, "leftrightarrow": 1.45, "top": 0.85, "infty": 1.0,
    "Delta": 0.84, "Gamma": 0.64, "Lambda": 0.7, "bullet": 0.5, "dagger": 0.5,
}  # fmt: skip
_WIDEST = 0.8
_DIGIT = 0.5

_TALL = {"hat", "bar", "tilde", "check", "breve", "dot", "ddot", "vec", "overline", "underline",
         "widehat", "widetilde", "overleftarrow", "overrightarrow"}  # fmt: skip

_WORDS = ("tanh", "exp", "sin", "cos", "log", "max", "min", "arctan", "sinh", "cosh", "det", "bmod")

_TOKEN = re.compile(r"\\[A-Za-z]+|\S")


class LabelSize(NamedTuple):
    """A width and a height in centimetres."""

    width: float
    height: float


def measured(latex: str, points: float) -> LabelSize:
    """The size of a label of the form that names and their derivatives have; rather too large."""
    width, up, down = _LabelReader(_TOKEN.findall(latex)).row()
    return LabelSize(width * points * POINT, (up + down) * points * POINT)


Extent = tuple[float, float, float]
"""Width, height above the line and depth below it, in units of the font's size."""


class _LabelReader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    def row(self) -> Extent:
        width, up, down = 0.0, 0.45, 0.0
        last = 0.0
        while self.position < len(self.tokens) and self.tokens[self.position] != "}":
            token = self.tokens[self.position]
            if token in ("_", "^"):
                self.position += 1
                script = self.argument()
                # An index and an exponent of one letter stand above each other.
                width += max(0.0, SCRIPT_WIDTH * script[0] - last) + 0.05
                last = SCRIPT_WIDTH * script[0]
                if token == "_":
                    down = max(down, 0.15 + SCRIPT * script[2] + 0.1)
                else:
                    up = max(up, 0.5 + SCRIPT * script[1])
                continue
            part = self.argument()
            width, up, down = width + part[0], max(up, part[1]), max(down, part[2])
            last = 0.0
        return width, up, down

    def argument(self) -> Extent:
        token = self.tokens[self.position] if self.position < len(self.tokens) else ""
        self.position += 1
        if token == "{":
            inside = self.row()
            self.position += 1
            return inside
        command = token.removeprefix("\\")
        if command == "frac":
            over, under = self.argument(), self.argument()
            return 0.25 + max(over[0], under[0]), 0.45 + sum(over[1:]), 0.3 + sum(under[1:])
        if command == "tfrac":
            over, under = self.argument(), self.argument()
            width = 0.25 + SCRIPT_WIDTH * max(over[0], under[0])
            return width, 0.45 + SCRIPT * sum(over[1:]), 0.3 + SCRIPT * sum(under[1:])
        if token == r"\sum":
            return 1.15, 1.1, 0.5
        if command in _TALL:
            width, up, down = self.argument()
            low = 0.2 if command == "underline" else 0.0
            arrow = 0.52 if command.startswith("over") else 0.26
            least = 1.05 if command.startswith("over") else 0.6
            return max(width + 0.05, least), up + arrow, down + low
        if token.startswith("\\") and (command.startswith("math") or command == "boldsymbol"):
            width, up, down = self.argument()
            return 1.1 * width, up, down
        if token.isdigit():
            return _DIGIT, 0.7, 0.0
        if len(command) > 2 and command in _WORDS:
            return 0.1 + sum(_WIDTHS.get(letter, _WIDEST) for letter in command), 0.78, 0.2
        if command == "operatorname":
            width, up, down = self.argument()
            return width + 0.1, up, down
        low = 0.2 if command in "gjpqyQ,()[]" or token.startswith("\\") else 0.0
        if command in ("(", ")", "[", "]"):
            return _WIDTHS[command], 0.82, 0.22
        tall = command in "acegmnopqrsuvwxyz"
        return _WIDTHS.get(command, _WIDEST), 0.47 if tall else 0.78, low
