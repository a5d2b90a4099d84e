"""What bptt-sym takes at most: each limit in one place, with the sentence that refuses more.

Model files come from anyone, and a few hundred bytes can ask for any amount of work. So the work is
bounded before it is done, by counts that are cheap to take; docs/safety.md lists them. Ordinary
cells stay below a tenth of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from bptt_sym.errors import InputError, Place

Where: TypeAlias = "Place | Callable[[], Place] | None"
"""A place, or what finds it."""


@dataclass(frozen=True)
class Limit:
    """A largest count; ``rule`` is the sentence that states it, with ``{most}`` in it."""

    most: int
    rule: str

    def __str__(self) -> str:
        return self.rule.format(most=self.most)

    def check(self, count: int, place: Where = None) -> None:
        """Raises InputError, which states the rule, where the count is larger."""
        if count > self.most:
            raise InputError(str(self), place() if callable(place) else place)


FILE_BYTES = Limit(200_000, "a file of a model or a notation has at most {most} bytes")
KEY_PARTS = Limit(4, "a key has at most {most} parts between dots")
NESTING = Limit(8, "arrays and tables are nested at most {most} deep")
ENTRIES = Limit(2_000, "a file has at most {most} keys and values")

EQUATIONS = Limit(200, "a model has at most {most} equations")
LAYERS = Limit(50, "a model repeats its layers at most {most} times")
LAYERED = Limit(2_000, "the layers of a model have at most {most} names and equations in all")
EQUATION_LENGTH = Limit(10_000, "an equation has at most {most} characters")
EQUATION_DEPTH = Limit(100, "an equation is nested at most {most} deep")
OPERATIONS = Limit(
    500,
    "an equation has at most {most} names and operations, each word counted as what it stands for; "
    "give a part of it an equation of its own",
)
DERIVATIVES = Limit(
    4_000,
    "the derivatives of an equation have at most {most} symbols when they are written out; "
    "give a part of it an equation of its own",
)
ALL_DERIVATIVES = Limit(
    6_000,
    "the derivatives of all equations have at most {most} symbols when they are written out",
)
ARGUMENTS = Limit(100, "a call has at most {most} arguments")
LAG = Limit(100, "a time step is at most [t-{most}]")
REACH = Limit(
    300, "all states and inputs together are read from at most {most} earlier or later time steps"
)
SIZE_TERMS = Limit(16, "a size has at most {most} terms when it is multiplied out")
SIZE_FACTORS = Limit(8, "a term of a size has at most {most} factors")
SIZE = Limit(10**9, "a number in a size is at most {most}")

DERIVATION_STEPS = Limit(10_000, "a derivation has at most {most} time steps")
UNFOLDING = Limit(
    400_000, "the unfolded network has at most {most} edges; ask for fewer time steps"
)
DERIVATION = Limit(
    100_000,
    "a derivation has at most {most} symbols; ask for fewer time steps, or for fewer parameters "
    "(--wrt); the level adjoint has fewest",
)
JSON_FACTORS = Limit(
    25_000,
    "a derivation as JSON has at most {most} factors; ask for fewer time steps, or for fewer "
    "parameters (--wrt); the level adjoint has none",
)
MODULE_BYTES = Limit(2_000_000, "a module that verify reads has at most {most} bytes")
DRAWN_NUMBERS = Limit(
    100_000, "verify draws at most {most} numbers; give the model sizes that are not fixed numbers"
)
CHECKING = Limit(
    1_500_000,
    "the work of verify is at most {most}, which is entries times time steps times operations of a "
    "step; ask for fewer time steps, or for smaller sizes",
)
DRAWN = Limit(
    800,
    "a figure has at most {most} values and arrows that are long or labelled; ask for fewer steps",
)
NOTES_STEPS = Limit(1_000, "notes tell of at most {most} time steps")
DRAWN_OPERATIONS = Limit(
    250, "the inside of a step is drawn up to {most} operations; draw its equations, with --folded"
)
DRAWN_IN_NOTES = Limit(
    2_000,
    "the figures of notes have at most {most} values and arrows; ask for fewer time steps, or for "
    "fewer parameters (--wrt)",
)
EXAMPLE_ENTRIES = Limit(
    144, "a worked example is shown where no array of it has more than {most} entries"
)
SHOWN_SYMBOLS = Limit(
    20_000,
    "numbers are shown of a derivation of at most {most} symbols; ask for fewer time steps, or for "
    "fewer parameters (--wrt)",
)
SHOWN_ENTRIES = Limit(
    144,
    "numbers of a derivation are shown where no array has more than {most} entries; ask for "
    "smaller --sizes",
)
EXAMPLE_STEPS = Limit(6, "a worked example has at most {most} time steps")
MEASURED = Limit(
    40_000_000,
    "measure takes at most {most} numbers, counted over all time steps with a copy of each "
    "parameter; ask for fewer time steps, for smaller --sizes, or for fewer parameters (--wrt)",
)
MEASURED_PAIRS = Limit(
    500_000_000,
    "the contributions by loss and by lag have at most {most} entries; ask for fewer time steps or "
    "parameters (--wrt), or leave them out (--without pairs)",
)
MEASURED_STATES = Limit(
    3_000_000_000,
    "the work for products of Jacobians is at most {most}, which is time steps times the third "
    "power of the entries of a state; leave them out (--without states)",
)
MEASURED_BYTES = Limit(
    200_000_000, "a file of weights or data has at most {most} bytes, uncompressed"
)

LIMITS = {name: value for name, value in globals().items() if isinstance(value, Limit)}
"""All of them, by name, in the order of the stages at which they are checked."""
