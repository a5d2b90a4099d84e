"""What is asked of a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bptt_sym.choices import LOSSES, MEASURED_PARTS, Loss
from bptt_sym.derivation.derive import check_choice, check_number
from bptt_sym.errors import InputError
from bptt_sym.limits import DERIVATION_STEPS
from bptt_sym.model.model import Model
from bptt_sym.quoting import command_line

ArraysOrFile = Mapping[str, Any] | str | Path | None


@dataclass(frozen=True)
class Asked:
    """The words of ``measure``."""

    model: Model
    wrt: tuple[str, ...] | None
    steps: int
    loss: Loss
    seed: int
    sizes: Mapping[str, int]
    weights: ArraysOrFile
    data: ArraysOrFile
    window: int | None
    activation: Mapping[str, str]
    without: tuple[str, ...]

    @property
    def reverse(self) -> tuple[str, ...]:
        """The states of the model that are scanned in reverse."""
        return tuple(entry.name for entry in self.model.declared("state") if entry.reverse)

    def check(self) -> None:
        """Raises InputError for what is no choice, or for a window where there is none."""
        check_choice("loss", self.loss, LOSSES)
        for part in self.without:
            check_choice("part to leave out", part, MEASURED_PARTS)
        check_number("number of steps", self.steps, 1, DERIVATION_STEPS.most)
        check_number("seed", self.seed, 0, 2**63)
        if self.window is None:
            return
        check_number("window", self.window, 1, self.steps)
        if self.reverse:
            name = self.reverse[0]
            raise InputError(f"'{name}' is scanned in reverse, for which there are no windows")
        if "pairs" in self.without:
            raise InputError("what a window drops is told by lag: it needs the pairs")

    @property
    def command(self) -> str:
        """The command that measures this again; arrays that came from no file are not in it."""
        words = ["measure", self.model.reference, "--steps", str(self.steps)]
        words += ["--loss", self.loss, "--seed", str(self.seed)]
        for name in self.wrt or ():
            words += ["--wrt", name]
        if self.sizes:
            pairs = (f"{name}={size}" for name, size in self.sizes.items())
            words += ["--sizes", ",".join(pairs)]
        for name, source in (("weights", self.weights), ("data", self.data)):
            words += [f"--{name}", str(source)] if isinstance(source, (str, Path)) else []
        words += [] if self.window is None else ["--window", str(self.window)]
        for name, function in self.activation.items():
            words += ["--activation", f"{name}={function}"]
        for part in self.without:
            words += ["--without", part]
        words += ["--masked"] if self.model.masked else []
        return command_line(words)
