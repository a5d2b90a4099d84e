"""The options for a derivation in numbers, which belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from bptt_sym.commands.options import (
    Command,
    activation_option,
    data_option,
    parse_activations,
    parse_sizes,
    seed_option,
    sizes_option,
    weights_option,
)
from bptt_sym.errors import InputError

if TYPE_CHECKING:
    from bptt_sym.derived import Derivation
    from bptt_sym.measuring.measured_derivation import MeasuredDerivation

_NUMBERS = click.option(
    "--numbers", is_flag=True, help="Put numbers below each equation, and the result."
)
_OPTIONS = (_NUMBERS, seed_option, sizes_option, weights_option, data_option, activation_option)


@dataclass(frozen=True)
class NumberOptions:
    """What is asked of numbers."""

    seed: int
    sizes: str | None
    weights: str | None
    data: str | None
    activations: tuple[str, ...]

    def of(self, derivation: Derivation) -> MeasuredDerivation:
        """A derivation in numbers."""
        return derivation.measure(
            weights=self.weights,
            data=self.data,
            seed=self.seed,
            sizes=parse_sizes(self.sizes),
            activation=parse_activations(self.activations),
        )

    def check_unused(self) -> None:
        """Raises InputError for an option that means nothing without numbers."""
        told = {
            "sizes": self.sizes,
            "weights": self.weights,
            "data": self.data,
            "activation": self.activations,
        }
        for name, value in told.items():
            if value:
                raise InputError(f"--{name} is about numbers: it takes --numbers")


def numbers_options(command: Command) -> Command:
    """Gives a command the options, and to its function what they say: None without numbers."""

    @wraps(command)
    def gathered(
        *,
        numbers: bool,
        seed: int,
        sizes: str | None,
        weights: str | None,
        data: str | None,
        activations: tuple[str, ...],
        **others: Any,
    ) -> Any:
        options = NumberOptions(seed, sizes, weights, data, activations)
        if not numbers:
            options.check_unused()
        return command(numbers=options if numbers else None, **others)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered
