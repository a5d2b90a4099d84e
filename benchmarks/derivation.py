"""Time of the derivation alone against the number of time steps: python benchmarks/derivation.py.

Prints, for each level, the median of several runs and its ratio to N; a derivation that is linear
in N has a ratio that stays the same once N is large.
"""

from __future__ import annotations

import argparse
import statistics
import time

from sympy.core.cache import clear_cache

from bptt_sym import derive, load_model
from bptt_sym.derivation.derivation import Level

STEPS = (10, 30, 100, 300, 1000, 3000)
LEVELS: tuple[Level, ...] = ("chain", "jacobian", "adjoint")


def seconds(level: Level, steps: int) -> float:
    """The time of one derivation by all parameters, with nothing left over from the one before."""
    model = load_model("elman")
    clear_cache()
    start = time.perf_counter()
    derive(model, steps=steps, level=level)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each case [3]")
    runs = parser.parse_args().runs
    for level in LEVELS:
        seconds(level, 3)  # imports what is imported late
        print(f"level {level}\n       N      time   time / N")
        for steps in STEPS:
            median = statistics.median(seconds(level, steps) for _ in range(runs))
            print(f"  {steps:6}  {median:6.3f} s  {1e6 * median / steps:6.0f} us")


if __name__ == "__main__":
    main()
