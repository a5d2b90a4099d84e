"""What is read at another time step gets a node that stores it: an array over time, or a carry."""

from __future__ import annotations

from dataclasses import replace

from bptt_sym.graph.graph import Graph, Key, New
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import sites_of


def with_stores(graph: Graph) -> Graph:
    """The graph with a node "state" or "carried" for each definition that has a past.

    Whatever reads the value reads it from there. A state is kept over time, also one that no
    equation reads, for a step hands it on; what is carried is kept for one step, where nothing
    outside the loop reads it.
    """
    reading = [node for node in graph.reachable() if KINDS[node.kind].elsewhere]
    read = {node.detail[0] for node in reading}
    read_later = _read_later(graph, reading)
    stored: dict[Node, list[Key]] = {}
    for key, definition in graph.definitions.items():
        if definition.initial and (key in read or key[0] != "carry"):
            stored.setdefault(definition.node, []).append(key)
    places: dict[Key, Node] = {}

    def rule(result: Graph, node: Node, new: New) -> Node | None:
        if node not in stored:
            return None
        made = result.remade(node, map(new, node.operands))
        for key in stored[node]:
            sizes = graph.definitions[key].sizes
            kind = "state" if key[0] != "carry" or key in read_later else "carried"
            if kind == "carried" and made.kind == "lagged":
                # A copy, so that two that are exchanged can wait for each other.
                made = result.make("spread", [made], sizes=sizes)
            store = result.make(kind, [made], key, sizes=sizes, time=True, batch=True)
            # What is carried may be written late, after the carry of the step before is read; what
            # is the same at all steps is read as it is.
            made = store if node.time and kind == "state" else made
            places[key] = store
        return made

    result = graph.rewritten(rule)
    for key, node in places.items():
        result.definitions[key] = replace(result.definitions[key], node=node)
    return result


def _read_later(graph: Graph, reading: list[Node]) -> set[Key]:
    """What is read outside of the loop that computes it, by nodes that read other time steps."""
    sites, users, results = sites_of(graph), graph.users(), set(graph.results.values())

    def is_read_outside(node: Node) -> bool:
        read = any(sites[user] != sites[node] for user in users[node])
        return sites[node].loop is None or read or node in results

    handed_on = {node.detail[0] for node in reading if node.kind == "lagged"}
    # What no later iteration reads is no part of a loop, however it is computed.
    return ({node.detail[0] for node in reading} - handed_on) | {
        node.detail[0]
        for node in reading
        if (node.kind == "lagged" and is_read_outside(node))
        or is_read_outside(graph.definitions[node.detail[0]].node)
    }
