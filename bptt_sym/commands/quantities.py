"""The command that tells how large the terms of gradients are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bptt_sym.choices import MEASURED_PARTS, PICTURES, Loss
from bptt_sym.commands.options import (
    activation_option,
    data_option,
    deliver,
    force_option,
    loss_option,
    masked_option,
    output_option,
    parse_activations,
    parse_sizes,
    save,
    seed_option,
    sizes_option,
    weights_option,
)
from bptt_sym.commands.process import with_one_thread
from bptt_sym.commands.terminal import medium, terminal_options
from bptt_sym.commands.usage import OneOf
from bptt_sym.errors import InputError
from bptt_sym.version import MADE_BY

if TYPE_CHECKING:
    from bptt_sym.measuring.measurement import Measurement

FORMATS = ("text", "json", "csv", *PICTURES)


@click.command()
@click.argument("model", default="elman")
@click.option(
    "--steps", type=int, default=10, show_default=True, help="The number of time steps N."
)
@click.option("--wrt", multiple=True, metavar="W", help="A parameter; may be repeated. [all]")
@loss_option("last")
@seed_option
@sizes_option
@weights_option
@data_option
@click.option("--window", type=int, metavar="K", help="Tell what a window of K steps drops.")
@activation_option
@click.option(
    "--without",
    multiple=True,
    type=OneOf(MEASURED_PARTS),
    help="Leave out terms by loss and by lag, or the Jacobians of a step; may be repeated.",
)
@masked_option
@click.option(
    "--format",
    "form",
    type=OneOf(FORMATS),
    help="The format, of which svg and png are plots. [by the file's ending, else text]",
)
@output_option
@force_option
@terminal_options
def measure(
    model: str,
    steps: int,
    wrt: tuple[str, ...],
    loss: Loss,
    seed: int,
    sizes: str | None,
    weights: str | None,
    data: str | None,
    window: int | None,
    activations: tuple[str, ...],
    without: tuple[str, ...],
    masked: bool,
    form: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Tell how large the terms of gradients are, by time step, loss and lag.

    Each time step has its own copy of a parameter; its contribution is the gradient with respect to
    that copy. Beside these stand the norms of products of the Jacobians of a step.
    """
    with_one_thread()
    from bptt_sym import api

    found = api.measure(
        api.load_model(model),
        wrt or None,
        steps,
        loss=loss,
        seed=seed,
        sizes=parse_sizes(sizes),
        weights=weights,
        data=data,
        window=window,
        activation=parse_activations(activations),
        without=without,
        masked=masked,
    )
    chosen = form or _by_ending(output)
    if chosen in PICTURES:
        if output is None or output == "-":
            raise InputError(f"a plot goes into a file: -o FILE.{chosen}")
        save({Path(output): found.picture(chosen)}, force=force)
    else:
        deliver(_as(chosen, found, output is None or output == "-"), output, force=force)


def _as(form: str, found: Measurement, to_terminal: bool) -> str:
    """A measurement in a format of text."""
    from bptt_sym.measuring.measure_text import measurement_text

    if form == "json":
        return found.json()
    if form == "csv":
        return found.csv() if to_terminal else f"# {MADE_BY}: {found.command}\n{found.csv()}"
    shown = measurement_text(found, medium(to_file=not to_terminal))
    return shown if to_terminal else f"{MADE_BY}: {found.command}\n\n{shown}"


def _by_ending(output: str | None) -> str:
    """The format that a file's ending says, else text."""
    ending = Path(output or "").suffix.removeprefix(".").lower()
    return ending if ending in FORMATS else "text"
