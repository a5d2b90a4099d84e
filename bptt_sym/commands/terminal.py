"""What a command prints on: the options and the surroundings that tell how."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import click

from bptt_sym.errors import ERROR, InputError
from bptt_sym.render.medium import Medium

Command = Callable[..., Any]

SIGNS = "∂ₜᵀ⊙Σδ"
"""Some of the signs that derivations are printed with."""

UTF_8 = ("utf-8", "utf8")


def terminal_options(command: Command) -> Command:
    """Adds --ascii and --color to a command; ``medium`` tells what they say."""
    for option in (
        click.option(
            "--color/--no-color",
            default=None,
            expose_value=False,
            callback=_remember,
            help="Colour what is printed, or not. [on a terminal, unless NO_COLOR is set]",
        ),
        click.option(
            "--ascii",
            is_flag=True,
            expose_value=False,
            callback=_remember,
            help="Print ASCII alone, dE_3/dW_s. [where the terminal has no other signs]",
        ),
    ):
        command = option(command)
    return command


def _remember(context: click.Context, option: click.Parameter, value: bool | None) -> None:
    context.meta[f"{__name__}.{option.name}"] = value


def medium(*, to_file: bool = False) -> Medium:
    """What the present command prints on: a terminal of its width, else 80 columns; or a file."""
    told = click.get_current_context().meta
    ascii_asked = bool(told.get(f"{__name__}.ascii"))
    if to_file:
        return Medium(ascii=ascii_asked)
    color = told.get(f"{__name__}.color")
    return Medium(
        width=_columns(),
        ascii=ascii_asked or not has_signs(sys.stdout),
        color=wants_color(sys.stdout) if color is None else color,
    )


def complaint(error: InputError, arguments: Sequence[str]) -> str:
    """What is wrong, for standard error: one line, but for a terminal that is narrower.

    The command may not have got as far as its options.
    """
    terminal = sys.stderr.isatty()
    color = wants_color(sys.stderr)
    for option in arguments:
        color = {"--color": True, "--no-color": False}.get(option, color)
    plain = "--ascii" in arguments or not has_signs(sys.stderr)
    on = Medium(_columns() if terminal else None, ascii=plain, color=color)
    head, sign, tail = on.prose(on.plain(str(error))).partition(ERROR)
    lines = [head + on.style(sign, "wrong") + tail]
    if error.excerpt:
        encoding = "ascii" if plain else getattr(sys.stderr, "encoding", None) or "ascii"
        line, caret = error.excerpt.shown(encoding).split("\n")
        lines += [line, on.style(caret, "wrong")]
    return "\n".join(lines)


def _columns() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def has_signs(stream: TextIO) -> bool:
    """Whether a stream shows more than ASCII.

    In the locale C, Python writes UTF-8 all the same, but the terminal, or a pager between,
    shows its bytes.
    """
    chosen = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    if next(filter(None, chosen), "") in ("C", "POSIX"):
        return False
    # The pager less reads its own setting first.
    if not stream.isatty() and os.environ.get("LESSCHARSET", "utf-8").lower() not in UTF_8:
        return False
    try:
        SIGNS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def wants_color(stream: TextIO) -> bool:
    """Whether a stream is a terminal that wants colour (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain
