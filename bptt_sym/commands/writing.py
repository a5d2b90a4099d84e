"""The commands that write mathematics: a derivation, a figure, course notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bptt_sym.choices import (
    LEVELS,
    SECTION_LEVELS,
    SHOWN_LOSSES,
    Level,
    Loss,
    ShownLoss,
)
from bptt_sym.commands.number_options import NumberOptions, numbers_options
from bptt_sym.commands.options import (
    deliver,
    force_option,
    loss_option,
    masked_option,
    notation_option,
    output_option,
    save,
)
from bptt_sym.commands.progress import Progress
from bptt_sym.commands.terminal import medium, terminal_options
from bptt_sym.commands.usage import OneOf
from bptt_sym.quoting import shown_path
from bptt_sym.version import MADE_BY

if TYPE_CHECKING:
    from bptt_sym.derived import Derivation
    from bptt_sym.documents.notes_request import NotesOptions
    from bptt_sym.measuring.measured_derivation import MeasuredDerivation

number_option = click.option(
    "--number-from", type=int, metavar="K", help="The number of the first equation."
)
factors_option = click.option(
    "--most-factors",
    type=int,
    default=8,
    show_default=True,
    help="Abbreviate a chain of more factors than this.",
)
mark_option = click.option(
    "--mark-immediate", is_flag=True, help="Mark immediate derivatives, with a superscript +."
)


@click.command()
@click.argument("model", default="elman")
@click.option("--steps", type=int, default=3, show_default=True, help="The number of time steps N.")
@click.option(
    "--wrt",
    multiple=True,
    metavar="W",
    help="A parameter, or an input; may be repeated. [all parameters]",
)
@click.option(
    "--level",
    type=OneOf(LEVELS),
    default="chain",
    show_default=True,
    help="Products of partial derivatives, their matrices, or the backward recursion.",
)
@loss_option("last")
@click.option(
    "--format",
    "form",
    type=OneOf(["text", "latex", "json"]),
    default="text",
    show_default=True,
)
@number_option
@factors_option
@mark_option
@click.option(
    "--paths",
    is_flag=True,
    help="Count the paths through the unfolded network, and list them where they are few.",
)
@masked_option
@notation_option
@numbers_options
@output_option
@force_option
@terminal_options
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
    numbers: NumberOptions | None,
    output: str | None,
    force: bool,
) -> None:
    """Derive the gradient of a model's loss with respect to its parameters, step by step."""
    from bptt_sym import api

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
    measured = None if numbers is None else numbers.of(derivation)
    shown = _as(form, derivation, measured, mark_immediate, to_terminal=to_terminal)
    deliver(shown, output, force=force)


def _as(
    form: str,
    derivation: Derivation,
    measured: MeasuredDerivation | None,
    mark_immediate: bool,
    *,
    to_terminal: bool,
) -> str:
    """A derivation, or what was measured of it, in a format."""
    from bptt_sym.render.command import derive_command
    from bptt_sym.render.text import text

    written = derivation if measured is None else measured
    if form == "latex":
        return written.latex(mark_immediate=mark_immediate)
    if form == "json":
        return written.json(mark_immediate=mark_immediate)
    values = None if measured is None else measured.values
    on = medium(to_file=not to_terminal)
    shown = text(derivation, on, mark_immediate=mark_immediate, values=values)
    if to_terminal:
        return shown
    more = () if values is None else values.words
    command = derive_command(derivation, "text", mark_immediate=mark_immediate, more=more)
    return f"{MADE_BY}: {command}\n\n{shown}"


@click.command()
@click.argument("model", default="elman")
@click.option("--steps", type=int, default=3, show_default=True, help="The number of time steps N.")
@click.option("--folded", is_flag=True, help="Draw one time step, with loops to later ones.")
@click.option(
    "--cell", is_flag=True, help="Draw the inside of a step: its products, sums and functions."
)
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
    type=OneOf(SHOWN_LOSSES),
    default="last",
    show_default=True,
    help="The loss of the last step alone, or those of all steps.",
)
@click.option(
    "--width",
    type=float,
    metavar="CM",
    help="Draw for a text of this width: low, no label below 7 points, if need be one step large.",
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
    cell: bool,
    simplified: str | None,
    path: str | None,
    loss: ShownLoss,
    width: float | None,
    notation: str | None,
    output: str,
    force: bool,
) -> None:
    """Draw a model folded, unfolded, its cell, or what a parameter reaches, with paths."""
    from bptt_sym import api
    from bptt_sym.figures.figure import check_ending

    ending = check_ending(Path(output).suffix)
    drawn = api.figure(
        api.load_model(model),
        steps,
        folded=folded,
        cell=cell,
        simplified=simplified,
        path=path,
        loss=loss,
        width=width,
        notation=notation,
    )
    save({Path(output): drawn.written(ending)}, force=force)


@click.command()
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
@click.option("--no-exercises", is_flag=True, help="Leave out the exercises at the end.")
@click.option("--sheet", is_flag=True, help="Write a sheet of exercises instead of notes.")
@click.option(
    "--seed",
    type=int,
    default=0,
    help="Another one draws other numbers for the worked example, and other exercises. [0]",
)
@click.option("--marks", is_flag=True, help="Say how many marks each exercise is worth.")
@click.option("--full", is_flag=True, help="Derive each gradient, where one stands for others.")
@click.option(
    "--macros",
    is_flag=True,
    help="LaTeX with a command for each symbol, all of them defined in FILE-macros.",
)
@click.option(
    "--format",
    "form",
    type=OneOf(["tex", "md", "qmd", "ipynb", "pdf"]),
    help="The format. [by the file's ending]",
)
@number_option
@factors_option
@mark_option
@masked_option
@click.option(
    "--values",
    metavar="FILE",
    help="Numbers for the worked example by their names, .npz, .toml or .json. [drawn, as all not "
    "in it]",
)
@click.option("--author", default="", metavar="TEXT", help="Who stands below the title.")
@click.option("--date", default="", metavar="TEXT", help="The date that stands below the title.")
@click.option(
    "--section-level",
    type=OneOf(SECTION_LEVELS),
    default="subsection",
    show_default=True,
    help="What LaTeX to \\input has as headings.",
)
@notation_option
@click.option("-o", "--output", required=True, metavar="FILE", help="Write to FILE, and beside it.")
@force_option
def notes(
    model: str,
    steps: int,
    notation: str | None,
    document: bool,
    slides: bool,
    form: str | None,
    output: str,
    force: bool,
    **options: Unpack[NotesOptions],
) -> None:
    """Write course notes: the derivation told from the model to a worked example.

    FILE ends in .tex, .md, .qmd (Quarto), .ipynb or .pdf; figures of a .md or .qmd lie beside it,
    solutions of the exercises are in FILE-solutions.
    """
    from bptt_sym import api
    from bptt_sym.documents.formats.files import files_of, kind_of
    from bptt_sym.documents.notes import notes as compose

    target = Path(output)
    kind = kind_of(document=document, slides=slides)
    options["wrt"] = options["wrt"] or None
    progress = Progress()
    made = compose(api.load_model(model), steps, notation=notation, report=progress, **options)
    progress(f"writing {shown_path(target)}")
    save(files_of(made, target, form, kind), force=force)
