"""Whether a model is of a size that can be verified, told before any code of it is made."""

from __future__ import annotations

from sympy import Expr

from bptt_sym.algebra.expressions import dimension
from bptt_sym.algebra.extent import Extent
from bptt_sym.limits import CHECKING, DRAWN_NUMBERS
from bptt_sym.model.array_entries import most_entries
from bptt_sym.model.model import Model
from bptt_sym.verification.points import FEWEST_STEPS


def check_work(model: Model, steps: int | None) -> None:
    """Raises InputError where there is too much to draw, or to check entry by entry."""
    # About the largest sizes that points have.
    sizes = {entry.name: 4 + len(model.dimensions) for entry in model.dimensions}
    DRAWN_NUMBERS.check(most_entries(model, sizes))
    # Of several draws of sizes, a point takes one with few entries.
    size = 3 + len(model.dimensions) // 2
    numbers = {dimension(entry.name): size for entry in model.dimensions}

    def entries(shape: tuple[Expr, Expr]) -> int:
        return int((shape[0] * shape[1]).subs(numbers))

    # A state has a first value for each step that is read before the first one.
    checked = [(e.shape, 1) for e in model.declared("parameter")]
    checked += [(e.shape, model.depth(e.name)) for e in model.declared("state")]
    extent = Extent()
    operations = sum(extent.work(definition.expression) for definition in model.computed)
    CHECKING.check(
        sum(entries(shape) * count for shape, count in checked)
        * (steps or FEWEST_STEPS)
        * operations
    )
