"""Nodes as expressions, by the table of spellings."""

from __future__ import annotations

from bptt_sym.graph.graph import Key
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.precedence import Code
from bptt_sym.targets.numpy.row_parts import Writing
from bptt_sym.targets.numpy.spelling import SPELLINGS


class Printer(Writing):
    """Writes nodes by the table of spellings."""

    def code(self, node: Node) -> Code:
        """A node as an expression."""
        return SPELLINGS[node.kind](self, node)

    def initial_row(self, node: Node) -> str:
        """The argument that a node "initial" stands for, or its row that does."""
        state, lag = node.detail
        known = self.graph.definitions
        definition = known.get(("given", state)) or known["value", state]
        name = self.use(self.names("initial", state))
        if definition.depth == 1:
            return name
        return f"{name}[{lag - 1 if definition.reverse else definition.depth - lag}]"


def role(key: Key) -> tuple[str, str]:
    """The role and the name by which names of a module are given out."""
    match key:
        case ("carry", name, lag):
            return ("carry" if lag == "1" else f"carry {lag}"), name
        case ("adjoint" | "gradient" | "input", name):
            return "adjoint", name
        case ("initial", name) | ("input", name, "initial"):
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


def whole_role(key: Key) -> tuple[str, str]:
    """The same for an array over time with the values before the first step in it."""
    if key[0] == "carry":
        return "carry all", lagged_role(key, 1, reverse=False)[1]
    return "all", key[1]
