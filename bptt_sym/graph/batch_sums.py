"""Sums of expressions over sequences, or over time steps and sequences, as nodes."""

from __future__ import annotations

from bptt_sym.algebra.derivatives import transposed_product
from bptt_sym.algebra.expressions import (
    HadamardProduct,
    MatAdd,
    MatMul,
    MatrixExpr,
    Transpose,
    product,
)
from bptt_sym.algebra.heads import HeadProduct, head_transpose
from bptt_sym.algebra.operation import is_vector
from bptt_sym.graph.array_shapes import SCALAR, SEQUENCES, STEPS, array_size
from bptt_sym.graph.lower import ONE, Lowering
from bptt_sym.graph.node import Node


class BatchSums:
    """Sums what a lowering makes of expressions; ``over_time`` over the time steps too."""

    def __init__(self, lower: Lowering, *, over_time: bool) -> None:
        self.lower, self.graph, self.make = lower, lower.graph, lower.make
        self.over_time = over_time

    def batch_total(self, expression: MatrixExpr) -> Node:
        """The sum of an expression in the shape of a parameter."""
        return self.lower.linear(expression, self.term_total)

    def term_total(self, rest: MatrixExpr) -> Node:
        if self.is_of_each_step(rest):
            return self.at_each_step(BatchSums(self.lower, over_time=False).term_total(rest))
        if not is_vector(rest.shape):
            match rest:
                case Transpose():
                    return self.lower.turned(self.batch_total(rest.arg))
                case HadamardProduct():
                    return self.hadamard_total(rest)
                case MatMul():
                    return self.product_total(list(rest.args))
                case HeadProduct():
                    return self.head_total(rest)
        return self.summed(self.lower.wide(rest))

    def head_total(self, expression: HeadProduct) -> Node:
        """The sum of products head by head, each of a transpose and what it is contracted with."""
        left, right, heads = expression.args
        sides = head_transpose(left, heads), right
        nodes = [self.lower.wide(side) for side in sides]
        if not any(node.batch for node in nodes):
            return self.summed(self.lower.wide(expression))
        time = any(node.time for node in nodes)
        whole = [self.lower.full(n, e, time=time) for n, e in zip(nodes, sides, strict=True)]
        return self.make("head contract", whole, array_size(heads))

    def summed(self, node: Node) -> Node:
        """The sum of a node; what is the same for all sequences and steps is counted."""
        if not node.batch:
            node = self.total(node) if node.sizes == SCALAR else node
            return self.graph.times(1, [self.count(), node])
        return self.total(node) if node.sizes == SCALAR else self.make("batch sum", [node])

    def is_of_each_step(self, expression: MatrixExpr) -> bool:
        """Whether it counts at each time step alike: what sequences have once makes it up."""
        if not self.over_time:
            return False
        node = self.lower.node(expression)
        return node.batch and not node.time

    def at_each_step(self, node: Node) -> Node:
        return self.graph.times(1, [self.make("size", (), STEPS), node])

    def count(self) -> Node:
        return self.make("size", (), STEPS * SEQUENCES if self.over_time else SEQUENCES)

    def hadamard_total(self, expression: HadamardProduct) -> Node:
        """Factors that are the same for each sequence are taken out of the sum."""
        inside = [factor for factor in expression.args if self.lower.node(factor).batch]
        if not inside:
            return self.summed(self.lower.wide(expression))
        if len(inside) == 1:
            total = self.batch_total(inside[0])
        else:
            whole = self.lower.product(map(self.lower.node, inside))
            total = self.make("batch sum", [self.lower.spread(whole, expression)])
        outside = [self.lower.node(factor) for factor in expression.args if factor not in inside]
        return self.graph.times(1, [total, *outside])

    def product_total(self, factors: list[MatrixExpr]) -> Node:
        """The sum of a column times a row, however many factors each of them has."""
        for position, factor in enumerate(factors):
            if isinstance(factor, MatAdd) and not is_vector(factor.shape):
                before, after = factors[:position], factors[position + 1 :]
                terms = (product(*before, term, *after) for term in factor.args)
                totals = (self.batch_total(term) for term in terms)
                if self.lower.node(factor).batch:
                    return self.graph.total((ONE, total) for total in totals)
        cut = next((k for k in range(1, len(factors)) if factors[k].rows == 1), None)
        if cut is None:
            return self.total_between_constants(factors)
        column = self.lower.wide(transposed_product(product(*factors[:cut])))
        row = self.lower.wide(product(*factors[cut:]))
        if not (column.batch or row.batch):
            whole = self.make("outer", [column, row])
            return self.graph.times(1, [self.count(), whole])
        if column.batch and row.batch:
            time = column.time or row.time
            like = transposed_product(product(*factors[:cut])), product(*factors[cut:])
            sides = [
                self.lower.full(n, e, time=time) for n, e in zip((column, row), like, strict=True)
            ]
            return self.contract(*sides)
        sides = [self.make("batch sum", [n]) if n.batch else n for n in (column, row)]
        return self.make("outer", sides)

    def total_between_constants(self, factors: list[MatrixExpr]) -> Node:
        """A matrix for each sequence between parameters, which are taken out of the sum."""
        nodes = [self.lower.wide(factor) for factor in factors]
        if sum(node.batch for node in nodes) != 1:
            return self.summed(self.lower.node(product(*factors)))
        parts = [
            self.batch_total(factor) if node.batch else node
            for factor, node in zip(factors, nodes, strict=True)
        ]
        result = parts[0]
        for part in parts[1:]:
            result = self.make("dot", [result, part])
        return result

    def value_total(self, expression: MatrixExpr) -> Node:
        """The sum of a scalar, as one number."""

        def total(term: MatrixExpr) -> Node:
            node = self.lower.node(term)
            if self.is_of_each_step(term):
                return self.at_each_step(self.total(node))
            return self.total(node) if node.batch else self.summed(node)

        return self.lower.linear(expression, total)

    def total(self, node: Node) -> Node:
        """The sum of all entries over sequences and time steps, its numbers in front."""
        if node.kind == "entries":
            return self.total(node.operands[0])
        if node.kind == "times" and node.detail != 1:
            inner = self.graph.times(1, node.operands)
            return self.graph.times(node.detail, [self.total(inner)])
        return self.make("total", [node])

    def contract(self, column: Node, row: Node) -> Node:
        """The sum of the outer products of two vectors; of a one-hot one, of rows by labels."""
        if column.kind == "one hot":
            return self.make("scatter", [*column.operands, row], column.width)
        if row.kind == "one hot":
            return self.lower.turned(self.contract(row, column))
        return self.make("contract", [column, row])
