"""What each pass of the compiler is worth: python benchmarks/passes.py.

Time of one loss with all gradients without the pass, over the time with all passes; the ways take
turns, and each ratio is the median over rounds of two neighbouring turns.
"""

from __future__ import annotations

import argparse
import statistics

import peers
from speed import SIZES, measured

from bptt_sym import load_model
from bptt_sym.choices import SWITCHES
from bptt_sym.graph.build import build_program
from bptt_sym.targets.load import module_from_source
from bptt_sym.targets.numpy.module import numpy_module

ALL = "all"


def contender(problem: peers.Problem, without: tuple[str, ...]) -> peers.Contender:
    """The emitted module without a pass, in a workspace of its own."""
    model = load_model(problem.model)
    program = build_program(model, problem.cell.activation, "sum")
    source = numpy_module(program, "fast", without=without)
    return peers.ours(problem, module_from_source(source, problem.model), reuse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--repeats", type=int, default=7, help="rounds of turns [7]")
    arguments = parser.parse_args()
    print(f"| model | size | {' | '.join(f'without {name}' for name in SWITCHES)} |")
    print(f"|{'---|' * (2 + len(SWITCHES))}")
    for model in ("elman-character", "lstm", "gru"):
        for size in ("tiny", "char", "medium"):
            problem = peers.problem(model, SIZES[size], arguments.dtype)
            ways = {ALL: contender(problem, ())}
            ways |= {name: contender(problem, (name,)) for name in SWITCHES}
            times = measured(ways, arguments.repeats)
            ratios = (
                statistics.median(a / b for a, b in zip(times[name], times[ALL], strict=True))
                for name in SWITCHES
            )
            print(f"| {model} | {size} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")


if __name__ == "__main__":
    main()
