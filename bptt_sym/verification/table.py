"""A verification as a table."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence

from bptt_sym.render.medium import ANYWHERE, Medium
from bptt_sym.verification.report import Check, Report

_HEADINGS = ("parameter", "method", "shape", "relative error", "tolerance", "")

_DISAGREEING = (
    "complex step contradicts central differences, which agree with the gradient; "
    "does the loss use a function that NumPy has right for real numbers alone, as np.abs?"
)


def report_table(report: Report, medium: Medium = ANYWHERE) -> str:
    """The checks of a report as aligned lines, the sizes of its points above them."""
    points = "; ".join(
        ", ".join(f"{name}={size}" for name, size in sizes.items()) for sizes in report.points
    )
    # The verdict is the last line.
    end = []
    if names := ", ".join(report.disagreeing):
        end.append(medium.prose(f"{names}: {_DISAGREEING}"))
    if report.failing:
        end.append(medium.style(medium.prose(f"fails: {', '.join(report.failing)}"), "wrong"))
    else:
        end.append("all gradients hold")
    lines = [medium.prose(f"Points: {points}"), "", *_table(report.checks, medium), "", *end]
    return medium.plain("\n".join(lines)) + "\n"


def _table(checks: Sequence[Check], medium: Medium) -> Iterator[str]:
    """The lines of the table; where it is too wide, its widest columns are folded."""
    rows = [_HEADINGS, *map(_row, checks)]
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    words = [max(len(w) for cell in column for w in cell.split() or [""]) for column in columns]
    while medium.width and sum(widths) + 2 * len(widths) - 2 > medium.width and widths != words:
        widest = max(range(len(widths)), key=lambda k: (widths[k] > words[k], widths[k]))
        widths[widest] -= 1
    styles = ["heading", *("" if check.holds else "wrong" for check in checks)]
    for row, style in zip(rows, styles, strict=True):
        folded = [textwrap.wrap(cell, max(w, 1)) for cell, w in zip(row, widths, strict=True)]
        for cells in itertools.zip_longest(*folded, fillvalue=""):
            line = "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()
            yield medium.style(line, style) if style else line


def _row(check: Check) -> tuple[str, ...]:
    return (
        check.name,
        check.method,
        " x ".join(map(str, check.shape)) or "scalar",
        _found(check),
        "" if check.not_applied else f"{check.tolerance:.0e}",
        _verdict(check),
    )


def _found(check: Check) -> str:
    if check.not_applied:
        return f"not applied: {check.not_applied}"
    return check.problem or f"{check.error:.1e}"


def _verdict(check: Check) -> str:
    if check.not_applied:
        return ""
    verdict = "ok" if check.holds else "FAILS"
    if check.left_out and not check.problem:
        verdict += f", {check.left_out} of {check.entries} entries at kinks left out"
    return verdict
