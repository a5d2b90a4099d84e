"""What the losses of all time steps are reduced to: the table of reductions, one row for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bptt_sym.algebra.expressions import (
    TIME,
    Expr,
    Integer,
    MatrixExpr,
    TotalLoss,
    Variable,
    add,
)
from bptt_sym.algebra.over_time import sum_over_time
from bptt_sym.choices import Loss, ShownLoss
from bptt_sym.derivation.mean import share, share_of_sum
from bptt_sym.model.model import Equation, Model


@dataclass(frozen=True)
class Reduction:
    """How a scalar is made of the losses E_1, ..., E_N of a sequence.

    Either it is the loss of the last step alone (``at_last``), or a sum over all steps, of which a
    ``mean`` is divided by N. ``label`` names it in the label of an equation, with the name of the
    loss and N; ``words`` say of it what it is; a figure draws it as it does ``shown``. What is
    ``added`` once, of the last step or of parameters alone, makes a total of it.
    """

    name: Loss
    at_last: bool
    mean: bool
    label: str
    words: str
    shown: ShownLoss
    added: tuple[Equation, ...] = ()
    total: str = ""

    @property
    def needs_a_step(self) -> bool:
        """Whether there is none of a sequence without time steps."""
        return self.at_last or self.mean or any(not entry.timeless for entry in self.added)

    def losses(self, steps: int) -> range:
        """The time steps whose losses count."""
        return range(steps if self.at_last else 1, steps + 1)

    def of(self, loss: Variable, steps: Expr) -> Variable | TotalLoss:
        """The scalar as a symbol, where ``loss`` is that of one step."""
        if self.added:
            return TotalLoss(self.total)
        return loss.at(steps) if self.at_last else TotalLoss(loss.name)

    def parts(self, loss: Variable, steps: Expr) -> MatrixExpr:
        """The scalar as the sum of what it is made of."""
        losses: MatrixExpr = loss.at(steps)
        if not self.at_last:
            losses = self.share_of_sum(sum_over_time(loss, TIME, Integer(1), steps), steps)
        return add(losses, *(entry.left_at(steps) for entry in self.added))

    def labelled(self, loss: str, steps: Expr | int) -> str:
        """Its part of the label of an equation; ``loss`` is the name of that of one step."""
        return self.label.format(loss=loss, steps=steps)

    def share(self, expression: MatrixExpr, steps: Expr) -> MatrixExpr:
        """What the loss of one step adds to it."""
        return share(expression, steps) if self.mean else expression

    def share_of_sum(self, expression: MatrixExpr, steps: Expr) -> MatrixExpr:
        """What a sum of such losses adds to it."""
        return share_of_sum(expression, steps) if self.mean else expression


_ROWS = (
    Reduction(
        "last",
        at_last=True,
        mean=False,
        label="{loss}_{steps}",
        words="that of the last step alone",
        shown="last",
    ),
    Reduction(
        "sum",
        at_last=False,
        mean=False,
        label="{loss}_1..{steps}",
        words="the sum of the losses of all time steps",
        shown="sum",
    ),
    Reduction(
        "mean",
        at_last=False,
        mean=True,
        label="{loss}_mean_1..{steps}",
        words="the mean of the losses of all time steps",
        shown="sum",
    ),
)

REDUCTIONS: dict[Loss, Reduction] = {row.name: row for row in _ROWS}
"""Every reduction by its name, which a user chooses."""


def reduction_of(model: Model, loss: Loss) -> Reduction:
    """The reduction of a model's losses: of one that counts at the last step alone, this step; of
    a layer, whose error signals are given at all steps, the sum.
    """
    row = REDUCTIONS["last" if model.ends else "sum" if model.outputs else loss]
    return replace(row, added=model.added, total=model.total) if model.added else row
