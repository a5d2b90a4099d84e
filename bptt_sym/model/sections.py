"""What stands at the top of a model file: texts and sections, those that each file has."""

from __future__ import annotations

from bptt_sym.errors import closest, listed
from bptt_sym.model.declare import DECLARING
from bptt_sym.model.layer_section import SECTION as LAYERS
from bptt_sym.model.outputs import KEY as OUTPUTS
from bptt_sym.model.outputs import has_outputs
from bptt_sym.model.tables import Tables
from bptt_sym.quoting import shortened

REQUIRED = ("parameters", "equations")
SECTIONS = ("dimensions", *DECLARING, "functions", "equations", "preactivations", "loss", "latex")
TEXTS = ("title", "description", "source", "vectors")


def check_sections(file: Tables) -> None:
    """Raises InputError for what no model file has, and where a part is missing that each has."""
    for key, value in file.source.tables.items():
        if key in (*TEXTS, OUTPUTS):
            continue
        if key not in SECTIONS:
            entries = (*TEXTS, OUTPUTS, *SECTIONS, LAYERS)
            shown = f"'{shortened(key)}'{closest(key, entries)}"
            message = f"unknown entry {shown}; known are {listed(entries)}"
            place_of = (key, None) if isinstance(value, dict) else (None, key)
            raise file.error(message, *place_of)
        if not isinstance(value, dict):
            raise file.error(f"'{key}' must be a section: [{key}]", None, key)
    for section in (*REQUIRED, *(() if has_outputs(file) else ("loss",))):
        if not file.source.tables.get(section):
            instead = f"; a layer has {OUTPUTS} instead" if section == "loss" else ""
            message = f"the section [{section}] is missing or empty{instead}"
            raise file.error(message, section)
