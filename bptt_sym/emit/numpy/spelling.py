"""How NumPy writes each operation of a batch: one row an operation.

A row vector is an array whose last axis holds its entries, after those of time and of the batch.
What a text calls and NumPy does not have is in ``definitions.py``, by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
from bptt_sym.algebra.vectors import (
    Concatenation,
    InverseDeviation,
    LayerNorm,
    LogSoftmax,
    LogSumExp,
    Padding,
    Slice,
    Softmax,
    length,
)
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


def _of_operand(function: str) -> Spelling:
    """A function of the first argument of an expression."""
    return lambda node, code: _call(function, code(node.args[0], ADDITIVE))


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


def _transpose(node: Transpose, code: Print) -> Code:
    return Code(f"{code(node.arg, CALL)}.T", CALL)


def _broadcast(node: Broadcast, code: Print) -> Code:
    return Code(code(node.operand, CALL), CALL)


def _sum_of_entries(node: SumOfEntries, code: Print) -> Code:
    return _call("np.sum", code(node.operand, ADDITIVE), "axis=-1", "keepdims=True")


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


def _zeros(node: ZeroMatrix, code: Print) -> Code:
    return Code("0.0", CALL)


def _size(node: Size, code: Print) -> Code:
    compound = ADDITIVE if node.number.is_Add else MULTIPLICATIVE
    return Code(size_text(node.number), CALL if node.number.is_Symbol else compound)


# Choices, and constants by decree.


def _function(node: Elementwise, code: Print) -> Code:
    return FUNCTIONS[node.function].code(node.operand, code)


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


def _inner_product(node: InnerProduct, code: Print) -> Code:
    left, right = (code(argument, MULTIPLICATIVE + 1) for argument in node.args)
    return _call("np.sum", f"{left} * {right}", "axis=-1", "keepdims=True")


def _outer_product(node: OuterProduct, code: Print) -> Code:
    left, right, batched = node.args
    if not batched:
        return _call("np.outer", code(left, ADDITIVE), code(right, ADDITIVE))
    shown = f"{code(left, CALL)}[..., :, None] * {code(right, CALL)}[..., None, :]"
    return Code(shown, MULTIPLICATIVE)


def _row_times_matrix(node: RowTimesMatrix, code: Print, *out: str) -> Code:
    row, matrix = (code(argument, ADDITIVE) for argument in node.args)
    return _call("np.einsum", '"...i,...ij->...j"', row, matrix, *out)


def _swapped(node: Swapped, code: Print) -> Code:
    return _call("np.swapaxes", code(node.args[0], ADDITIVE), "-1", "-2")


def _lifted(node: Lifted, code: Print) -> Code:
    return Code(f"{code(node.args[0], CALL)}[..., None]", CALL)


def _matrix_sum(node: MatrixSum, code: Print) -> Code:
    return Code(f"np.sum({code(node.args[0], ADDITIVE)}, axis=(-2, -1))[..., None]", CALL)


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
    Transpose: _transpose,
    Broadcast: _broadcast,
    SumOfEntries: _sum_of_entries,
    Elementwise: _function,
    Extremum: _extremum,
    Choice: _choice,
    Comparison: _comparison,
    StopGradient: _of_operand("stop_gradient"),
    Declared: _declared,
    Softmax: _of_operand("softmax"),
    LogSoftmax: _of_operand("log_softmax"),
    LogSumExp: _of_operand("logsumexp"),
    LayerNorm: _of_operand("layer_norm"),
    InverseDeviation: _of_operand("inverse_deviation"),
    Concatenation: _concatenation,
    Slice: _slice,
    Padding: _padding,
    Identity: _identity,
    OneMatrix: _ones,
    ZeroMatrix: _zeros,
    Size: _size,
    Stack: _stack,
    InnerProduct: _inner_product,
    OuterProduct: _outer_product,
    RowTimesMatrix: _row_times_matrix,
    Swapped: _swapped,
    Lifted: _lifted,
    MatrixSum: _matrix_sum,
    Widened: _widened,
    Spread: _spread,
    Contraction: _contraction,
    BatchSum: _batch_sum,
    ForEachSequence: _for_each_sequence,
    GrandTotal: _of_operand("np.sum"),
}
"""The spellings by the node classes of the operations."""

IN_PLACE: dict[type[Expr], Callable[[Any, Print, str], Code]] = {
    RowTimesMatrix: lambda node, code, out: _row_times_matrix(node, code, f"out={out}"),
}
"""The spellings that write into an array, of the operations that NumPy has in this form."""


def in_places(operands: Sequence[Code]) -> Print:
    """Writes what stands in the detail of a node "operation", given the code of its operands."""

    def code(part: Expr, binding: int) -> str:
        if isinstance(part, Operand):
            return operands[part.position].within(binding)
        return SPELLINGS[type(part)](part, code).within(binding)

    return code
