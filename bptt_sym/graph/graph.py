"""The computation of one time step as a graph of array operations, forward and backward.

A node is one operation for one time step of one sequence. Whether it varies over time and between
sequences is part of it, so that what is the same for all is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from sympy import Rational

from bptt_sym.derivation.derivation import DerivedEquation
from bptt_sym.graph.array_shapes import Sizes, joint_sizes
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node, Nodes

Key = tuple[str, ...]
"""What a graph defines: ("value", "h"), ("adjoint", "h"), ("carry", "h", "1")."""


New = Callable[[Node], Node]
"""What becomes of a node of a graph that is rewritten."""


@dataclass
class Definition:
    """What a key stands for: its node, and for what is read at other time steps, the start of it.

    ``initial`` are the nodes of the values before the first iteration, the nearest first.
    """

    node: Node
    initial: tuple[Node, ...] = ()
    reverse: bool = False

    @property
    def depth(self) -> int:
        """How many steps back it is read."""
        return len(self.initial)

    @property
    def sizes(self) -> Sizes:
        """The sizes of what is stored of it."""
        return joint_sizes(node.sizes for node in (self.node, *self.initial))


@dataclass
class Graph(Nodes):
    """Nodes by what they stand for.

    ``results`` are what the program returns: ("loss",), ("gradient", name), ("initial", name), and
    where they are asked for the gradients with respect to inputs, ("input", name).
    ``kept`` are the keys of values that the forward pass returns; ``equations`` are those of the
    derivation that a key computes, and ``decimals`` the numbers written so in them.
    """

    definitions: dict[Key, Definition] = field(default_factory=dict)
    results: dict[Key, Node] = field(default_factory=dict)
    kept: tuple[Key, ...] = ()
    equations: dict[Key, tuple[DerivedEquation, ...]] = field(default_factory=dict)
    decimals: frozenset[Rational] = frozenset()

    def roots(self) -> Iterator[Node]:
        """The nodes that are wanted: results, what is kept, and what a step hands on.

        It hands on every state, also one that no equation reads, and inputs that are read later.
        """
        yield from (node for key, node in self.results.items() if key[0] == "input")
        yield from self.always_wanted()

    def always_wanted(self) -> Iterator[Node]:
        """The roots without the gradients with respect to inputs."""
        for key, definition in self.definitions.items():
            if key[0] in ("value", "given"):
                yield from definition.initial
            if key[0] == "given":
                yield definition.node
        yield from (node for key, node in self.results.items() if key[0] != "input")
        for key in self.kept:
            yield self.definitions[key].node

    def dependencies(self, node: Node) -> tuple[Node, ...]:
        """What must be computed before a node: its operands, or what it reads at other time steps
        and what that begins with.
        """
        if not KINDS[node.kind].elsewhere:
            return node.operands
        definition = self.definitions[node.detail[0]]
        return definition.node, *definition.initial

    def reachable(self, roots: Iterable[Node] | None = None) -> list[Node]:
        """The nodes that the wanted ones need, operands before what reads them.

        What is read at another time step is needed too, and stands wherever it can.
        """
        found: dict[Node, None] = {}
        seen: set[Node] = set()
        waiting = [(node, False) for node in (self.roots() if roots is None else roots)]
        while waiting:
            node, done = waiting.pop()
            if done:
                found[node] = None
                continue
            if node in seen:
                continue
            seen.add(node)
            waiting.append((node, True))
            needed = [(other, False) for other in self.dependencies(node)]
            waiting = [*needed, *waiting] if KINDS[node.kind].elsewhere else [*waiting, *needed]
        return list(found)

    def users(self) -> dict[Node, list[Node]]:
        """The nodes that read each node in the same time step."""
        found: dict[Node, list[Node]] = {}
        for node in self.reachable():
            found.setdefault(node, [])
            for operand in dict.fromkeys(node.operands):
                found.setdefault(operand, []).append(node)
        return found

    def fixed(self) -> set[Node]:
        """The nodes that are wanted as they are: results, kept values and what a lag reads."""
        found = set(self.roots())
        for node in self.reachable():
            if KINDS[node.kind].elsewhere:
                found.update(self.dependencies(node))
        return found

    def rewritten(
        self,
        rule: Callable[[Graph, Node, New], Node | None],
        *,
        canonical: bool | None = None,
    ) -> Graph:
        """The graph with each node as a rule makes it in the new graph.

        A rule is given the new graph, the node, and the function that tells what becomes of a node,
        its operands for example. If it returns None, the node is left as it is. From then on the
        graph is ``canonical``, where that is told.
        """
        canonical = self.canonical if canonical is None else canonical
        result = Graph(
            kept=self.kept,
            equations=self.equations,
            decimals=self.decimals,
            canonical=canonical,
        )
        named = set() if canonical else {d.node for d in self.definitions.values()}
        made: dict[Node, Node] = {}

        def new(node: Node) -> Node:
            if node not in made:
                operands = [new(operand) for operand in node.operands]
                made[node] = rule(result, node, new) or result.remade(node, operands)
            return made[node]

        for node in self.reachable():
            new(node)
            if node in named:
                result.keep_whole(made[node])
        result.results = {key: made[node] for key, node in self.results.items()}
        for key, definition in self.definitions.items():
            if definition.node in made:
                initial = tuple(made[node] for node in definition.initial if node in made)
                result.definitions[key] = replace(
                    definition, node=made[definition.node], initial=initial
                )
        return result


Phase = Literal["forward", "backward", "inputs"]

PHASES: tuple[Phase, ...] = ("forward", "backward", "inputs")
"""The loss, the gradients that are always asked for, and those with respect to inputs."""


def phases_of(graph: Graph) -> dict[Node, Phase]:
    """The phase of each node: the first one that needs it."""
    kept = [graph.definitions[key].node for key in graph.kept]
    forward = set(graph.reachable([*kept, graph.results["loss",]]))
    backward = set(graph.reachable(graph.always_wanted()))
    return {
        node: "forward" if node in forward else "backward" if node in backward else "inputs"
        for node in graph.reachable()
    }
