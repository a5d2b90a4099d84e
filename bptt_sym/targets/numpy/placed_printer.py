"""Nodes of a readable function as expressions, where the current loop stands."""

from __future__ import annotations

from sympy import Expr

from bptt_sym.graph.array_shapes import SEQUENCES, STEPS
from bptt_sym.graph.graph import Key, Phase
from bptt_sym.graph.kinds import NUMBERS
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.comments import Numbers
from bptt_sym.targets.numpy.interface import Interface
from bptt_sym.targets.numpy.outline import Outline
from bptt_sym.targets.numpy.precedence import ADDITIVE, CALL, Code
from bptt_sym.targets.numpy.printer import Printer, lagged_role, role, whole_role
from bptt_sym.targets.numpy.python_names import PythonNames


class PlacedPrinter(Printer):
    """Writes what has a statement by its name, at its step in a loop."""

    def __init__(
        self,
        outline: Outline,
        interface: Interface,
        names: PythonNames,
        numbers: Numbers,
        phase: Phase,
    ) -> None:
        super().__init__(outline.graph, names)
        self.phase = phase
        self.outline, self.interface, self.numbers = outline, interface, numbers
        self.in_loop = False
        self.lagged: set[tuple[Key, int]] = set()

    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        if self.outline.is_named(node, self.phase):
            return Code(self.place(self.outline.keys[node]))
        if node.operands or node.kind in (*NUMBERS, "identity"):
            return self.code(node).within(binding)
        return Code(self.leaf(node))

    def code(self, node: Node) -> Code:
        if node.kind == "last" and self.in_loop:
            # Read at the last step alone, it is what stands there.
            return self.operand(node.operands[0], CALL)
        return super().code(node)

    def inner(self, node: Node) -> Code:
        return super().inner(node) if self.outline.is_named(node, self.phase) else self.code(node)

    def leading(self, node: Node) -> tuple[Expr, ...]:
        over_time = (STEPS,) if node.time and not self.in_loop else ()
        return (*over_time, *((SEQUENCES,) if node.batch else ()))

    def name(self, key: Key) -> str:
        """The name of a statement's value."""
        return self.use(self.names(*role(key)))

    def at_step(self, name: str) -> str:
        """What a name stands for at the step of a loop."""
        return f"{name}[{self.use('t')}]" if self.in_loop else name

    def place(self, key: Key) -> str:
        """The name of a statement's value, with its step in a loop."""
        name = self.name(key)
        return self.at_step(name) if key in self.outline.over_time else name

    def leaf(self, node: Node) -> str:
        match node.kind:
            case "initial":
                return self.initial_row(node)
            case "final":
                key = node.detail[0]
                if key not in self.outline.over_time:
                    return self.name(key)
                reverse = self.graph.definitions[key].reverse
                return f"{self.whole(key)}[{'0' if reverse else '-1'}]"
            case "lagged":
                key, lag = node.detail
                self.lagged.add((key, lag))
                if key[0] == "carry" and key not in self.outline.over_time:
                    return self.name(key)
                return self.at_step(self.lagged_name(key, lag))
        name = self.use(self.names("value", node.detail))
        return self.at_step(name) if node.time else name

    def lagged_name(self, key: Key, lag: int) -> str:
        reverse = self.graph.definitions[key].reverse
        return self.use(self.names(*lagged_role(key, lag, reverse=reverse)))

    def whole(self, key: Key) -> str:
        """The name of the array with the values before the first step."""
        return self.use(self.names(*whole_role(key)))
