"""Whether a derivation is of a size that can be written, found before it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bptt_sym.algebra.extent import Extent
from bptt_sym.derivation.derivation import Section
from bptt_sym.derivation.step import Step
from bptt_sym.limits import DERIVATION, UNFOLDING

SAMPLE = 12
"""From so many steps on, beyond the longest lag, each one more adds as many symbols."""


def limited(
    sections: Callable[[int], tuple[Section, ...]], step: Step, steps: int, most_factors: int
) -> tuple[Section, ...]:
    """The sections of a derivation over ``steps`` time steps.

    Raises InputError where they would have more symbols than the limit; those of fewer steps are a
    sample.
    """
    check_unfolding(step, steps)
    sample = SAMPLE + max((abs(edge.lag) for edge in step.edges), default=0)
    if steps > sample:
        # Up to the length from which they are abbreviated, chains grow with the steps, too.
        longer = max(1, min(steps, most_factors) // sample)
        DERIVATION.check(symbols(sections(sample)) * steps * longer // sample)
    found = sections(steps)
    DERIVATION.check(symbols(found))
    return found


def check_unfolding(step: Step, steps: int) -> None:
    """Raises InputError where the unfolded network has too many edges."""
    UNFOLDING.check(len(step.edges) * steps)


def symbols(sections: Iterable[Section]) -> int:
    """The symbols of the right sides of all equations."""
    extent = Extent()
    return sum(extent.written(e.right) for section in sections for e in section.equations)
