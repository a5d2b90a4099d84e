"""The gradients: the copies of a parameter, what each contributes, their sum, and any N.

Parameters that need no time come first. Of those that need it, one of each family is derived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain as joined
from typing import Any

from bptt_sym.algebra.expressions import LAST_STEP, Parameter, PartialDerivative, Variable
from bptt_sym.algebra.over_time import TimeProduct
from bptt_sym.derivation.derivation import Derivation, DerivedEquation
from bptt_sym.derivation.unfolding import Vertex
from bptt_sym.documents.chapters.copies_told import told_copies
from bptt_sym.documents.document import Block, Paragraph, Reserved
from bptt_sym.documents.facts.families import Family
from bptt_sym.documents.facts.named_derivatives import abbreviations_of, definitions_of
from bptt_sym.documents.telling import Telling
from bptt_sym.render.latex import label

MOST_BESIDE = 1
"""The gradients with respect to so many parameters beside that which is derived are written."""


def chapters(telling: Telling, drawn: int) -> Iterator[tuple[str, str, Iterator[Block]]]:
    """Name, heading and blocks of each chapter.

    The paths are drawn of ``drawn`` families at most, from the first on.
    """
    say = telling.sentences("gradients")
    timed = [f for f in telling.families if telling.needs_time(f.first)]
    timeless = [f for f in telling.families if f not in timed]
    defined: set[DerivedEquation] = set()
    if timeless:
        names = telling.inline(p for family in timeless for p in family.parameters)
        heading = say.heading(names, False, False, telling.steps == 1)
        told = [_family(telling, family, defined, drawn=False, whole=True) for family in timeless]
        yield "timeless", heading, joined.from_iterable(told)
    for k, family in enumerate(timed):
        name = telling.inline([family.first])
        heading = say.heading(name, True, k > 0, False)
        blocks = _family(telling, family, defined, drawn=k < drawn, whole=telling.full or k == 0)
        yield f"gradient-{family.first.name}", heading, blocks


def alone(telling: Telling, parameter: Parameter, chain: Derivation) -> Iterator[Block]:
    """The gradient with respect to one parameter of a derivation, its paths drawn."""
    return _first(telling, parameter, chain, set(), drawn=True)


def _family(
    telling: Telling, family: Family, defined: set[DerivedEquation], *, drawn: bool, whole: bool
) -> Iterator[Block]:
    """The gradients of a family, the first ``whole`` or for any number of steps alone."""
    general = _sums(telling, _equations(telling.chain, family.first))[1]
    if whole or not general or not family.reader:
        yield from _first(telling, family.first, telling.chain, defined, drawn=drawn)
    else:
        yield from _shortly(telling, family.first, general, defined)
    yield from _beside(telling, family)
    if family.elsewhere:
        assert family.reader is not None
        say, (reader,) = telling.sentences("gradients"), telling.inline([family.reader])
        groups = [
            {"reader": telling.inline([other])[0], "parameters": telling.inline(parameters)}
            for other, parameters in family.elsewhere
        ]
        yield Paragraph(say.elsewhere(reader, groups))


# One parameter.


def _first(
    telling: Telling,
    parameter: Parameter,
    chain: Derivation,
    defined: set[DerivedEquation],
    *,
    drawn: bool,
) -> Iterator[Block]:
    """Its contributions, their sum, and the general form."""
    say, once = telling.sentences("gradients"), telling.told_once(parameter)
    copies = telling.copies.of(parameter.name)
    timed = telling.needs_time(parameter)
    equations = _equations(chain, parameter)
    sums, general = _sums(telling, equations)
    least = max(map(_least_steps, general), default=1)
    single = [e for e in equations if e.contribution] if timed and len(copies) > 1 else []
    if not single:
        text = _which(telling, parameter, copies)
        if timed or len(copies) != 1 or telling.steps == 1:
            extra = say.step_by_step() if copies and not timed and telling.steps > 1 else ""
            yield Paragraph(" ".join(filter(None, [text, extra])))
            yield from telling.equations(chain, sums, ".")
            if general and copies and telling.steps > 1:
                yield from _general(telling, chain, general, defined, least, longer=False)
        else:
            yield Paragraph(f"{text} {say.timeless(once, least)}")
            yield from telling.equations(chain, [*sums, *general], ".")
        return
    told = told_copies(telling, parameter, chain, single)
    drawing = told.all_paths() if drawn else None
    which = _which(telling, parameter, copies)
    yield Paragraph(f"{which} {say.one_by_one(drawing.label if drawing else '')}")
    if drawing:
        yield drawing
    yield from told.shown()
    short = abbreviations_of(chain, single)
    if short:
        yield Paragraph(say.abbreviated())
        yield from telling.equations(chain, short, ".", numbered=False)
    if len(single) <= telling.most_told:
        yield Paragraph(say.accumulation(len(single), once))
        yield from telling.equations(chain, sums, ".")
        if told.is_nested and telling.reduction.at_last and not once:
            yield Paragraph(say.read_as_total([told.place(k) for k in range(len(single))]))
    else:
        yield Reserved(tuple(label(chain, e) for e in sums))
    if general:
        longer = told.is_nested and telling.reduction.at_last
        yield from _general(telling, chain, general, defined, least, longer=longer)


def _shortly(
    telling: Telling,
    parameter: Parameter,
    general: Sequence[DerivedEquation],
    defined: set[DerivedEquation],
) -> Iterator[Block]:
    """How many paths lead to its copies, and its gradient for any number of steps."""
    copies = telling.copies.of(parameter.name)
    yield Paragraph(_which(telling, parameter, copies))
    if not copies:
        return
    found = [e.contribution for e in _equations(telling.chain, parameter) if e.contribution]
    counts = [contribution.path_count for contribution in found]
    if len(counts) > 1 and all(counts):
        yield Paragraph(telling.sentences("gradients").counts(counts))
    least = max(map(_least_steps, general))
    yield from _general(telling, telling.chain, general, defined, least, longer=False)


def _which(telling: Telling, parameter: Parameter, copies: Sequence[Vertex]) -> str:
    """On which copies of a parameter the loss depends, and whether that is due to the loss."""
    say, (name,) = telling.sentences("gradients"), telling.inline([parameter])
    loss = telling.loss_symbol
    if not copies:
        return str(say.no_copy(name, loss, telling.told_once(parameter)))
    if len(copies) > 1:
        return str(say.many_copies(name, loss, places(telling, copies)))
    (only,) = copies
    readers = [telling.at(node) for node in telling.copies.readers(only)]
    step = only.time if telling.copies.is_of_step(only) else None
    text = say.one_copy(name, loss, step, readers, telling.told_once(parameter))
    other = telling.copies.of_another_step(parameter.name)
    if other and step and telling.reduction.at_last and not telling.model.ends:
        seen = {"loss": telling.at(other[0]), **places(telling, other[1])}
        return f"{text} {say.spared(seen)}"
    return str(text)


def places(telling: Telling, copies: Sequence[Vertex]) -> dict[str, Any]:
    """The steps of copies, and how many belong to initial values."""
    steps = [copy.time for copy in copies if telling.copies.is_of_step(copy)]
    return {"steps": steps, "initial": len(copies) - len(steps)}


def _general(
    telling: Telling,
    chain: Derivation,
    general: Sequence[DerivedEquation],
    defined: set[DerivedEquation],
    least: int,
    *,
    longer: bool,
) -> Iterator[Block]:
    """The form for any number of steps, with what its derivatives are where this is not known."""
    say = telling.sentences("gradients")
    yield Paragraph(say.general(least, longer))
    new = [e for e in definitions_of(chain, general) if e not in defined]
    defined.update(new)
    yield from telling.equations(chain, general, "," if new else ".")
    if new:
        yield Paragraph(say.where())
        yield from telling.equations(chain, new, ".", numbered=False)
    named = {d for e in general for d in e.right.atoms(PartialDerivative) if not d.immediate}
    totals = [e.left for e in new if e.left in named]
    if totals:
        products = [p for e in new for p in e.right.atoms(TimeProduct)]
        yield Paragraph(say.total(telling.inline(totals), bool(products)))


# Others of the family.


def _beside(telling: Telling, family: Family) -> Iterator[Block]:
    """The parameters that the same variable reads; of one alone the gradient is written."""
    if not family.beside:
        return
    assert family.reader is not None
    say = telling.sentences("gradients")
    names, (reader,) = telling.inline(family.beside), telling.inline([family.reader])
    said = say.beside(names, reader)
    if len(family.beside) > MOST_BESIDE:
        yield Paragraph(f"{said}.")
        return
    (other,) = family.beside
    equations = _equations(telling.chain, other)
    sums, general = _sums(telling, equations)
    skipped = [e for e in equations if e not in general]
    if len(skipped) > 1 and general and telling.needs_time(other):
        labels = [label(telling.chain, e) for e in skipped]
        yield Reserved(tuple(labels))
        (first,) = telling.inline([family.first])
        yield Paragraph(said + say.analogues(first, names[0], labels[0], labels[-1]))
        yield from telling.equations(telling.chain, general, ".")
    else:
        yield Paragraph(f"{said}:")
        yield from telling.equations(telling.chain, general or sums, ".")


def _equations(chain: Derivation, parameter: Parameter) -> list[DerivedEquation]:
    (part,) = (section for section in chain.sections if section.parameter == parameter)
    return list(part.equations)


def _sums(
    telling: Telling, equations: Sequence[DerivedEquation]
) -> tuple[list[DerivedEquation], list[DerivedEquation]]:
    """The gradients among the equations: over the steps of the notes, and over any number."""
    general = telling.reduction.labelled(telling.model.loss.name, LAST_STEP)
    rest = [e for e in equations if not e.contribution]
    return (
        [e for e in rest if e.meaning[0] != general],
        [e for e in rest if e.meaning[0] == general],
    )


def _least_steps(equation: DerivedEquation) -> int:
    """The least number of steps N for which each step N - k of an equation exists."""
    times = (variable.time - LAST_STEP for variable in equation.right.atoms(Variable))
    return 1 + max((-int(time) for time in times if time.is_Integer), default=0)
