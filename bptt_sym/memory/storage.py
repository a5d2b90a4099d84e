"""Where values lie: one array for each bundle, over time where something outside the loop reads it.

An array of vectors is laid out in rows, (B, n), or features first, (n, B), where the parts of a
stacked product are contiguous.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Mul

from bptt_sym.choices import Layout
from bptt_sym.graph.array_shapes import SEQUENCES, STEPS, Sizes, added
from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node
from bptt_sym.graph.sites import Site
from bptt_sym.graph.stages import Stage
from bptt_sym.memory.bundles import Packing


@dataclass(eq=False)
class Storage:
    """An array: its lanes side by side, each with the sizes of its node."""

    lanes: tuple[Node, ...]
    widths: tuple[Expr, ...]
    over_time: bool
    layout: Layout
    depth: int = 0
    reverse: bool = False
    twin: Storage | None = field(default=None, repr=False)

    @property
    def width(self) -> Expr:
        """The number of entries of all lanes."""
        return added(self.widths)

    @property
    def sizes(self) -> Sizes:
        """The sizes of one time step of one sequence."""
        first = self.lanes[0].sizes
        return first if len(self.lanes) == 1 else (self.width,)

    @property
    def shape(self) -> Sizes:
        """The sizes of all its axes."""
        features = self.layout == "features"
        step = (*self.sizes, SEQUENCES) if features else (SEQUENCES, *self.sizes)
        return (STEPS + self.depth, *step) if self.over_time else step

    @property
    def entries(self) -> Expr:
        """The number of its entries."""
        return Mul(*self.shape)


class Storages:
    """The storage and lane of each node that is written into an array."""

    def __init__(
        self,
        graph: Graph,
        sites: Mapping[Node, Site],
        packing: Packing,
        stages: Sequence[Stage],
        layout: Layout,
        *,
        at_one_step: bool = False,
    ) -> None:
        self.graph, self.sites, self.packing = graph, sites, packing
        self.at_one_step = at_one_step
        self.nodes = [node for stage in stages for node in stage.nodes]
        self.users = graph.users()
        self.in_features = self.features_first(layout)
        self.places: dict[Node, tuple[Storage, int]] = {}
        kept = {graph.definitions[key].node for key in graph.kept}
        self.outside = kept | set(graph.results.values())
        for node in self.nodes:
            if KINDS[node.kind].stores:
                self.place_stored(node)
        for bundle in dict.fromkeys(packing.bundles.values()):
            storage = self.add(bundle)
            if bundle[0].kind == "part":
                self.places[bundle[0].operands[0]] = (storage, 0)
        for node in self.nodes:
            if node not in self.places and self.is_computed(node):
                self.add((node,))

    def is_computed(self, node: Node) -> bool:
        copied = node.kind == "join" and not self.packing.is_run(node.operands)
        return node.time and (KINDS[node.kind].calls is not None or copied)

    def is_written(self, node: Node) -> bool:
        """Whether calls write the node into its array; the parts of a product come with it."""
        return node in self.places and node.kind != "part"

    def features_first(self, layout: Layout) -> set[Node]:
        """Nodes whose arrays have the features first: loops, what is made for them, and states."""
        if layout == "rows":
            return set()
        found: set[Node] = set()
        for node in reversed(self.nodes):
            handed = any(user in found and self.keeps_layout(user) for user in self.users[node])
            own = KINDS[node.kind].stores or self.sites[node].loop is not None
            if node.time and (handed or own):
                found.add(node)
        # What is handed on to a loop of another phase comes before it in the order of nodes.
        return found

    def keeps_layout(self, user: Node) -> bool:
        """Whether a node reads its operands in its own layout."""
        return self.sites[user].loop is not None or KINDS[user.kind].keeps_layout

    def layout_of(self, node: Node) -> Layout:
        return "features" if node in self.in_features else "rows"

    def is_over_time(self, nodes: Sequence[Node]) -> bool:
        """Whether something outside the loop reads any of the nodes."""
        return not self.at_one_step and any(
            node in self.outside
            or any(self.sites[user] != self.sites[node] for user in self.readers(node))
            or self.sites[node].loop is None
            for node in nodes
        )

    def readers(self, node: Node) -> list[Node]:
        """The nodes that read a node's array, through parts and joins too."""
        found = []
        for user in self.users.get(node, ()):
            found.append(user)
            if user.kind in ("part", "join"):
                found += self.readers(user)
        return found

    def add(self, nodes: tuple[Node, ...], *, over_time: bool | None = None) -> Storage:
        storage = Storage(
            nodes,
            tuple(node.width for node in nodes),
            self.is_over_time(nodes) if over_time is None else over_time,
            self.layout_of(nodes[0]),
        )
        for position, node in enumerate(nodes):
            self.places[node] = (storage, position)
        return storage

    def place_stored(self, node: Node) -> None:
        definition = self.graph.definitions[node.detail]
        over_time = node.kind == "state"
        storage = self.add((node,), over_time=over_time)
        if over_time:
            storage.depth, storage.reverse = definition.depth, definition.reverse
        (value,) = node.operands
        if (
            self.is_computed(value)
            and value not in self.places
            and value.sizes == node.sizes
            and self.sites[value] == self.sites[node]
            and self.layout_of(value) == self.layout_of(node)
            and self.users[value] == [node]
            and self.can_be_written_over(value, node.detail)
        ):
            self.places[value] = (storage, 0)

    def can_be_written_over(self, value: Node, key: Key) -> bool:
        """Whether a value can be computed over what it reads of the step before, if it does.

        So it is where one call reads it, before the result is written.
        """
        reads = [o for o in value.operands if o.kind == "lagged" and o.detail[0] == key]
        if not reads or value.kind not in ("sum", "times"):
            return True
        plain = value.kind == "times" or all(abs(c) == 1 for c in value.detail[0])
        return plain and len(value.operands) == 2
