"""A measurement as plain data: JSON, and CSV with one number in a line."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from bptt_sym.measuring.measured_model import Measured, MeasuredModel
from bptt_sym.measuring.sharing import Shares
from bptt_sym.measuring.step_products import StepProducts
from bptt_sym.version import MADE_BY

SCHEMA = "bptt-sym measurement, version 1"

MEANINGS = {
    "norm": "Frobenius norm of the term",
    "ratio": "norm of the term over that of the gradient; null where the gradient is 0",
    "projection": "inner product of term and gradient over the squared norm of the gradient; sums "
    "to 1 over all terms; null where the gradient is 0",
}

COLUMNS = ("name", "by", "loss", "step", "lag", "window", "quantity", "value")


def measured_data(measurement: MeasuredModel) -> dict[str, Any]:
    """Every number of a measurement as dicts and lists; what is not a number is None."""
    states = measurement.states
    return {
        "schema": SCHEMA,
        "made_by": MADE_BY,
        "command": measurement.command,
        "model": measurement.model.name,
        "steps": measurement.steps,
        "loss": measurement.loss,
        "value": measurement.value,
        "sizes": dict(measurement.sizes),
        "seed": measurement.seed,
        "given": list(measurement.given),
        "meanings": MEANINGS,
        "parameters": [_parameter(entry) for entry in measurement.parameters.values()],
        "states": None if states is None else _states(states),
        "no_states": measurement.no_states or None,
    }


def json_text(measurement: MeasuredModel) -> str:
    """The data as JSON."""
    return json.dumps(measured_data(measurement), indent=2, allow_nan=False) + "\n"


def csv_text(measurement: MeasuredModel) -> str:
    """The numbers as CSV, with a head: what has no value in a column leaves it empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in measurement.parameters.values():
        writer.writerows(_lines(entry))
    if measurement.states is not None:
        writer.writerows(_state_lines(measurement.states))
    return out.getvalue()


def _parameter(entry: Measured) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": entry.name,
        "norm": entry.norm,
        "by_step": _shares(entry.by_step, "step"),
        "apart": [
            {"kind": kind} | row
            for kind, row in zip(entry.apart, _shares(entry.by_apart, ""), strict=True)
        ],
    }
    if (pairs := entry.pairs) is not None:
        found["by_loss"] = _shares(pairs.by_loss, "loss")
        found["by_lag"] = _shares(pairs.by_lag, "lag")
        found["pairs"] = {
            "losses": pairs.losses.tolist(),
            "norm": _numbers(pairs.norm),
            "projection": _numbers(pairs.projection),
        }
        dropped = pairs.dropped
        found["windows"] = None if dropped is None else _shares(dropped, "window")
    return found


def _shares(shares: Shares, index: str) -> list[dict[str, Any]]:
    columns = zip(shares.index, shares.norm, shares.ratio, shares.projection, strict=True)
    return [
        ({index: int(k)} if index else {})
        | {"norm": float(norm), "ratio": _number(ratio), "projection": _number(projection)}
        for k, norm, ratio, projection in columns
    ]


def _states(states: StepProducts) -> dict[str, Any]:
    return {
        "entries": states.entries,
        "largest_singular_value": _numbers(states.largest),
        "smallest_singular_value": _numbers(states.smallest),
        "products": [
            {"step": i, "log10_norm": _number(norm), "log10_bound": _number(bound)}
            for i, (norm, bound) in enumerate(zip(states.log_norm, states.log_bound, strict=True))
        ],
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(array: Any) -> Any:
    if np.ndim(array) == 0:
        return _number(array)
    return [_numbers(part) for part in array]


def _lines(entry: Measured) -> Iterator[tuple[Any, ...]]:
    name = entry.name
    yield (name, "whole", "", "", "", "", "norm", entry.norm)
    for row in _share_lines(entry.by_step):
        yield (name, "step", "", row[0], "", "", *row[1:])
    kinds = list(entry.apart)
    for row in _share_lines(entry.by_apart):
        yield (name, kinds[row[0]], "", "", "", "", *row[1:])
    if (pairs := entry.pairs) is None:
        return
    for row in _share_lines(pairs.by_loss):
        yield (name, "loss", row[0], "", "", "", *row[1:])
    for row in _share_lines(pairs.by_lag):
        yield (name, "lag", "", "", row[0], "", *row[1:])
    if pairs.dropped is not None:
        for row in _share_lines(pairs.dropped):
            yield (name, "window", "", "", "", row[0], *row[1:])
    for quantity, table in (("norm", pairs.norm), ("projection", pairs.projection)):
        for loss, values in zip(pairs.losses.tolist(), table.tolist(), strict=True):
            for step, value in enumerate(values, 1):
                yield (name, "pair", loss, step, loss - step, "", quantity, value)


def _share_lines(shares: Shares) -> Iterator[tuple[int, str, float]]:
    for quantity in MEANINGS:
        values = getattr(shares, quantity).tolist()
        for index, value in zip(shares.index.tolist(), values, strict=True):
            yield index, quantity, value


def _state_lines(states: StepProducts) -> Iterator[tuple[Any, ...]]:
    of_steps = {
        "largest singular value": states.largest,
        "smallest singular value": states.smallest,
    }
    for quantity, values in of_steps.items():
        for step, value in enumerate(values.tolist(), 1):
            yield ("states", "step", "", step, "", "", quantity, value)
    of_products = {"log10 norm": states.log_norm, "log10 bound": states.log_bound}
    for quantity, values in of_products.items():
        for step, value in enumerate(values.tolist()):
            yield ("states", "product", "", step, len(values) - 1 - step, "", quantity, value)
