"""Which equations the section [loss] has: that of each step, and what is added to it once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from bptt_sym.errors import InputError, closest
from bptt_sym.model.model import OF_PARAMETERS, TERMINAL, Declaration
from bptt_sym.model.scope import Scope
from bptt_sym.model.tables import Tables
from bptt_sym.quoting import shortened


class Losses(NamedTuple):
    """The names of the losses: of each step, of the last one, of parameters alone."""

    step: str | None
    terminal: str | None
    regularizer: str | None

    @property
    def main(self) -> str:
        """That of the steps, or of the last one where there is none."""
        return self.terminal or "" if self.step is None else self.step

    @property
    def whole(self) -> str:
        """What they are called together."""
        return self.main.removesuffix(TERMINAL) if self.step is None else self.step


def losses_of(file: Tables) -> Losses:
    """The losses of a model file, none where it has no section for them."""
    table = file.table("loss")
    if not table:
        return Losses(None, None, None)
    return losses_named(table, lambda message, name: file.error(message, "loss", name))


def losses_named(names: Iterable[str], error: Callable[[str, str], InputError]) -> Losses:
    """The losses of these names: E of each step, E_last and E_params beside it.

    Raises the ``error`` of a message and a name for others, and where none is of a time step.
    """
    found: dict[str, str] = {}
    whole = ""
    for name in names:
        suffix = next((end for end in (TERMINAL, OF_PARAMETERS) if name.endswith(end)), "")
        stem = name.removesuffix(suffix)
        whole = whole or stem
        if suffix in found or stem != whole:
            message = (
                f"[loss] has the loss of a time step, {shortened(whole)}, and what is added once: "
                f"{shortened(whole + TERMINAL)} at the last step, "
                f"{shortened(whole + OF_PARAMETERS)} of parameters alone; "
                f"'{shortened(name)}' is none of these"
                f"{closest(name, (whole + TERMINAL, whole + OF_PARAMETERS))}"
            )
            raise error(message, name)
        found[suffix] = name
    given = found.get(OF_PARAMETERS)
    if given and len(found) == 1:
        message = (
            f"'{given}' is of parameters alone, and no loss depends on a time step: add the loss "
            f"{whole} of each step, or {whole + TERMINAL} of the last one"
        )
        raise error(message, given)
    return Losses(found.get(""), found.get(TERMINAL), given)


def reading_parameters(scope: Scope, declarations: Iterable[Declaration]) -> Scope:
    """The scope of a loss of parameters alone, added once for all time steps and sequences."""
    once = {entry.name for entry in declarations if entry.kind == "once"}
    loss = scope.equation
    last = loss.removesuffix(OF_PARAMETERS) + TERMINAL

    def why_not(name: str) -> str | None:
        if name in once:
            varies = f"'{name}' is given for each sequence"
        elif name in scope.names or scope.later(name):
            varies = f"'{name}' varies with the time step"
        else:
            return None
        return f"'{loss}' is of parameters alone, and {varies}; '{last}' may read it"

    parameters = {name: entry for name, entry in scope.parameters.items() if name not in once}
    alone = replace(scope, parameters=parameters, current={}, earlier={}, following={})
    return replace(alone, later=why_not, timeless=True)
