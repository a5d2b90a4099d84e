"""The commands that make code and check it: a module, what the compiler has of it, its proof."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from bptt_sym.choices import FORMS, LAYOUTS, Layout, Loss, Style
from bptt_sym.commands.budget import budget
from bptt_sym.commands.exit_codes import CHECK_FAILED, GOOD
from bptt_sym.commands.options import (
    activation_option,
    deliver,
    force_option,
    loss_option,
    masked_option,
    output_option,
    parse_activations,
    style_option,
)
from bptt_sym.commands.terminal import medium, terminal_options
from bptt_sym.commands.usage import OneOf
from bptt_sym.errors import InputError
from bptt_sym.quoting import shown_path


@click.command()
@click.argument("model", default="elman")
@activation_option
@loss_option("sum")
@masked_option
@style_option
@click.option(
    "--layout",
    type=OneOf(LAYOUTS),
    help="Arrays of the fast style's loops: (B, n), or (n, B). [the compiler's choice]",
)
@output_option
@force_option
def generate(
    model: str,
    activations: tuple[str, ...],
    loss: Loss,
    masked: bool,
    style: Style,
    layout: Layout | None,
    output: str | None,
    force: bool,
) -> None:
    """Generate a self-contained NumPy module with the model's loss and gradients."""
    from bptt_sym import api

    source = api.generate(
        api.load_model(model),
        activation=parse_activations(activations),
        loss=loss,
        masked=masked,
        style=style,
        layout=layout,
    )
    deliver(source, output, force=force)


@click.command()
@click.argument("model", default="elman")
@click.option(
    "--after",
    type=OneOf(FORMS),
    default=FORMS[-1],
    show_default=True,
    help="The pass of the compiler after which to look.",
)
@activation_option
@loss_option("sum")
@masked_option
@terminal_options
def program(model: str, after: str, activations: tuple[str, ...], loss: Loss, masked: bool) -> None:
    """Print what the compiler makes of a model, pass by pass."""
    from bptt_sym import api

    text = api.program_text(
        api.load_model(model),
        after=after,
        activation=parse_activations(activations),
        loss=loss,
        masked=masked,
    )
    click.echo(medium().listing(text), nl=False, color=True)


@click.command()
@click.argument("subject", metavar="[MODEL|FILE.py]", default="elman")
@click.option("--steps", type=int, metavar="N", help="The number of time steps. [5 or more]")
@click.option("--seed", type=int, default=0, show_default=True, metavar="K")
@click.option(
    "--tolerance",
    type=float,
    default=1e-12,
    show_default=True,
    metavar="E",
    help="The largest relative error by complex step.",
)
@activation_option
@loss_option("sum")
@masked_option
@style_option
@click.option("--run", is_flag=True, help="Run a FILE.py that is not as bptt-sym wrote it.")
@terminal_options
@click.pass_context
def verify(
    context: click.Context,
    subject: str,
    steps: int | None,
    seed: int,
    tolerance: float,
    activations: tuple[str, ...],
    loss: Loss,
    masked: bool,
    style: Style,
    run: bool,
) -> None:
    """Check every gradient against complex-step derivatives, differences and a random tangent.

    A FILE.py is read first, and run where it is as "generate" wrote it; with --run, whatever it is.
    """
    from bptt_sym import api
    from bptt_sym.derivation.derive import check_number
    from bptt_sym.verification.table import report_table
    from bptt_sym.verification.verify import check_tolerance

    if steps is not None:
        check_number("number of steps", steps, 1, 1000)
    check_number("seed", seed, 0, 2**63)
    check_tolerance(tolerance)
    if subject.endswith(".py"):
        if activations or masked:
            option = "--activation" if activations else "--masked"
            raise InputError(f"{option} is for a model; a module has it in it, or has it not")
        path = Path(subject)
        if run and path.is_file():
            click.echo(f"verify runs {shown_path(path)}, whatever it does", err=True)
        with nullcontext() if run else budget(path):
            report = api.verify_file(path, steps=steps, seed=seed, tolerance=tolerance, run=run)
    else:
        report = api.verify(
            api.load_model(subject),
            steps=steps,
            seed=seed,
            tolerance=tolerance,
            activation=parse_activations(activations),
            loss=loss,
            masked=masked,
            style=style,
        )
    click.echo(report_table(report, medium()), nl=False, color=True)
    context.exit(GOOD if report.holds else CHECK_FAILED)
