"""What holds of every graph, before and after each pass."""

from __future__ import annotations

from bptt_sym.compiler.graph import Graph, Node, forward_nodes, joint_sizes
from bptt_sym.compiler.stack import added

ENTRYWISE = ("sum", "times", "divide", "ufunc", "squash", "sigmoid", "weighted", "last", "ending")
TIMELESS = ("contract", "batch sum", "total", "last", "final", "initial", "result", "parameter")
OF_BATCHES = ("contract", "batch sum", "total", "result", "parameter")
"""Kinds that are the same for all sequences."""


def check(graph: Graph) -> None:
    """Raises AssertionError, naming the node, for a graph that is not well formed.

    Shapes fit, time and sequences go where operands have them, the forward pass reads nothing of
    the backward pass, and what is read at other time steps is defined.
    """
    for node in graph.reachable():
        for problem in _problems(graph, node):
            raise AssertionError(f"{problem}: {node}")
    for node in forward_nodes(graph):
        backward = node.kind in ("seed", "final") or (
            node.kind == "lagged" and node.detail[0][0] != "value"
        )
        if backward:
            raise AssertionError(f"the forward pass reads the backward pass: {node}")


def _problems(graph: Graph, node: Node) -> list[str]:
    found = []
    sizes = _sizes(node)
    if sizes is not None and sizes != node.sizes:
        found.append(f"the sizes {node.sizes} should be {sizes}")
    if node.kind in TIMELESS and node.time:
        found.append("it varies over time")
    if node.kind in OF_BATCHES and node.batch:
        found.append("it varies between sequences")
    if node.kind in ("lagged", "final") and node.detail[0] not in graph.definitions:
        found.append("it is not defined")
    if node.kind in ("lagged",) and graph.definitions[node.detail[0]].depth < node.detail[1]:
        found.append("it has no value before the first step")
    reads_time = any(operand.time for operand in node.operands)
    if reads_time and not node.time and node.kind not in TIMELESS:
        found.append("it loses the time")
    return found


def _sizes(node: Node) -> tuple[str, ...] | None:
    """The sizes that a node must have by those of its operands; None where any are right."""
    shapes = [operand.sizes for operand in node.operands]
    match node.kind:
        case "dot":
            (inner,), (rows, columns) = shapes
            return (columns,) if inner == rows else ("a product of", inner, rows)
        case "contract":
            return tuple(operand.width for operand in node.operands)
        case "join":
            return (added(operand.width for operand in node.operands),)
        case "beside":
            return (shapes[0][0], added(columns for _, columns in shapes))
        case "above":
            return (added(rows for rows, _ in shapes), shapes[0][1])
        case "part":
            position, widths, axis = node.detail
            sizes = list(shapes[0])
            if sizes[axis] != added(widths):
                return ("parts of", sizes[axis], added(widths))
            sizes[axis] = widths[position]
            return tuple(sizes)
        case "transpose":
            return shapes[0][::-1]
        case "total":
            return ()
        case _ if node.kind in ENTRYWISE:
            return joint_sizes(shapes)
    return None
