"""The command line: parse arguments, call the library, print."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from bptt_sym.commands.computing import generate, program, verify
from bptt_sym.commands.exit_codes import BAD_INPUT, FAULT, GOOD, INTERRUPTED, TERMINATED
from bptt_sym.commands.process import Terminated, drop_output, open_streams, terminable
from bptt_sym.commands.quantities import measure
from bptt_sym.commands.starting import new, schema
from bptt_sym.commands.terminal import complaint, medium, terminal_options
from bptt_sym.commands.usage import Commands, usage_error
from bptt_sym.commands.writing import derive, figure, notes
from bptt_sym.errors import InputError
from bptt_sym.version import __version__


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="bptt-sym", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Derive backpropagation through time, typeset it, and generate verified NumPy code.

    MODEL is the name of a model that ships with the package (see "bptt-sym models") or the path of
    a TOML model file.

    Exit codes: 0 good, 1 a check failed, 2 bad input, or no room for the output, 4 a fault of
    bptt-sym itself.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command()
@terminal_options
def models() -> None:
    """List the models that ship with the package."""
    from bptt_sym import api

    names = api.model_names()
    width = max(map(len, names))
    on = medium()
    for name in names:
        line = f"{name.ljust(width)}  {api.load_model(name).description}"
        click.echo(on.plain(on.prose(line, " " * (width + 2))))


@cli.command()
@click.argument("model")
@terminal_options
def show(model: str) -> None:
    """Print a model's equations, shapes and source."""
    from bptt_sym import api

    on = medium()
    # The text has colour where it is wanted: it is not for click to take out.
    click.echo(api.model_text(api.load_model(model), on), nl=False, color=True)


for command in (derive, figure, generate, measure, new, notes, program, schema, verify):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    with open_streams(), terminable():
        code = _run(arguments)
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code: int = cli.main(arguments, prog_name="bptt-sym", standalone_mode=False) or GOOD
        sys.stdout.flush()
        return code
    except InputError as error:
        return fail(error, arguments)
    except click.UsageError as error:
        return fail(usage_error(error), arguments)
    except click.Abort:
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except BrokenPipeError:
        # The reader has seen enough, as with "| head".
        drop_output()
        return GOOD
    except MemoryError:
        return fail(InputError("there is not enough memory for this"), arguments)
    except OSError as error:
        if error.filename is not None:
            return report_fault(error)
        drop_output()
        wrong = InputError(f"standard output cannot be written: {error.strerror or error}")
        return fail(wrong, arguments)
    except Exception as error:
        return report_fault(error)


def fail(error: InputError, arguments: Sequence[str] | None) -> int:
    """Says on standard error what is wrong with the input."""
    _say(complaint(error, sys.argv[1:] if arguments is None else arguments))
    return BAD_INPUT


def _say(text: str) -> None:
    # Where standard error takes nothing, the exit code says it.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def report_fault(error: Exception) -> int:
    """Says on standard error that the program is at fault and what to report."""
    if os.environ.get("BPTT_SYM_DEBUG"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    _say(
        f"fault: {type(error).__name__} at {where}: {ascii(str(error))[1:-1][:200]}\n"
        f"This is a fault of bptt-sym {__version__}, not of your input. Please report it to its "
        "issue tracker with the command, the model file and the output under BPTT_SYM_DEBUG=1."
    )
    return FAULT
