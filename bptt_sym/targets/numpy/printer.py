"""Nodes as expressions, by the table of spellings."""

from __future__ import annotations

from sympy import Expr

from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.precedence import ADDITIVE, Code
from bptt_sym.targets.numpy.python_names import PythonNames
from bptt_sym.targets.numpy.row_parts import shape_code, size_code
from bptt_sym.targets.numpy.spelling import SPELLINGS


class Printer:
    """Writes nodes where it stands; what it reads is noted in ``used``."""

    def __init__(self, graph: Graph, names: PythonNames) -> None:
        self.graph, self.names = graph, names
        self.used: set[str] = set()

    @property
    def axis(self) -> int:
        """The axis of entries."""
        return -1

    def use(self, name: str) -> str:
        """A name, noted as read here."""
        self.used.add(name)
        return name

    def size(self, size: Expr) -> str:
        """The code of a size."""
        self.used |= {symbol.name for symbol in size.free_symbols}
        return size_code(size)

    def code(self, node: Node) -> Code:
        """A node as an expression."""
        return SPELLINGS[node.kind](self, node)

    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        """A node as it stands in another one."""
        raise NotImplementedError

    def inner(self, node: Node) -> Code:
        """The code of an operand that is all of a node."""
        return self.operand(node)

    def leading(self, node: Node) -> tuple[Expr, ...]:
        """The axes that a node has here before those of its entries."""
        raise NotImplementedError

    def shape(self, node: Node) -> str:
        """The shape of a node's array here."""
        return shape_code(map(self.size, (*self.leading(node), *node.sizes)))

    def initial_row(self, node: Node) -> str:
        """The argument that a node "initial" stands for, or its row that does."""
        state, lag = node.detail
        definition = self.graph.definitions[_begun_by(self.graph, state)]
        name = self.use(self.names("initial", state))
        if definition.depth == 1:
            return name
        return f"{name}[{lag - 1 if definition.reverse else definition.depth - lag}]"


def _begun_by(graph: Graph, name: str) -> Key:
    key = ("given", name)
    return key if key in graph.definitions else ("value", name)


def role(key: Key) -> tuple[str, str]:
    """The role and the name by which names of a module are given out."""
    match key:
        case ("carry", name, lag):
            return ("carry" if lag == "1" else f"carry {lag}"), name
        case ("adjoint" | "gradient", name):
            return "adjoint", name
        case ("initial", name):
            return "initial adjoint", name
        case ("given", name):
            return "now", name
        case (_, name):
            return "value", name
    raise AssertionError(f"no name for {key}")


def lagged_role(key: Key, lag: int, *, reverse: bool) -> tuple[str, str]:
    """The same for what is read so many steps before, or after where states go in reverse."""
    if key[0] == "carry":
        return "carry before", f"{key[1]}{'' if key[2] == '1' else key[2]}"
    word = "following" if reverse else "previous"
    return (word if lag == 1 else f"{word} {lag}"), key[1]
