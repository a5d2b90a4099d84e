"""One time step of an emitted module in its workspace, beside the cell written by hand in NumPy.

    python benchmarks/steps.py

Medians of turns in one run; the ratio is what to look at.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bptt_sym import compile as compiled
from bptt_sym import load_model

TURNS = 400
SIZES = {"m": 32, "n": 128, "k": 16}


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def elman(p: Any, state: Any, x: Any) -> Any:
    s = np.tanh(x @ p.W_x + state.s @ p.W_s)
    return s, sigmoid(s @ p.W_y)


def lstm(p: Any, state: Any, x: Any) -> Any:
    h, c = state
    i = sigmoid(x @ p.W_ii + p.b_ii + h @ p.W_hi + p.b_hi)
    f = sigmoid(x @ p.W_if + p.b_if + h @ p.W_hf + p.b_hf)
    g = np.tanh(x @ p.W_ig + p.b_ig + h @ p.W_hg + p.b_hg)
    o = sigmoid(x @ p.W_io + p.b_io + h @ p.W_ho + p.b_ho)
    c = f * c + i * g
    h = o * np.tanh(c)
    return h, c, h @ p.V


BY_HAND: dict[str, Callable[..., Any]] = {"elman": elman, "lstm": lstm}


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def measured(name: str, sequences: int) -> tuple[float, float]:
    """The medians of a step in its workspace, and of the same by hand, in microseconds."""
    module = compiled(load_model(name))
    dimensions = module.Dimensions(**SIZES)
    rng = np.random.default_rng(0)
    params = module.init_parameters(rng, dimensions)
    x = rng.standard_normal((sequences, SIZES["m"]))
    first = [np.zeros((sequences, SIZES["n"])) for _ in module.State._fields]
    state, work = module.State(*first), module.StepWorkspace(sequences, dimensions)
    turns = [
        (
            seconds(lambda: module.step(params, state, x, workspace=work)),
            seconds(lambda: BY_HAND[name](params, state, x)),
        )
        for _ in range(TURNS)
    ]
    ours, theirs = (1e6 * statistics.median(times) for times in zip(*turns, strict=True))
    return ours, theirs


def main() -> None:
    print("| cell | sequences | step | by hand | ratio |")
    print("|---|---|---|---|---|")
    for name in BY_HAND:
        for sequences in (1, 8):
            ours, theirs = measured(name, sequences)
            print(
                f"| {name} | {sequences} | {ours:.1f} us | {theirs:.1f} us | {ours / theirs:.2f} |"
            )


if __name__ == "__main__":
    main()
