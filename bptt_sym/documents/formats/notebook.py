"""Notes as a Jupyter notebook: prose, the cells that compute it, the emitted module, its check."""

from __future__ import annotations

import base64
import json
from typing import Any

from bptt_sym.documents.document import Document
from bptt_sym.documents.formats.cells import Cells
from bptt_sym.documents.formats.markdown import JUPYTER, MarkdownWriter
from bptt_sym.quoting import label_name
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

CODE = """**The gradients as NumPy code.** Numbers in its comments are those of the equations above;
names are the model file's."""


def notebook(document: Document, cells: Cells | None, source: str | None) -> str:
    """The notebook as JSON, nbformat 4.5.

    Behind each section stand the ``cells`` that compute it, and behind the recursion the module
    whose text is ``source``; at the end its gradients are checked.
    """
    writer = MarkdownWriter(document, JUPYTER, "attachment:")
    found = [_markdown("title", writer.title(), {})]
    if cells is not None:
        found.append(_code("setup", cells.setup()))
    module = [] if source is None else [_markdown("module", CODE, {}), _code("module-code", source)]
    figures = {drawing.name: drawing.figure.svg() for drawing in document.drawings}
    names = [section.name for section in document.sections]
    for section in document.sections:
        text = writer.section(section)
        used = {name: svg for name, svg in figures.items() if f"(attachment:{name}.svg)" in text}
        found.append(_markdown(label_name(section.name), text, used))
        if cells is not None and (code := cells.of(section.name, names)):
            found.append(_code(label_name(f"{section.name}-code"), code))
        if section.name == "recursion":
            found += module
            module = []
    if source is not None:
        found += module
        check = environment({}).get_template("notes/check.py.j2").render()
        said = "**Check.** The gradients against differences of the loss along complex steps:"
        found += [_markdown("check", said, {}), _code("check-code", check)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    metadata["bptt_sym"] = {"made_by": MADE_BY, "command": document.command}
    data = {"metadata": metadata, "nbformat": 4, "nbformat_minor": 5, "cells": found}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _markdown(name: str, text: str, svgs: dict[str, str]) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}
    if svgs:
        cell["attachments"] = {
            f"{figure}.svg": {"image/svg+xml": base64.b64encode(svg.encode()).decode()}
            for figure, svg in svgs.items()
        }
    return cell


def _code(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source.rstrip("\n"),
    }
