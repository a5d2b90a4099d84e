"""A graph as text: its stages, and one statement for each value with its shape.

A text says all that a graph holds but the equations of the derivation, so that one can be made of
it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import sites_of
from bptt_sym.graph.stages import Stage, stages
from bptt_sym.memory.storage import Storages
from bptt_sym.targets.text.key_names import free_name, key_names
from bptt_sym.targets.text.node_text import NodeText, shape, shape_text

HEADINGS = {
    None: "all time steps at once",
    "onward": "loop over t = 1, ..., T",
    "backward": "loop over t = T, ..., 1",
}

LEAVES = ("given", "labels", "parameter")

_LEAF_OF = {"gradient": "parameter", "input": "given"}
"""The kind of the leaf that a result is the gradient with respect to."""

Row = tuple[str, str, str]
"""A statement: its name, its shape and its right side."""


def listing(graph: Graph, storages: Storages | None = None) -> str:
    """The graph as text; with ``storages``, the arrays that values lie in too."""
    return _Listing(graph, storages).text()


class _Listing(NodeText):
    def __init__(self, graph: Graph, storages: Storages | None) -> None:
        self.graph, self.storages = graph, storages
        self.nodes = graph.reachable()
        self.sites, self.users, self.fixed = sites_of(graph), graph.users(), graph.fixed()
        known = {key: d for key, d in graph.definitions.items() if d.node in self.users}
        self.definitions = known
        self.kept = [key[1] for key in graph.kept]
        names = (key[1] for key in known if key[0] in ("value", "adjoint"))
        self.unkept = sorted(set(names) - set(self.kept))
        depths = dict.fromkeys((*self.kept, *self.unkept), 0)
        depths |= {key[1]: d.depth for key, d in known.items() if key[0] == "value"}
        self.leaves = self.found_leaves()
        given, labels, parameters = ([*self.leaves[kind]] for kind in LEAVES)
        before = {name: self.depth(("given", name)) for name in (*given, *labels)}
        self.key_names = key_names(before, parameters, depths)
        self.keys: dict[Node, list[Key]] = {}
        # An input that a step hands on has the name of its leaf, wherever it is stored.
        meant = [(key, d.node) for key, d in known.items() if key[0] != "given"]
        order = {key: place for place, key in enumerate(self.key_names)}
        self.meant = sorted([*meant, *graph.results.items()], key=lambda pair: order[pair[0]])
        for key, node in self.meant:
            if node.operands:
                self.keys.setdefault(node, []).append(key)
        self.names: dict[Node, str] = {}
        self.taken = set(self.key_names.values()) | set(parameters)

    def depth(self, key: Key) -> int:
        return self.definitions[key].depth if key in self.definitions else 0

    def found_leaves(self) -> dict[str, dict[str, str]]:
        """The shapes of what the program is made of, by kind and name.

        A parameter or an input that nothing reads has a gradient.
        """
        found = {
            (node.kind, node.detail): shape(node) for node in self.nodes if node.kind in LEAVES
        }
        for key, node in self.graph.results.items():
            if key[0] in _LEAF_OF:
                found.setdefault((_LEAF_OF[key[0]], key[1]), shape(node))
        return {
            kind: {name: found[kind, name] for of, name in sorted(found) if of == kind}
            for kind in LEAVES
        }

    def text(self) -> str:
        leaves = [f"  {k} {name} {axes}" for k in LEAVES for name, axes in self.leaves[k].items()]
        blocks = [["leaves", *leaves], ["before the first step", *_aligned(self.begins())]]
        blocks += [[*self.stage(stage)] for stage in stages(self.graph, self.sites)]
        blocks.append([*self.results()])
        if self.storages is not None:
            blocks.append([*self.arrays(self.storages)])
        return "\n".join("\n".join([*block, ""]) for block in blocks if len(block) > 1)

    def begins(self) -> Iterator[Row]:
        """What is read before the first step."""
        for key, definition in self.definitions.items():
            if not all(node in self.users for node in definition.initial):
                continue
            for lag, node in enumerate(definition.initial, start=1):
                first = f"T+{lag}" if definition.reverse else f"{1 - lag}"
                yield f"{self.key_names[key]}[{first}]", shape(node), self.right_side(node)

    def stage(self, stage: Stage) -> Iterator[str]:
        yield f"{stage.phase}, {HEADINGS[stage.loop]}"
        rows: list[Row] = []
        for node in stage.nodes:
            if not self.is_inline(node):
                rows.append((self.name(node), shape(node), self.expression(node)[0]))
                others = self.keys.get(node, [])[1:]
                rows += [(self.key_names[key], shape(node), self.name(node)) for key in others]
        yield from _aligned(rows)

    def results(self) -> Iterator[str]:
        """What is returned, and the names of those leaves that are more than themselves."""
        yield "results"
        rows = [
            (self.key_names[key], shape(node), self.expression(node)[0])
            for key, node in self.meant
            if not node.operands
        ]
        yield from _aligned(rows)
        lists = {
            "returned": [self.key_names[key] for key in self.graph.results],
            "kept": self.kept,
            "not kept": self.unkept,
        }
        yield from (f"  {word} {', '.join(names)}" for word, names in lists.items() if names)

    def arrays(self, storages: Storages) -> Iterator[str]:
        """Each array once: its shape, what comes first in it, and what lies in it."""
        yield "arrays"
        found = dict.fromkeys(storage for storage, _ in storages.places.values())
        rows = [(shape_text(s.shape), " | ".join(map(self.right_side, s.lanes))) for s in found]
        width = max((len(axes) for axes, _ in rows), default=0)
        yield from (f"  {axes.ljust(width)}  {lanes}" for axes, lanes in rows)

    # Names.

    def is_inline(self, node: Node) -> bool:
        """Whether a node stands inside the one that reads it, as it has no name of its own."""
        number = node.kind == "spread" and node.operands[0].kind == "number" and not node.time
        if not node.operands or node.kind == "part" or number:
            return node not in self.keys
        if node in self.keys or node in self.fixed or self.is_told(node):
            return False
        users = self.users[node]
        alone = len(users) == 1 and self.sites[users[0]] == self.sites[node]
        return alone and not (self.storages is not None and node in self.storages.places)

    def name(self, node: Node) -> str:
        """The name of what a node stands for, else a number."""
        if node not in self.names:
            keys = self.keys.get(node)
            number = free_name(f"v{len(self.names) + 1}", self.taken)
            self.names[node] = self.key_names[keys[0]] if keys else number
        return self.names[node]


def _aligned(rows: Iterable[Row]) -> Iterator[str]:
    """Statements whose columns stand below each other."""
    rows = list(rows)
    widths = [max((len(row[k]) for row in rows), default=0) for k in range(2)]
    for name, axes, right in rows:
        yield f"  {name.ljust(widths[0])}  {axes.ljust(widths[1])}  = {right}"
