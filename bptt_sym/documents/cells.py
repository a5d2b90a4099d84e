"""The cells of a notebook that compute what its sections say, each with the package."""

from __future__ import annotations

from typing import Any

from bptt_sym.documents.notes_request import NotesRequest
from bptt_sym.model.model import Model
from bptt_sym.templating import environment

FAR = 20
"""The time steps over which decay is measured."""

WINDOWS = (5, 8, 10)
"""The steps that truncation keeps of them."""


class Cells:
    """Code for the sections of notes; a mask has no measure, and no numbers are shown for it."""

    def __init__(self, model: Model, request: NotesRequest) -> None:
        self.model, self.request = model, request
        jinja = environment({"code": ascii})
        self.template: Any = jinja.get_template("notes/cells.py.j2").module
        masked = ", masked=True" if request.masked else ""
        self.options = f"loss={request.loss!a}{masked}"

    def setup(self) -> str:
        """What the other cells need."""
        return str(self.template.setup(self.model.reference))

    def of(self, section: str, sections: list[str]) -> str:
        """The code for a section by its name, or nothing; the others say what it is about."""
        kind, _, name = section.partition("-")
        gradients = [other.partition("-")[2] for other in sections if other.startswith("gradient-")]
        first = gradients[0] if gradients else next(iter(self.model.parameters), "")
        say, steps, options = self.template, self.request.steps, self.options
        measured = not self.request.masked
        match kind:
            case "timeless":
                code = say.timeless(steps, options, measured)
            case "gradient":
                code = say.gradient(name, steps, options, measured)
            case "matrices":
                code = say.level(first, steps, options, "jacobian")
            case "recursion":
                code = say.level(first, steps, options, "adjoint")
            case "vanishing" if measured:
                code = say.vanishing(first, FAR, options)
            case "truncation" if measured:
                code = say.truncation(first, FAR, WINDOWS, options)
            case _:
                code = ""
        return str(code)
