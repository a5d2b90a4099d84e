"""What the rows of the table of spellings are made of: texts, shapes and spans."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from sympy import Add, Expr, Mul

from bptt_sym.graph.graph import Graph
from bptt_sym.graph.kinds import NUMBERS
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.precedence import ADDITIVE, CALL, MULTIPLICATIVE, Code, call, chain
from bptt_sym.targets.numpy.python_names import PythonNames


class Writing(ABC):
    """Writes nodes where it stands; what it reads is noted in ``used``."""

    def __init__(self, graph: Graph, names: PythonNames) -> None:
        self.graph, self.names = graph, names
        self.used: set[str] = set()

    @property
    def axis(self) -> int:
        """The axis of entries: the last, or the one before it where the sequences are the last."""
        return -1

    @abstractmethod
    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        """The code of an operand, in brackets if it binds less tightly than asked."""

    @abstractmethod
    def leading(self, node: Node) -> tuple[Expr, ...]:
        """The axes that a node has here before those of its entries."""

    def inner(self, node: Node) -> Code:
        """The code of an operand that is all of a node."""
        return self.operand(node)

    def shape(self, node: Node) -> str:
        """The shape of a node's array here."""
        return shape_code(map(self.size, (*self.leading(node), *node.sizes)))

    def size(self, size: Expr) -> str:
        """The code of a size."""
        self.used |= names_in([size])
        return size_code(size)

    def use(self, name: str) -> str:
        """A name of the module or of a function in it, noted as read here."""
        self.used.add(name)
        return name


Row = Callable[[Writing, Node], Code]
"""The code of a node of a kind."""


class Slot:
    """An operand in a text: {0} is the first, {0:call} it in brackets unless it is a call."""

    def __init__(self, write: Writing, node: Node) -> None:
        self.write, self.node = write, node

    def __format__(self, binding: str) -> str:
        return str(self.write.operand(self.node, {"": ADDITIVE, "call": CALL}[binding]))


def function(name: str) -> Row:
    """A call with the operands of a function that a module defines."""

    def row(write: Writing, node: Node) -> Code:
        return call(f"{write.use(name)}(", map(write.operand, node.operands))

    return row


def text(text: str) -> Row:
    """A text with the operands in their places, which binds as a call does."""

    def row(write: Writing, node: Node) -> Code:
        return Code(text.format(*(Slot(write, operand) for operand in node.operands)))

    return row


def binary(operator: str) -> Row:
    """Two operands with an operator between them that binds as a product does."""

    def row(write: Writing, node: Node) -> Code:
        left, right = node.operands
        first, second = (
            write.operand(left, MULTIPLICATIVE),
            write.operand(right, MULTIPLICATIVE + 1),
        )
        return chain([("", first), (f"{operator} ", second)], MULTIPLICATIVE)

    return row


def inner(write: Writing, node: Node) -> Code:
    """A node that is all of its operand."""
    return write.inner(node.operands[0])


def named(write: Writing, node: Node) -> Code:
    """A node that has a name."""
    return write.operand(node)


def shape_code(sizes: Iterable[str]) -> str:
    """A shape as a tuple in code."""
    sizes = tuple(sizes)
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def span_code(write: Writing, start: Expr, stop: Expr | None) -> str:
    """A slice: :n, n:2*n, (m + n):"""
    ends = ("" if end is None or end == 0 else write.size(end) for end in (start, stop))
    return ":".join(f"({end})" if " " in end else end for end in ends)


def time_span(depth: int, lag: int, *, reverse: bool) -> str:
    """The steps of an array with a past that are the values, or those ``lag`` steps back."""
    if reverse:
        return f"[{lag}:][:T]" if lag else "[:T]"
    return f"[{depth - lag or ''}:-{lag}]" if lag else f"[{depth}:]"


def size_code(size: Expr) -> str:
    """A size as code: n, 4*n or m + n."""
    if isinstance(size, Add):
        return " + ".join(map(size_code, size.as_ordered_terms()))
    if isinstance(size, Mul):
        return "*".join(f"({size_code(f)})" if f.is_Add else size_code(f) for f in size.args)
    if size.is_Pow:
        return "*".join([size_code(size.base)] * int(size.exp))
    return str(size)


def names_in(sizes: Iterable[Expr]) -> set[str]:
    """The dimensions that sizes are made of."""
    return {symbol.name for size in sizes for symbol in size.free_symbols}


def is_of_numbers(node: Node) -> bool:
    """Whether a node is made of numbers and sizes alone: an int, or a float of another type."""
    if not node.operands:
        return node.kind in NUMBERS
    arithmetic = node.kind in ("sum", "times", "divide", "power", "apply")
    return arithmetic and not node.sizes and all(map(is_of_numbers, node.operands))
