"""How far back in time the loss of a step reaches, for any number of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bptt_sym.derivation.step import Edge, Step


class Lags(NamedTuple):
    """The lags first, ..., last by which a variable lies behind the last step; no last: all."""

    first: int
    last: int | None

    def shifted(self, lag: int) -> Lags | None:
        """The range as seen from ``lag`` steps before, or none behind the last step."""
        last = None if self.last is None else self.last + lag
        return None if last is not None and last < 0 else Lags(max(self.first + lag, 0), last)

    def holds(self, lag: int) -> bool:
        """Whether a lag lies in the range."""
        return self.meets(lag, lag)

    def meets(self, nearest: int, farthest: int) -> bool:
        """Whether a lag from ``nearest`` to ``farthest`` lies in the range."""
        return self.first <= farthest and (self.last is None or nearest <= self.last)

    def joined(self, other: Lags) -> Lags:
        """The smallest range that holds both."""
        open_ended = self.last is None or other.last is None
        last = None if open_ended else max(self.last or 0, other.last or 0)
        return Lags(min(self.first, other.first), last)


class Case(NamedTuple):
    """A range of lags in which the same readers are reached."""

    lags: Lags
    readers: tuple[Edge, ...]

    @property
    def ahead(self) -> int:
        """How many steps before a variable the farthest reader is, in a scan in reverse."""
        return max((0, *(-edge.lag for edge in self.readers)))


def reach(step: Step, roots: Mapping[str, Lags]) -> dict[str, Lags]:
    """For each variable and parameter that the roots depend on, the lags at which they do.

    Between the smallest and the largest lag there may be some at which nothing reaches it: its
    derivative is then zero, and equations stay true.
    """
    found = dict(roots)
    # A simple path has fewer edges than there are names; a range still growing after that many
    # rounds goes round a cycle, which only the recurrence has.
    names = {edge.by.name for edge in step.edges} | {edge.of.name for edge in step.edges}
    for round_number in range(2 * len(names) + 2):
        changed = False
        for edge in step.edges:
            if edge.of.name not in found:
                continue
            reached = found[edge.of.name].shifted(edge.lag)
            if reached is None:
                continue
            before = found.get(edge.by.name)
            after = before.joined(reached) if before else reached
            if after != before:
                if round_number > len(names):
                    after = Lags(after.first, None)
                found[edge.by.name] = after
                changed = True
        if not changed:
            break
    return found


def cases(step: Step, name: str, reached: Mapping[str, Lags]) -> list[Case]:
    """The readers of a variable, by ranges of its lag, the smallest lag first.

    A range in which nothing reads it, between others, has none: the derivative is zero there.
    """
    ranges = []
    for edge in step.readers(name):
        lags = reached[edge.of.name].shifted(edge.lag) if edge.of.name in reached else None
        if lags:
            ranges.append((edge, lags))
    starts = {lags.first for _, lags in ranges}
    starts |= {lags.last + 1 for _, lags in ranges if lags.last is not None}
    found = []
    ordered = sorted(starts)
    for position, first in enumerate(ordered):
        last = ordered[position + 1] - 1 if position + 1 < len(ordered) else None
        readers = tuple(edge for edge, lags in ranges if lags.holds(first))
        if readers or last is not None:
            found.append(Case(Lags(first, last), readers))
    return found


def everywhere(step: Step, name: str, reached: Mapping[str, Lags]) -> list[Case]:
    """The cases of a variable, with those in which the loss does not depend on it."""
    found = cases(step, name, reached)
    first = found[0].lags.first if found else None
    last = found[-1].lags.last if found else None
    before = [] if first == 0 else [Case(Lags(0, None if first is None else first - 1), ())]
    after = [] if last is None else [Case(Lags(last + 1, None), ())]
    return [*before, *found, *after]
