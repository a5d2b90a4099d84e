"""The stages of a compiled program as lines, at once and in loops."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.graph.array_shapes import added
from bptt_sym.graph.graph import Key
from bptt_sym.graph.node import Node
from bptt_sym.graph.stages import Stage
from bptt_sym.memory.compiled import Compiled
from bptt_sym.memory.items import Grouping, Item
from bptt_sym.targets.numpy.block import Block
from bptt_sym.targets.numpy.calls import SingleCalls
from bptt_sym.targets.numpy.comments import comments, left_text
from bptt_sym.targets.numpy.fitted import wrapped_comment
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import span_code
from bptt_sym.targets.numpy.views import View

SUMS = ("contract", "scatter", "batch sum", "time sum", "total", "last", "result")
"""Kinds over time steps and sequences, which are computed by themselves outside of loops."""

FOREVER = 10**9
"""A time on the clock after all lines."""


class Emitter(SingleCalls):
    """Writes one stage after the other, groups of lines under the equations that they compute."""

    def __init__(self, compiled: Compiled, names: PythonNames) -> None:
        super().__init__(compiled, names)
        self.explained: set[Key] = set()
        self.last_keys: list[Key] = []

    def write_stage(self, stage: Stage) -> None:
        """Writes the lines of a stage into a new block."""
        self.block = Block(way=stage.loop)
        self.last_keys = []
        start = self.clock
        items = Grouping(stage, self.compiled).items()
        if stage.loop is None:
            self.write_at_once(stage, items)
        else:
            self.clock += 1
            for item in items:
                self.write_item(item)
            self.close_loop(start)
        self.clock += 1

    def explain(self, item: Item) -> None:
        """A comment with the equations that the next lines compute, by their left sides later."""
        keys = list(dict.fromkeys(map(self.titles.purpose, item)))
        equations = {
            key: self.graph.equations[key] for key in keys if self.graph.equations.get(key)
        }
        if keys == self.last_keys:
            return
        self.last_keys = keys
        fresh = [e for key in equations if key not in self.explained for e in equations[key]]
        self.block.comments = comments(fresh, {}, self.graph.decimals)
        if equations and not fresh:
            names = ", ".join(left_text(entries[-1]) for entries in equations.values())
            self.block.comments = wrapped_comment(names)
        self.explained.update(keys)

    def write_at_once(self, stage: Stage, items: Sequence[Item]) -> None:
        """The nodes of a stage in their order, each item with what it needs before it."""
        item_of = {node: item for item in items for node in item}
        own = set(stage.nodes)
        done: set[Item] = set()

        def write(node: Node) -> None:
            item = item_of.get(node, (node,))
            if item in done:
                return
            done.add(item)
            for member in item:
                for other in self.graph.dependencies(member):
                    if other in own:
                        write(other)
            self.write_node_at_once(item)

        for node in stage.nodes:
            write(node)

    def write_node_at_once(self, item: Item) -> None:
        node = item[0]
        if self.compiled.storages.is_written(node):
            if node not in self.fused:
                self.write_item(item)
        elif node.kind == "weighted" and node.time:
            self.write_weighted(node)
        elif node.kind in SUMS:
            self.explain(item)
            self.plain(node)

    def write_weighted(self, node: Node) -> None:
        """What the seed of the loss multiplies, where there is one: else the operand itself."""
        view = self.view(node.operands[0])
        layout = view.storage.layout
        inner = self.shown(view, layout)
        name = self.names.fresh("weighted")
        self.line(f"{name} = {inner} if weight is None else {inner} * weight")
        self.pseudo_storage(node, name, layout)
        # Nothing may take the memory of what has two names.
        self.touched.setdefault(view.storage, []).append((FOREVER, False))

    def close_loop(self, start: int) -> None:
        """What lies over time is alive through all of the loop, and so is what it carries."""
        for storage, events in self.touched.items():
            persistent = storage.over_time or storage.lanes[0].kind == "carried"
            if persistent and any(clock > start for clock, _ in events):
                events += [(start, True), (self.clock, False)]

    def write_item(self, item: Item) -> None:
        self.explain(item)
        match item[0].kind:
            case "times":
                self.write_product(item)
            case "sum":
                self.write_sum(item)
            case "squash":
                self.write_squash(item)
            case "divide" | "extremum":
                self.write_of_two(item)
            case "apply":
                self.write_function(item)
            case "dot":
                self.write_dot(item[0])
            case "join":
                self.write_join(item[0])
            case _:
                self.write_single(item[0])
        self.clock += 1

    def write_single(self, node: Node) -> None:
        """A node that is alone in its item."""
        target = self.view(node)
        storage, layout = target.storage, target.storage.layout
        first = node.operands[0]
        if node.kind in ("state", "carried") and self.places.get(first, (None,))[0] is storage:
            return
        axis = -2 if layout == "features" else -1
        match node.kind:
            case "entries" | "largest" if len(first.sizes) == 1:
                inner = self.shown(self.atom(first, layout), layout)
                inner = f"np.real({inner}).max" if node.kind == "largest" else f"{inner}.sum"
                out = self.shown(target, layout, writes=True)
                self.line(f"{inner}(axis={axis}, keepdims=True, out={out})")
            case "state" | "carried" | "spread":
                inner = self.shown(self.atom(first, layout), layout)
                self.line(f"{self.shown(target, layout, writes=True)}[...] = {inner}")
            case "ending":
                inner = self.shown(self.atom(first, layout), layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[:-1] = 0", f"{out}[-1] = {inner}")
            case "gather" | "one hot" if first.time:
                self.write_labels(node, target)
            case _:
                self.write_expression(node, target)

    def write_join(self, node: Node) -> None:
        """Copies side by side, of what could not be computed there."""
        storage, lane = self.places[node]
        target = self.shown(View(storage, lane), storage.layout, writes=True)
        widths = [operand.width for operand in node.operands]
        lead = ":, " if self.block.way is None else ""
        for k, operand in enumerate(node.operands):
            span = span_code(self, added(widths[:k]), added(widths[: k + 1]))
            part = f"[{lead}{span}]" if storage.layout == "features" else f"[..., {span}]"
            inner = self.shown(self.atom(operand, storage.layout), storage.layout)
            self.line(f"{target}{part} = {inner}")
