"""Time of one loss with all gradients, ours and others': python benchmarks/speed.py.

All ways to compute it take turns, so that a machine that grows slower or faster does so for all.
Before any is timed, their losses and gradients are compared with each other. With --compile, prints
the time of generating a module and of importing it instead.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import peers
from peers import CELLS, Contender, Problem, Size
from processes import process_seconds

SIZES = {
    "tiny": Size(10, 1, 4, 8, 4),
    "small": Size(50, 16, 32, 64, 32),
    "char": Size(25, 1, 65, 100, 65),
    "medium": Size(100, 32, 64, 128, 64),
    "large": Size(100, 64, 256, 512, 256),
}
DTYPES = ("float32", "float64")

TOLERANCES = {"float32": 1e-3, "float64": 1e-9}
"""Of the largest entry of each gradient: what peers may differ by."""

BLOCK = 0.02
"""Seconds for which a contender is called in its turn, at least once."""

BUDGET = 8
"""Seconds of rounds for a case, beyond which there are no more than LEAST of them."""

LEAST = 3

PAUSE = 0.01
"""Seconds before a turn, in which the threads of the one before go to sleep."""

OURS, FRESH, READABLE, FLOOR = "ours", "new workspace", "readable", "floor"
PEERS = {"PyTorch": "torch", "JAX": "jax"}
COMPARED = ("PyTorch", "JAX", READABLE, FLOOR)

ELMAN = ("elman", "elman-character")
GOALS = {
    (ELMAN, "float32", "PyTorch"): (0.15, 0.3, 0.2, 0.6, 0.9),
    (ELMAN, "float64", "PyTorch"): (0.15, 0.4, 0.2, 0.6, 0.85),
    (ELMAN, "float64", "JAX"): (0.7, 0.85, 0.9, 0.85, 0.8),
    (ELMAN, "float32", FLOOR): (3.2, 1.7, 1.9, 1.3, 1.1),
    (ELMAN, "float64", FLOOR): (3.2, 1.7, 1.9, 1.3, 1.1),
    (("lstm",), "float64", "PyTorch"): (0.2, 0.45, 0.25, 0.65, 0.85),
    (("lstm",), "float64", "JAX"): (1.3, 0.9, 0.8, 0.5, 0.75),
    (("lstm",), "float32", "PyTorch"): (0.45, 1.7, 0.85, 1.35, 0.9),
    (("gru",), "float64", "PyTorch"): (0.25, 0.5, 0.3, 0.7, 0.9),
}
"""The ratios to reach, ours over theirs, in the order of SIZES."""


class Row(NamedTuple):
    """Medians of a case: seconds of each contender, and of the ratios of ours to each."""

    model: str
    size: str
    dtype: str
    seconds: dict[str, float]
    ratios: dict[str, float]


def goal(model: str, size: str, dtype: str, peer: str) -> float | None:
    for (models, of_dtype, of_peer), numbers in GOALS.items():
        if model in models and (dtype, peer) == (of_dtype, of_peer):
            return numbers[list(SIZES).index(size)]
    return None


def contenders(
    problem: Problem, fast: ModuleType, readable: ModuleType, found: list[str]
) -> dict[str, Contender]:
    builders = {"PyTorch": peers.pytorch, "JAX": peers.jax}
    return {
        OURS: peers.ours(problem, fast, reuse=True),
        FRESH: peers.ours(problem, fast),
        **{name: builders[name](problem) for name in found},
        READABLE: peers.ours(problem, readable),
        FLOOR: peers.floor(problem),
    }


def check(problem: Problem, ways: Mapping[str, Contender]) -> None:
    """Stop where a contender's loss or a gradient of it is not that of the first."""
    told = {name: way.told(way.call()) for name, way in ways.items() if way.told is not None}
    value, gradients = told[OURS]
    bound = TOLERANCES[problem.dtype]
    for name, (other, others) in told.items():
        if others.keys() != gradients.keys():
            sys.exit(f"{problem.model}: {name} has the gradients {sorted(others)}")
        pairs = {"loss": (value, other)}
        pairs |= {entry: (gradients[entry], others[entry]) for entry in gradients}
        for entry, (one, two) in pairs.items():
            if np.shape(one) != np.shape(two):
                sys.exit(f"{problem.model}: {entry} of {name} has the shape {np.shape(two)}")
            error = np.max(np.abs(one - two)) / np.max(np.abs(one))
            if not error <= bound:
                sys.exit(f"{problem.model}, {problem.dtype}: {entry} of {name} is off by {error}")


def block(way: Contender, calls: int) -> float:
    """Seconds of a call, over a number of them."""
    time.sleep(PAUSE)
    if calls > 1:
        way.call()  # what the one before pushed out of the caches comes back
    start = time.perf_counter()
    for _ in range(calls):
        way.call()
    return (time.perf_counter() - start) / calls


def measured(ways: Mapping[str, Contender], repeats: int) -> dict[str, list[float]]:
    """Seconds of a call of each contender, in each round of turns."""
    calls = {name: max(1, round(BLOCK / block(way, 1))) for name, way in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for done in range(repeats):
            if done >= LEAST and time.perf_counter() - start > BUDGET:
                break
            for name, way in ways.items():
                found[name].append(block(way, calls[name]))
    finally:
        gc.enable()
    return found


def row(model: str, size: str, dtype: str, times: Mapping[str, list[float]]) -> Row:
    """The medians; a ratio is that of two turns of the same round."""
    ratios = {
        name: statistics.median(a / b for a, b in zip(times[OURS], times[name], strict=True))
        for name in COMPARED
        if name in times
    }
    seconds = {name: statistics.median(values) for name, values in times.items()}
    return Row(model, size, dtype, seconds, ratios)


def rows(arguments: argparse.Namespace, found: list[str]) -> Iterator[Row]:
    layout = None if arguments.layout == "auto" else arguments.layout
    for model in arguments.model or CELLS:
        fast = peers.module_of(model, "fast", layout)
        readable = peers.module_of(model, "readable", None)
        for dtype in arguments.dtype or DTYPES:
            for size in arguments.size or SIZES:
                problem = peers.problem(model, SIZES[size], dtype)
                ways = contenders(problem, fast, readable, found)
                check(problem, ways)
                yield row(model, size, dtype, measured(ways, arguments.repeats))


def clock(seconds: float) -> str:
    """A time in microseconds or milliseconds, with three digits."""
    number, unit = (1e6 * seconds, "us") if seconds < 1e-3 else (1e3 * seconds, "ms")
    return f"{number:.{max(0, 2 - len(str(int(number))) + 1)}f} {unit}"


def ratio_text(row: Row, peer: str) -> str:
    """A ratio, with its goal and an exclamation mark where it misses that."""
    if peer not in row.ratios:
        return "-"
    ratio, wanted = row.ratios[peer], goal(row.model, row.size, row.dtype, peer)
    if wanted is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f} ({wanted:g}){' **!**' if ratio > wanted else ''}"


def line(row: Row) -> str:
    times = [clock(row.seconds[name]) for name in (OURS, FRESH)]
    cells = [row.model, row.dtype, row.size, *times, *(ratio_text(row, p) for p in COMPARED)]
    return f"| {' | '.join(cells)} |"


def heading() -> str:
    names = ["model", "dtype", "size", OURS, FRESH, *(f"/ {peer}" for peer in COMPARED)]
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def machine(found: list[str]) -> str:
    """What the times hold for: versions, and how many threads each may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    blas = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or cores
    texts = [
        f"{cores} cores, load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "",
        f"Python {platform.python_version()}",
        f"NumPy {np.__version__} ({blas} threads)",
    ]
    if "PyTorch" in found:
        import torch

        texts.append(f"PyTorch {torch.__version__} ({torch.get_num_threads()} threads)")
    if "JAX" in found:
        import jax

        texts.append(f"JAX {jax.__version__} (as many threads as cores)")
    return ", ".join(text for text in texts if text)


def print_table(arguments: argparse.Namespace) -> None:
    found = [name for name, package in PEERS.items() if peers.installed(package)]
    for name in PEERS:
        if name not in found:
            print(f"{name} is left out: it is not installed (pip install 'bptt-sym[bench]').")
    print(f"{machine(found)}; layout {arguments.layout}.")
    rounds = f"{arguments.repeats} rounds (large: {LEAST} or more)"
    print(f"Medians of {rounds}; / is ours over theirs, (goal), **!** missed.\n")
    print(heading())
    done = []
    for each in rows(arguments, found):
        print(line(each), flush=True)
        done.append(each)
    checked = [(r, peer, goal(r.model, r.size, r.dtype, peer)) for r in done for peer in r.ratios]
    goals = [(r.ratios[peer], wanted) for r, peer, wanted in checked if wanted is not None]
    missed = sum(ratio > wanted for ratio, wanted in goals)
    print(f"\n{missed} of {len(goals)} goals are missed.")
    if arguments.json:
        data = {"machine": machine(found), "layout": arguments.layout}
        data["rows"] = [each._asdict() for each in done]
        Path(arguments.json).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def import_seconds(folder: str) -> float:
    """The time of importing the module in a folder, in a new process that has NumPy already."""
    kept = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    code = "import time, numpy; t = time.perf_counter(); import emitted; "
    code += "print(time.perf_counter() - t)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=kept,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout)


def print_compile_times(repeats: int) -> None:
    """The whole process of generating a module, beside that of its imports; and importing it."""
    program = [sys.executable, "-m", "bptt_sym"]
    imports = [sys.executable, "-c", "import sympy, jinja2, click"]
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder, "emitted.py"))
        generate = [*program, "generate", "lstm", "-o", target, "--force"]
        for command in (imports, generate):
            process_seconds(command)  # fills the caches of the disk
        pairs = [(process_seconds(imports), process_seconds(generate)) for _ in range(repeats)]
        first = import_seconds(folder)
        imported = [import_seconds(folder) for _ in range(repeats)]
    alone, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import sympy, jinja2, click       {alone:.3f} s")
    print(f"bptt-sym generate lstm            {whole:.3f} s")
    again = 1e3 * statistics.median(imported)
    print(
        f"import of its module after NumPy  {again:.2f} ms (first, without .pyc: {1e3 * first:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", action="append", choices=SIZES, help="may be repeated [all]")
    parser.add_argument("--model", action="append", choices=CELLS, help="may be repeated [all]")
    parser.add_argument("--dtype", action="append", choices=DTYPES, help="may be repeated [both]")
    parser.add_argument("--repeats", type=int, default=7, help="rounds of turns [7]")
    parser.add_argument("--layout", choices=("rows", "features", "auto"), default="auto")
    parser.add_argument("--json", metavar="FILE", help="write times and ratios to a file too")
    parser.add_argument("--compile", action="store_true", help="time generating and importing")
    arguments = parser.parse_args()
    if arguments.compile:
        print_compile_times(arguments.repeats)
    else:
        print_table(arguments)


if __name__ == "__main__":
    main()
