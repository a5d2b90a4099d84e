"""A named fault, and what verification says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import bptt_sym as b
from bptt_sym.targets.load import module_from_source
from bptt_sym.verification.evidence import Evidence, gather
from bptt_sym.verification.report import Report
from bptt_sym.verification.verify import judge
from mutants.changes import Change


@dataclass(frozen=True)
class Mutant:
    """A fault: its name, what it is, the module that it is in, and the blocks that it makes wrong.

    ``fails`` are all of them, as words: what the fault leaves right must not be accused.
    """

    name: str
    what: str
    change: Change
    fails: str
    model: str = "elman"
    loss: str = "sum"
    masked: bool = False
    style: str = "readable"

    @property
    def module(self) -> str:
        """The module in words."""
        words = [self.model]
        if self.loss != "sum":
            words.append(f"loss {self.loss}")
        if self.style != "readable":
            words.append(self.style)
        return ", ".join([*words, "masked"] if self.masked else words)

    @property
    def source(self) -> str:
        """The source of the module without the fault."""
        return generated(self.model, self.loss, self.masked, self.style)

    def planted(self) -> str:
        """The source of the module with the fault in it."""
        planted = self.change(self.source)
        assert planted != self.source, f"{self.name} changes nothing"
        return planted


def generated(model: str, loss: str = "sum", masked: bool = False, style: str = "readable") -> str:
    """The source of a module without a fault."""
    return _generated(model, loss, masked, style)


def evidence_on(
    model: str, loss: str = "sum", masked: bool = False, style: str = "readable"
) -> tuple[Evidence, ...]:
    """What is found of the loss of a module without a fault, once for all of its mutants."""
    return _evidence_on(model, loss, masked, style)


@cache
def _generated(model: str, loss: str, masked: bool, style: str) -> str:
    return b.generate(b.load_model(model), loss=loss, masked=masked, style=style)


@cache
def _evidence_on(model: str, loss: str, masked: bool, style: str) -> tuple[Evidence, ...]:
    return gather(module_from_source(_generated(model, loss, masked, style), model))


@cache
def report_on(mutant: Mutant) -> Report:
    """What verification finds. A mutant has the loss of its module, and so the evidence on it."""
    planted = module_from_source(mutant.planted(), "planted")
    evidence = evidence_on(mutant.model, mutant.loss, mutant.masked, mutant.style)
    for one in evidence:
        assert Evidence(planted, one.point, 0).value == one.value
    return judge(planted, evidence)
