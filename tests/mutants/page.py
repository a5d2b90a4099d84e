"""The table of faults as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from math import isinf, isnan

from bptt_sym.verification.report import COMPLEX, DIFFERENCES, TANGENT, Check, Report
from mutants.mutant import Mutant, report_on

_LETTERS = {COMPLEX: "S", DIFFERENCES: "D", TANGENT: "A"}
_OF_RUNS = {"loss", "runs"}
"""The methods by which it is told that `value_and_grad` runs and gives the loss."""

_HEAD = """# Faults that verification finds

Each of these faults is planted in a generated module, alone, and `bptt-sym verify` is run on the
result. It finds every one, and accuses nothing that the fault leaves right. A test does the same
with every change of the project; `python tools/renew.py` writes this page.

Found by **S**: complex step; **D**: central differences; **A**: the tangent-adjoint dot product, of
all gradients at once; **F**: a function, or an option, that gives something else than the others.
The error is the largest of all methods, relative to the largest entry of what is expected (for A,
to the sum of all products); what is right has less than 1e-12. A dash: `value_and_grad` does not
run, or its value is not the loss.

| | fault | what it is | module | fails | by | largest relative error |
|---|---|---|---|---|---|---|
"""


def page(mutants: Iterable[Mutant]) -> str:
    """The table as Markdown."""
    rows = ("| " + " | ".join(row) + " |\n" for row in rows_of(mutants))
    return _HEAD + "".join(rows)


def rows_of(mutants: Iterable[Mutant]) -> list[tuple[str, ...]]:
    """Number, name, phrase, module, blocks, methods and error of each."""
    rows = []
    for number, mutant in enumerate(mutants, 1):
        report = report_on(mutant)
        rows.append(
            (
                str(number),
                mutant.name,
                mutant.what.replace("|", "\\|"),
                mutant.module,
                _blocks(report),
                _methods(report),
                _error(report),
            )
        )
    return rows


def _blocks(report: Report) -> str:
    """What fails, by what does not where that is less."""
    right = [c.name for c in report.checks if c.method == COMPLEX and c.name not in report.failing]
    # Where the module does not run there are no other checks.
    if len(report.failing) > 1 and not right:
        return "all"
    if len(right) < len(report.failing) - 1:
        return f"all but {_listed(right)}"
    return _listed(report.failing)


def _listed(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _methods(report: Report) -> str:
    found = {check.method for check in report.failures}
    letters = [letter for method, letter in _LETTERS.items() if method in found]
    if found - _LETTERS.keys() - _OF_RUNS:
        letters.append("F")
    return " ".join(letters) or "-"


def _error(report: Report) -> str:
    def shown(check: Check) -> tuple[float, str]:
        if check.problem:
            return 3, "wrong shape" if "shape" in check.problem else check.problem.partition(":")[0]
        if isnan(check.error):
            return 2, "not a number"
        return (1, "infinite") if isinf(check.error) else (0, "")

    rank, words = max(map(shown, report.failures))
    return words if rank else f"{max(check.error for check in report.failures):.1e}"
