"""The recursion of the adjoints, the gradients that follow, and what sharing saves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bptt_sym.algebra.expressions import Expr
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.documents.document import Block, DisplayedFormula, Equations, Paragraph
from bptt_sym.documents.facts.cost import Cost, costs
from bptt_sym.documents.facts.outer_products import outer_product
from bptt_sym.documents.telling import Telling
from bptt_sym.render.formulas import about

LONG = 100
"""The number of steps for which products are counted, beside that of the notes."""

MOST_WHOLE = 10**7
"""Numbers from this on are rounded."""


def heading(telling: Telling) -> str:
    """The heading: over one step there is no recursion."""
    shared = telling.steps > 1 and is_shared(counted(telling))
    return str(telling.sentences("recursion").heading(telling.steps > 1, shared))


def told_recursion(telling: Telling) -> Iterator[Block]:
    """The recursion of all gradients that are told, then what it saves."""
    yield from adjoint_recursion(telling, telling.adjoints)
    yield from cost(telling)


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
            yield from telling.equations(adjoints, equations, ".")
        else:
            yield from _outer_product(telling, equations)
            yield Paragraph(say.gradients())
            yield from telling.equations(adjoints, equations, ".")


def _outer_product(telling: Telling, equations: Sequence[DerivedEquation]) -> Iterator[Block]:
    """How a contribution gets the shape of its matrix, told of one whose factor shows it."""
    found = outer_product(telling.matrices, equations)
    if found is None:
        return
    say = telling.sentences("recursion")
    loss = telling.adjoints.objective(general=telling.steps > 1)

    def inline(expression: Expr) -> str:
        return f"${telling.math(expression, loss)}$"

    said = say.blocks_of_rows if found.of_rows else say.blocks_of_columns
    factor = inline(found.factor)
    words = (found.adjoint, found.factor, found.size, found.entries, found.parameter, found.row)
    yield Paragraph(said(*map(inline, words)))
    yield Equations((DisplayedFormula((telling.math(found.term, loss),)),)).ended(".")
    yield Paragraph(say.never_formed(factor))


# What is saved.


def counted(telling: Telling) -> list[Cost]:
    """How many products the gradient takes that has the most paths."""
    most = max(telling.parameters, key=lambda p: telling.copies.paths.totals[p.name])
    lengths = sorted({telling.steps, LONG})
    return [*costs(telling.step, most, telling.reduction, lengths)]


def is_shared(found: list[Cost]) -> bool:
    """Whether paths begin with the same factors."""
    return any(entry.along_paths > entry.recursion for entry in found)


def cost(telling: Telling) -> Iterator[Block]:
    """What the recursion saves, counted in products."""
    found = counted(telling)
    if telling.steps == 1 or not is_shared(found):
        return
    (name,) = telling.inline([found[0].parameter])
    rows = [
        {
            "steps": entry.steps,
            "along_paths": written_count(entry.along_paths),
            "recursion": written_count(entry.recursion),
        }
        for entry in found
    ]
    yield Paragraph(telling.sentences("recursion").cost(name, rows))


def written_count(number: int) -> str:
    """A number as one reads it: whole, or about so large."""
    return f"${number if number < MOST_WHOLE else about(number)}$"
