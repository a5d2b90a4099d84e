"""The names of a fast module's arrays: of what they hold, or of what that is on the way to."""

from __future__ import annotations

from collections.abc import Sequence

from bptt_sym.graph.graph import Graph, Key
from bptt_sym.graph.node import Node
from bptt_sym.memory.storage import Storage
from bptt_sym.targets.numpy.printer import lagged_role, role, whole_role
from bptt_sym.targets.numpy.python_names import PythonNames

LONGEST = 24
"""The longest name that has all parts of its array in it."""


class Titles:
    """Names storages and nodes by the keys of the graph."""

    def __init__(self, graph: Graph, names: PythonNames, loss: str) -> None:
        self.graph, self.names, self.loss = graph, names, loss
        self.users = graph.users()
        self.given: dict[Storage, str] = {}
        self.keys: dict[Node, list[Key]] = {}
        for key, definition in graph.definitions.items():
            self.keys.setdefault(definition.node, []).append(key)
        for key, node in graph.results.items():
            self.keys.setdefault(node, []).append(key)
            if node.kind == "result" and node.operands[0].sizes == node.sizes:
                self.keys.setdefault(node.operands[0], []).append(key)

    def known(self, node: Node) -> Key | None:
        """The key that a node stands for, its value first."""
        return min(self.keys.get(node, ()), key=lambda key: key[0] != "value", default=None)

    def purpose(self, node: Node) -> Key:
        """The key of the nearest quantity that a node goes into."""
        waiting = [node]
        for other in waiting:
            key = self.known(other)
            if key is not None:
                return key
            waiting += [user for user in self.users.get(other, ()) if user not in waiting]
        return ("loss",)

    def label(self, key: Key) -> str:
        """How names begin that have to do with a quantity: dz for what is an adjoint of z."""
        if key == ("loss",):
            return self.loss
        return key[1] if key[0] in ("value", "given") else f"d{key[1]}"

    def __call__(self, storage: Storage) -> str:
        """The name of a storage."""
        if storage not in self.given:
            known = [self.known(node) for node in storage.lanes]
            keys = [key for key in known if key is not None]
            if len(known) == len(keys) == 1:
                self.given[storage] = self.names(*role(keys[0]))
            elif len(known) == len(keys):
                self.given[storage] = self.names.fresh(_joint_name(list(map(self.label, keys))))
            else:
                self.given[storage] = self.fresh(*storage.lanes)
        return self.given[storage]

    def fresh(self, *nodes: Node) -> str:
        """A new name for what is on the way to something."""
        return self.names.fresh(self.joint(nodes))

    def joint(self, nodes: Sequence[Node]) -> str:
        """How names begin of what is on the way to something."""
        labels = list(dict.fromkeys(self.label(self.purpose(node)) for node in nodes))
        return f"{_joint_name(labels)}_in"

    def of_value(self, node: Node) -> str:
        """A name for what does not vary over time."""
        key = self.known(node)
        if node.kind in ("beside", "above"):
            turned = "_T" if node.kind == "above" else ""
            return self.names.fresh(_joint_name([*map(_parameter, node.operands)]) + turned)
        if key == ("loss",):
            return self.names("value", self.loss)
        return self.names.fresh(self.label(key)) if key else self.fresh(node)

    def past(self, storage: Storage, lag: int) -> str:
        """The name of what a storage holds ``lag`` steps back."""
        if not lag:
            return self(storage)
        key = storage.lanes[0].detail
        return self.names(*lagged_role(key, lag, reverse=storage.reverse and key[0] != "carry"))

    def whole(self, storage: Storage) -> str:
        """The name of an array with the values before the first step in it."""
        return self.names(*whole_role(storage.lanes[0].detail))


def _parameter(node: Node) -> str:
    """The first parameter that a constant is made of."""
    while node.operands:
        node = next((o for o in node.operands if len(o.sizes) == 2), node.operands[0])
    return node.detail if node.kind == "parameter" else "W"


def _joint_name(labels: Sequence[str]) -> str:
    """A name for several quantities side by side: z_i, z_f as z_if, di and df as dif."""
    if len(labels) == 1:
        return labels[0]
    prefix = "d" if all(text.startswith("d") for text in labels) else ""
    if len("_".join(labels)) > LONGEST:
        return f"{labels[0]}_to_{labels[-1]}"
    split = [text.removeprefix(prefix).rpartition("_") for text in labels]
    shared = {head for head, _, _ in split}
    head = f"{shared.pop()}_" if len(shared) == 1 and "" not in shared else ""
    rest = [tail if head else f"{before}{bar}{tail}" for before, bar, tail in split]
    return prefix + head + ("" if all(len(part) == 1 for part in rest) else "_").join(rest)
