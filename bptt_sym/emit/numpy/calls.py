"""The calls of NumPy that compute the stages of a program, into arrays that are there."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bptt_sym.choices import Layout
from bptt_sym.compiler.graph import Node
from bptt_sym.compiler.items import Item, items_of
from bptt_sym.compiler.order import Stage, dependencies
from bptt_sym.compiler.stack import added
from bptt_sym.emit.numpy.timeless import Timeless, filled, number_text
from bptt_sym.emit.numpy.views import View, tight
from bptt_sym.emit.numpy.writer import Block

Column = Sequence[Node | None]
"""Operands of neighbours; None is what has been computed so far, in the place of the result."""


class Emitter(Timeless):
    """Writes the calls of one stage after the other."""

    def emit(self, stage: Stage) -> None:
        """Writes a stage's lines."""
        self.block = Block(way=stage.loop)
        start = self.clock
        items = items_of(stage, self.graph, self.sites, self.storages, self.packing)
        if stage.loop is None:
            self.emit_at_once(stage, items)
        else:
            self.clock += 1
            for item in items:
                self.emit_item(item)
            self.close_loop(start)
        self.clock += 1

    def emit_at_once(self, stage: Stage, items: Sequence[Item]) -> None:
        by_node = {node: item for item in items for node in item}
        done: set[Item] = set()
        emitted: set[Node] = set()

        def run(node: Node) -> None:
            item = by_node.get(node, (node,))
            if item in done or node in emitted:
                return
            done.add(item)
            for member in item:
                for operand in member.operands:
                    if operand in own:
                        run(operand)
                if member.kind == "lagged":
                    for other in dependencies(self.graph, member):
                        if other in own:
                            run(other)
            emitted.update(item)
            self.emit_node_at_once(item)

        own = set(stage.nodes)
        for node in stage.nodes:
            run(node)

    def emit_node_at_once(self, item: Item) -> None:
        node = item[0]
        if self.storages.is_written(node):
            if node not in self.fused:
                self.emit_item(item)
        elif node.kind == "weighted" and node.time:
            self.emit_weighted(node)
        elif node.kind in ("contract", "batch sum", "total", "last", "result"):
            self.plain(node)

    def emit_weighted(self, node: Node) -> None:
        view = self.over_time(node.operands[0])
        layout = view.storage.layout
        inner = self.shown(view, layout)
        name = self.names.fresh("weighted")
        self.block.lines.append(f"{name} = {inner} if weight is None else {inner} * weight")
        self.clock += 1
        self.pseudo_storage(node, name, layout)
        # It may be the operand itself, whose memory nothing else may take.
        self.touched.setdefault(view.storage, []).append((10**9, False))

    def close_loop(self, start: int) -> None:
        """What lies over time is alive through all of the loop, and so is what it carries."""
        for storage, events in self.touched.items():
            persistent = storage.over_time or storage.lanes[0].kind == "carried"
            if persistent and any(clock > start for clock, _ in events):
                events += [(start, True), (self.clock, False)]

    def emit_item(self, item: Item) -> None:
        node = item[0]
        storage, _ = self.places[node]
        layout = storage.layout
        match node.kind:
            case "times":
                self.emit_product(item, layout)
            case "sum":
                self.emit_sum(item, layout)
            case "squash":
                self.emit_squash(item, layout)
            case "ufunc":
                self.calls(f"np.{node.detail}", item, self.packing.aligned(item), layout)
            case "divide":
                columns = [tuple(member.operands[k] for member in item) for k in range(2)]
                self.calls("np.divide", item, columns, layout)
            case _:
                self.emit_single(node, layout)
        self.clock += 1

    def target(self, nodes: Sequence[Node], form: str = "flat") -> View:
        storage, lane = self.places[nodes[0]]
        return View(storage, lane, len(nodes), form)  # type: ignore[arg-type]

    def calls(
        self,
        function: str,
        item: Sequence[Node],
        columns: Sequence[Column],
        layout: Layout,
    ) -> None:
        """A function of columns of operands, into the lanes of an item."""
        start = 0
        while start < len(item):
            stop = start + 1
            while stop < len(item) and all(
                self.continues(column[start : stop + 1], item[start], layout) for column in columns
            ):
                stop += 1
            self.call(
                function, item[start:stop], [column[start:stop] for column in columns], layout
            )
            start = stop

    def continues(self, nodes: Column, target: Node, layout: Layout) -> bool:
        """Whether operands of neighbours are one view: neighbours too, or one for all."""
        if all(node is nodes[0] for node in nodes):
            first = nodes[0]
            return first is None or len(first.sizes) == 1 or not first.sizes
        known = [node for node in nodes if node is not None]
        if len(known) < len(nodes) or any(node.sizes != target.sizes for node in known):
            return False
        if not any(node.time for node in known):
            return all(node.is_constant and len(node.sizes) == 1 for node in known)
        if not self.packing.is_run(known):
            return False
        return self.places[known[0]][0].layout == layout

    def call(
        self,
        function: str,
        nodes: Sequence[Node],
        columns: Sequence[Column],
        layout: Layout,
    ) -> None:
        spread = len(nodes) > 1 and any(
            column[0] is not None
            and column[0] is column[-1]
            and (column[0].time or column[0].batch or column[0].sizes not in ((), ("1",)))
            for column in columns
        )
        stores = [
            self.places[n][0] for n in (nodes[0], *(c[0] for c in columns)) if n in self.places
        ]
        if spread and any(len(set(store.widths)) > 1 for store in stores):
            for k in range(len(nodes)):
                self.call(function, nodes[k : k + 1], [c[k : k + 1] for c in columns], layout)
            return
        form = "lanes" if spread else "flat"
        target = self.target(nodes, form)
        texts = []
        for column in columns:
            texts.append(self.column_code(column, target, layout, spread=spread))
        out = self.shown(target, layout, writes=True)
        self.note_in_place(target, columns)
        self.line(f"{function}({', '.join(texts)}, out={out})")

    def note_in_place(self, target: View, columns: Sequence[Column]) -> None:
        """Notes operands whose memory the target may take over, lane by lane."""
        if not target.is_whole:
            return
        for column in columns:
            node = column[0]
            if node is None or not node.time:
                continue
            view = self.view(node)
            if (
                view
                and view.start == 0
                and len(column) == len(view.storage.lanes)
                and (len(column) == 1 or column[0] is not column[-1])
            ):
                self.in_place.append((self.clock, view.storage, target.storage))

    def column_code(self, column: Column, target: View, layout: Layout, *, spread: bool) -> str:
        node = column[0]
        if node is None:
            return self.shown(target, layout)
        if len(column) > 1 and node is not column[-1]:
            if not node.time:
                return self.joined_constants([n for n in column if n is not None], layout, spread)
            storage, lane = self.places[node]
            form = "lanes" if spread else "flat"
            return self.shown(View(storage, lane, len(column), form), layout)  # type: ignore[arg-type]
        atom = self.atom(node, layout)
        if isinstance(atom, View) and spread:
            return self.beside_lanes(atom, layout)
        return self.shown(atom, layout)

    def beside_lanes(self, view: View, layout: Layout) -> str:
        """One vector beside several lanes: with an axis for them, where broadcasting needs it."""
        if self.block.way is not None and layout == "features":
            return self.shown(view, layout)
        base = self.shown(view, layout)
        if self.block.way is None:
            return f"{base}[:, None]" if layout == "features" else f"{base}[:, :, None]"
        return f"{base}[:, None]"

    def joined_constants(self, nodes: Sequence[Node], layout: Layout, spread: bool) -> str:
        parts = ", ".join(self.plain(node) for node in nodes)
        text = f"np.concatenate([{parts}])"
        lines = self.block.lines if self.block.way is None else self.block.before
        line = next((known for known in lines if known.endswith(f" = {text}")), None)
        if line is None:
            line = f"{self.names.fresh('b')} = {text}"
            lines.append(line)
            self.clock += 1
        name = line.partition(" = ")[0]
        if spread:
            count = len(nodes)
            shape = f"{count}, {nodes[0].width}"
            return (
                f"{name}.reshape({shape}, 1)"
                if layout == "features"
                else f"{name}.reshape({shape})"
            )
        return f"{name}[:, None]" if layout == "features" else name

    def emit_product(self, item: Item, layout: Layout) -> None:
        columns: list[Column] = list(self.packing.aligned(item))
        coefficient = item[0].detail
        if len(columns) == 1:
            self.number_call("np.multiply", item, columns[0], coefficient, layout)
            return
        self.calls("np.multiply", item, columns[:2], layout)
        for column in columns[2:]:
            self.calls("np.multiply", item, [[None] * len(item), column], layout)
        if coefficient != 1:
            self.number_call("np.multiply", item, [None] * len(item), coefficient, layout)

    def number_call(
        self,
        function: str,
        item: Sequence[Node],
        column: Column,
        number: Fraction,
        layout: Layout,
    ) -> None:
        if function == "np.multiply" and number == -1:
            self.calls("np.negative", item, [column], layout)
            return
        start = 0
        while start < len(item):
            stop = start + 1
            while stop < len(item) and self.continues(
                column[start : stop + 1], item[start], layout
            ):
                stop += 1
            nodes = item[start:stop]
            target = self.target(nodes)
            if len(nodes) > 1 and column[start] is not None and column[start] is column[stop - 1]:
                stop, nodes = start + 1, item[start : start + 1]
                target = self.target(nodes)
            text = self.column_code(column[start:stop], target, layout, spread=False)
            out = self.shown(target, layout, writes=True)
            self.note_in_place(target, [column[start:stop]])
            self.line(f"{function}({text}, {number_text(number)}, out={out})")
            start = stop

    def emit_sum(self, item: Item, layout: Layout) -> None:
        columns = self.packing.aligned(item)
        first = item[0]
        coefficient_of = dict(zip(first.operands, first.detail[0], strict=True))
        constant = first.detail[1]
        terms = sorted(
            ((coefficient_of[column[0]], column) for column in columns),
            key=lambda term: (abs(term[0]) == 1, term[0] < 0),
        )
        itself: list[Node | None] = [None] * len(item)
        (number, column), *rest = terms
        if abs(number) != 1:
            self.number_call("np.multiply", item, column, number, layout)
        elif rest and abs(rest[0][0]) == 1:
            other_number, other = rest.pop(0)
            if number == -1:
                # Both are taken off: the first is added with its sign turned at the end.
                self.calls("np.negative", item, [column], layout)
                self.calls("np.subtract", item, [itself, other], layout)
            else:
                function = "np.add" if other_number == 1 else "np.subtract"
                self.calls(function, item, [column, other], layout)
        elif constant and not rest:
            self.constant_call(item, column, number, constant, layout)
            return
        elif number == -1:
            self.calls("np.negative", item, [column], layout)
        else:
            self.calls("np.positive", item, [column], layout)
        for coefficient, other in rest:
            if abs(coefficient) == 1:
                function = "np.add" if coefficient == 1 else "np.subtract"
                self.calls(function, item, [itself, other], layout)
            else:
                self.add_multiple(item, coefficient, other, layout)
        if constant:
            self.number_call("np.add", item, itself, constant, layout)

    def constant_call(
        self,
        item: Item,
        column: Sequence[Node],
        number: Fraction,
        constant: Fraction,
        layout: Layout,
    ) -> None:
        """k + v or k - v."""
        if number == 1:
            self.number_call("np.add", item, column, constant, layout)
            return
        start = 0
        while start < len(item):
            stop = start + 1
            while (
                stop < len(item)
                and column[stop] is not column[start]
                and self.continues(column[start : stop + 1], item[start], layout)
            ):
                stop += 1
            target = self.target(item[start:stop])
            text = self.column_code(column[start:stop], target, layout, spread=False)
            out = self.shown(target, layout, writes=True)
            self.note_in_place(target, [column[start:stop]])
            self.line(f"np.subtract({number_text(constant)}, {text}, out={out})")
            start = stop

    def add_multiple(
        self, item: Item, number: Fraction, column: Sequence[Node], layout: Layout
    ) -> None:
        for node, operand in zip(item, column, strict=True):
            target = self.target([node])
            text = self.column_code([operand], target, layout, spread=False)
            out = self.shown(target, layout, writes=True)
            self.line(f"np.add({out}, {number_text(number)} * {text}, out={out})")

    def emit_squash(self, item: Item, layout: Layout) -> None:
        self.calls("np.tanh", item, self.packing.aligned(item), layout)
        start = 0
        while start < len(item):
            stop = start + 1
            while stop < len(item) and item[stop].detail == item[start].detail:
                stop += 1
            factor, shift = item[start].detail
            out = None
            for function, number, plain in (("np.multiply", factor, 1), ("np.add", shift, 0)):
                if number != plain:
                    out = self.shown(self.target(item[start:stop]), layout, writes=True)
                    self.line(f"{function}({out}, {number_text(number)}, out={out})")
            start = stop

    def emit_single(self, node: Node, layout: Layout) -> None:
        target = self.target([node])
        if node.kind == "dot":
            self.emit_dot(node, layout)
            return
        match node.kind:
            case "entries" | "largest":
                axis = -2 if layout == "features" else -1
                inner = self.shown(self.atom(node.operands[0], layout), layout)
                out = self.shown(target, layout, writes=True)
                if node.kind == "entries":
                    self.line(f"np.sum({inner}, axis={axis}, keepdims=True, out={out})")
                else:
                    self.line(f"np.max(np.real({inner}), axis={axis}, keepdims=True, out={out})")
            case "matrix entries":
                inner = self.shown(self.atom(node.operands[0], layout), layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[...] = np.sum({inner}, axis=(-2, -1))[..., None]")
            case "ending":
                inner = self.timeless(node.operands[0], layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[:-1] = 0")
                self.line(f"{out}[-1] = {inner}")
            case "state" | "carried" | "spread":
                (operand,) = node.operands
                if (
                    operand in self.places
                    and self.places[operand][0] is target.storage
                    and node.kind != "spread"
                ):
                    return
                inner = self.shown(self.atom(operand, layout), layout)
                out = self.shown(target, layout, writes=True)
                self.line(f"{out}[...] = {inner}")
            case "join":
                self.emit_join(node, layout)
            case "sigmoid":
                inner = self.shown(self.atom(node.operands[0], layout), layout)
                self.line(f"{self.shown(target, layout, writes=True)}[...] = sigmoid({inner})")
            case "code":
                self.emit_code(node, layout)
            case _:
                raise AssertionError(f"no call for {node.kind}")

    def emit_join(self, node: Node, layout: Layout) -> None:
        target = self.shown(self.target([node]), layout, writes=True)
        widths = [operand.width for operand in node.operands]
        for k, operand in enumerate(node.operands):
            start, stop = added(widths[:k]), added(widths[: k + 1])
            span = f"{tight(start)}:{tight(stop)}"
            lead = ":, " if self.block.way is None else ""
            part = f"[{lead}{span}]" if layout == "features" else f"[..., {span}]"
            inner = self.shown(self.atom(operand, layout), layout)
            self.line(f"{target}{part} = {inner}")

    def emit_dot(self, node: Node, layout: Layout) -> None:
        vector, matrix = node.operands
        storage, lane = self.places[node]
        whole = (
            View(storage, 0, len(storage.lanes))
            if node not in storage.lanes
            else View(storage, lane)
        )
        at_once = self.block.way is None
        if not at_once or layout == "features":
            inner = self.shown(self.atom(vector, layout), layout)
            out = self.shown(whole, layout, writes=True)
            if layout == "features":
                self.line(f"np.matmul({self.plain(matrix, turned=True)}, {inner}, out={out})")
            else:
                self.line(f"np.matmul({inner}, {self.plain(matrix)}, out={out})")
            return
        if not vector.time:
            inner = self.timeless(vector, "rows")
            out = self.shown(whole, layout, writes=True)
            self.line(f"{out}[...] = {inner} @ {self.plain(matrix)}")
            return
        rows = self.matrix(vector)
        weights = self.plain(matrix)
        out = self.shown(whole, layout, writes=True)
        if whole.is_whole:
            out += f".reshape(T * B, {storage.width})"
            self.line(f"np.matmul({rows}, {weights}, out={out})")
        else:
            self.line(f"{out}[...] = ({rows} @ {weights}).reshape(T, B, {node.width})")

    def emit_code(self, node: Node, layout: Layout) -> None:
        text, entrywise = node.detail
        inner: Layout = layout if entrywise else "rows"
        texts = [self.shown(self.atom(operand, inner), inner) for operand in node.operands]
        out = self.shown(self.target([node]), inner, writes=True)
        code = filled(text, texts)
        if text.startswith("np.einsum("):
            self.line(f"{code[:-1]}, out={out})")
        else:
            self.has_temporaries |= self.block.way is None
            self.line(f"{out}[...] = {code}")
