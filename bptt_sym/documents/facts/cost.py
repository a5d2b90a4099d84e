"""How many products a gradient takes: path by path, and by the recursion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bptt_sym.algebra.expressions import Parameter
from bptt_sym.derivation.paths import Paths, losses_of
from bptt_sym.derivation.reduction import Reduction
from bptt_sym.derivation.step import Step
from bptt_sym.derivation.unfolding import Vertex

LENGTHS = (3, 10, 100)
"""The numbers of time steps for which is counted."""


@dataclass(frozen=True)
class Cost:
    """Paths to the copies of a ``parameter`` over ``steps`` time steps, and products of matrices.

    A path takes a product for each of its edges but the first, which leaves a loss; the recursion
    takes one for each edge that lies on some path and does not leave a loss.
    """

    parameter: Parameter
    steps: int
    paths: int
    along_paths: int
    recursion: int


def costs(
    step: Step, parameter: Parameter, reduction: Reduction, lengths: Iterable[int] = LENGTHS
) -> Iterator[Cost]:
    """The cost of the gradient with respect to a parameter for some numbers of time steps."""
    for steps in lengths:
        yield _cost(Paths(step, steps, losses_of(step.model, steps, reduction)), parameter)


def _cost(paths: Paths, parameter: Parameter) -> Cost:
    copies = paths.copies(parameter.name)
    found: dict[Vertex, tuple[int, int]] = {}
    edges = 0
    waiting = [(copy, False) for copy in copies]
    seen: set[Vertex] = set()
    while waiting:
        node, ready = waiting.pop()
        readers = paths.readers(node)
        if ready:
            edges += sum(reader.name not in paths.losses for reader in readers)
            ways = [found[reader] for reader in readers]
            count = sum(number for number, _ in ways) if readers else 1
            length = sum(number + far for number, far in ways)
            found[node] = (count, length)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting += [(reader, False) for reader in readers]
    count = sum(found[copy][0] for copy in copies)
    length = sum(found[copy][1] for copy in copies)
    return Cost(parameter, paths.steps, count, length - count, edges)
