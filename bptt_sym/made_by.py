"""Whether this program made a file: the mark that it does stands where the format has it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

_MARK = "Made by bptt-sym "
LONGEST_TITLE = 3
"""The lines that the title of a module has at most."""

_BEFORE = (r"% Needs \usepackage{amsmath,tikz}.", "---")
"""First lines that the mark stands below: one that LaTeX needs, and that of a front matter."""

_PNG = b"\x89PNG\r\n\x1a\n"


def is_ours(path: Path) -> bool:
    """Whether the file at a path is one that this program wrote, in any version, or is empty."""
    content = path.read_bytes()
    if content.startswith(_PNG):
        return any(map(_is_mark, _software(content)))
    if content.startswith(b"%PDF-"):
        return _is_marked_pdf(content)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not text or _is_marked_text(text) or _is_marked_json(text)


def _is_mark(text: str) -> bool:
    """Whether a text is the mark with a version and nothing else."""
    return text.startswith(_MARK) and _is_version(text.removeprefix(_MARK))


def _is_version(text: str) -> bool:
    return all(part.isdecimal() for part in text.split("."))


def _is_marked_text(text: str) -> bool:
    """Python has the mark in its docstring, all other text in the first line or below it."""
    if text.startswith('"""'):
        return is_marked_module(text)
    lines = [line.rstrip("\r") for line in text.split("\n", 2)]
    lines.append("")
    first = lines[1] if lines[0] in _BEFORE else lines[0]
    before, colon, _ = first.partition(":")
    sign = next((sign for sign in ("% ", "<!-- ", "# ") if before.startswith(sign)), "")
    return bool(colon) and _is_mark(before.removeprefix(sign))


def is_marked_module(text: str) -> bool:
    """Whether the docstring of a Python module has the mark below its title."""
    lines = [line.rstrip("\r") for line in text.split("\n", LONGEST_TITLE + 2)]
    if not lines[0].startswith('"""') or "" not in lines[: LONGEST_TITLE + 1]:
        return False
    before, of, _ = lines[lines.index("") + 1].partition(" from the model ")
    return bool(of) and _is_mark(before)


def _is_marked_json(text: str) -> bool:
    """A derivation has the mark beside its schema, a notebook in its metadata."""
    if not text.startswith("{"):
        return False
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    of_notebook = data.get("metadata")
    own = of_notebook.get("bptt_sym") if isinstance(of_notebook, dict) else data
    mark = own.get("made_by") if isinstance(own, dict) else None
    return isinstance(mark, str) and _is_mark(mark)


def _software(content: bytes) -> Iterator[str]:
    """What a PNG says made it, in chunks before its image."""
    place = len(_PNG)
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IDAT":
            return
        key, _, value = content[place + 8 : place + 8 + length].partition(b"\0")
        if (kind, key) == (b"tEXt", b"Software"):
            yield value.decode("latin-1")
        place += length + 12


def _is_marked_pdf(content: bytes) -> bool:
    """The first object of a PDF, behind its two lines of a head, is the mark as a string."""
    lines = content.split(b"\n", 5)[2:5]
    if len(lines) < 3 or lines[0] != b"1 0 obj" or lines[2] != b"endobj":
        return False
    string = lines[1].decode("latin-1")
    return string[:1] == "(" and string[-1:] == ")" and _is_mark(string[1:-1])
