"""The losses of all time steps count alike, and what is added once: the adjoint of each is 1."""

from __future__ import annotations

from bptt_sym.graph.array_shapes import SEQUENCES, STEPS
from bptt_sym.graph.graph import Graph, New
from bptt_sym.graph.kinds import KINDS
from bptt_sym.graph.node import Node


def unweighted(graph: Graph) -> Graph:
    """The graph with 1 in the place of the seeds, spread where all its entries are needed."""
    keys = {d.node: key for key, d in graph.definitions.items() if key[0] != "given"}
    taken: set[Node] = set()

    def rule(result: Graph, node: Node, new: New) -> Node:
        made = _without_seed(result, node, tuple(map(new, node.operands)))
        if node not in keys:
            return made
        made = result.with_axes(made, node.axes)
        if not made.operands or made in taken:
            made = result.make("named", [made], keys[node])
        taken.add(made)
        return made

    return graph.rewritten(rule)


def _without_seed(graph: Graph, node: Node, operands: tuple[Node, ...]) -> Node:
    if node.kind in ("seed", "closing"):
        return graph.number(1)
    if node.kind == "weighted" or (node.kind == "last" and not operands[0].time):
        return operands[0]
    if node.operands == operands or node.kind in ("sum", "times"):
        return graph.remade(node, operands)
    if node.kind in ("batch sum", "total") and not operands[0].batch and node.operands[0].batch:
        count = STEPS * SEQUENCES if node.operands[0].time else SEQUENCES
        (inner,) = operands
        if node.kind == "total" and inner.sizes:
            inner = graph.make("total", operands)
        return graph.times(1, [graph.make("size", (), count), inner])
    if node.kind in ("batch sum", "total") and node.operands[0].time and not operands[0].time:
        whole_step = graph.remade(node, operands)
        return graph.times(1, [graph.make("size", (), STEPS), whole_step])
    if KINDS[node.kind].entrywise and node.kind not in ("ending", "named"):
        return graph.make(node.kind, operands, node.detail)
    whole = node.kind not in ("spread", "result")
    operands = tuple(
        graph.with_axes(after, before.axes) if whole else after
        for before, after in zip(node.operands, operands, strict=True)
    )
    return graph.remade(node, operands)
