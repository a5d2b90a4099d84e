"""A program with a place for each value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bptt_sym.choices import Layout
from bptt_sym.graph.build import Program
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import Site, sites_of
from bptt_sym.graph.stages import Stage
from bptt_sym.graph.stages import stages as in_order
from bptt_sym.memory.bundles import Packing
from bptt_sym.memory.storage import Storages
from bptt_sym.passes.one_step import one_step
from bptt_sym.passes.pipeline import rewritten
from bptt_sym.passes.remember import with_stores


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
    program: Program, *, layout: Layout | None = None, without: Collection[str] = ()
) -> Compiled:
    """The program after all passes but those named in ``without``.

    ``layout`` is that of the loops; without it, the features come first where a loop works on
    parts of a stacked product, which then are contiguous.
    """
    graph = with_stores(rewritten(program.graph, without=without))
    sites = sites_of(graph)
    packing = Packing(graph, sites, grow="stack" not in without)
    ordered = in_order(graph, sites)
    if layout is None:
        layout = "rows" if "layout" in without else suited_layout(packing)
    if any(len(node.sizes) > 1 and node.batch for node in graph.reachable()):
        # The matrices of sequences take the last two axes.
        layout = "rows"
    storages = Storages(graph, sites, packing, ordered, layout)
    reuse = "buffers" not in without
    return Compiled(program, graph, sites, packing, ordered, layout, storages, reuse)


def compiled_step(program: Program) -> Compiled:
    """The forward pass of one time step, in rows, each value in an array of its own step."""
    graph = one_step(program.graph)
    nodes = graph.reachable()
    sites = {node: Site("forward", 0 if node.time else None) for node in nodes}
    packing = Packing(graph, sites, grow=False)
    stages = [Stage("forward", tuple(nodes), "onward")]
    storages = Storages(graph, sites, packing, stages, "rows", at_one_step=True)
    return Compiled(program, graph, sites, packing, stages, "rows", storages, reuse=True)


def suited_layout(packing: Packing) -> Layout:
    """The layout for the loops: by features if one works on parts of a stacked product."""
    parts = any(
        packing.sites[node].loop is not None and len(bundle) > 1
        for node, bundle in packing.bundles.items()
    )
    return "features" if parts else "rows"
