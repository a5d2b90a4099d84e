"""Calls of products, and what NumPy has no call for that writes into an array."""

from __future__ import annotations

from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.calls import Calls
from bptt_sym.targets.numpy.fitted import fitted_lines
from bptt_sym.targets.numpy.views import View
from bptt_sym.targets.numpy.writer import reads_rows, turned


class SingleCalls(Calls):
    """Writes nodes that are alone in their call."""

    def write_expression(self, node: Node, target: View) -> None:
        """What NumPy has no call for that writes into an array."""
        layout = "rows" if reads_rows(node) else target.storage.layout
        code = self.written(node, layout)
        out = self.shown(target, layout, writes=True)
        self.has_temporaries |= self.block.way is None
        self.line(f"{out}[...] = {code}")

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
        self.line(*fitted_lines([*factors, f"out={out}"], function, ")"))
