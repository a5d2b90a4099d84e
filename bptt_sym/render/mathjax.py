r"""Formulas as a web page may hold them: for MathJax, and through GitHub's Markdown.

GitHub refuses some commands (\operatorname, \phantom), and reads a backslash before a sign as
Markdown does, which leaves the sign: there commands have names of letters. All of them are LaTeX
that KaTeX knows, too.
"""

from __future__ import annotations

import re

_BREAK = re.compile(r"\\allowbreak(?![A-Za-z])")
_BAR = re.compile(r"(\\\\)|\\?\|")
_OPERATOR = re.compile(r"\\operatorname(?![A-Za-z])\*?")
_SIGN = re.compile(r"\\[^A-Za-z\s]|[|<>*]|\](?=\()")
_NAMED = {
    "\\\\": r"\cr",
    r"\,": r"\thinspace",
    r"\:": r"\mskip 4mu",
    r"\;": r"\mskip 5mu",
    r"\!": r"\negthinspace",
    r"\{": r"\lbrace",
    r"\}": r"\rbrace",
    r"\|": r"\Vert",
    "|": r"\vert",
    "<": r"\lt",
    ">": r"\gt",
    "*": r"\ast",
    "]": r"\rbrack",
}


def for_mathjax(formula: str) -> str:
    """A formula without what breaks its lines, and without bars: one would end a cell of a table.

    >>> for_mathjax(r"\\|x\\|,\\allowbreak |y|")
    '\\\\Vert x\\\\Vert, \\\\vert y\\\\vert'
    """
    return _BAR.sub(lambda found: found[0] if found[1] else _named(found), _BREAK.sub("", formula))


def for_github(formula: str) -> str:
    """A formula that GitHub's Markdown leaves as it is, and whose commands GitHub allows.

    >>> for_github(r"\\operatorname{diag}(x) \\, y < 1")
    '\\\\mathrm{diag}(x) \\\\thinspace y \\\\lt 1'
    """
    upright = _OPERATOR.sub(lambda _: r"\mathrm", for_mathjax(formula))
    return _SIGN.sub(_named, upright)


def _named(found: re.Match[str]) -> str:
    """A sign as the command that names it."""
    name = _NAMED.get(found[0], found[0])
    return f"{name} " if found.string[found.end() :][:1].isalnum() else name
