"""A measurement as a plot: norms over the distance in time, on a logarithmic scale.

Matplotlib draws it, with its own Figure and none of pyplot's, so that nothing is left behind.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np

from bptt_sym.derivation.reduction import REDUCTIONS
from bptt_sym.errors import InputError
from bptt_sym.measuring.measured_model import MeasuredModel
from bptt_sym.quoting import markup_comment, title
from bptt_sym.render.plain import unicode_text
from bptt_sym.render.typeset import typeset
from bptt_sym.version import MADE_BY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = Any

MOST_CURVES = 8
"""Of more parameters those are drawn whose gradients have the largest norms."""

RESOLUTION = 200
"""The pixels of an inch."""

_FROM_LAST = "distance $N - i$ from the last step"
_OF_CONTRIBUTION = "norm of the contribution"
_MARKERS = "osD^v<>P"
_MOST_MARKED = 40
"""A curve of more points has no markers."""


@dataclass(frozen=True)
class Curve:
    """The decadic logarithms of norms over distances in time; -inf, of 0, is not drawn."""

    name: str
    distance: Array
    logs: Array


def plot(measurement: MeasuredModel) -> Figure:
    """The norms of contributions over the distance in time, and below them the norm of
    ds_N/ds_i with its bound, dashed; a window is marked.

    Raises InputError where Matplotlib is not installed.
    """
    figure_class = _figure_class()
    panels: list[Any] = [contribution_curves(measurement)] if measurement.parameters else []
    panels += [] if measurement.states is None else [None]
    if not panels:
        raise InputError("there is nothing to plot: no contributions, and no Jacobians of a step")
    figure = figure_class(figsize=(6.4, 0.6 + 3.0 * len(panels)), layout="constrained")
    figure.suptitle(_heading(measurement), fontsize="medium")
    all_axes = figure.subplots(len(panels), squeeze=False, sharex=len(panels) > 1)[:, 0]
    for axes, curves in zip(all_axes, panels, strict=True):
        if curves is None:
            _draw_states(axes, measurement)
        else:
            draw(axes, curves)
            axes.set_ylabel(_OF_CONTRIBUTION)
        _draw_window(axes, measurement, named=axes is all_axes[0])
        axes.legend(fontsize="small", title=_left_out(measurement) if curves is not None else None)
    all_axes[-1].set_xlabel(_distance_label(measurement))
    return figure


def plot_contributions(curves: list[Curve], heading: str) -> Figure:
    """A figure of curves alone. Raises InputError as ``plot`` does."""
    if not curves:
        raise InputError("there is nothing to plot: the derivation has no contributions")
    figure = _figure_class()(figsize=(6.4, 3.6), layout="constrained")
    figure.suptitle(heading, fontsize="medium")
    axes = figure.subplots()
    draw(axes, curves)
    axes.set_xlabel(_FROM_LAST)
    axes.set_ylabel(_OF_CONTRIBUTION)
    axes.legend(fontsize="small")
    return figure


def contribution_curves(measurement: MeasuredModel) -> list[Curve]:
    """The norms of the contributions to each gradient: over the distance from the last step, or of
    all losses together by the lag; without pairs over the distance from the last step, too.
    """
    entries = sorted(measurement.parameters.values(), key=lambda entry: -entry.norm)
    chosen = {entry.name for entry in entries[:MOST_CURVES]}
    model, found = measurement.model, []
    for entry in measurement.parameters.values():
        if entry.name in chosen:
            by_lag = None if _is_by_step(measurement) else entry.pairs
            shares = entry.by_step if by_lag is None else by_lag.by_lag
            distance = measurement.steps - shares.index if by_lag is None else shares.index
            name = unicode_text(typeset(model.symbol(entry.name), model.notation))
            found.append(Curve(name, np.asarray(distance), log_norms(shares.norm)))
    return found


def log_norms(norms: Array) -> Array:
    """The decadic logarithms, that of 0 being -inf."""
    with np.errstate(divide="ignore"):
        return np.log10(np.asarray(norms, float))


def draw(axes: Axes, curves: list[Curve]) -> None:
    """Curves on a logarithmic scale."""
    for k, curve in enumerate(curves):
        order = np.argsort(curve.distance)
        logs = np.where(np.isfinite(curve.logs), curve.logs, np.nan)
        few = np.isfinite(logs).sum() <= _MOST_MARKED
        marker = _MARKERS[k % len(_MARKERS)] if few else None
        axes.plot(curve.distance[order], logs[order], marker=marker, ms=4, lw=1.2, label=curve.name)
    scale_by_powers(axes)


def scale_by_powers(axes: Axes) -> None:
    """Marks logarithms as the powers of ten, which may be no numbers of the machine."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda log, _: f"$10^{{{round(log)}}}$"))
    axes.grid(visible=True, alpha=0.3)


def written(measurement: MeasuredModel, form: str, command: str) -> str | bytes:
    """The plot as a file, with what made it where the format has it."""
    return picture(plot(measurement), form, command, _heading(measurement))


def picture(figure: Figure, form: str, command: str, name: str) -> str | bytes:
    """A figure of Matplotlib as a file of ours, the same at each run."""
    import matplotlib

    stream = io.BytesIO()
    metadata: Mapping[str, Any] = {"Software": MADE_BY, "Title": name}
    if form == "svg":
        metadata = {"Date": None, "Creator": None, "Title": name}
    # Letters are outlines: they look the same without the font.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(stream, format=form, dpi=RESOLUTION, metadata=metadata)
    if form == "png":
        return stream.getvalue()
    text = stream.getvalue().decode()
    body = text[text.index("<svg") :]
    return f"<!-- {MADE_BY}: {escape(markup_comment(command))} -->\n{body}"


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "plots need Matplotlib: pip install 'bptt-sym[plot]'; without it, --format text has "
            "bars, and csv and json all numbers"
        ) from None
    return Figure


def _is_by_step(measurement: MeasuredModel) -> bool:
    return REDUCTIONS[measurement.loss].at_last


def _heading(measurement: MeasuredModel) -> str:
    words = REDUCTIONS[measurement.loss].words
    steps = "1 step" if measurement.steps == 1 else f"{measurement.steps} steps"
    return f"{title(measurement.model.name)} over {steps}; the loss is {words}"


def _left_out(measurement: MeasuredModel) -> str | None:
    """How many of the parameters have a curve, where not all have one."""
    count = len(measurement.parameters)
    return f"{MOST_CURVES} of {count} parameters" if count > MOST_CURVES else None


def _distance_label(measurement: MeasuredModel) -> str:
    by_step = any(entry.pairs is None for entry in measurement.parameters.values())
    if _is_by_step(measurement) or not measurement.parameters or by_step:
        return _FROM_LAST
    return "lag $t - i$ between loss and copy; for the states, the distance $N - i$"


def _draw_states(axes: Axes, measurement: MeasuredModel) -> None:
    assert measurement.states is not None
    states = measurement.states
    distance = np.arange(len(states.log_norm))[::-1]
    draw(axes, [Curve("‖∂s_N/∂s_i‖", distance, states.log_norm)])
    bound = np.where(np.isfinite(states.log_bound), states.log_bound, np.nan)
    axes.plot(distance, bound, "--", lw=1.2, color="black", label="bound: product of the norms")
    axes.set_ylabel("spectral norm")


def _draw_window(axes: Axes, measurement: MeasuredModel, *, named: bool) -> None:
    if measurement.window is None:
        return
    label = f"window of {measurement.window}" if named else None
    axes.axvline(measurement.window - 0.5, ls=":", color="gray", label=label)
