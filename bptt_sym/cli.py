"""The command line: parse arguments, call the library, print."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from bptt_sym.choices import (
    FORMS,
    LAYOUTS,
    LEVELS,
    LOSSES,
    PASSES,
    SHOWN_LOSSES,
    STYLES,
    Layout,
    Level,
    Loss,
    ShownLoss,
    Style,
)
from bptt_sym.errors import InputError, printable
from bptt_sym.output import write_output, write_outputs
from bptt_sym.quoting import shown_path
from bptt_sym.version import MADE_BY, __version__

Command = Callable[..., Any]

GOOD, CHECK_FAILED, BAD_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 4, 130

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
        type=click.Choice(LOSSES),
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

style_option = click.option(
    "--style",
    type=click.Choice(STYLES),
    default="fast",
    show_default=True,
    help="Compiled for speed, or one statement for each equation.",
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bptt-sym", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Derive backpropagation through time, typeset it, and generate verified NumPy code.

    MODEL is the name of a model that ships with the package (see "bptt-sym models") or the path of
    a TOML model file.

    Exit codes: 0 good, 1 a check failed, 2 bad input, 4 a fault of bptt-sym itself.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command()
@click.argument("model", default="elman")
@click.option("--steps", type=int, default=3, show_default=True, help="The number of time steps N.")
@click.option("--wrt", multiple=True, metavar="W", help="A parameter; may be repeated. [all]")
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="chain",
    show_default=True,
    help="Products of partial derivatives, their matrices, or the backward recursion.",
)
@loss_option("last")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "latex", "json"]),
    default="text",
    show_default=True,
)
@click.option("--number-from", type=int, metavar="K", help="The number of the first equation.")
@click.option(
    "--most-factors",
    type=int,
    default=8,
    show_default=True,
    help="Abbreviate a chain of more factors than this.",
)
@click.option(
    "--mark-immediate", is_flag=True, help="Mark immediate derivatives, with a superscript +."
)
@click.option(
    "--paths",
    is_flag=True,
    help="Count the paths through the unfolded network, and list them where they are few.",
)
@masked_option
@notation_option
@output_option
@force_option
def derive(
    model: str,
    steps: int,
    wrt: tuple[str, ...],
    level: Level,
    loss: Loss,
    form: str,
    number_from: int | None,
    most_factors: int,
    mark_immediate: bool,
    paths: bool,
    masked: bool,
    notation: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Derive the gradient of a model's loss with respect to its parameters, step by step."""
    from bptt_sym import api
    from bptt_sym.render.command import derive_command

    derivation = api.derive(
        api.load_model(model),
        wrt or None,
        steps,
        level=level,
        loss=loss,
        number_from=number_from,
        most_factors=most_factors,
        paths=paths,
        masked=masked,
        notation=notation,
    )
    to_terminal = output is None or output == "-"
    if form == "latex":
        shown = derivation.latex(mark_immediate=mark_immediate)
    elif form == "json":
        shown = derivation.json(mark_immediate=mark_immediate)
    else:
        color = to_terminal and use_color()
        shown = derivation.text(color=color, mark_immediate=mark_immediate)
        if not to_terminal:
            command = derive_command(derivation, "text", mark_immediate=mark_immediate)
            shown = f"{MADE_BY}: {command}\n\n{shown}"
    deliver(shown, output, force=force)


@cli.command()
@click.argument("model", default="elman")
@activation_option
@loss_option("sum")
@masked_option
@style_option
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
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


@cli.command()
@click.argument("model", default="elman")
@click.option(
    "--after",
    type=click.Choice(FORMS),
    default=PASSES[-1],
    show_default=True,
    help="The pass of the compiler after which to look.",
)
@activation_option
@loss_option("sum")
@masked_option
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
    click.echo(text, nl=False)


@cli.command()
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
) -> None:
    """Check every gradient against complex-step derivatives, differences and a random tangent.

    A FILE.py that "generate" wrote is run, and said to be; its loss and functions are its own.
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
        if Path(subject).is_file():
            click.echo(f"verify runs {shown_path(subject)}, which is Python code", err=True)
        report = api.verify_file(Path(subject), steps=steps, seed=seed, tolerance=tolerance)
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
    click.echo(report_table(report), nl=False)
    context.exit(GOOD if report.holds else CHECK_FAILED)


@cli.command()
@click.argument("model", default="elman")
@click.option("--steps", type=int, default=3, show_default=True, help="The number of time steps N.")
@click.option("--folded", is_flag=True, help="Draw one time step, with loops to later ones.")
@click.option(
    "--simplified",
    metavar="W",
    help="Draw only what contributes to the gradient with respect to a parameter.",
)
@click.option(
    "--path",
    metavar="W[:i]",
    help="Draw also the backward path of its contribution i, or of all, with its derivatives.",
)
@click.option(
    "--loss",
    type=click.Choice(SHOWN_LOSSES),
    default="last",
    show_default=True,
    help="The loss of the last step alone, or those of all steps.",
)
@notation_option
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Write to FILE, which ends in .svg, .pdf, .png or .tex (TikZ); its folder must exist.",
)
@force_option
def figure(
    model: str,
    steps: int,
    folded: bool,
    simplified: str | None,
    path: str | None,
    loss: ShownLoss,
    notation: str | None,
    output: str,
    force: bool,
) -> None:
    """Draw a model folded, unfolded, or simplified for a parameter, with the gradient's path."""
    from bptt_sym import api
    from bptt_sym.figures.figure import check_ending

    ending = check_ending(Path(output).suffix)
    drawn = api.figure(
        api.load_model(model),
        steps,
        folded=folded,
        simplified=simplified,
        path=path,
        loss=loss,
        notation=notation,
    )
    write_output(Path(output), drawn.written(ending), force=force)


@cli.command()
@click.argument("model", default="elman")
@click.option("--steps", type=int, default=3, show_default=True, help="The number of time steps N.")
@click.option("--wrt", multiple=True, metavar="W", help="A parameter; may be repeated. [all]")
@loss_option("last")
@click.option("--document", is_flag=True, help="LaTeX as a whole article, not to \\input.")
@click.option("--slides", is_flag=True, help="LaTeX as beamer slides, uncovered step by step.")
@click.option(
    "--exercise",
    multiple=True,
    metavar="W",
    help="Leave the gradient with respect to W to the reader; FILE-solutions has the solutions.",
)
@click.option(
    "--macros",
    is_flag=True,
    help="LaTeX with a command for each symbol, all of them defined in FILE-macros.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["tex", "md", "ipynb", "pdf"]),
    help="The format. [by the file's ending]",
)
@notation_option
@click.option("-o", "--output", required=True, metavar="FILE", help="Write to FILE, and beside it.")
@force_option
def notes(
    model: str,
    steps: int,
    wrt: tuple[str, ...],
    loss: Loss,
    document: bool,
    slides: bool,
    exercise: tuple[str, ...],
    macros: bool,
    form: str | None,
    notation: str | None,
    output: str,
    force: bool,
) -> None:
    """Write course notes: the derivation told from the model to a worked example.

    FILE ends in .tex, .md, .ipynb or .pdf; the figures of a .md lie beside it as SVG.
    """
    from bptt_sym import api
    from bptt_sym.documents.files import files_of, kind_of

    target = Path(output)
    kind = kind_of(document=document, slides=slides)
    made = api.notes(
        api.load_model(model),
        steps,
        wrt=wrt or None,
        loss=loss,
        exercise=exercise,
        notation=notation,
        macros=macros,
    )
    write_outputs(files_of(made, target, form, kind), force=force)


@cli.command()
def models() -> None:
    """List the models that ship with the package."""
    from bptt_sym import api

    names = api.model_names()
    width = max(map(len, names))
    for name in names:
        click.echo(f"{name.ljust(width)}  {api.load_model(name).description}")


@cli.command()
@click.argument("model")
def show(model: str) -> None:
    """Print a model's equations, shapes and source."""
    from bptt_sym import api

    click.echo(api.model_text(api.load_model(model)), nl=False)


def parse_activations(activations: Sequence[str]) -> dict[str, str]:
    """{"phi": "tanh"} for ["phi=tanh"]. Raises InputError for any other form."""
    chosen = {}
    for text in activations:
        name, sign, function = text.partition("=")
        if not sign:
            raise InputError(f"--activation takes NAME=FUNCTION, e.g. phi=tanh, not {text!a}")
        chosen[name.strip()] = function.strip()
    return chosen


def deliver(text: str, output: str | None, *, force: bool) -> None:
    """Prints a text, or writes it to a file where one is named."""
    if output is None or output == "-":
        click.echo(text, nl=False)
    else:
        write_output(Path(output), text, force=force)


def use_color() -> bool:
    """Whether standard output is a terminal that wants colour (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign shows an escape for it; it is no reason to stop.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = cli.main(arguments, prog_name="bptt-sym", standalone_mode=False) or GOOD
        sys.stdout.flush()
    except InputError as error:
        code = fail(str(error))
    except click.UsageError as error:
        code = fail(f"error: {' '.join(error.format_message().split())}")
    except click.Abort:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough, as with "| head"; keep Python from flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = GOOD
    except Exception as error:
        code = report_fault(error)
    sys.exit(code)


def fail(message: str) -> int:
    """Says on standard error what is wrong with the input."""
    print(printable(message), file=sys.stderr)
    return BAD_INPUT


def report_fault(error: Exception) -> int:
    """Says on standard error that the program is at fault and what to report."""
    if os.environ.get("BPTT_SYM_DEBUG"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    print(
        f"fault: {type(error).__name__} at {where}: {ascii(str(error))[1:-1][:200]}\n"
        f"This is a fault of bptt-sym {__version__}, not of your input. Please report it to its "
        "issue tracker with the command, the model file and the output under BPTT_SYM_DEBUG=1.",
        file=sys.stderr,
    )
    return FAULT
