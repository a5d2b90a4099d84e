"""A measurement as text: aligned tables, with a bar on a logarithmic scale for each norm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bptt_sym.derivation.reduction import REDUCTIONS
from bptt_sym.errors import listed
from bptt_sym.measuring.measured_model import Measured, MeasuredModel
from bptt_sym.measuring.sharing import Shares
from bptt_sym.measuring.step_products import StepProducts
from bptt_sym.quoting import title
from bptt_sym.render.medium import Medium, cells

MOST_ROWS = 12
"""A table of more has so many of its rows, evenly spaced."""

_WIDEST_BAR = 24
_MOST_DECADES = 12
_SCALE = len("1e-04 to 1e+00")
"""The least width of a bar: that of what its scale is told by."""

_LEGEND = (
    "norm: the Frobenius norm of the term C, the root of the sum of its squared entries; "
    "ratio: ||C|| / ||g||, where g is the gradient, which is above 100 % where terms cancel; "
    "projection: <C, g> / ||g||^2, what C adds along g, which sums to 100 % over all terms."
)
_STATES_LEGEND = (
    "norm: the spectral norm of the product ds_N/ds_i of the Jacobians of the steps i+1 to N; "
    "bound: the product of their spectral norms; largest, smallest: the singular values of "
    "ds_i/ds_(i-1)."
)


def measurement_text(measurement: MeasuredModel, medium: Medium) -> str:
    """The measurement for a terminal or a file."""
    lines = [*_head(measurement, medium)]
    for entry in measurement.parameters.values():
        lines += ["", *_parameter(measurement, entry, medium)]
    if measurement.states is not None:
        lines += ["", *_states(measurement.states, medium)]
    elif measurement.no_states:
        lines += ["", medium.prose(f"No Jacobians of a step: {measurement.no_states}.")]
    lines.append("")
    if _is_shortened(measurement):
        lines.append(medium.prose("Rows are left out; --format csv and json have all."))
    if measurement.parameters:
        lines.append(medium.style(medium.prose(_LEGEND), "note"))
    if measurement.states is not None:
        lines.append(medium.style(medium.prose(_STATES_LEGEND), "note"))
    return medium.plain("\n".join(lines)) + "\n"


def _head(measurement: MeasuredModel, medium: Medium) -> Iterator[str]:
    words = REDUCTIONS[measurement.loss].words
    yield medium.prose(
        f"{title(measurement.model.name)} over {measurement.steps} "
        f"{'step' if measurement.steps == 1 else 'steps'}; the loss is {words}: "
        f"{measurement.value:.6g}"
    )
    sizes = ", ".join(f"{name}={size}" for name, size in measurement.sizes.items())
    drawn = [name for name in measurement.values if name not in measurement.given]
    said = [sizes] if sizes else []
    if measurement.given:
        said.append(f"given: {listed(measurement.given)}")
    if drawn:
        said.append(f"drawn with seed {measurement.seed}: {listed(drawn)}")
    yield medium.prose("; ".join(said))


def _is_shortened(measurement: MeasuredModel) -> bool:
    return measurement.steps + (measurement.states is not None) > MOST_ROWS


def _parameter(measurement: MeasuredModel, entry: Measured, medium: Medium) -> Iterator[str]:
    heading = f"{entry.name}: the gradient has the norm {entry.norm:.3e}"
    if not entry.stands_out:
        heading = f"{entry.name}: the gradient is 0, but for rounding"
    yield medium.style(medium.prose(heading), "heading")
    pairs = entry.pairs
    one_loss = REDUCTIONS[measurement.loss].at_last
    lags = measurement.steps - entry.by_step.index if one_loss else None
    yield from _share_table("step", entry.by_step, medium, apart=entry, lags=lags)
    if pairs is None:
        return
    if not one_loss:
        yield from _share_table("loss", pairs.by_loss, medium)
        yield from _share_table("lag", pairs.by_lag, medium, newest_first=False)
    if measurement.window is not None and pairs.dropped is not None:
        ratio = pairs.dropped.ratio[measurement.window - 1]
        along = pairs.dropped.projection[measurement.window - 1]
        steps = "1 step" if measurement.window == 1 else f"{measurement.window} steps"
        yield medium.prose(
            f"  A window of {steps} drops terms whose sum has {_percent(ratio)} of the norm of "
            f"the gradient, {_percent(along)} along it."
        )


def _share_table(
    head: str,
    shares: Shares,
    medium: Medium,
    *,
    apart: Measured | None = None,
    lags: Any = None,
    newest_first: bool = True,
) -> Iterator[str]:
    chosen = _chosen(len(shares.index))
    if newest_first:
        chosen = chosen[::-1]
    rows = [[head, *(["lag"] if lags is not None else []), "norm", "ratio", "projection"]]
    norms = [float(shares.norm[k]) for k in chosen]
    for k in chosen:
        lag = [str(lags[k])] if lags is not None else []
        rows.append([str(shares.index[k]), *lag, *_row(shares, k)])
    if apart is not None:
        for k, kind in enumerate(apart.apart):
            gap = [""] if lags is not None else []
            rows.append([kind, *gap, *_row(apart.by_apart, k)])
            norms.append(float(apart.by_apart.norm[k]))
    with np.errstate(divide="ignore"):
        yield from _table(rows, np.log10(norms), medium)


def _row(shares: Shares, k: int) -> list[str]:
    return [
        f"{shares.norm[k]:.3e}",
        _percent(shares.ratio[k]),
        _percent(shares.projection[k]),
    ]


def _states(states: StepProducts, medium: Medium) -> Iterator[str]:
    heading = f"States: a step hands {states.entries} numbers to the next"
    yield medium.style(medium.prose(heading), "heading")
    steps = len(states.largest)
    rows = [["i", "lag", "norm", "bound", "largest", "smallest"]]
    chosen = _chosen(steps + 1)[::-1]
    for i in chosen:
        singular = [f"{states.largest[i - 1]:.3e}", f"{states.smallest[i - 1]:.3e}"]
        powers = [_power(states.log_norm[i]), _power(states.log_bound[i])]
        rows.append([str(i), str(steps - i), *powers, *(singular if i else ["", ""])])
    yield from _table(rows, states.log_norm[chosen], medium)


def _table(rows: Sequence[Sequence[str]], logs: Any, medium: Medium) -> Iterator[str]:
    """Right-aligned columns, and behind them a bar for the logarithm of each row below the head."""
    widths = [max(cells(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  " + "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    room = min(_WIDEST_BAR, medium.columns - max(map(len, lines)) - 2)
    finite = [float(log) for log in logs if math.isfinite(log)]
    if finite and room >= _SCALE:
        high = math.ceil(max(finite))
        low = max(min(math.floor(min(finite)), high - 1), high - _MOST_DECADES)
        sign = "#" if medium.ascii else "█"
        lines[0] += f"  1e{low:+03d} to 1e{high:+03d}"
        for k, log in enumerate(logs, 1):
            part = (log - low) / (high - low) if math.isfinite(log) else 0
            lines[k] += "  " + sign * max(0, round(room * part))
    yield medium.style(lines[0].rstrip(), "heading")
    yield from (line.rstrip() for line in lines[1:])


def _chosen(count: int) -> list[int]:
    if count <= MOST_ROWS:
        return list(range(count))
    return sorted({round(k * (count - 1) / (MOST_ROWS - 1)) for k in range(MOST_ROWS)})


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if math.isfinite(share) else "-"


def _power(log: float) -> str:
    """The power of ten with this exponent, also where it is no number of the machine."""
    if not math.isfinite(log):
        return "0"
    whole = math.floor(log)
    digits = f"{10 ** (log - whole):.3f}"
    if digits == "10.000":
        digits, whole = "1.000", whole + 1
    return f"{digits}e{whole:+03d}"
