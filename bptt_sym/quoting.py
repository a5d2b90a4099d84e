"""What comes from outside, as each format may hold it: names of files, words of a command.

The name of a file may hold any character, be none of Unicode, and be long. Here it becomes what it
is shown as; no other place writes one into an output.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from bptt_sym.errors import InputError, cut
from bptt_sym.excerpt import printable

LONGEST_NAME = 60
LONGEST_PATH = 120

_NO_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_FILE = re.compile(r"[A-Za-z0-9_.-]+")


def label_name(text: str) -> str:
    """A name of letters, digits, "_", "." and "-" alone, as labels and identifiers hold it."""
    return _NO_LABEL.sub("-", text)[:LONGEST_NAME] or "model"


def title(text: str) -> str:
    """One printable line, such as a title is that a model file gives itself."""
    return printable(text)[:LONGEST_PATH]


def shown_path(path: str | Path) -> str:
    """A path as messages name it: one line of ASCII, the end of a long one."""
    shown = ascii(str(path))[1:-1]
    return shown if len(shown) <= LONGEST_PATH else f"...{shown[-LONGEST_PATH:]}"


def command_line(words: Iterable[str]) -> str:
    """A ``bptt-sym`` command as one line of ASCII, which a shell reads as these words."""
    return " ".join(["bptt-sym", *map(_shell_word, words)])


def _shell_word(word: str) -> str:
    if word.isascii() and word.isprintable():
        return shlex.quote(word)
    # The form $'...' of bash and others, byte by byte where a byte is no printable character.
    signs = (chr(byte) for byte in os.fsencode(word))
    return f"$'{''.join(_in_shell_quotes(sign) for sign in signs)}'"


def _in_shell_quotes(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    # Three octal digits are never read together with what follows.
    return sign if sign.isascii() and sign.isprintable() else f"\\{ord(sign):03o}"


def markup_comment(text: str) -> str:
    """Text within a comment of HTML and XML, which two hyphens might end."""
    return re.sub("-(?=-)", "- ", text)


def docstring(text: str) -> str:
    """Printable text within a docstring between three double quotes, and in a comment."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def link(text: str) -> str:
    """The name of a file within a link of Markdown."""
    return quote(os.fsencode(text), safe="")


def latex_file(name: str) -> str:
    r"""The name of a file that LaTeX is to \\input. Raises InputError where it cannot."""
    if not _FILE.fullmatch(name):
        raise InputError(
            f"LaTeX cannot \\input {shown_path(name)!r}; "
            "use letters, digits, '-', '_' and '.' alone"
        )
    return name


def shortened(text: str, length: int = 60) -> str:
    """A text as it may stand in a one-line message."""
    return cut(ascii(text)[1:-1], length)
