"""The commands with which a model of one's own begins: a file to start from, and its schema."""

from __future__ import annotations

from pathlib import Path

import click

from bptt_sym.commands.options import deliver, force_option, output_option, save
from bptt_sym.errors import InputError, Place
from bptt_sym.quoting import shown_path


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "of",
    default="elman",
    show_default=True,
    metavar="MODEL",
    help="What it begins as: a model that ships with the package.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
def new(name: str, of: str, force: bool) -> None:
    """Write NAME.toml, a commented model to start from.

    Beside it the schema is written, bptt-sym.schema.json, with which editors complete and check it.
    """
    from bptt_sym.model.beginning import SCHEMA_FILE, begun_model
    from bptt_sym.model.schema import schema_text

    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    if not path.name.removesuffix(".toml").strip("."):
        raise InputError("the new model needs a name, as in: bptt-sym new mine")
    # A word that begins with a hyphen is an option.
    file = f"./{path}" if name.startswith("-") else str(path)
    text = begun_model(file, of)
    if not force and path.exists():
        raise InputError("this is there already; --force writes over it", Place(shown_path(path)))
    save({path: text, path.with_name(SCHEMA_FILE): schema_text()}, force=force)
    click.echo(f"wrote {shown_path(path)} and, for editors, {SCHEMA_FILE} beside it")


@click.command()
@output_option
@force_option
def schema(output: str | None, force: bool) -> None:
    """Print the JSON schema of the model file, for editors."""
    from bptt_sym.model.schema import schema_text

    deliver(schema_text(), output, force=force)
