"""The readable module's outline: which nodes have a statement, where it stands, what it is called.

What has a name in the model is a statement; everything else stands inside what reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from bptt_sym.graph.graph import Graph, Key, Phase
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import Site, sites_of
from bptt_sym.graph.stages import Stage, stages

RESULTS = ("gradient", "initial", "input")
"""The first words of the keys of what is returned beside the loss."""


def phase_of(key: Key) -> Phase:
    """The pass in which a key has its statement."""
    return "forward" if key[0] in ("value", "given") else "backward"


class Outline:
    """The statements of a graph, by their keys."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = graph.reachable()
        self.node_of = {k: d.node for k, d in graph.definitions.items() if k[0] != "given"}
        self.node_of |= {key: node for key, node in graph.results.items() if key != ("loss",)}
        self.keys = {node: key for key, node in self.node_of.items()}
        wanted = self.wanted()
        self.node_of = {key: node for key, node in self.node_of.items() if key in wanted}
        self.keys = {node: key for key, node in self.node_of.items()}
        self.sites: dict[Node, Site] = sites_of(graph)
        self.stages: list[Stage] = stages(graph, self.sites)

    def wanted(self) -> set[Key]:
        """The keys that results, the loss or what the forward pass returns are made of."""
        found: set[Key] = set()
        waiting = [key for key in self.node_of if key[0] in RESULTS]
        waiting += self.graph.kept
        waiting += self.read_by([self.graph.results["loss",]], "forward")
        while waiting:
            key = waiting.pop()
            if key in self.node_of and key not in found:
                found.add(key)
                begun = self.graph.definitions[key].initial if key in self.graph.definitions else ()
                waiting += self.read_by([self.node_of[key], *begun], phase_of(key))
        return found

    def read_by(self, roots: list[Node], phase: Phase) -> list[Key]:
        """The keys that the statements of nodes read, by name or at another step."""
        printed = self.printed(roots, phase)
        named = [self.keys[n] for n in printed if n not in roots and self.is_named(n, phase)]
        return [*named, *(n.detail[0] for n in printed if KINDS[n.kind].elsewhere)]

    def is_named(self, node: Node, phase: Phase) -> bool:
        """Whether a phase reads a node by the name of a statement; what is carried, by another."""
        kinds = ("value",) if phase == "forward" else ("value", "adjoint")
        return node in self.keys and self.keys[node][0] in kinds

    def printed(self, roots: Iterable[Node], phase: Phase) -> list[Node]:
        """The nodes that the statements of these nodes write, named ones as ends."""
        found: dict[Node, None] = {}
        waiting = list(roots)
        begun = set(waiting)
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found[node] = None
            if node in begun or not self.is_named(node, phase):
                waiting += node.operands
                begun -= {node}
        return list(found)

    def needs(self, key: Key, *, in_loop: bool) -> set[Key]:
        """The keys whose statements come before that of a key; in a loop, in the same step."""
        node = self.node_of[key]
        begun = self.graph.definitions[key].initial if key in self.graph.definitions else ()
        printed = self.printed([node, *begun], phase_of(key))
        found = {self.keys[other] for other in printed if other in self.keys and other is not node}
        if not in_loop:
            found |= {other.detail[0] for other in printed if other.kind == "lagged"}
        return found

    @cached_property
    def of_loss(self) -> list[Node]:
        """What the loss writes, of what the forward pass has computed."""
        return self.printed([self.graph.results["loss",]], "forward")

    @cached_property
    def of_backward(self) -> list[Node]:
        """What the backward pass writes."""
        roots = [node for key, node in self.node_of.items() if phase_of(key) == "backward"]
        for key, definition in self.graph.definitions.items():
            roots += definition.initial if phase_of(key) == "backward" else ()
        return self.printed(roots, "backward")

    @cached_property
    def returned(self) -> list[Key]:
        """The values that the forward pass hands on: the model's, and what is read later."""
        later = {*self.of_loss, *self.of_backward}
        kept = set(self.graph.kept)
        kept |= {self.keys[node] for node in later if self.is_named(node, "forward")}
        return [key for key in self.graph.equations if key[0] == "value" and key in kept]

    @cached_property
    def returned_lags(self) -> list[tuple[Key, int]]:
        """The states of other time steps that are read after the forward pass."""
        later = {*self.of_loss, *self.of_backward}
        lagged = {n.detail for n in later if n.kind == "lagged" and n.detail[0][0] == "value"}
        return sorted(lagged)

    def lags(self, key: Key) -> list[int]:
        """How many steps back a key is read."""
        return sorted(node.detail[1] for node in self.lagged(key))

    def lagged(self, key: Key) -> list[Node]:
        """The nodes that read a key at other time steps."""
        return [n for n in self.nodes if n.kind == "lagged" and n.detail[0] == key]

    @cached_property
    def read_elsewhere(self) -> set[Node]:
        """The nodes that a statement outside their loop reads."""
        statements = [(phase_of(key), self.sites[node], node) for node, key in self.keys.items()]
        for key, definition in self.graph.definitions.items():
            phase = phase_of(key)
            statements += [(phase, Site(phase, None), node) for node in definition.initial]
        statements.append(("forward", Site("backward", None), self.graph.results["loss",]))
        return {
            node
            for phase, site, root in statements
            for node in self.printed([root], phase)
            if self.sites.get(node) != site
        }

    @cached_property
    def over_time(self) -> set[Key]:
        """The keys whose values are kept at all time steps.

        So is what a step carries that is made, or read, outside of a loop that carries it.
        """
        found = set(self.returned)
        for key, node in self.node_of.items():
            site, is_carry = self.sites[node], key[0] == "carry"
            reads = self.lagged(key) if is_carry else [node]
            outside = (n in self.read_elsewhere or self.sites[n] != site for n in reads)
            if (node.time or is_carry) and (site.loop is None or any(outside)):
                found.add(key)
        return found
