"""The stages of a compiled program as lines, at once and in loops."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.algebra.operations import is_entrywise
from bptt_sym.choices import Layout
from bptt_sym.compiler.graph import Node
from bptt_sym.compiler.items import Item, items_of
from bptt_sym.compiler.order import Stage, dependencies
from bptt_sym.compiler.sizes import added
from bptt_sym.emit.numpy.calls import Calls
from bptt_sym.emit.numpy.functions import FUNCTIONS
from bptt_sym.emit.numpy.spelling import IN_PLACE, written, written_into
from bptt_sym.emit.numpy.views import View, tight
from bptt_sym.emit.numpy.writer import Block

FOREVER = 10**9
"""A time on the clock after all lines."""


class Emitter(Calls):
    """Writes one stage after the other."""

    def write_stage(self, stage: Stage) -> Block:
        """The lines of a stage."""
        self.block = Block(way=stage.loop)
        start = self.clock
        items = items_of(stage, self.graph, self.sites, self.storages, self.packing)
        if stage.loop is None:
            self.write_at_once(stage, items)
        else:
            self.clock += 1
            for item in items:
                self.write_item(item)
            self.close_loop(start)
        self.clock += 1
        return self.block

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
                for other in dependencies(self.graph, member):
                    if other in own:
                        write(other)
            self.write_node_at_once(item)

        for node in stage.nodes:
            write(node)

    def write_node_at_once(self, item: Item) -> None:
        node = item[0]
        if self.storages.is_written(node):
            if node not in self.fused:
                self.write_item(item)
        elif node.kind == "weighted" and node.time:
            self.write_weighted(node)
        elif node.kind in ("contract", "batch sum", "total", "last", "result"):
            self.plain(node)

    def write_weighted(self, node: Node) -> None:
        """What the seed of the loss multiplies, where there is one: else the operand itself."""
        view = self.over_time(node.operands[0])
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
        match item[0].kind:
            case "times":
                self.write_product(item)
            case "sum":
                self.write_sum(item)
            case "squash":
                self.write_squash(item)
            case "divide" | "minimum":
                self.write_of_two(item)
            case "apply":
                self.write_function(item)
            case "dot":
                self.write_dot(item[0])
            case "join":
                self.write_join(item[0])
            case "operation":
                self.write_operation(item[0])
            case _:
                self.write_single(item[0])
        self.clock += 1

    def write_single(self, node: Node) -> None:
        """A node that is alone in its item."""
        storage, lane = self.places[node]
        layout = storage.layout
        first = node.operands[0]
        if node.kind in ("state", "carried") and self.places.get(first, (None,))[0] is storage:
            return
        axis = -2 if layout == "features" else -1
        inner = self.shown(self.atom(first, layout), layout)
        match node.kind:
            case "entries":
                text = f"{inner}.sum(axis={axis}, keepdims=True, out={{out}})"
            case "largest":
                text = f"np.real({inner}).max(axis={axis}, keepdims=True, out={{out}})"
            case "sigmoid":
                text = f"{{out}}[...] = {FUNCTIONS['sigmoid'].text.format(inner)}"
            case "state" | "carried" | "spread":
                text = f"{{out}}[...] = {inner}"
            case "ending":
                self.line(f"{self.shown(View(storage, lane), layout, writes=True)}[:-1] = 0")
                text = f"{{out}}[-1] = {inner}"
            case _:
                raise AssertionError(f"no call for {node.kind}")
        self.line(text.format(out=self.shown(View(storage, lane), layout, writes=True)))

    def write_join(self, node: Node) -> None:
        """Copies side by side, of what could not be computed there."""
        storage, lane = self.places[node]
        target = self.shown(View(storage, lane), storage.layout, writes=True)
        widths = [operand.width for operand in node.operands]
        lead = ":, " if self.block.way is None else ""
        for k, operand in enumerate(node.operands):
            span = f"{tight(added(widths[:k]))}:{tight(added(widths[: k + 1]))}"
            part = f"[{lead}{span}]" if storage.layout == "features" else f"[..., {span}]"
            inner = self.shown(self.atom(operand, storage.layout), storage.layout)
            self.line(f"{target}{part} = {inner}")

    def write_operation(self, node: Node) -> None:
        """An operation with a code for rows; entry by entry any layout is right."""
        expression = node.detail
        storage, lane = self.places[node]
        layout: Layout = storage.layout if is_entrywise(expression) else "rows"
        operands = self.operand_codes(node, layout)
        out = self.shown(View(storage, lane), layout, writes=True)
        if type(expression) in IN_PLACE:
            self.line(written_into(expression, operands, out))
        else:
            self.has_temporaries |= self.block.way is None
            self.line(f"{out}[...] = {written(expression, operands)}")

    def write_dot(self, node: Node) -> None:
        """A vector times a matrix: for all time steps in rows as one product."""
        vector, matrix = node.operands
        storage, lane = self.places[node]
        is_stacked = node not in storage.lanes
        target = View(storage, 0, len(storage.lanes)) if is_stacked else View(storage, lane)
        layout = storage.layout
        in_rows = self.block.way is None and layout == "rows" and vector.time
        inner = self.matrix(vector) if in_rows else self.shown(self.atom(vector, layout), layout)
        turned = layout == "features"
        in_loop = self.block.way is not None
        weights = (self.contiguous if in_loop else self.plain)(matrix, turned=turned)
        factors = f"{weights}, {inner}" if layout == "features" else f"{inner}, {weights}"
        out = self.shown(target, layout, writes=True)
        if in_loop and (target.is_whole or layout == "features"):
            # For one time step np.dot has half the overhead; its result must be contiguous.
            self.line(f"np.dot({factors}, out={out})")
        elif not in_rows:
            self.line(f"np.matmul({factors}, out={out})")
        elif target.is_whole:
            self.line(f"np.matmul({factors}, out={out}.reshape(T * B, {storage.width}))")
        else:
            self.line(f"{out}[...] = np.matmul({factors}).reshape(T, B, {node.width})")
