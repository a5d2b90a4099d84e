"""The options that several commands share, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bptt_sym.choices import LOSSES, STYLES
from bptt_sym.commands.usage import OneOf
from bptt_sym.errors import InputError
from bptt_sym.output import write_outputs
from bptt_sym.quoting import shortened

Command = Callable[..., Any]

output_option = click.option(
    "-o", "--output", metavar="FILE", help="Write to FILE; its folder must exist."
)
force_option = click.option(
    "--force", is_flag=True, help="Write over a file that bptt-sym did not make."
)
activation_option = click.option(
    "--activation",
    "activations",
    multiple=True,
    metavar="NAME=FUNCTION",
    help="The function for a symbolic one, e.g. phi=tanh; may be repeated.",
)


def loss_option(default: str) -> Callable[[Command], Command]:
    """The option --loss, with the default of its command."""
    return click.option(
        "--loss",
        type=OneOf(LOSSES),
        default=default,
        show_default=True,
        help="The loss of the last step alone, or the sum or the mean over all steps.",
    )


masked_option = click.option(
    "--masked",
    is_flag=True,
    help="Add a mask, for sequences of different lengths.",
)

notation_option = click.option(
    "--notation",
    metavar="NAME|FILE.toml",
    help="The notation of a book or a paper (see docs/notations/README.md), or one of your own.",
)

seed_option = click.option(
    "--seed", type=int, default=0, show_default=True, metavar="S", help="The seed of what is drawn."
)
sizes_option = click.option(
    "--sizes", metavar="n=8,m=3", help="Sizes by the names of dimensions. [small and different]"
)
weights_option = click.option(
    "--weights",
    metavar="FILE.npz|.pt",
    help="Parameters by their names; or, for the models rnn, lstm and gru, the state dict of such "
    "a layer of PyTorch. [drawn, as all not in it]",
)
data_option = click.option(
    "--data",
    metavar="FILE.npz",
    help="Inputs, targets and initial states as generated modules take them, of one sequence, and "
    "of at least N steps. [drawn]",
)

style_option = click.option(
    "--style",
    type=OneOf(STYLES),
    default="fast",
    show_default=True,
    help="Compiled for speed, or one statement for each equation.",
)


def parse_activations(activations: Sequence[str]) -> dict[str, str]:
    """{"phi": "tanh"} for ["phi=tanh"]. Raises InputError for any other form."""
    chosen = {}
    for text in activations:
        name, sign, function = text.partition("=")
        if not sign:
            raise InputError(f"--activation takes NAME=FUNCTION, e.g. phi=tanh, not {text!a}")
        chosen[name.strip()] = function.strip()
    return chosen


def parse_sizes(text: str | None) -> dict[str, int]:
    """{"n": 8, "m": 3} for "n=8,m=3". Raises InputError for any other form."""
    found = {}
    for part in [] if text is None else text.split(","):
        name, sign, size = part.strip().partition("=")
        if not sign or not (size.isascii() and size.isdecimal()) or len(size) > 10:
            raise InputError(f"--sizes takes NAME=NUMBER,..., as n=8,m=3, not {shortened(part)!a}")
        found[name.strip()] = int(size)
    return found


def deliver(text: str, output: str | None, *, force: bool) -> None:
    """Prints a text, or writes it to a file where one is named."""
    if output is None or output == "-":
        # The text has colour where it is wanted: it is not for click to take out.
        click.echo(text, nl=False, color=True)
    else:
        save({Path(output): text}, force=force)


def save(contents: Mapping[Path, str | bytes], *, force: bool) -> None:
    """Writes files, and says where an earlier run was cut off in the middle of them."""
    if write_outputs(contents, force=force):
        click.echo(
            "an earlier run was cut off while it wrote; its files are written anew", err=True
        )
