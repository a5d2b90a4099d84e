"""What the notes have shown, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator

from bptt_sym.documents.chapters.backward_in_time import LONG, counted, is_shared, written_count
from bptt_sym.documents.document import Block, Items
from bptt_sym.documents.facts.step_facts import step_maps
from bptt_sym.documents.step_writing import StepWriting
from bptt_sym.documents.telling import Telling

MOST_NAMED = 4
"""Of more parameters than this, the first of each family is named."""


def summary(telling: Telling) -> Iterator[Block]:
    """One line for each thing that was shown; over a single step there is nothing to sum up."""
    if telling.steps == 1:
        return
    say = telling.sentences("summary")
    parameters = [p for p in telling.parameters if telling.copies.of(p.name)]
    timed = [p for p in parameters if telling.needs_time(p)]
    timeless = [p for p in parameters if p not in timed]
    lines = [say.copies()]
    if timeless and len(timeless) <= MOST_NAMED:
        lines.append(say.timeless(telling.inline(timeless)))
    if timed:
        if len(timed) <= MOST_NAMED:
            lines.append(say.timed(telling.inline(timed)))
        lines.append(say.immediate())
    found = counted(telling)
    if is_shared(found):
        (entry,) = (cost for cost in found if cost.steps == LONG)
        taken = map(written_count, (entry.along_paths, entry.recursion))
        lines.append(say.recursion(LONG, *taken))
    links = step_maps(telling.step)
    if timed and len(links) == 1:
        lines.append(say.links(StepWriting(telling, links[0]).factor))
    yield Items(tuple(lines))
