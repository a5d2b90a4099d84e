"""What notes open with: what the gradient is for."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.algebra.expressions import Gradient, Parameter
from bptt_sym.documents.document import Block, DisplayedFormula, Equations, Paragraph
from bptt_sym.documents.telling import Telling
from bptt_sym.model.kept_inputs import taken_names
from bptt_sym.render.formulas import descent

RATES = ("alpha", "eta", "epsilon", "lambda", "learning_rate")
"""What the learning rate is called: the first of these that is no name of the model."""


def why(telling: Telling) -> Iterator[Block]:
    """Gradient descent, and what a parameter that many steps share makes of it."""
    say = telling.sentences("why")
    timed = [p for p in telling.parameters if telling.needs_time(p)]
    parameter = (timed or telling.parameters)[0]
    taken = taken_names(telling.model)
    rate = Parameter(next((name for name in RATES if name not in taken), f"{RATES[-1]}_"), 1, 1)
    objective = telling.objective
    gradient = telling.math(Gradient(objective, parameter), loss=objective)
    line = descent(telling.math(parameter), telling.math(rate), gradient)
    yield Paragraph(say.purpose())
    yield Equations((DisplayedFormula((line,)),)).ended(",")
    loss, rated = telling.inline([objective, rate])
    yield Paragraph(say.needed(loss, rated))
    if timed:
        both = any(entry.reverse for entry in telling.model.handed_on)
        (name,) = telling.inline([parameter])
        yield Paragraph(say.shared(name, both))
