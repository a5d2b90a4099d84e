"""Time and length of derivations against the number of equations: python benchmarks/equations.py.

For models of K equations in a row, and for softmax nested K deep, prints the time of derivation and
text, and the characters of the text, at each level. An exponent of 1 is linear growth.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable

from growing_models import all_read, in_a_row, nested
from sympy.core.cache import clear_cache

from bptt_sym import derive
from bptt_sym.choices import LEVELS, Level
from bptt_sym.model.read import parse_model

SIZES = (12, 25, 50, 100, 199)
DEPTHS = (4, 8, 16, 30)

KINDS: dict[str, tuple[Callable[[int], str], tuple[int, ...]]] = {
    "equations in a row": (in_a_row, SIZES),
    "equations that read two before": (all_read, SIZES),
    "softmax nested": (nested, DEPTHS),
}


def measured(text: str, level: Level, runs: int) -> tuple[float, int]:
    """The median of the seconds, and the characters of the text."""
    seconds = []
    for _ in range(runs):
        clear_cache()
        start = time.perf_counter()
        written = derive(parse_model(text), steps=3, level=level).text()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), len(written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each case [3]")
    runs = parser.parse_args().runs
    measured(in_a_row(3), "jacobian", 1)  # imports what is imported late
    for kind, (model, sizes) in KINDS.items():
        heads = (head for level in LEVELS for head in (level, "characters"))
        print(f"\n| {kind} | {' | '.join(heads)} |\n{'|---' * 7}|")
        found = {}
        for size in sizes:
            found[size] = [measured(model(size), level, runs) for level in LEVELS]
            cells = (f"{seconds:.2f} s | {length:,}" for seconds, length in found[size])
            print(f"| {size} | {' | '.join(cells)} |", flush=True)
        before, last = sizes[-2:]
        pairs = zip(found[before], found[last], strict=True)
        slopes = (slope(last / before, *pair) for pair in pairs)
        print(f"| exponent of the last two | {' | '.join(slopes)} |")


def slope(size: float, before: tuple[float, int], after: tuple[float, int]) -> str:
    """The powers of the size with which the seconds and the characters grow."""
    powers = (math.log(new / old) / math.log(size) for old, new in zip(before, after, strict=True))
    return " | ".join(f"{power:.2f}" for power in powers)


if __name__ == "__main__":
    main()
