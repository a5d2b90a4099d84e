"""Time of the whole process of ``bptt-sym derive --steps 3``: python benchmarks/startup.py.

It is told as a ratio to the time that importing its dependencies takes alone. The two commands take
turns, so that a machine that grows slower or faster does so for both.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from processes import process_seconds

IMPORTS = [sys.executable, "-c", "import sympy, jinja2, click"]
DERIVE = [sys.executable, "-m", "bptt_sym", "derive", "--steps", "3"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15, help="runs of each command [15]")
    runs = parser.parse_args().runs
    for command in (IMPORTS, DERIVE):
        process_seconds(command)  # fills the caches of the disk
    pairs = [(process_seconds(IMPORTS), process_seconds(DERIVE)) for _ in range(runs)]
    imports, derive = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import sympy, jinja2, click   {imports:.3f} s")
    print(f"bptt-sym derive --steps 3     {derive:.3f} s")
    print(f"ratio                         {derive / imports:.2f}")


if __name__ == "__main__":
    main()
