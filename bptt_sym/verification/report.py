"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass

COMPLEX, DIFFERENCES, TANGENT = "complex step", "central differences", "tangent-adjoint"

ALL = "all"
"""The name of the check of all blocks at once."""

DIFFERENCE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Check:
    """The largest relative error of one block by one method, over all points.

    ``shape`` is the block's at the point where the error is largest in proportion to what is
    tolerated there; ``problem`` says why there is no error to give, and ``not_applied`` why the
    method is none for this module. ``left_out`` of ``entries`` are inconclusive, at all points.
    """

    name: str
    method: str
    shape: tuple[int, ...]
    error: float
    tolerance: float
    problem: str = ""
    not_applied: str = ""
    left_out: int = 0
    entries: int = 0

    @property
    def holds(self) -> bool:
        # A NaN is no agreement.
        return bool(self.not_applied) or (not self.problem and self.error <= self.tolerance)

    def __bool__(self) -> bool:
        return self.holds


@dataclass(frozen=True)
class Report:
    """What a verification found, with the sizes of the points that it used.

    A report is true where all its checks hold, and so is a check that holds.
    """

    checks: tuple[Check, ...]
    points: tuple[dict[str, int], ...]

    @property
    def holds(self) -> bool:
        return bool(self.checks) and all(check.holds for check in self.checks)

    def __bool__(self) -> bool:
        return self.holds

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.holds)

    @property
    def failing(self) -> tuple[str, ...]:
        """The names of what fails; the check of all blocks at once counts if no block does."""
        blocks = [check.name for check in self.failures if check.method != TANGENT]
        return tuple(dict.fromkeys(blocks or [check.name for check in self.failures]))

    @property
    def disagreeing(self) -> tuple[str, ...]:
        """The blocks where the complex step contradicts central differences that bear it out."""
        of = {(check.name, check.method): check for check in self.checks}
        return tuple(
            check.name
            for check in self.failures
            if check.method == COMPLEX
            and not check.error <= DIFFERENCE_TOLERANCE
            and (other := of.get((check.name, DIFFERENCES)))
            and other.holds
            and not other.not_applied
        )
