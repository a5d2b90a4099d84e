"""The passes in their order. Each rewrites a graph and keeps every value."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bptt_sym.graph.graph import Graph
from bptt_sym.passes.distribute import distribute
from bptt_sym.passes.expand import expand
from bptt_sym.passes.share import share
from bptt_sym.passes.stack import stack

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "expand": expand,
    "share": share,
    "distribute": distribute,
    "stack": stack,
}
"""The passes that rewrite the graph, in order."""


def rewritten(graph: Graph, *, until: str | None = None, without: Collection[str] = ()) -> Graph:
    """The graph after the passes ``until`` one, or all, but those named in ``without``."""
    for name, rewrite in PASSES.items():
        if name not in without:
            graph = rewrite(graph)
        if name == until:
            break
    return graph
