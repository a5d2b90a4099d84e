"""The LaTeX of names: a closed form, so that no command of a model file enters a document.

A text is a row of parts. A part is a letter, a symbol, an accent or alphabet with what it is of, or
a group in braces, and may have an index and an exponent; whatever is of this form, LaTeX typesets.
"""

from __future__ import annotations

import re

from bptt_sym.algebra.names import GREEK

LONGEST = 60

_SYMBOLS = {
    *GREEK, "varphi", "vartheta", "varepsilon", "varrho", "varsigma",
    "ast", "bullet", "circ", "dagger", "ell", "infty", "langle", "leftarrow", "leftrightarrow",
    "prime", "rangle", "rightarrow", "star", "top",
}  # fmt: skip

TAKING = frozenset({
    "bar", "breve", "check", "ddot", "dot", "hat", "overline", "tilde", "underline", "vec",
    "widehat", "widetilde", "overleftarrow", "overrightarrow",
    "boldsymbol", "mathbb", "mathbf", "mathcal", "mathfrak", "mathit", "mathrm", "mathsf",
})  # fmt: skip
"""The commands that take an argument: accents and alphabets."""

_TOKEN = re.compile(r"\\[A-Za-z]+|[A-Za-z0-9 '+*()\[\],-]|[{}_^]")


def why_not_latex(text: object) -> str | None:
    """Why a text cannot be the LaTeX of a name, or None if it can."""
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        return f"must be a text of 1 to {LONGEST} characters"
    tokens = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if not token:
            return f"has a character that is not allowed: {text[position]!a}"
        command = token[0][1:] if token[0][0] == "\\" else ""
        if command and command not in _SYMBOLS | TAKING:
            return f"has a command that is not allowed: \\{command}"
        # A space ends a command and prints nothing.
        tokens += [token[0]] if token[0] != " " else []
        position = token.end()
    try:
        if re.search("' +['^]", text):
            raise _RefusedError("has a space behind a prime")
        _NameReader(tokens).text()
    except _RefusedError as refused:
        return str(refused)
    return None


class _RefusedError(Exception):
    """Why a text is not of the form."""


class _NameReader:
    """Reads tokens by the grammar of the form."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0

    @property
    def next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def text(self) -> None:
        self.parts()
        if self.next:
            raise _RefusedError("has braces that do not match")

    def parts(self) -> None:
        while self.next not in ("", "}"):
            if self.next in "_^'":
                raise _RefusedError(f"has a {self.next} without a letter before it")
            self.nucleus()
            self.scripts()

    def nucleus(self) -> None:
        token = self.next
        if token == "{":
            self.group()
            return
        self.position += 1
        if token[1:] in TAKING:
            empty = self.tokens[self.position : self.position + 2] in ([], ["{", "}"])
            if self.next != "{" or empty:
                raise _RefusedError(f"has a {token} without what it is of: {token}{{x}}")
            self.group()

    def scripts(self) -> None:
        seen = ""
        while self.next and self.next in "_^'":
            mark = self.next
            kind = "_" if mark == "_" else "^"
            if kind in seen:
                raise _RefusedError(f"has two '{kind}' for one letter; put the letter into braces")
            seen += kind
            while self.next == "'":
                self.position += 1
            if mark == "'":
                # The exponent of a letter with primes stands right behind them.
                if self.next != "^":
                    continue
                mark = "^"
            self.position += 1
            if self.next != "{" and not self.is_letter() and (self.next or " ") not in "*+-":
                raise _RefusedError(f"has a '{mark}' without an index")
            self.argument()

    def is_letter(self) -> bool:
        token = self.next
        return token.isalnum() or (token.startswith("\\") and token[1:] not in TAKING)

    def argument(self) -> None:
        if self.next == "{":
            self.group()
        else:
            self.position += 1

    def group(self) -> None:
        self.position += 1
        self.parts()
        if self.next != "}":
            raise _RefusedError("has braces that do not match")
        self.position += 1
