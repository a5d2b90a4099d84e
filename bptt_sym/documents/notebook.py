"""Notes as a Jupyter notebook: the derivation, the emitted module, and a check of its gradients."""

from __future__ import annotations

import base64
import json
from typing import Any

from bptt_sym.documents.document import Document
from bptt_sym.documents.markdown import JUPYTER, MarkdownWriter
from bptt_sym.templating import environment
from bptt_sym.version import MADE_BY

CODE = "Numbers in its comments are those of the equations above; names are the model file's."


def notebook(document: Document, source: str | None) -> str:
    """The notebook as JSON, nbformat 4.5; ``source`` is the module that it holds and checks."""
    writer = MarkdownWriter(document, JUPYTER, "attachment:")
    cells = [_markdown("title", writer.title(), {})]
    figures = {drawing.name: drawing.figure.svg() for drawing in document.drawings}
    for number, section in enumerate(document.sections):
        text = writer.section(section)
        used = {name: svg for name, svg in figures.items() if f"(attachment:{name}.svg)" in text}
        cells.append(_markdown(f"section-{number}", text, used))
    if source is not None:
        cells += _module(source)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    metadata["bptt_sym"] = {"made_by": MADE_BY, "command": document.command}
    data = {"metadata": metadata, "nbformat": 4, "nbformat_minor": 5, "cells": cells}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _module(source: str) -> list[dict[str, Any]]:
    """The cells of a module and of the check of its gradients."""
    check = environment({}).get_template("notes/check.py.j2").render()
    said = "The gradients against differences of the loss along complex steps:"
    return [
        _markdown("module", f"## The gradients as NumPy code\n\n{CODE}", {}),
        _code("module-code", source),
        _markdown("check", said, {}),
        _code("check-code", check),
    ]


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
