"""Expressions of one sequence as nodes for a batch of them.

Vectors become arrays whose last axis holds their entries: a row and its transpose are the same
array, and a parameter has no axis for the batch. What a product of rows and columns means for
arrays is made explicit: a row times a matrix, an inner product, an outer product. An array that
is made of scalars alone holds each once, and is spread where all its entries are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from bptt_sym.algebra.constants import Pi
from bptt_sym.algebra.cumulative import Triangle, is_triangle
from bptt_sym.algebra.derivatives import transposed_product
from bptt_sym.algebra.expressions import (
    Broadcast,
    DiagMatrix,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Size,
    SumOfEntries,
    Transpose,
    ZeroMatrix,
    add,
    product,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.heads import as_one_product
from bptt_sym.algebra.linear_systems import DeterminantOf, LogDeterminant
from bptt_sym.algebra.operation import is_vector
from bptt_sym.algebra.operations import is_leaf
from bptt_sym.graph.array_shapes import SCALAR, array_size, array_sizes
from bptt_sym.graph.graph import Graph
from bptt_sym.graph.node import Axes, Node
from bptt_sym.graph.operation_kinds import OF_ENTRIES, OF_WHOLE

ONE = Fraction(1)


class Lowering:
    """Makes nodes of expressions in a graph; ``leaf`` makes those of their leaves."""

    def __init__(self, graph: Graph, leaf: Callable[[MatrixExpr], Node]) -> None:
        self.graph, self.make, self.leaf = graph, graph.make, leaf

    def node(self, expression: MatrixExpr) -> Node:
        """The node of an expression, not spread where it is made of scalars alone."""
        return self.linear(expression, self.term)

    def linear(self, expression: MatrixExpr, term: Callable[[MatrixExpr], Node]) -> Node:
        """The sum of what is made of each term of an expression, numbers in front."""
        number, rest = split_coefficient(expression)
        if number != 1:
            return self.graph.times(fraction(number), [self.linear(rest, term)])
        if isinstance(rest, MatAdd):
            return self.graph.total((ONE, self.linear(part, term)) for part in rest.args)
        return term(as_one_product(rest))

    def term(self, rest: MatrixExpr) -> Node:
        """The node of what is no sum and has no number in front."""
        if is_leaf(rest):
            return self.leaf(rest)
        match rest:
            case OneMatrix():
                return self.graph.number(1)
            case ZeroMatrix():
                return self.graph.number(0)
            case Triangle():
                ones = self.make("identity", sizes=array_sizes(rest.shape))
                return self.make("cumulative sum", [ones], (-1, False))
            case Identity():
                one = rest.rows == 1
                sizes = array_sizes(rest.shape)
                return self.graph.number(1) if one else self.make("identity", sizes=sizes)
            case Size():
                return self.make("size", (), array_size(rest.number))
            case Pi():
                return self.make("pi")
            case DiagMatrix():
                entries = self.make("across", [self.whole(rest.args[0])])
                return self.product([self.node(Identity(rest.rows)), entries])
            case HadamardProduct():
                return self.product(map(self.node, rest.args))
            case HadamardPower():
                base, exponent = rest.args
                return self.make("power", [self.node(base)], fraction(exponent))
            case MatMul():
                return self.matrix_product(list(rest.args))
            case Transpose():
                return self.transposed(rest.arg)
            case Broadcast():
                return self.lifted(self.node(rest.operand), rest)
            case SumOfEntries():
                return self.entries(self.wide(rest.operand))
            case LogDeterminant() | DeterminantOf():
                matrix = self.wide(rest.operand)
                logarithm = isinstance(rest, LogDeterminant)
                kind = "log determinant" if logarithm else "determinant"
                return self.make(kind, [matrix], sizes=SCALAR if matrix.batch else ())
            case Elementwise(function="identity"):
                return self.node(rest.operand)
        if type(rest) in OF_WHOLE:
            kind, operands, detail = OF_WHOLE[type(rest)](rest)
            return self.make(kind, map(self.whole, operands), detail)
        if type(rest) in OF_ENTRIES:
            kind, operands, detail = OF_ENTRIES[type(rest)](rest)
            return self.make(kind, map(self.node, operands), detail)
        raise TypeError(f"no kind of node for {type(rest).__name__}")

    # Shapes.

    def wide(self, expression: MatrixExpr) -> Node:
        """The node of an expression, all its entries in the array."""
        return self.spread(self.node(expression), expression)

    def spread(self, node: Node, like: MatrixExpr) -> Node:
        sizes = () if like.shape == (1, 1) and not node.batch else array_sizes(like.shape)
        if node.sizes == sizes:
            return node
        return self.make("spread", [node], sizes=sizes) if sizes else self.entries(node)

    def whole(self, expression: MatrixExpr) -> Node:
        """The node of an expression as an array with an axis of its entries."""
        node = self.wide(expression)
        return node if node.sizes else self.make("spread", [node], sizes=SCALAR)

    def full(self, node: Node, like: MatrixExpr, *, time: bool) -> Node:
        """The node with all its entries for each sequence, and at each time step if asked."""
        return self.graph.with_axes(node, Axes(array_sizes(like.shape), time, True))

    def lifted(self, scalar: Node, like: MatrixExpr) -> Node:
        """A scalar, where it goes with every entry of a matrix for each sequence as one."""
        one_for_each = scalar.batch and not is_vector(like.shape)
        return self.make("lift", [scalar]) if one_for_each else scalar

    def transposed(self, expression: MatrixExpr) -> Node:
        """The transpose of an expression."""
        if is_vector(expression.shape):
            return self.node(expression)
        if isinstance(expression, MatMul):
            return self.node(transposed_product(expression))
        return self.turned(self.wide(expression))

    def turned(self, matrix: Node) -> Node:
        return (
            matrix.operands[0] if matrix.kind == "transpose" else self.make("transpose", [matrix])
        )

    # Products.

    def product(self, factors: Iterable[Node]) -> Node:
        """A product entry by entry; what the seed of the loss multiplies is told by a kind."""
        nodes = list(factors)
        seeds = [node for node in nodes if _is_seed(node)]
        whole = self.graph.times(1, [node for node in nodes if not _is_seed(node)])
        # What is the same at each step is weighted at each of them.
        if not seeds or not whole.batch or any(seed.time > whole.time for seed in seeds):
            return self.graph.times(1, nodes)
        number = whole.detail if whole.kind == "times" else ONE
        inner = self.graph.times(1, whole.operands) if number != 1 else whole
        return self.graph.times(number, [self.make("weighted", [inner])])

    def entries(self, node: Node) -> Node:
        """The sum of the entries."""
        if not node.batch:
            return self.make("total", [node]) if node.sizes else node
        return node if node.sizes == SCALAR else self.make("entries", [node])

    def matrix_product(self, factors: list[MatrixExpr]) -> Node:
        """A product: a row, a number, or a matrix.

        Between two factors that meet in a size of one it falls into segments. All but the first
        and the last are numbers.
        """
        inward = product(*map(_inward, factors))
        if not isinstance(inward, MatMul) or split_coefficient(inward)[0] != 1:
            return self.node(inward)
        factors = list(inward.args)
        opened = self.opened(factors)
        if opened is not None:
            return self.graph.total((ONE, self.node(term)) for term in opened)
        segments: list[list[MatrixExpr]] = [[]]
        for factor in factors:
            if segments[-1] and factor.rows == 1:
                segments.append([])
            segments[-1].append(factor)
        parts = [self.segment(segment) for segment in segments]
        if len(parts) == 1:
            return parts[0]
        first, *middle, last = parts
        if factors[0].rows == 1:
            return self.product([first, *middle, last])
        if factors[-1].cols == 1:
            return self.product([*middle, last, first])
        numbers = [self.lifted(number, inward) for number in middle]
        return self.product([*numbers, self.make("outer", [first, last])])

    def opened(self, factors: list[MatrixExpr]) -> list[MatrixExpr] | None:
        """The terms of a product with the factor a + b^T c, whose outer product is never formed."""
        for position, factor in enumerate(factors):
            if is_vector(factor.shape) or not isinstance(factor, MatAdd):
                continue
            if any(map(_is_outer, factor.args)) and self.node(factor).batch:
                before, after = factors[:position], factors[position + 1 :]
                return [product(*before, term, *after) for term in factor.args]
        return None

    def segment(self, factors: list[MatrixExpr]) -> Node:
        """A product that meets in no size of one; a column is given as its row."""
        if factors[0].rows != 1 and factors[-1].cols == 1:
            factors = [_inward(transpose(factor)) for factor in reversed(factors)]
        before, *after = factors
        if after and is_triangle(before):
            result = self.cumulative(self.wide(after.pop(0)), before, -2)
        else:
            result = self.wide(before)
        for factor in after:
            if is_triangle(factor):
                result = self.cumulative(result, factor, -1)
            elif factor.cols == 1 and factors[0].rows == 1:
                result = self.entries(self.product([result, self.wide(factor)]))
            else:
                result = self.dot(result, self.wide(factor))
        return result

    def cumulative(self, node: Node, by: MatrixExpr, axis: int) -> Node:
        """A product with a triangle of ones: the sums up to each entry, or from it on."""
        backward = isinstance(by, Transpose) == (axis == -1)
        detail = axis if len(node.sizes) == 2 else None, backward
        return self.make("cumulative sum", [node], detail)

    def dot(self, left: Node, right: Node) -> Node:
        """A product with a matrix; of a one-hot vector, the row of its label."""
        if left.kind == "one hot" and not right.batch:
            return self.make("gather", [*left.operands, right])
        return self.make("dot", [left, right])


def _inward(factor: MatrixExpr) -> MatrixExpr:
    """A transpose of a product or a sum as a product or a sum of transposes."""
    if isinstance(factor, Transpose) and isinstance(factor.arg, MatMul):
        return transposed_product(factor.arg)
    if isinstance(factor, Transpose) and isinstance(factor.arg, MatAdd):
        return add(*map(transposed_product, factor.arg.args))
    return factor


def _is_outer(term: MatrixExpr) -> bool:
    _, rest = split_coefficient(term)
    return isinstance(rest, MatMul) and any(factor.rows == 1 for factor in rest.args[1:])


def _is_seed(node: Node) -> bool:
    return node.kind == "seed" or (node.kind == "last" and node.operands[0].kind == "seed")


def fraction(number: Expr) -> Fraction:
    """A number of the algebra."""
    return Fraction(int(number.p), int(number.q))
