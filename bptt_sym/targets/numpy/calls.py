"""Calls of NumPy's functions: of entries on neighbours at once, where they are made alike, and
what is alone in its call.
"""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.choices import Layout
from bptt_sym.graph.array_shapes import SCALAR
from bptt_sym.graph.node import Node
from bptt_sym.graph.runs import runs
from bptt_sym.memory.items import Item
from bptt_sym.targets.numpy.block import LINE
from bptt_sym.targets.numpy.function_spellings import FUNCTIONS
from bptt_sym.targets.numpy.precedence import call, number_code
from bptt_sym.targets.numpy.views import View
from bptt_sym.targets.numpy.writer import Writer, reads_rows, turned

Column = Sequence[Node | None]
"""Operands of neighbours; None is what has been computed so far, in the place of the result."""

Pattern = tuple[str, ...]
"""A function and its arguments, with {0} for the first operand; or an expression of them alone."""

ITSELF: Column = (None,)


class Calls(Writer):
    """Writes what is computed entry by entry.

    A call is given as a pattern, ("np.add", "{0}", "{1}"), and its operands as columns: for
    each neighbour its operand. Neighbours whose operands are neighbours too, or one for all, take
    one call.
    """

    def write_of_two(self, item: Item) -> None:
        """A function of two operands."""
        if item[0].kind == "divide":
            columns = [tuple(node.operands[k] for node in item) for k in range(2)]
            self.calls(("np.divide", "{0}", "{1}"), item, *columns)
        else:
            function = "np.maximum" if item[0].detail == "max" else "np.minimum"
            self.calls((function, "{0}", "{1}"), item, *self.packing.aligned(item))

    def write_function(self, item: Item) -> None:
        """A function of one operand."""
        row = FUNCTIONS[item[0].detail]
        if row.defined:
            self.use(row.defined)
        self.has_temporaries |= row.in_place is None and self.block.way is None
        pattern = (row.in_place, "{0}") if row.in_place else (row.text.format("{0}"),)
        self.calls(pattern, item, *self.packing.aligned(item))

    def write_product(self, item: Item) -> None:
        """A number times a product."""
        first: Column
        first, *others = self.packing.aligned(item)
        factor = item[0].detail
        if others:
            self.calls(("np.multiply", "{0}", "{1}"), item, first, others.pop(0))
            first = ITSELF
        for column in others:
            self.calls(("np.multiply", "{0}", "{1}"), item, ITSELF, column)
        if factor == -1:
            self.calls(("np.negative", "{0}"), item, first)
        elif factor != 1:
            self.calls(("np.multiply", "{0}", number_code(factor)), item, first)

    def write_sum(self, item: Item) -> None:
        """A sum with coefficients, and a number."""
        number, constant = item[0].coefficients, item[0].detail.constant
        # What is to be multiplied comes first, then what is added, then what is taken off.
        first, *others = sorted(
            self.packing.aligned(item),
            key=lambda column: (abs(number[column[0]]) == 1, -number[column[0]]),
        )
        factor = number[first[0]]
        if factor == 1 and others:
            operation = "add" if number[others[0][0]] == 1 else "subtract"
            self.calls((f"np.{operation}", "{0}", "{1}"), item, first, others.pop(0))
        elif factor == 1:
            self.calls(("np.add", "{0}", number_code(constant)), item, first)
            return
        elif factor == -1 and constant:
            self.calls(("np.subtract", number_code(constant), "{0}"), item, first)
            constant = 0
        elif factor == -1:
            self.calls(("np.negative", "{0}"), item, first)
        else:
            self.calls(("np.multiply", "{0}", number_code(factor)), item, first)
        for column in others:
            factor = number[column[0]]
            operation = "subtract" if factor == -1 else "add"
            term = "{1}" if abs(factor) == 1 else f"{number_code(factor)} * {{1}}"
            self.calls((f"np.{operation}", "{0}", term), item, ITSELF, column)
        if constant:
            self.calls(("np.add", "{0}", number_code(constant)), item, ITSELF)

    def write_squash(self, item: Item) -> None:
        """Hyperbolic tangents a tanh(z) + b: one call for all, then those with numbers."""
        self.calls(("np.tanh", "{0}"), item, *self.packing.aligned(item))
        for start, stop in runs(len(item), lambda start, k: item[start].detail == item[k].detail):
            factor, shift = item[start].detail
            if factor != 1:
                text = ("np.multiply", "{0}", number_code(factor))
                self.calls(text, item[start:stop], ITSELF)
            if shift:
                text = ("np.add", "{0}", number_code(shift))
                self.calls(text, item[start:stop], ITSELF)

    # One call.

    def calls(self, pattern: Pattern, item: Sequence[Node], *columns: Column) -> None:
        """As few calls as the operands allow."""
        full = [column if len(column) == len(item) else [None] * len(item) for column in columns]
        layout = self.places[item[0]][0].layout

        def together(start: int, last: int) -> bool:
            views = (column[start : last + 1] for column in full)
            return all(self.is_one_view(view, item[start], layout) for view in views)

        for start, stop in runs(len(item), together):
            self.call(pattern, item[start:stop], [column[start:stop] for column in full], layout)

    def is_one_view(self, nodes: Column, target: Node, layout: Layout) -> bool:
        """Whether operands of neighbours are one view: neighbours too, or one for all."""
        if all(node is nodes[0] for node in nodes):
            return nodes[0] is None or self.is_spreadable(nodes[0], target)
        known = [node for node in nodes if node is not None]
        if len(known) < len(nodes) or any(node.sizes != target.sizes for node in known):
            return False
        if not any(node.time for node in known):
            return all(node.is_constant and len(node.sizes) == 1 for node in known)
        return self.packing.is_run(known) and self.places[known[0]][0].layout == layout

    def is_spreadable(self, node: Node, target: Node) -> bool:
        """Whether one operand can stand beside the target and beside neighbours like it."""
        if self.is_number(node):
            return True
        return len(node.sizes) == 1 and node.sizes == target.sizes

    def is_number(self, node: Node) -> bool:
        """Whether a node is one number for all sequences."""
        return node.is_constant and node.sizes in ((), SCALAR)

    def call(
        self, pattern: Pattern, nodes: Sequence[Node], columns: Sequence[Column], layout: Layout
    ) -> None:
        spread = len(nodes) > 1 and any(
            column[0] is not None and column[0] is column[-1] and not self.is_number(column[0])
            for column in columns
        )
        storage, lane = self.places[nodes[0]]
        target = View(storage, lane, len(nodes), "lanes" if spread else "flat")
        texts = [self.column_code(column, target) for column in columns]
        out = self.shown(target, layout, writes=True)
        self.note_in_place(target, columns)
        function, *arguments = (part.format(*texts) for part in pattern)
        if arguments:
            self.line(*call(f"{function}(", [*arguments, f"out={out}"]).lines("", LINE))
        else:
            self.line(f"{out}[...] = {function}")

    def column_code(self, column: Column, target: View) -> str:
        """The operands of neighbours as one, beside the target."""
        node = column[0]
        layout = target.storage.layout
        if node is None:
            return self.shown(target, layout)
        if len(column) > 1 and node is not column[-1]:
            if not node.time:
                return self.joined_constants([n for n in column if n is not None], target)
            storage, lane = self.places[node]
            return self.shown(View(storage, lane, len(column), target.form), layout)
        shown = self.shown(self.atom(node, layout), layout)
        if target.form == "flat" or node.is_constant:
            return shown
        # One vector beside several lanes, which have an axis of their own.
        if node.time and self.block.way is None:
            return f"{shown}[:, None]" if layout == "features" else f"{shown}[:, :, None]"
        return shown if layout == "features" else f"{shown}[:, None]"

    def joined_constants(self, nodes: Sequence[Node], target: View) -> str:
        """Constants of neighbours side by side."""
        shown = call("np.concatenate([", map(self.inlined, nodes), "])")
        name = self.before_loop(shown, self.titles.joint(nodes))
        column = ", 1" if target.storage.layout == "features" else ""
        if target.form == "lanes":
            return f"{name}.reshape({len(nodes)}, {self.size(nodes[0].width)}{column})"
        return f"{name}[:, None]" if column else name

    def note_in_place(self, target: View, columns: Sequence[Column]) -> None:
        """Notes the operands over which the target could be written, lane by lane."""
        for column in columns:
            view = self.view(column[0]) if column[0] is not None and column[0].time else None
            one_for_all = len(column) > 1 and column[0] is column[-1]
            if (
                view is not None
                and not one_for_all
                and target.is_whole
                and (view.start, len(column)) == (0, len(view.storage.lanes))
            ):
                self.in_place.append((self.clock, view.storage, target.storage))


class SingleCalls(Calls):
    """Writes nodes that are alone in their call."""

    def write_expression(self, node: Node, target: View) -> None:
        """What NumPy has no call for that writes into an array."""
        layout = "rows" if reads_rows(node) else target.storage.layout
        code = self.written(node, layout)
        out = self.shown(target, layout, writes=True)
        self.has_temporaries |= self.block.way is None
        self.line(*code.lines(f"{out}[...] = ", LINE))

    def write_row_times_matrices(self, node: Node, target: View) -> None:
        """A vector times a matrix, each of its own for each sequence."""
        factors = ", ".join(self.shown(self.atom(o, "rows"), "rows") for o in node.operands)
        out = self.shown(target, "rows", writes=True)
        self.line(f'np.einsum("...i,...ij->...j", {factors}, out={out})')

    def write_labels(self, node: Node, target: View) -> None:
        """One-hot vectors of labels, or rows of a matrix by labels, for all time steps."""
        labels, *matrix = node.operands
        if target.storage.layout != "rows":
            self.write_expression(node, target)
            return
        shown = self.shown(self.view(labels), "rows")
        weights = self.plain(matrix[0]) if matrix else ""
        out = self.shown(target, "rows", writes=True)
        if matrix:
            self.line(f'np.take({weights}, {shown}, axis=0, mode="clip", out={out})')
        else:
            arguments = f"{shown}, {self.size(node.detail)}, {self.use('dtype')}, {out}"
            self.line(f"{self.use('one_hot')}({arguments})")

    def write_dot(self, node: Node) -> None:
        """A vector times a matrix: for all time steps in rows as one product."""
        vector, matrix = node.operands
        target = self.view(node)
        if len(vector.sizes) > 1:
            self.write_expression(node, target)
            return
        if matrix.batch:
            self.write_row_times_matrices(node, target)
            return
        storage, layout = target.storage, target.storage.layout
        in_loop = self.block.way is not None
        in_rows = not in_loop and layout == "rows" and vector.time
        inner = self.matrix(vector) if in_rows else self.shown(self.atom(vector, layout), layout)
        matrix = turned(self.graph, matrix) if layout == "features" else matrix
        weights = self.contiguous(matrix) if in_loop else self.plain(matrix)
        factors = [weights, inner] if layout == "features" else [inner, weights]
        out = self.shown(target, layout, writes=True)
        if in_rows:
            out += f".reshape({self.count()}, {self.size(storage.width)})"
        # For one time step np.dot has half the overhead.
        function = "np.dot(" if in_loop else "np.matmul("
        self.line(*call(function, [*factors, f"out={out}"]).lines("", LINE))
