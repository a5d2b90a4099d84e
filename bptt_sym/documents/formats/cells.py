"""The cells of a notebook that compute what its sections say, each with the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.model.model import Model
from bptt_sym.templating import environment

FAR = 20
"""The time steps over which decay is measured."""

WINDOWS = (5, 8, 10)
"""The steps that truncation keeps of them."""


class Cells:
    """Code for the sections of notes on a model."""

    def __init__(self, model: Model, request: NotesRequest) -> None:
        self.model, self.request = model, request
        jinja = environment({"code": ascii})
        self.template: Any = jinja.get_template("notes/cells.py.j2").module
        masked = ", masked=True" if request.masked else ""
        self.options = f"loss={request.loss!a}{masked}"

    def setup(self) -> str:
        """What the other cells need."""
        return str(self.template.setup(self.model.reference))

    def of(self, section: str, sections: Sequence[str]) -> str:
        """The code for a section by its name, or nothing; the others say what it is about."""
        kind, _, name = section.partition("-")
        say, steps, options = self.template, self.request.steps, self.options
        told = [parameter.name for parameter in self.request.parameters(self.model)]
        alone = [other.partition("-")[2] for other in sections if other.startswith("gradient-")]
        first = next(iter([*alone, *told]), None)
        match kind:
            case "timeless":
                code = say.timeless(told, steps, options)
            case "gradient":
                code = say.gradient(name, steps, options)
            case "matrices":
                code = say.level(first, steps, options, "jacobian")
            case "recursion":
                code = say.level(first, steps, options, "adjoint")
            case "vanishing":
                code = say.vanishing(first, FAR, options)
            case "truncation":
                code = say.truncation(first, FAR, WINDOWS, options)
            case _:
                code = ""
        return str(code)
