"""How NumPy writes each operation of a batch: one row an operation.

A row vector is an array whose last axis holds its entries, after those of time and of the batch.
What a text calls and NumPy does not have is in ``definitions.py``, by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from bptt_sym.algebra.declared import Declared
from bptt_sym.algebra.entrywise import MAXIMUM, Choice, Comparison, Extremum, StopGradient
from bptt_sym.algebra.expressions import (
    Broadcast,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    Quotient,
    Size,
    SumOfEntries,
    Transpose,
    ZeroMatrix,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.algebra.parts import Concatenation, Padding, Slice, length
from bptt_sym.algebra.vectors import InverseDeviation, LayerNorm, LogSoftmax, LogSumExp, Softmax
from bptt_sym.compiler.graph import Operand
from bptt_sym.compiler.sizes import array_sizes, size_text
from bptt_sym.emit.numpy.functions import FUNCTIONS
from bptt_sym.emit.numpy.precedence import (
    ADDITIVE,
    CALL,
    MULTIPLICATIVE,
    POWER,
    UNARY,
    Code,
    Print,
    number_code,
)
from bptt_sym.program.batch import (
    BatchSum,
    Contraction,
    ForEachSequence,
    GrandTotal,
    InnerProduct,
    Lifted,
    MatrixSum,
    OuterProduct,
    RowTimesMatrix,
    Spread,
    Stack,
    Swapped,
    Widened,
)

Spelling = Callable[[Any, Print], Code]
"""The code of an expression of one operation, given how to write its operands."""


def _call(function: str, *arguments: str) -> Code:
    return Code(f"{function}({', '.join(arguments)})", CALL)


class _Part:
    """An operand in a text: {0} is the first, {0:call} it in brackets unless it is a call."""

    bindings: ClassVar = {"": ADDITIVE, "factor": MULTIPLICATIVE + 1, "call": CALL}

    def __init__(self, node: Expr, code: Print) -> None:
        self.node, self.code = node, code

    def __format__(self, binding: str) -> str:
        return self.code(self.node, self.bindings[binding])


def _text(text: str) -> Spelling:
    """A text with the operands in their places, which binds as a call does."""
    return lambda node, code: Code(text.format(*(_Part(part, code) for part in node.args)), CALL)


def _is_number(operand: MatrixExpr) -> bool:
    return isinstance(split_coefficient(operand)[1], OneMatrix | ZeroMatrix)


def _entry(operand: MatrixExpr, code: Print, binding: int = ADDITIVE) -> str:
    """The code of an operand; a number spread over a matrix is written as the number."""
    coefficient, rest = split_coefficient(operand)
    if isinstance(rest, OneMatrix):
        return number_code(coefficient)
    return "0" if isinstance(rest, ZeroMatrix) else code(operand, binding)


# Arithmetic.


def _sum(node: MatAdd, code: Print) -> Code:
    text = ""
    for term in node.args:
        coefficient, rest = split_coefficient(term)
        if isinstance(rest, OneMatrix):
            shown = number_code(abs(coefficient))
        else:
            shown = code(scale(abs(coefficient), rest), MULTIPLICATIVE)
        negative = coefficient < 0
        if text:
            text += f" - {shown}" if negative else f" + {shown}"
        else:
            text = f"-{shown}" if negative else shown
    return Code(text, ADDITIVE)


def _product(node: MatMul, code: Print) -> Code:
    coefficient, rest = split_coefficient(node)
    factors = rest.args if isinstance(rest, MatMul) else (rest,)
    if coefficient == 1:
        first, *others = factors
        # Python's @ binds to the left, so only the later factors need brackets.
        shown = [code(first, MULTIPLICATIVE), *(code(f, MULTIPLICATIVE + 1) for f in others)]
        return Code(" @ ".join(shown), MULTIPLICATIVE)
    if coefficient == -1:
        return Code(f"-{code(rest, UNARY)}", UNARY)
    plain = isinstance(rest, HadamardProduct | Quotient)
    binding = MULTIPLICATIVE if plain else MULTIPLICATIVE + 1
    return Code(f"{number_code(coefficient)} * {code(rest, binding)}", MULTIPLICATIVE)


def _elementwise_product(node: HadamardProduct, code: Print) -> Code:
    first, *others = node.args
    shown = [code(first, MULTIPLICATIVE)]
    shown += [code(factor, MULTIPLICATIVE + 1) for factor in others]
    return Code(" * ".join(shown), MULTIPLICATIVE)


def _quotient(node: Quotient, code: Print) -> Code:
    ones = isinstance(node.numerator, OneMatrix)
    over = "1" if ones else code(node.numerator, MULTIPLICATIVE)
    return Code(f"{over} / {code(node.denominator, MULTIPLICATIVE + 1)}", MULTIPLICATIVE)


def _power(node: HadamardPower, code: Print) -> Code:
    base, exponent = node.args
    return Code(f"{code(base, CALL)} ** {number_code(exponent)}", POWER)


# Constants.


def _identity(node: Identity, code: Print) -> Code:
    return (
        Code("1", CALL) if node.rows == 1 else _call("np.eye", size_text(node.rows), "dtype=dtype")
    )


def _ones(node: OneMatrix, code: Print) -> Code:
    sizes = [size_text(size) for size in node.shape if size != 1]
    if not sizes:
        return Code("1", CALL)
    return _call("np.ones", f"({', '.join(sizes)})" if len(sizes) == 2 else sizes[0], "dtype")


def _size(node: Size, code: Print) -> Code:
    compound = ADDITIVE if node.number.is_Add else MULTIPLICATIVE
    return Code(size_text(node.number), CALL if node.number.is_Symbol else compound)


# Choices, and constants by decree.


def _extremum(node: Extremum, code: Print) -> Code:
    which, *both = node.args
    function = "np.maximum" if which == MAXIMUM else "np.minimum"
    return _call(function, *(_entry(side, code) for side in both))


def _comparison(node: Comparison, code: Print) -> Code:
    left, right = (_entry(side, code, ADDITIVE + 1) for side in node.args[:2])
    holds = f"{left} {'>' if node.strict else '>='} {right}"
    return _call("np.asarray", f"np.logical_not({holds})" if node.negated else holds, "dtype")


def _choice(node: Choice, code: Print) -> Code:
    # Numbers of a complex step are compared by their real parts.
    left, right = (
        _entry(side, code) if _is_number(side) else f"np.real({_entry(side, code)})"
        for side in node.args[:2]
    )
    chosen, other = (_entry(side, code) for side in node.args[2:4])
    if all(map(_is_number, node.args[2:4])):
        chosen, other = f"dtype.type({chosen})", f"dtype.type({other})"
    return _call("np.where", f"{left} {'>' if node.strict else '>='} {right}", chosen, other)


def _declared(node: Declared, code: Print) -> Code:
    return _call("declared", *(_entry(argument, code) for argument in node.args))


# Vectors.


def _concatenation(node: Concatenation, code: Print) -> Code:
    return _call("concat", *(code(vector, ADDITIVE) for vector in node.args))


def _slice(node: Slice, code: Print) -> Code:
    operand, start, stop = node.args
    first = "" if start == 0 else size_text(start)
    return Code(f"{code(operand, CALL)}[..., {first}:{size_text(stop)}]", CALL)


def _padding(node: Padding, code: Print) -> Code:
    operand, start, *_ = node.args
    return _call("pad", code(operand, ADDITIVE), size_text(start), size_text(length(node)))


# Batches.


def _stack(node: Stack, code: Print) -> Code:
    return _call("np.stack", f"[{', '.join(code(part, ADDITIVE) for part in node.args)}]")


def _outer_product(node: OuterProduct, code: Print) -> Code:
    left, right, batched = node.args
    if not batched:
        return _call("np.outer", code(left, ADDITIVE), code(right, ADDITIVE))
    shown = f"{code(left, CALL)}[..., :, None] * {code(right, CALL)}[..., None, :]"
    return Code(shown, MULTIPLICATIVE)


def _widened(node: Widened, code: Print) -> Code:
    (operand,) = node.args
    sizes = array_sizes(node.shape)
    if isinstance(operand, Identity | OneMatrix | ZeroMatrix):
        function = "np.zeros" if isinstance(operand, ZeroMatrix) else "np.ones"
        return _call(function, f"({', '.join(sizes)},)", "dtype")
    return _call("widen", code(operand, ADDITIVE), *sizes)


def _spread(node: Spread, code: Print) -> Code:
    operand, axes = node.args
    shape = (*(("T", "B") if axes == 2 else ("B",)), *array_sizes(node.shape))
    return _call("np.broadcast_to", code(operand, ADDITIVE), f"({', '.join(shape)})")


def _contraction(node: Contraction, code: Print) -> Code:
    left, right, axes = node.args
    if axes == 1:
        return Code(f"{code(left, CALL)}.T @ {code(right, MULTIPLICATIVE + 1)}", MULTIPLICATIVE)
    summed = list(range(int(axes)))
    both = (code(side, ADDITIVE) for side in (left, right))
    return _call("np.tensordot", *both, f"axes=({summed}, {summed})")


def _batch_sum(node: BatchSum, code: Print) -> Code:
    operand, axes = node.args
    summed = 0 if axes == 1 else tuple(range(int(axes)))
    return _call("np.sum", code(operand, ADDITIVE), f"axis={summed}")


def _for_each_sequence(node: ForEachSequence, code: Print) -> Code:
    operand, axes = node.args
    count = "T * B" if axes == 2 else "B"
    return Code(f"{count} * {code(operand, MULTIPLICATIVE + 1)}", MULTIPLICATIVE)


SPELLINGS: dict[type[Expr], Spelling] = {
    MatAdd: _sum,
    MatMul: _product,
    HadamardProduct: _elementwise_product,
    Quotient: _quotient,
    HadamardPower: _power,
    Transpose: _text("{0:call}.T"),
    Broadcast: _text("{0:call}"),
    SumOfEntries: _text("np.sum({0}, axis=-1, keepdims=True)"),
    Elementwise: lambda node, code: FUNCTIONS[node.function].code(node.operand, code),
    Extremum: _extremum,
    Choice: _choice,
    Comparison: _comparison,
    StopGradient: _text("stop_gradient({0})"),
    Declared: _declared,
    Softmax: _text("softmax({0})"),
    LogSoftmax: _text("log_softmax({0})"),
    LogSumExp: _text("logsumexp({0})"),
    LayerNorm: _text("layer_norm({0})"),
    InverseDeviation: _text("inverse_deviation({0})"),
    Concatenation: _concatenation,
    Slice: _slice,
    Padding: _padding,
    Identity: _identity,
    OneMatrix: _ones,
    ZeroMatrix: _text("0.0"),
    Size: _size,
    Stack: _stack,
    InnerProduct: _text("np.sum({0:factor} * {1:factor}, axis=-1, keepdims=True)"),
    OuterProduct: _outer_product,
    RowTimesMatrix: _text('np.einsum("...i,...ij->...j", {0}, {1})'),
    Swapped: _text("np.swapaxes({0}, -1, -2)"),
    Lifted: _text("{0:call}[..., None]"),
    MatrixSum: _text("np.sum({0}, axis=(-2, -1))[..., None]"),
    Widened: _widened,
    Spread: _spread,
    Contraction: _contraction,
    BatchSum: _batch_sum,
    ForEachSequence: _for_each_sequence,
    GrandTotal: _text("np.sum({0})"),
}
"""The spellings by the node classes of the operations."""

IN_PLACE: dict[type[Expr], str] = {
    RowTimesMatrix: 'np.einsum("...i,...ij->...j", {0}, {1}, out={out})',
}
"""The texts that write into an array, of the operations that NumPy has in this form."""


def written(expression: Expr, operands: Sequence[Code]) -> str:
    """The code of the detail of a node "operation", given that of the node's operands."""
    return SPELLINGS[type(expression)](expression, _in_places(operands)).within(CALL)


def written_into(expression: Expr, operands: Sequence[Code], out: str) -> str:
    """The call that writes such an operation into an array."""
    parts = (_Part(part, _in_places(operands)) for part in expression.args)
    return IN_PLACE[type(expression)].format(*parts, out=out)


def _in_places(operands: Sequence[Code]) -> Print:
    def code(part: Expr, binding: int) -> str:
        if isinstance(part, Operand):
            return operands[part.position].within(binding)
        return SPELLINGS[type(part)](part, code).within(binding)

    return code
