"""The tables of a model file and what all of its readers need: places, texts, free names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.algebra.functions import WORDS as FUNCTION_WORDS
from bptt_sym.algebra.names import why_not_a_name
from bptt_sym.errors import InputError
from bptt_sym.model.repeated_layers import Layered
from bptt_sym.model.words import CALLS, FREE_WORDS
from bptt_sym.quoting import shortened

WORDS = frozenset({*FUNCTION_WORDS, *CALLS, "where"})
"""What an equation calls."""


class Tables:
    """The tables of one model file; ``kinds`` says what each name is declared as."""

    def __init__(self, layered: Layered) -> None:
        self.layered = layered
        self.source = layered.source
        self.kinds: dict[str, str] = {}

    def error(self, message: str, *path: str | None) -> InputError:
        """The error with the place of a key, by its path from the top."""
        return InputError(message, self.source.place(*path))

    def table(self, section: str) -> Mapping[str, Any]:
        """The entries of a section, none where it is absent."""
        return self.source.tables.get(section, {})

    def text(self, key: str) -> str:
        """A text at the top of the file: one printable line."""
        value = self.source.tables.get(key, "")
        if not isinstance(value, str) or not value.isprintable():
            raise self.error(f"'{key}' must be one line of text", None, key)
        return value

    def declare(self, name: str, section: str, what: str, key: str | None = None) -> None:
        """Takes a name, which stands at a key, by default its own.

        Raises InputError if it is none, or is taken.
        """
        at = section, name if key is None else key
        # What is called is told by its name alone, inner functions of derivatives among it.
        taken = WORDS | FUNCTIONS.keys() if section == "functions" else WORDS - FREE_WORDS
        if name in taken:
            raise self.error(
                f"'{name}' is an operation of the equation language, which {what} would print "
                "like; take another name, whose LaTeX you may choose under [latex]",
                *at,
            )
        reason = why_not_a_name(name)
        if reason:
            raise self.error(f"the name '{shortened(name)}' {reason}", *at)
        if name in self.kinds:
            raise self.error(f"'{name}' is declared already, as {self.kinds[name]}", *at)
        self.kinds[name] = what
