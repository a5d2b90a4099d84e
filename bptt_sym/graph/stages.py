"""The stages of a program: what is computed at once, and the loops, in an order that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bptt_sym.graph.graph import PHASES, Graph, Phase
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import Site, Way


@dataclass(frozen=True)
class Stage:
    """Nodes that are computed together, in order: at once, or in a loop that goes one way."""

    phase: Phase
    nodes: tuple[Node, ...]
    loop: Way | None = None


def stages(graph: Graph, sites: Mapping[Node, Site]) -> list[Stage]:
    """The stages of both phases. Loops of one phase that do not wait for each other are one."""
    found: list[Stage] = []
    done: set[Node] = set()
    for phase in PHASES:
        waiting: list[Node] = []
        loops: dict[Site, list[Node]] = {}
        for node in graph.reachable():
            site = sites[node]
            if site.phase == phase:
                (waiting if site.loop is None else loops.setdefault(site, [])).append(node)
        while waiting or loops:
            at_once = _computable(graph, waiting, done)
            waiting = [node for node in waiting if node not in done]
            ready = [
                site
                for site, members in loops.items()
                if all(
                    other in done or sites[other] == site
                    for node in members
                    for other in graph.dependencies(node)
                )
            ]
            if at_once:
                found.append(Stage(phase, tuple(at_once)))
            if ready:
                way = way_of(graph, loops[ready[0]])
                together = [site for site in ready if way_of(graph, loops[site]) == way]
                members = [node for site in together for node in loops.pop(site)]
                done.update(members)
                found.append(Stage(phase, tuple(members), way))
            if not (at_once or ready):
                raise AssertionError("no order computes the graph")
    return found


def _computable(graph: Graph, nodes: Sequence[Node], done: set[Node]) -> list[Node]:
    """Those of the nodes that wait for no others, in an order that works; now they are done."""
    found: dict[Node, None] = {}
    more = True
    while more:
        more = False
        for node in nodes:
            if node in done or not all(other in done for other in graph.dependencies(node)):
                continue
            if not any(other.time and other in found for other in _begins_with(graph, node)):
                found[node] = None
                done.add(node)
                more = True
    return list(found)


def _begins_with(graph: Graph, node: Node) -> list[Node]:
    """What the first value of a carry needs, which is written before the stage of the carry."""
    if node.kind not in ("state", "carried") or node.detail[0] != "carry":
        return []
    return graph.reachable(graph.definitions[node.detail].initial)


def way_of(graph: Graph, nodes: Sequence[Node]) -> Way:
    """Which way a loop goes: as what it reads of other time steps says."""
    reverse = (graph.definitions[n.detail[0]].reverse for n in nodes if n.kind == "lagged")
    return "backward" if next(reverse) else "onward"
