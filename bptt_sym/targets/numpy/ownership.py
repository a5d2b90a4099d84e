"""Which values of a readable function are arrays that nothing else has."""

from __future__ import annotations

from bptt_sym.graph.graph import Key, Phase
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.outline import Outline


class Ownership:
    """Tells what of the values that a phase computes can be handed out as it is."""

    def __init__(self, outline: Outline, phase: Phase) -> None:
        self.outline, self.phase = outline, phase

    def owns(self, key: Key) -> bool:
        """Whether a value is an array that nothing else has: one that a loop writes into, or that
        the code of its statement makes.
        """
        node = self.outline.node_of[key]
        if self.outline.sites[node].loop is not None and key in self.outline.over_time:
            return True
        return self.is_new(node)

    def is_new(self, node: Node) -> bool:
        """Whether the code of a node makes a new array, and is no view of another one."""
        match node.kind:
            case "transpose":
                (inner,) = node.operands
                return not self.outline.is_named(inner, self.phase) and self.is_new(inner)
            case "result":
                (inner,) = node.operands
                if inner.sizes != node.sizes or inner.kind in ("number", "size"):
                    return inner.kind in ("number", "size")
                return not self.outline.is_named(inner, self.phase) and self.is_new(inner)
            case "final":
                carry = node.detail[0]
                begun = self.outline.graph.definitions[carry].initial
                local = carry not in self.outline.over_time
                return local and self.owns(carry) and all(map(self.is_new, begun))
            case "spread":
                return node.operands[0].kind == "number"
            case "named" if node.operands[0].kind == "final":
                return self.is_new(*node.operands)
            case "named" | "part" | "slice" | "last" | "lift" | "declared" | "stopped":
                return False
        return bool(node.operands)
