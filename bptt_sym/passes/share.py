"""Sharing: functions through the fastest form that NumPy has for them.

The logistic function is a hyperbolic tangent, sigma(z) = 1/2 + 1/2 tanh(z / 2), which cannot
overflow. Side by side with others it takes one call of tanh, and the factor 1/2 of z goes into the
weights that z is made of. Its error is small beside 1, not beside sigma(z); where that is wanted,
it is exp(min(z, 0)) / (1 + exp(-|z|)) instead. Equal subexpressions are one from the start: a graph
has no two nodes that are equal.
"""

from __future__ import annotations

from fractions import Fraction

from bptt_sym.graph.graph import Graph, New
from bptt_sym.graph.node import Node
from bptt_sym.passes.accuracy import relatively_wanted

ONE, HALF = Fraction(1), Fraction(1, 2)
PLAIN = (Fraction(1), Fraction(0))


def share(graph: Graph) -> Graph:
    """The graph with fast functions, the factor of an argument in the weights that make it."""
    return _scaled(fast_functions(graph))


def fast_functions(graph: Graph) -> Graph:
    """The graph with tanh and the logistic function as one kind of node, ``squash``.

    ``squash`` with detail (a, b) is a tanh(z) + b.
    """
    accurate = relatively_wanted(graph)

    def rule(result: Graph, node: Node, new: New) -> Node | None:
        if node.kind != "apply":
            return None
        operands = [new(operand) for operand in node.operands]
        if node.detail == "tanh":
            return result.make("squash", operands, PLAIN)
        if node.detail == "sigmoid" and node not in accurate:
            return result.make("squash", [result.times(HALF, operands)], (HALF, HALF))
        if node.detail == "sigmoid" and node.time:
            return _accurate_sigmoid(result, *operands)
        return None

    return graph.rewritten(rule)


def _accurate_sigmoid(graph: Graph, z: Node) -> Node:
    """By calls that write into an array and are right for numbers of a complex step."""

    def exp_of_smaller(other: Node) -> Node:
        return graph.make("apply", [graph.make("extremum", [z, other], "min")], "exp")

    below = exp_of_smaller(graph.number(0))
    small = exp_of_smaller(graph.times(-1, [z]))
    return graph.make("divide", [below, graph.total([(ONE, small), (ONE, graph.number(1))])])


def _scaled(graph: Graph) -> Graph:
    """Takes the number before a sum of products into the weights, where nothing else reads it."""
    users, fixed = graph.users(), graph.fixed()

    def alone(node: Node) -> bool:
        return len(users[node]) == 1 and node not in fixed

    def rule(result: Graph, node: Node, new: New) -> Node | None:
        if node.kind != "times" or node.detail == 1 or len(node.operands) != 1:
            return None
        (inner,) = node.operands
        if inner.kind != "sum" or not alone(inner) or not inner.time:
            return None
        # The new sum may have another order.
        apart = {new(term) for term in inner.operands if alone(term)}
        made = new(inner)
        terms = [
            (ONE, _times_weights(result, node.detail * coefficient, term, term in apart))
            for term, coefficient in made.coefficients.items()
        ]
        return result.total([*terms, (node.detail, result.number(made.detail.constant))])

    return graph.rewritten(rule)


def _times_weights(graph: Graph, number: Fraction, node: Node, alone: bool) -> Node:
    if node.kind in ("dot", "gather") and alone and node.operands[1].is_constant:
        vector, matrix = node.operands
        return graph.make(node.kind, [vector, graph.times(number, [matrix])])
    return graph.times(number, [node])
