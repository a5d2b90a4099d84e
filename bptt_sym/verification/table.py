"""A verification as a table."""

from __future__ import annotations

from bptt_sym.verification.report import Check, Report

_HEADINGS = ("parameter", "method", "shape", "largest relative error", "tolerance", "")

_DISAGREEING = (
    "complex step contradicts central differences, which agree with the gradient; "
    "does the loss use a function that NumPy has right for real numbers alone, as np.abs?"
)


def report_table(report: Report) -> str:
    """The checks of a report as aligned lines, the sizes of its points above them."""
    points = "; ".join(
        ", ".join(f"{name}={size}" for name, size in sizes.items()) for sizes in report.points
    )
    rows = [_HEADINGS] + [
        (
            check.name,
            check.method,
            " x ".join(map(str, check.shape)) or "scalar",
            _found(check),
            "" if check.not_applied else f"{check.tolerance:.0e}",
            _verdict(check),
        )
        for check in report.checks
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    # The verdict is the last line.
    end = []
    if names := ", ".join(report.disagreeing):
        end.append(f"{names}: {_DISAGREEING}")
    end.append(f"fails: {', '.join(report.failing)}" if report.failing else "all gradients hold")
    return "\n".join([f"Points: {points}", "", *lines, "", *end]) + "\n"


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
