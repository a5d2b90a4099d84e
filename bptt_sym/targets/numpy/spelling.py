"""How NumPy writes each kind of node as an expression of its operands: one row a kind.

A row vector is an array whose last axis holds its entries, after those of time and of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from bptt_sym.graph.array_shapes import SEQUENCES, added
from bptt_sym.graph.node import Node
from bptt_sym.targets.numpy.function_spellings import FUNCTIONS
from bptt_sym.targets.numpy.matrix_spelling import MATRICES
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
from bptt_sym.targets.numpy.row_parts import (
    Row,
    Writing,
    binary,
    function,
    inner,
    is_of_numbers,
    named,
    shape_code,
    span_code,
    text,
)

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
    _, constant, place = node.detail
    found = [
        (number < 0, _scaled(write, abs(number), [operand]))
        for operand, number in node.coefficients.items()
    ]
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


def _weighted(write: Writing, node: Node) -> Code:
    """At the last time step, and of the value of the loss: what its step counts."""
    entry = "weight[-1]" if node.sizes else "weight[-1, 0, 0]"
    return text(f"({{0}} if weight is None else {{0:call}} * {entry})")(write, node)


def _times(write: Writing, node: Node) -> Code:
    if node.detail > 0:
        return _scaled(write, node.detail, node.operands)
    if node.detail != -1 or len(node.operands) > 1:
        inner = _scaled(write, -node.detail, node.operands)
        (_, first), *others = inner.items or (("", inner),)
        return chain([("-", first.within(UNARY)), *others], MULTIPLICATIVE)
    (operand,) = node.operands
    binding = MULTIPLICATIVE if operand.kind in ("times", "divide") else UNARY
    if operand.kind == "times" and operand.detail < 0:
        binding = CALL
    return chain([("-", write.operand(operand, binding))], UNARY)


def _power(write: Writing, node: Node) -> Code:
    exponent = number_code(node.detail)
    shown = f"({exponent})" if node.detail < 0 else exponent
    return replace(write.operand(node.operands[0], CALL).then(f" ** {shown}"), binding=POWER)


def _apply(write: Writing, node: Node) -> Code:
    row = FUNCTIONS[node.detail]
    if row.defined:
        write.use(row.defined)
    head, _, tail = row.text.partition("{}")
    if is_of_numbers(node):  # of Python's type, which takes on that of an array beside it
        return call(f"float({head}", [write.operand(node.operands[0])], f"{tail})")
    return call(head, [write.operand(node.operands[0])], tail)


def _extremum(write: Writing, node: Node) -> Code:
    function = "np.maximum(" if node.detail == "max" else "np.minimum("
    return call(function, map(write.operand, node.operands))


def _squash(write: Writing, node: Node) -> Code:
    factor, shift = node.detail
    shown = f"np.tanh({write.operand(node.operands[0])})"
    if factor != 1:
        shown = f"{number_code(factor)} * {shown}"
    if shift:
        return Code(f"{shown} + {number_code(shift)}", ADDITIVE)
    return Code(shown, CALL if factor == 1 else MULTIPLICATIVE)


def _compared(first: Code, second: Code, *, strict: bool, turned: bool) -> Code:
    """first > second; with a number on the left the sides are exchanged."""
    sign = ">" if strict else ">="
    if turned:
        first, second, sign = second, first, sign.replace(">", "<")
    return chain([("", first), (f"{sign} ", second)], ADDITIVE)


def _is_on_the_right(first: Node, second: Node) -> bool:
    """Whether the first side of a comparison stands on the right: the more constant one does."""
    ranks = {"number": 2, "parameter": 1, "transpose": 1}
    return ranks.get(first.kind, 0) > ranks.get(second.kind, 0)


def _comparison(write: Writing, node: Node) -> Code:
    strict, negated = node.detail
    first, second = (write.operand(side, ADDITIVE + 1) for side in node.operands)
    turned = _is_on_the_right(*node.operands)
    holds = _compared(first, second, strict=strict, turned=turned)
    shown = call("np.logical_not(", [holds]) if negated else holds
    return call("np.asarray(", [shown, write.use("dtype")])


def _choice(write: Writing, node: Node) -> Code:
    # Numbers of a complex step are compared by their real parts.
    sides, values = node.operands[:2], node.operands[2:]
    left, right = (
        write.operand(side) if side.kind == "number" else call("np.real(", [write.operand(side)])
        for side in sides
    )
    holds = _compared(left, right, strict=node.detail, turned=_is_on_the_right(*sides))
    shown: list[Code | str] = [write.operand(value) for value in values]
    if all(value.kind == "number" for value in values):
        shown = [f"{write.use('dtype')}.type({value})" for value in shown]
    return call("np.where(", [holds, *shown])


# Spread.


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
        return write.inner(operand) if node.sizes else call("np.asarray(", [write.inner(operand)])
    return _spread(write, node)


# Whole vectors.


def _along(name: str) -> Row:
    """A function that a module defines, of the entries along an axis."""

    def row(write: Writing, node: Node) -> Code:
        (operand,) = node.operands
        axis = [] if node.detail is None else [f"axis={node.detail}"]
        shown = call(f"{write.use(name)}(", [write.operand(operand), *axis])
        if node.detail is None or len(node.sizes) == len(operand.sizes):
            return shown
        return shown.then("[..., 0]" if node.detail == -1 else "[..., 0, :]")

    return row


def _extreme(function: str) -> Row:
    def row(write: Writing, node: Node) -> Code:
        kept = [] if node.detail else ["keepdims=True"]
        axis = f"axis={node.detail or write.axis}"
        return call(f"{function}(", [write.operand(node.operands[0]), axis, *kept])

    return row


def _cumulative(write: Writing, node: Node) -> Code:
    axis, backward = node.detail
    function = write.use("sums_onward") if backward else "np.cumsum"
    return call(f"{function}(", [write.operand(node.operands[0]), f"axis={axis or -1}"])


def _reshaped(write: Writing, node: Node) -> Code:
    (operand,) = node.operands
    sizes = [str(len(operand.sizes)), *map(write.size, node.sizes)]
    return call(f"{write.use('reshaped')}(", [write.operand(operand), *sizes])


def _over_entries(function: str, inner: str = "{}") -> Row:
    def row(write: Writing, node: Node) -> Code:
        (operand,) = node.operands
        shown = inner.format(write.operand(operand)) if inner != "{}" else write.operand(operand)
        if len(operand.sizes) == 2:
            return call(f"{function}(", [shown, "axis=(-2, -1)"], ")[..., None]")
        return call(f"{function}(", [shown, f"axis={write.axis}", "keepdims=True"])

    return row


def _axis_sum(write: Writing, node: Node) -> Code:
    return call("np.sum(", [write.operand(node.operands[0]), f"axis={node.detail}"])


def _join(write: Writing, node: Node) -> Code:
    parts = list(map(write.operand, node.operands))
    if len({(part.time, part.batch) for part in node.operands}) == 1:
        return call("np.concatenate([", parts, f"], axis={write.axis})")
    return call(f"{write.use('concat')}(", parts)


def _slice(write: Writing, node: Node) -> Code:
    span = span_code(write, *node.detail)
    return write.operand(node.operands[0], CALL).then(f"[..., {span}]")


def _pad(write: Writing, node: Node) -> Code:
    return call(
        f"{write.use('pad')}(", [write.operand(node.operands[0]), *map(write.size, node.detail)]
    )


def _part(write: Writing, node: Node) -> Code:
    position, widths, axis = node.detail
    stop = added(widths[: position + 1]) if position + 1 < len(widths) else None
    span = span_code(write, added(widths[:position]), stop)
    columns = ":, " if len(node.sizes) == 2 and axis else ""
    return write.operand(node.operands[0], CALL).then(f"[{columns}{span}]")


def _ending(write: Writing, node: Node) -> Code:
    """At all time steps at once: zeros before the last."""
    shape = shape_code(["T - 1", *map(write.size, (SEQUENCES, *node.sizes))])
    write.use("T")
    zeros = f"np.zeros({shape}, {write.use('dtype')})"
    last = write.operand(node.operands[0], CALL).then("[None]")
    return call("np.concatenate([", [zeros, last], "])")


SPELLINGS: dict[str, Row] = {
    **MATRICES,
    "number": _number,
    "size": _size,
    "pi": lambda write, node: Code("math.pi"),
    "closing": lambda write, node: Code(write.use("closing")),
    "parameter": named,
    "given": named,
    "labels": named,
    "initial": named,
    "identity": _identity,
    "seed": named,
    "lagged": named,
    "final": named,
    "state": text("{0}"),
    "carried": text("{0}"),
    "named": inner,
    "last": text("{0:call}[-1]"),
    "ending": _ending,
    "squash": _squash,
    "sum": _sum,
    "times": _times,
    "divide": binary("/"),
    "power": _power,
    "apply": _apply,
    "extremum": _extremum,
    "modulo": function("modulo"),
    "choice": _choice,
    "comparison": _comparison,
    "stopped": function("stop_gradient"),
    "declared": function("declared"),
    "weighted": _weighted,
    "spread": _spread,
    "across": lambda write, node: write.operand(node.operands[0], CALL).then("[..., None, :]"),
    "lift": lambda write, node: write.operand(node.operands[0], CALL).then("[..., None]"),
    "softmax": _along("softmax"),
    "log softmax": _along("log_softmax"),
    "logsumexp": _along("logsumexp"),
    "variance": _along("variance"),
    "layer norm": _along("layer_norm"),
    "inverse deviation": _along("inverse_deviation"),
    "rms norm": _along("rms_norm"),
    "inverse rms": _along("inverse_rms"),
    "greatest": _extreme("np.max"),
    "least": _extreme("np.min"),
    "greatest share": _along("share_of_greatest"),
    "least share": _along("share_of_least"),
    "norm": _along("norm"),
    "direction": _along("direction"),
    "cumulative sum": _cumulative,
    "reshaped": _reshaped,
    "entries": _over_entries("np.sum"),
    "axis sum": _axis_sum,
    "largest": _over_entries("np.max", "np.real({})"),
    "join": _join,
    "part": _part,
    "slice": _slice,
    "pad": _pad,
    "result": _result,
}
"""The spellings by the names of the kinds."""
