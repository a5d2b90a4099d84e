"""The LaTeX of names: a closed form, so that no command of a model file enters a document."""

from __future__ import annotations

import re

from bptt_sym.algebra.names import GREEK

LONGEST = 60

_COMMANDS = {
    *GREEK, "varphi", "vartheta", "varepsilon", "varrho", "varsigma",
    "bar", "breve", "check", "ddot", "dot", "hat", "overline", "tilde", "underline", "vec",
    "widehat", "widetilde",
    "boldsymbol", "mathbb", "mathbf", "mathcal", "mathfrak", "mathit", "mathrm", "mathsf",
    "ast", "bullet", "circ", "dagger", "ell", "infty", "langle", "leftarrow", "leftrightarrow",
    "overleftarrow", "overrightarrow", "prime", "rangle", "rightarrow", "star", "top",
}  # fmt: skip
"""The commands that the LaTeX of a name may use: letters, accents, alphabets and marks."""

_TOKEN = re.compile(r"\\([A-Za-z]+)|[A-Za-z0-9 '+*()\[\],-]|[{}_^]")


def why_not_latex(text: object) -> str | None:
    """Why a text cannot be the LaTeX of a name, or None if it can."""
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        return f"must be a text of 1 to {LONGEST} characters"
    depth = position = 0
    waiting = False
    while position < len(text):
        token = _TOKEN.match(text, position)
        if not token:
            return f"has a character that is not allowed: {text[position]!a}"
        if token[1] and token[1] not in _COMMANDS:
            return f"has a command that is not allowed: \\{token[1]}"
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth < 0:
            break
        if waiting and (token[0] in "}_^" or token[0].isspace()):
            return "has a '_' or '^' without an index"
        waiting = token[0] in "_^"
        position = token.end()
    if depth or waiting:
        return "has braces that do not match" if depth else "ends in '_' or '^'"
    return _double(text)


def _double(text: str) -> str | None:
    """Whether one letter has two indices of a kind, which LaTeX refuses."""
    levels: list[set[str]] = [set()]
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == "{":
            levels.append(set())
        elif mark == "}":
            levels.pop()
        elif mark in "_^":
            if mark in levels[-1]:
                return f"has two '{mark}' for one letter; put the letter into braces"
            levels[-1].add(mark)
    return None
