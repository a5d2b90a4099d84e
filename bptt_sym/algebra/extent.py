"""How many symbols expressions and their derivatives have when they are written out.

A derivative that is built shares its parts and may be small where its text is not: that of a
softmax within a softmax reads the adjoint twice, so that each one more doubles the text. Numbers
tell it without building any.
"""

from __future__ import annotations

from collections.abc import Mapping

from bptt_sym.algebra.blocks import StateTuple
from bptt_sym.algebra.expressions import MatrixExpr, Parameter, PartialDerivative
from bptt_sym.algebra.operations import is_leaf, operation_of


class Extent:
    """Counts symbols; what was counted once is known."""

    def __init__(self) -> None:
        self._written: dict[MatrixExpr, int] = {}
        self._pulled: dict[MatrixExpr, list[tuple[MatrixExpr, int, int]]] = {}

    def written(self, expression: MatrixExpr) -> int:
        """The leaves and operations of an expression."""
        known = self._written.get(expression)
        if known is None:
            if is_leaf(expression):
                known = _of_leaf(expression)
            else:
                parts = (part for part in expression.args if isinstance(part, MatrixExpr))
                known = 1 + sum(map(self.written, parts))
            self._written[expression] = known
        return known

    def derivatives(
        self, expression: MatrixExpr, inner: Mapping[MatrixExpr, MatrixExpr] | None = None
    ) -> int:
        """The symbols of the adjoints that reach the leaves of an expression, all together.

        Leaves that ``inner`` has an expression for are gone through.
        """
        total = 0
        waiting = [(expression, 1)]
        while waiting:
            node, adjoint = waiting.pop()
            node = inner.get(node, node) if inner else node
            if is_leaf(node):
                total += adjoint
                continue
            for operand, times, more in self._rules(node):
                waiting.append((operand, times * adjoint + more))
        return total

    def work(self, expression: MatrixExpr) -> int:
        """About how many operations an expression and its derivatives are, none of them shared."""
        if is_leaf(expression):
            return 0
        rules = sum(times + more for _, times, more in self._rules(expression))
        parts = (part for part in expression.args if isinstance(part, MatrixExpr))
        return rules + sum(map(self.work, parts))

    def _rules(self, node: MatrixExpr) -> list[tuple[MatrixExpr, int, int]]:
        """The operands of a node, how often the adjoint of each reads that of the node, and the
        symbols that it has besides.
        """
        if node not in self._pulled:
            seed = Parameter("adjoint", *node.shape)
            pairs = operation_of(node).vjp(node, seed)
            self._pulled[node] = [(operand, *self._split(e, seed)) for operand, e in pairs]
        return self._pulled[node]

    def _split(self, expression: MatrixExpr, seed: MatrixExpr) -> tuple[int, int]:
        """How often an expression reads the seed, and the other symbols of it."""
        if expression == seed:
            return 1, 0
        if is_leaf(expression) or not expression.has(seed):
            return 0, self.written(expression)
        parts = [self._split(e, seed) for e in expression.args if isinstance(e, MatrixExpr)]
        return sum(times for times, _ in parts), 1 + sum(more for _, more in parts)


def _of_leaf(leaf: MatrixExpr) -> int:
    """What a leaf counts: one, and one more for each four states of a tuple that it names."""
    sides = (leaf.of, leaf.by) if isinstance(leaf, PartialDerivative) else (leaf,)
    return 1 + sum(len(side.components) // 4 for side in sides if isinstance(side, StateTuple))
