"""A model file to start from: one of a model that ships, with comments on what stands where."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.model.layer_section import SECTION
from bptt_sym.model.library import shipped_text
from bptt_sym.model.outputs import KEY as OUTPUTS
from bptt_sym.model.schema import meaning_of
from bptt_sym.model.sections import SECTIONS
from bptt_sym.model.source import parse_source
from bptt_sym.quoting import command_line

SCHEMA_FILE = "bptt-sym.schema.json"
"""The name under which the schema lies beside a new model."""

_COMMANDS = {
    "show": "its equations and shapes",
    "derive": "its gradients, as equations",
    "verify": "whether they and the code for them are right",
    "generate": "that code, a module for NumPy",
}
"""What each command, with the file behind it, prints."""


def begun_model(file: str, of: str) -> str:
    """The text of a model file called ``file``, which is the model ``of`` that ships, commented.

    Raises InputError for a model that does not ship.
    """
    return "\n".join([*_head(file, of), *_commented(shipped_text(of))]) + "\n"


def _head(file: str, of: str) -> Iterator[str]:
    yield f"#:schema ./{SCHEMA_FILE}"
    yield f"# A model file of bptt-sym, begun as the model {of}, which ships with it."
    yield "# docs/language.md tells all that it may hold; these commands print"
    for command, prints in _COMMANDS.items():
        yield f"# - {prints}: {command_line((command, file))}"
    yield ""


def _commented(text: str) -> Iterator[str]:
    """The lines of a model file, a comment above each text and section at its top."""
    source = parse_source(text, "model")
    keys = {source.place(key).line: key for key in source.tables}
    # What the file itself says of a section stands right above it, and stays there.
    own: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if number in keys:
            yield f"# {meaning_of(keys[number])}"
        if line.startswith("#"):
            own.append(line)
            continue
        yield from own
        own = []
        yield line
    yield from own
    others = {"loss"} if OUTPUTS in source.tables else set()
    absent = [s for s in (*SECTIONS, SECTION) if s not in {*source.tables, *others}]
    if absent:
        yield ""
        yield "# A model may have other sections, too:"
    yield from (f"# [{section}]: {meaning_of(section)}" for section in absent)
