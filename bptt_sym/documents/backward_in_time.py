"""The recursion of the adjoints, and what sharing them saves."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bptt_sym.algebra.expressions import LAST_STEP, Expr
from bptt_sym.derivation.derivation import Derivation
from bptt_sym.documents.cost import Cost, costs
from bptt_sym.documents.document import Block, Paragraph, Table
from bptt_sym.documents.telling import Telling
from bptt_sym.render.formulas import about

MOST_WHOLE = 10**7
"""Numbers from this on are rounded."""


def heading(telling: Telling) -> str:
    """The heading: over one step there is no recursion."""
    return "The adjoint recursion" if telling.steps > 1 else "The adjoints"


def adjoint_recursion(
    telling: Telling, adjoints: Derivation, known: Collection[Expr | None] = ()
) -> Iterator[Block]:
    """Adjoints, except for those ``known``, and gradients: for N steps, or for the only one."""
    say, general = telling.sentences("recursion"), telling.steps > 1
    for part in (s for s in adjoints.sections if s.general == general):
        equations = [e for e in part.equations if e.left not in known]
        if not equations:
            continue
        if part.topic == "adjoints":
            spans = [e.span for e in equations if e.span]
            rising = any(span.rising for span in spans)
            order = "both" if rising else "backward" if spans else ""
            shared = general and is_shared(counted(telling))
            yield Paragraph(say.adjoints(shared, order, part.fewest_steps))
        else:
            yield Paragraph(say.gradients())
        yield from telling.equations(adjoints, equations)


def counted(telling: Telling) -> list[Cost]:
    """How many products the gradient takes that has the most paths."""
    most = max(telling.parameters, key=lambda p: telling.copies.paths.totals[p.name])
    return [*costs(telling.step, most, telling.reduction)]


def is_shared(found: list[Cost]) -> bool:
    """Whether paths begin with the same factors."""
    return any(entry.along_paths > entry.recursion for entry in found)


def cost(telling: Telling) -> Iterator[Block]:
    """What the recursion saves, counted in products."""
    found = counted(telling)
    if not is_shared(found):
        return
    name = telling.math(found[0].parameter)
    yield Paragraph(telling.sentences("recursion").cost(name))
    head = (
        f"${telling.math(LAST_STEP)}$",
        f"paths to ${name}$",
        "products path by path",
        "products of the recursion",
    )
    rows = (
        tuple(map(_count, (entry.steps, entry.paths, entry.along_paths, entry.recursion)))
        for entry in found
    )
    yield Table(head, tuple(rows))


def _count(number: int) -> str:
    """A number as one reads it: whole, or about so large."""
    return f"${number if number < MOST_WHOLE else about(number)}$"
