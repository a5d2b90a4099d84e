"""A verification as a table."""

from __future__ import annotations

from bptt_sym.verification.verify import Report

_HEADINGS = ("parameter", "method", "shape", "largest relative error", "tolerance", "")


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
            check.problem or f"{check.error:.1e}",
            f"{check.tolerance:.0e}",
            "ok" if check.holds else "FAILS",
        )
        for check in report.checks
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    failed = dict.fromkeys(check.name for check in report.failures)
    verdict = f"fails: {', '.join(failed)}" if failed else "all gradients hold"
    return "\n".join([f"Points: {points}", "", *lines, "", verdict]) + "\n"
