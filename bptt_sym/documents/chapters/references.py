"""Where to read on: the source of a model, and the standard texts on what notes say of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Any

from bptt_sym.documents.document import Items, NotesSection, plain_words
from bptt_sym.model.model import Model

NAME = "references"


def references(model: Model, chapters: Collection[str]) -> NotesSection | None:
    """The last chapter of notes that have these ``chapters``; none where nothing is to be named.

    A model file separates its sources by semicolons; behind one, small letters go on.
    """
    kinds = {chapter.partition("-")[0] for chapter in chapters}
    found = re.split(r";\s+(?=[^a-z])", model.source)
    found += [_cited(text) for text in _texts() if kinds & set(text["chapters"])]
    items = tuple(plain_words(text.rstrip(".") + ".") for text in found if text)
    return NotesSection(NAME, "References", (Items(items),)) if items else None


@cache
def _texts() -> list[dict[str, Any]]:
    """The standard texts, in the order of the chapters."""
    data = (
        files("bptt_sym")
        .joinpath("documents", "chapters", "references.toml")
        .read_text(encoding="utf-8")
    )
    return list(tomllib.loads(data)["text"])


def _cited(text: dict[str, Any]) -> str:
    return ", ".join(text[key] for key in ("authors", "title", "where"))
