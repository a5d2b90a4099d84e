"""How large the arrays of a model are, for numbers in the place of its dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bptt_sym.algebra.expressions import MatrixExpr, dimension
from bptt_sym.model.model import Model


def most_entries(model: Model, sizes: Mapping[str, int]) -> int:
    """The entries of the largest array of a time step, what is within equations among them."""
    numbers = {dimension(name): size for name, size in sizes.items()}
    shapes = {node.shape for node in _arrays(model)}
    return max(int((rows * columns).subs(numbers)) for rows, columns in shapes)


def _arrays(model: Model) -> Iterator[MatrixExpr]:
    waiting: list[object] = [entry.symbol for entry in model.declarations]
    waiting += [entry.initial for entry in model.declarations if entry.initial is not None]
    waiting += [definition.expression for definition in model.computed]
    while waiting:
        node = waiting.pop()
        if isinstance(node, MatrixExpr):
            yield node
            waiting += node.args
