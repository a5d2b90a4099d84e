"""The facts that license the sentences of course notes: what one says is asked here first."""

from __future__ import annotations

from bptt_sym.derivation.paths import Paths, losses_of
from bptt_sym.derivation.reduction import Reduction, reduction_of
from bptt_sym.derivation.step import Step
from bptt_sym.derivation.unfolding import Vertex

# The copies of a parameter.


class Copies:
    """The copies of parameters that paths lead to, over ``steps`` time steps."""

    def __init__(self, step: Step, steps: int, reduction: Reduction) -> None:
        self.step, self.steps = step, steps
        self.paths = Paths(step, steps, losses_of(step.model, steps, reduction), most=2)

    def of(self, parameter: str) -> list[Vertex]:
        """The copies that a path from the loss leads to, the latest first."""
        return self.paths.copies(parameter)

    def readers(self, copy: Vertex) -> list[Vertex]:
        """The variables through which such paths enter the copy."""
        return self.paths.readers(copy)

    def has_many_paths(self, copy: Vertex) -> bool:
        """Whether more than one path leads to a copy."""
        return self.paths.count(copy) > 1

    def is_of_step(self, copy: Vertex) -> bool:
        """Whether a copy belongs to a time step, and not to an initial value."""
        return 1 <= copy.time <= self.steps

    def of_another_step(self, parameter: str) -> tuple[Vertex, list[Vertex]] | None:
        """A loss that a path leads from to the copy of another step, with all copies it sees.

        Of several, it is the loss that sees the most copies; None if each loss sees the copy of
        its own step alone.
        """
        found = []
        every = reduction_of(self.step.model, "sum")
        for loss in losses_of(self.step.model, self.steps, every):
            seen = Paths(self.step, self.steps, (loss,)).copies(parameter)
            if any(copy.time != loss.time for copy in seen):
                found.append((loss, seen))
        return max(found, key=lambda entry: len(entry[1]), default=None)


def crosses_time(step: Step, parameter: str) -> bool:
    """Whether, for enough steps, some path from a loss to a parameter leaves the loss's step."""
    made_of = {edge.of.name for edge in step.initial if edge.by.name == parameter}
    waiting = [(loss.name, False) for loss in step.losses]
    seen = set(waiting)
    while waiting:
        name, crossed = waiting.pop()
        for edge in step.reads(name):
            across = crossed or edge.lag != 0
            if (edge.by.name == parameter and across) or (edge.lag and edge.by.name in made_of):
                return True
            entry = (edge.by.name, across)
            if edge.by in step.variables and entry not in seen:
                seen.add(entry)
                waiting.append(entry)
    return False
