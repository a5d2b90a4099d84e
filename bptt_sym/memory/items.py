"""Which nodes of a stage are computed by one group of calls, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bptt_sym.graph.node import Node
from bptt_sym.graph.stages import Stage
from bptt_sym.memory.compiled import Compiled

Item = tuple[Node, ...]
"""Neighbours that are made alike, or one node."""


class Grouping:
    """Puts the nodes of a stage that are written into arrays into groups."""

    def __init__(self, stage: Stage, compiled: Compiled) -> None:
        self.stage, self.graph, self.sites = stage, compiled.graph, compiled.sites
        self.storages, self.packing = compiled.storages, compiled.packing
        self.written = [node for node in stage.nodes if self.storages.is_written(node)]
        self.place = {node: k for k, node in enumerate(self.written)}

    def items(self) -> list[Item]:
        """The groups in an order that works."""
        group: dict[Node, Item] = {node: (node,) for node in self.written}
        for run in self.runs():
            trial = group | dict.fromkeys(run, run)
            if self.ordered(trial) is not None:
                group = trial
        found = self.ordered(group)
        if found is None:
            self.separate_carries()
            found = self.ordered(group)
        if found is None:
            raise AssertionError("no order computes a stage")
        return found

    def runs(self) -> Iterator[Item]:
        """Neighbours of this stage that are made alike."""
        bundles = self.packing.bundles
        for bundle in dict.fromkeys(bundles[node] for node in self.written if node in bundles):
            if bundle[0].kind == "part":
                continue
            for start, stop in self.packing.alike_runs(bundle):
                run = bundle[start:stop]
                if len(run) > 1 and all(node in self.place for node in run):
                    yield run

    def separate_carries(self) -> None:
        """Computes what is carried into arrays of its own, from which it is copied at the end.

        Needed where what reads the carry of the step before needs that of this step too.
        """
        places = self.storages.places
        for node in self.written:
            (value,) = node.operands if node.kind == "carried" else (None,)
            if value in places and places[value][0] is places[node][0]:
                del places[value]
                self.storages.add((value,), over_time=False)

    def ordered(self, group: Mapping[Node, Item]) -> list[Item] | None:
        """The groups in order; None where they wait for each other."""
        waits = self.waits(group)
        order = sorted(waits, key=lambda item: min(self.place[node] for node in item))
        left = {item: waits[item] for item in order}
        found: list[Item] = []
        while left:
            ready = next((i for i, others in left.items() if left.keys().isdisjoint(others)), None)
            if ready is None:
                return None
            del left[ready]
            found.append(ready)
        return found

    def waits(self, group: Mapping[Node, Item]) -> dict[Item, set[Item]]:
        """The groups that each group waits for; itself, where its nodes wait for each other."""
        found: dict[Item, set[Item]] = {item: set() for item in group.values()}
        for node, item in group.items():
            found[item] |= {group[other] for other in self.needs(node) if other in group}
        for item, readers in self.readers_of_carries(group):
            found[item] |= readers - {item}
        return found

    def needs(self, node: Node) -> set[Node]:
        """The written nodes that a node's calls read."""
        found = set(self.reads(node))
        for other in self.reads(node):
            if other.kind == "lagged" and self.sites[other].loop is None:
                found.update(self.graph.dependencies(other))
        return {other for other in found if self.storages.is_written(other)}

    def reads(self, node: Node) -> Iterator[Node]:
        """What a node's calls read, and what is not written itself is made of."""
        for operand in node.operands:
            yield operand
            if not self.storages.is_written(operand):
                yield from self.reads(operand)

    def readers_of_carries(self, group: Mapping[Node, Item]) -> Iterator[tuple[Item, set[Item]]]:
        """What writes a carry waits for what reads the one of the step before."""
        places = self.storages.places
        for lagged in self.stage.nodes:
            if lagged.kind != "lagged" or lagged.detail[0][0] != "carry":
                continue
            carry, _ = places[self.graph.definitions[lagged.detail[0]].node]
            if carry.over_time:
                continue
            readers = {item for node, item in group.items() if lagged in self.reads(node)}
            yield from ((item, readers) for node, item in group.items() if places[node][0] is carry)
