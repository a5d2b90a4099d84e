"""The forward pass of one time step alone, for streams."""

from __future__ import annotations

from dataclasses import replace

from bptt_sym.graph.graph import Graph
from bptt_sym.passes.expand import expand
from bptt_sym.passes.share import fast_functions


def one_step(graph: Graph) -> Graph:
    """The graph of what a step returns, without what stands before the first step.

    Weights are left as they are: to put numbers into them, or side by side, takes longer than one
    step takes with them.
    """
    result = fast_functions(expand(graph))
    forward = {
        key: replace(definition, initial=())
        for key, definition in result.definitions.items()
        if key[0] in ("value", "given")
    }
    return replace(result, definitions=forward, results={})
