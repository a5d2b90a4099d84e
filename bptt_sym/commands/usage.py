"""What is wrong with a command line, with the nearest name that there is."""

from __future__ import annotations

from typing import Any

import click

from bptt_sym.errors import InputError, closest, listed
from bptt_sym.quoting import shortened


class Commands(click.Group):
    """Commands by name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of a command line. Raises InputError for one that there is not."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            known = sorted(self.commands)
            shown = f"'{shortened(name)}'{closest(name, known)}"
            raise InputError(f"No such command {shown}; the commands are {listed(known)}")
        return super().resolve_command(ctx, args)


class OneOf(click.Choice):  # type: ignore[type-arg]
    """One of some words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word. Raises click.BadParameter for another one."""
        if value in self.choices:
            return value
        known = ", ".join(map(repr, self.choices))
        shown = shortened(str(value))
        message = f"'{shown}' is not one of {known}{closest(shown, map(str, self.choices))}"
        return self.fail(message, param, ctx)


def usage_error(error: click.UsageError) -> InputError:
    """What click says of a command line that it does not take."""
    if not isinstance(error, click.NoSuchOption):
        return InputError(error.format_message())
    name = error.option_name
    parameters = error.ctx.command.params if error.ctx else []
    known = sorted(option for each in parameters for option in each.opts if option[:1] == "-")
    return InputError(f"No such option '{shortened(name)}'{closest(name, known)}")
