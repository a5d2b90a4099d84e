"""The stages of a program: what is computed at once, and the loops, in an order that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bptt_sym.graph.graph import Graph, Phase
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import Site, Way


@dataclass(frozen=True)
class Stage:
    """Nodes that are computed together, in order: at once, or in a loop that goes one way."""

    phase: Phase
    nodes: tuple[Node, ...]
    loop: Way | None = None


def dependencies(graph: Graph, node: Node) -> list[Node]:
    """What must be computed before a node: its operands, and what it reads at other time steps."""
    if not KINDS[node.kind].elsewhere:
        return list(node.operands)
    definition = graph.definitions[node.detail[0]]
    return [definition.node, *definition.initial]


def stages(graph: Graph, sites: Mapping[Node, Site]) -> list[Stage]:
    """The stages of both phases. Loops of one phase that do not wait for each other are one."""
    found: list[Stage] = []
    done: set[Node] = set()
    for phase in ("forward", "backward"):
        nodes = [node for node in graph.reachable() if sites[node].phase == phase]
        found += _of_phase(graph, sites, nodes, done)
    return found


def _of_phase(
    graph: Graph, sites: Mapping[Node, Site], nodes: Sequence[Node], done: set[Node]
) -> list[Stage]:
    found: list[Stage] = []
    loops: dict[int, list[Node]] = {}
    waiting: list[Node] = []
    for node in nodes:
        loop = sites[node].loop
        if loop is None:
            waiting.append(node)
        else:
            loops.setdefault(loop, []).append(node)
    while waiting or loops:
        at_once: list[Node] = []
        blocked: list[Node] = []
        progress = True
        while progress:
            progress, blocked = False, []
            for node in waiting:
                if all(other in done for other in dependencies(graph, node)):
                    at_once.append(node)
                    done.add(node)
                    progress = True
                else:
                    blocked.append(node)
            waiting = blocked
        if at_once:
            found.append(Stage(sites[at_once[0]].phase, tuple(at_once)))
        ready = [
            loop
            for loop, members in loops.items()
            if all(
                other in done or sites[other] == sites[node]
                for node in members
                for other in dependencies(graph, node)
            )
        ]
        if not ready:
            if waiting or loops:
                raise AssertionError("no order computes the graph")
            break
        way = way_of(graph, loops[ready[0]])
        together = [loop for loop in ready if way_of(graph, loops[loop]) == way]
        members = [node for loop in together for node in loops.pop(loop)]
        done.update(members)
        found.append(Stage(sites[members[0]].phase, tuple(members), way))
    return found


def way_of(graph: Graph, nodes: Sequence[Node]) -> Way:
    """Which way a loop goes: as what it reads of other time steps says."""
    reverse = (graph.definitions[n.detail[0]].reverse for n in nodes if n.kind == "lagged")
    return "backward" if next(reverse) else "onward"
