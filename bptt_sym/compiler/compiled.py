"""The compiler: a program through its passes, each of which keeps every value."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from bptt_sym.choices import FORMS, Layout
from bptt_sym.compiler.distribute import distribute
from bptt_sym.compiler.graph import Graph, Node
from bptt_sym.compiler.listing import listing
from bptt_sym.compiler.order import Stage, stages
from bptt_sym.compiler.pack import Packing
from bptt_sym.compiler.share import share
from bptt_sym.compiler.sites import Site, sites_of
from bptt_sym.compiler.stack import stack
from bptt_sym.compiler.storage import Storages
from bptt_sym.compiler.stores import with_stores
from bptt_sym.compiler.translate import translate
from bptt_sym.program.program import Program

REWRITES: dict[str, Callable[[Graph], Graph]] = {
    "share": share,
    "distribute": distribute,
    "stack": stack,
}
"""The passes that rewrite the graph, in order."""

PASSES = (*REWRITES, "layout", "buffers")
"""All passes, in order; those after the rewrites decide where values lie."""


TRANSLATED = "translation"
"""The form before the first pass."""


@dataclass(frozen=True)
class Compiled:
    """A program as stages of nodes with a place for each value."""

    program: Program
    graph: Graph
    sites: dict[Node, Site]
    packing: Packing
    stages: list[Stage]
    layout: Layout
    storages: Storages
    reuse: bool


def compiled(
    program: Program,
    in_place: Collection[str],
    *,
    layout: Layout | None = None,
    without: Collection[str] = (),
) -> Compiled:
    """The program with all passes but those named in ``without``.

    ``in_place`` are the functions that the target computes in place, of neighbours by one call.
    ``layout`` is that of the loops; without it, the features come first where a loop works on
    parts of a stacked product, which then are contiguous.
    """
    graph = rewritten(program, [name for name in REWRITES if name not in without], in_place)
    graph = with_stores(graph)
    sites = sites_of(graph)
    packing = Packing(graph, sites, grow="stack" not in without)
    ordered = stages(graph, sites)
    if layout is None:
        layout = "rows" if "layout" in without else suited_layout(packing)
    if any(len(node.sizes) > 1 and node.batch for node in graph.reachable()):
        # The matrices of sequences take the last two axes.
        layout = "rows"
    storages = Storages(graph, sites, packing, ordered, layout)
    reuse = "buffers" not in without
    return Compiled(program, graph, sites, packing, ordered, layout, storages, reuse)


def listing_after(program: Program, form: str, in_place: Collection[str]) -> str:
    """A program before all passes, as text, or after one of them but the last.

    The last one, "buffers", is left to what emits code, as it depends on the order of lines.
    """
    if form == "layout":
        found = compiled(program, in_place)
        return listing(found.graph, found.storages)
    return listing(rewritten(program, FORMS[: FORMS.index(form) + 1], in_place))


def rewritten(program: Program, passes: Collection[str], in_place: Collection[str]) -> Graph:
    """The program's graph after some of the passes that rewrite it, in their order."""
    graph = translate(program, in_place)
    for name, rewrite in REWRITES.items():
        if name in passes:
            graph = rewrite(graph)
    return graph


def suited_layout(packing: Packing) -> Layout:
    """The layout for the loops: by features if one works on parts of a stacked product."""
    parts = any(
        packing.sites[node].loop is not None and len(lane.bundle) > 1
        for node, lane in packing.lanes.items()
    )
    return "features" if parts else "rows"
