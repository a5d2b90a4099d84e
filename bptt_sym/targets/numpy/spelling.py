"""How NumPy writes each kind of node as an expression of its operands: one row a kind.

A row vector is an array whose last axis holds its entries, after those of time and of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Protocol

from sympy import Add, Expr, Mul

from bptt_sym.graph.graph import Node
from bptt_sym.graph.sizes import SEQUENCES, added
from bptt_sym.targets.numpy.functions import FUNCTIONS
from bptt_sym.targets.numpy.precedence import (
    ADDITIVE,
    CALL,
    MULTIPLICATIVE,
    POWER,
    UNARY,
    Code,
    call,
    chain,
    number_code,
)


class Writing(Protocol):
    """What a row asks of the printer that writes a node."""

    @property
    def axis(self) -> int:
        """The axis of entries: the last, or the one before it where the sequences are the last."""

    def operand(self, node: Node, binding: int = ADDITIVE) -> Code:
        """The code of an operand, in brackets if it binds less tightly than asked."""

    def inner(self, node: Node) -> Code:
        """The code of an operand that is all of a node."""

    def leading(self, node: Node) -> tuple[Expr, ...]:
        """The axes that a node has here before those of its entries."""

    def shape(self, node: Node) -> str:
        """The shape of a node's array here."""

    def size(self, size: Expr) -> str:
        """The code of a size."""

    def use(self, name: str) -> str:
        """A name of the module or of a function in it, noted as read here."""


Row = Callable[[Writing, Node], Code]
"""The code of a node of a kind."""


class _Part:
    """An operand in a text: {0} is the first, {0:call} it in brackets unless it is a call."""

    def __init__(self, write: Writing, node: Node) -> None:
        self.write, self.node = write, node

    def __format__(self, binding: str) -> str:
        return str(self.write.operand(self.node, {"": ADDITIVE, "call": CALL}[binding]))


def _text(text: str, *names: str) -> Row:
    """A text with the operands in their places, which binds as a call does, and what it reads."""

    def row(write: Writing, node: Node) -> Code:
        for name in names:
            write.use(name)
        return Code(text.format(*(_Part(write, operand) for operand in node.operands)))

    return row


def _inner(write: Writing, node: Node) -> Code:
    return write.inner(node.operands[0])


def _named(write: Writing, node: Node) -> Code:
    return write.operand(node)


def shape_code(sizes: Iterable[str]) -> str:
    """A shape as a tuple in code."""
    sizes = tuple(sizes)
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


# Constants.


def _number(write: Writing, node: Node) -> Code:
    return Code(number_code(node.detail), CALL if node.detail >= 0 else UNARY)


def _size(write: Writing, node: Node) -> Code:
    size = node.detail
    binding = CALL if size.is_Atom else ADDITIVE if size.is_Add else MULTIPLICATIVE
    return Code(write.size(size), binding)


def _identity(write: Writing, node: Node) -> Code:
    return call("np.eye(", [write.size(node.sizes[0]), f"dtype={write.use('dtype')}"])


# Entry by entry.


def _sum(write: Writing, node: Node) -> Code:
    """The terms in the author's order."""
    coefficients, constant, place = node.detail
    found = []
    for coefficient, operand in zip(coefficients, node.operands, strict=True):
        shown = _scaled(write, abs(coefficient), [operand])
        found.append((coefficient < 0, shown))
    if constant:
        found.insert(place, (constant < 0, Code(number_code(abs(constant)))))
    first, *others = found
    terms = [("-" if first[0] else "", first[1])]
    return chain([*terms, *(("- " if minus else "+ ", term) for minus, term in others)], ADDITIVE)


def _scaled(write: Writing, number: Fraction, factors: Sequence[Node]) -> Code:
    """A positive number times factors."""
    first, *others = factors
    if number == 1:
        shown = [("", write.operand(first, MULTIPLICATIVE))]
    else:
        # A product goes on behind the number.
        inner = MULTIPLICATIVE + (first.kind not in ("times", "divide"))
        shown = [("", Code(number_code(number))), ("* ", write.operand(first, inner))]
    shown += [("* ", write.operand(factor, MULTIPLICATIVE + 1)) for factor in others]
    return shown[0][1] if len(shown) == 1 else chain(shown, MULTIPLICATIVE)


def _times(write: Writing, node: Node) -> Code:
    if node.detail > 0:
        return _scaled(write, node.detail, node.operands)
    if node.detail != -1 or len(node.operands) > 1:
        inner = _scaled(write, -node.detail, node.operands)
        (_, first), *others = inner.items or (("", inner),)
        return chain([("-", first.within(UNARY)), *others], MULTIPLICATIVE)
    (operand,) = node.operands
    binding = MULTIPLICATIVE if operand.kind in ("times", "divide") else UNARY
    return chain([("-", write.operand(operand, binding))], UNARY)


def _divide(write: Writing, node: Node) -> Code:
    over, under = node.operands
    terms = [
        ("", write.operand(over, MULTIPLICATIVE)),
        ("/ ", write.operand(under, MULTIPLICATIVE + 1)),
    ]
    return chain(terms, MULTIPLICATIVE)


def _power(write: Writing, node: Node) -> Code:
    exponent = number_code(node.detail)
    shown = f"({exponent})" if node.detail < 0 else exponent
    return Code(f"{write.operand(node.operands[0], CALL)} ** {shown}", POWER)


def _apply(write: Writing, node: Node) -> Code:
    row = FUNCTIONS[node.detail]
    if row.defined:
        write.use(row.defined)
    head, _, tail = row.text.partition("{}")
    return call(head, [write.operand(node.operands[0])], tail)


def _extremum(write: Writing, node: Node) -> Code:
    function = "np.maximum(" if node.detail == "max" else "np.minimum("
    return call(function, map(write.operand, node.operands))


def _squash(write: Writing, node: Node) -> Code:
    factor, shift = node.detail
    text = f"np.tanh({write.operand(node.operands[0])})"
    if factor != 1:
        text = f"{number_code(factor)} * {text}"
    if shift:
        return Code(f"{text} + {number_code(shift)}", ADDITIVE)
    return Code(text, CALL if factor == 1 else MULTIPLICATIVE)


def _comparison(write: Writing, node: Node) -> Code:
    strict, negated = node.detail
    left, right = (write.operand(side, ADDITIVE + 1) for side in node.operands)
    holds = f"{left} {'>' if strict else '>='} {right}"
    shown = f"np.logical_not({holds})" if negated else holds
    return call("np.asarray(", [shown, write.use("dtype")])


def _choice(write: Writing, node: Node) -> Code:
    # Numbers of a complex step are compared by their real parts.
    sides, values = node.operands[:2], node.operands[2:]
    left, right = (
        write.operand(side) if side.kind == "number" else f"np.real({write.operand(side)})"
        for side in sides
    )
    shown: list[Code | str] = [write.operand(value) for value in values]
    if all(value.kind == "number" for value in values):
        shown = [f"{write.use('dtype')}.type({value})" for value in shown]
    return call("np.where(", [f"{left} {'>' if node.detail else '>='} {right}", *shown])


# Spread.


def is_of_numbers(node: Node) -> bool:
    """Whether a node is made of numbers and sizes alone: an int, or a float of another type."""
    if not node.operands:
        return node.kind in ("number", "size")
    arithmetic = node.kind in ("sum", "times", "divide", "power")
    return arithmetic and not node.sizes and all(map(is_of_numbers, node.operands))


def _spread(write: Writing, node: Node) -> Code:
    (operand,) = node.operands
    shape = write.shape(node)
    if operand.kind == "number":
        number = number_code(operand.detail)
        if not operand.detail:
            return call("np.zeros(", [shape, write.use("dtype")])
        return call("np.full(", [shape, number, write.use("dtype")])
    if is_of_numbers(operand):
        return call("np.full(", [shape, write.operand(operand), write.use("dtype")])
    return call("np.broadcast_to(", [write.operand(operand), shape])


def _result(write: Writing, node: Node) -> Code:
    (operand,) = node.operands
    if operand.operands and not node.sizes and is_of_numbers(operand):
        return call("np.array(", [write.inner(operand), write.use("dtype")])
    if operand.sizes == node.sizes and operand.kind not in ("number", "size"):
        return write.inner(operand)
    return _spread(write, node)


# Whole vectors.


def _over_entries(function: str, inner: str = "{}") -> Row:
    def row(write: Writing, node: Node) -> Code:
        (operand,) = node.operands
        shown = inner.format(write.operand(operand)) if inner != "{}" else write.operand(operand)
        if len(operand.sizes) == 2:
            return Code(f"{function}({shown}, axis=(-2, -1))[..., None]")
        return call(f"{function}(", [shown, f"axis={write.axis}", "keepdims=True"])

    return row


def _join(write: Writing, node: Node) -> Code:
    parts = list(map(write.operand, node.operands))
    if len({(part.time, part.batch) for part in node.operands}) == 1:
        return call("np.concatenate([", parts, f"], axis={write.axis})")
    return call(f"{write.use('concat')}(", parts)


def span_code(write: Writing, start: Expr, stop: Expr | None) -> str:
    """A slice: :n, n:2*n, (m + n):"""
    ends = ("" if end is None or end == 0 else write.size(end) for end in (start, stop))
    return ":".join(f"({end})" if " " in end else end for end in ends)


def _slice(write: Writing, node: Node) -> Code:
    return Code(f"{write.operand(node.operands[0], CALL)}[..., {span_code(write, *node.detail)}]")


def _pad(write: Writing, node: Node) -> Code:
    return call(
        f"{write.use('pad')}(", [write.operand(node.operands[0]), *map(write.size, node.detail)]
    )


def _part(write: Writing, node: Node) -> Code:
    position, widths, axis = node.detail
    stop = added(widths[: position + 1]) if position + 1 < len(widths) else None
    span = span_code(write, added(widths[:position]), stop)
    columns = ":, " if len(node.sizes) == 2 and axis else ""
    return Code(f"{write.operand(node.operands[0], CALL)}[{columns}{span}]")


# Matrices.


def _dot(write: Writing, node: Node) -> Code:
    left, right = node.operands
    if right.batch and len(left.sizes) == 1:
        both = map(write.operand, node.operands)
        return call("np.einsum(", ['"...i,...ij->...j"', *both])
    terms = [
        ("", write.operand(left, MULTIPLICATIVE)),
        ("@ ", write.operand(right, MULTIPLICATIVE + 1)),
    ]
    return chain(terms, MULTIPLICATIVE)


def _outer(write: Writing, node: Node) -> Code:
    if not node.batch:
        return call("np.outer(", map(write.operand, node.operands))
    left, right = (write.operand(side, CALL) for side in node.operands)
    terms = [("", Code(f"{left}[..., :, None]")), ("* ", Code(f"{right}[..., None, :]"))]
    return chain(terms, MULTIPLICATIVE)


def _transpose(write: Writing, node: Node) -> Code:
    (matrix,) = node.operands
    if node.batch:
        return Code(f"np.swapaxes({write.operand(matrix)}, -1, -2)")
    return Code(f"{write.operand(matrix, CALL)}.T")


def _side_by_side(axis: int) -> Row:
    def row(write: Writing, node: Node) -> Code:
        return call("np.concatenate([", map(write.operand, node.operands), f"], axis={axis})")

    return row


# Sums over time and sequences.


def _contract(write: Writing, node: Node) -> Code:
    left, right = node.operands
    if not left.time:
        terms = [
            ("", Code(f"{write.operand(left, CALL)}.T")),
            ("@ ", write.operand(right, MULTIPLICATIVE + 1)),
        ]
        return chain(terms, MULTIPLICATIVE)
    axes = list(range(len(write.leading(left))))
    both = map(write.operand, node.operands)
    return call("np.tensordot(", [*both, f"axes=({axes}, {axes})"])


def _batch_sum(write: Writing, node: Node) -> Code:
    (operand,) = node.operands
    axes = tuple(range(len(write.leading(operand))))
    return call("np.sum(", [write.operand(operand), f"axis={axes if len(axes) > 1 else 0}"])


def _ending(write: Writing, node: Node) -> Code:
    """At all time steps at once: zeros before the last."""
    shape = shape_code(["T - 1", *map(write.size, (SEQUENCES, *node.sizes))])
    write.use("T")
    zeros = f"np.zeros({shape}, {write.use('dtype')})"
    return call("np.concatenate([", [zeros, f"{write.operand(node.operands[0], CALL)}[None]"], "])")


# Labels.


def _one_hot(write: Writing, node: Node) -> Code:
    (labels,) = node.operands
    size = write.size(node.sizes[0])
    return call(f"{write.use('one_hot')}(", [write.operand(labels), size, write.use("dtype")])


def _scatter(write: Writing, node: Node) -> Code:
    labels, rows = map(write.operand, node.operands)
    return call(f"{write.use('scatter')}(", [labels, rows, write.size(node.detail)])


SPELLINGS: dict[str, Row] = {
    "number": _number,
    "size": _size,
    "parameter": _named,
    "given": _named,
    "labels": _named,
    "initial": _named,
    "identity": _identity,
    "seed": _named,
    "lagged": _named,
    "final": _named,
    "state": _text("{0}"),
    "carried": _text("{0}"),
    "named": _inner,
    "last": _text("{0:call}[-1]"),
    "ending": _ending,
    "squash": _squash,
    "sum": _sum,
    "times": _times,
    "divide": _divide,
    "power": _power,
    "apply": _apply,
    "extremum": _extremum,
    "choice": _choice,
    "comparison": _comparison,
    "stopped": _text("stop_gradient({0})", "stop_gradient"),
    "declared": _text("declared({0}, {1}, {2})", "declared"),
    "weighted": _text("({0} if weight is None else {0:call} * weight[-1])"),
    "spread": _spread,
    "lift": _text("{0:call}[..., None]"),
    "softmax": _text("softmax({0})", "softmax"),
    "log softmax": _text("log_softmax({0})", "log_softmax"),
    "logsumexp": _text("logsumexp({0})", "logsumexp"),
    "layer norm": _text("layer_norm({0})", "layer_norm"),
    "inverse deviation": _text("inverse_deviation({0})", "inverse_deviation"),
    "entries": _over_entries("np.sum"),
    "largest": _over_entries("np.max", "np.real({})"),
    "join": _join,
    "part": _part,
    "slice": _slice,
    "pad": _pad,
    "dot": _dot,
    "outer": _outer,
    "transpose": _transpose,
    "beside": _side_by_side(1),
    "above": _side_by_side(0),
    "gather": _text("{1:call}[{0}]"),
    "one hot": _one_hot,
    "contract": _contract,
    "scatter": _scatter,
    "batch sum": _batch_sum,
    "total": lambda write, node: call("np.sum(", map(write.operand, node.operands)),
    "stack": lambda write, node: call("np.stack([", map(write.operand, node.operands), "])"),
    "result": _result,
}
"""The spellings by the names of the kinds."""


def size_code(size: Expr) -> str:
    """A size as code: n, 4*n or m + n."""
    if isinstance(size, Add):
        return " + ".join(map(size_code, size.as_ordered_terms()))
    if isinstance(size, Mul):
        return "*".join(f"({size_code(f)})" if f.is_Add else size_code(f) for f in size.args)
    if size.is_Pow:
        return "*".join([size_code(size.base)] * int(size.exp))
    return str(size)
