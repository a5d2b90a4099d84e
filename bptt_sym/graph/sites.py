"""Where each node is computed: once, for all time steps at once, or in a loop over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bptt_sym.graph.graph import Graph, Phase, forward_nodes
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
    forward = forward_nodes(graph)
    nodes = graph.reachable()
    found: dict[Node, Site] = {}
    for phase in ("forward", "backward"):
        own = [node for node in nodes if (node in forward) == (phase == "forward")]
        groups = _cycles(graph, own)
        loops = {node: number for number, group in enumerate(groups) for node in group}
        for node in own:
            found[node] = Site(phase, loops.get(node))
    return found


def _cycles(graph: Graph, nodes: list[Node]) -> list[set[Node]]:
    """The strongly connected components with a cycle, by Tarjan's algorithm (1972)."""
    inside = set(nodes)

    def reads(node: Node) -> list[Node]:
        found = list(node.operands)
        if node.kind == "lagged":
            found.append(graph.definitions[node.detail[0]].node)
        return [other for other in found if other in inside]

    order: dict[Node, int] = {}
    lowest: dict[Node, int] = {}
    stack: list[Node] = []
    on_stack: set[Node] = set()
    components: list[set[Node]] = []
    for root in nodes:
        if root in order:
            continue
        work = [(root, iter(reads(root)))]
        order[root] = lowest[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in order:
                    order[other] = lowest[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(reads(other))))
                    break
                if other in on_stack:
                    lowest[node] = min(lowest[node], order[other])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[node])
                if lowest[node] == order[node]:
                    component: set[Node] = set()
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.add(member)
                        if member is node:
                            break
                    if len(component) > 1 or node in reads(node):
                        components.append(component)
    return components
