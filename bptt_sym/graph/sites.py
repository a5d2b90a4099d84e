"""Where each node is computed: once, for all time steps at once, or in a loop over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sympy.utilities.iterables import strongly_connected_components

from bptt_sym.graph.graph import PHASES, Graph, Phase, phases_of
from bptt_sym.graph.node import Node

Way = Literal["onward", "backward"]


@dataclass(frozen=True)
class Site:
    """The phase of a node and its loop: the number of the loop in the phase, or None."""

    phase: Phase
    loop: int | None


def sites_of(graph: Graph) -> dict[Node, Site]:
    """The site of every node.

    A loop holds the nodes that depend on themselves through other time steps: the strongly
    connected components of the graph with its edges between time steps.
    """
    phases = phases_of(graph)
    found: dict[Node, Site] = {}
    for phase in PHASES:
        own = dict.fromkeys(node for node, its in phases.items() if its == phase)
        edges = ((node, other) for node in own for other in graph.dependencies(node))
        reads = dict.fromkeys(edge for edge in edges if edge[1] in own)
        loops = {
            node: number
            for number, group in enumerate(strongly_connected_components((own, reads)))
            for node in group
            if len(group) > 1 or (node, node) in reads
        }
        found |= {node: Site(phase, loops.get(node)) for node in own}
    return found
