"""Operations over a whole vector: softmax and its like, layer normalisation, slices, joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Expr, Rational, S, exp, log, sqrt

from bptt_sym.algebra import layout as box
from bptt_sym.algebra.arithmetic import sum_of_entries
from bptt_sym.algebra.derivatives import Selection
from bptt_sym.algebra.expressions import (
    Compound,
    MatrixExpr,
    OneMatrix,
    Shape,
    ZeroMatrix,
    add,
    broadcast,
    hadamard,
    product,
    quotient,
    scale,
    size,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operation import Apply, Operation, ShapeError, Show, is_vector

Pairs = list[tuple[MatrixExpr, MatrixExpr]]

EPSILON = "1e-5"
"""What layer normalisation adds to the variance (Ba, Kiros and Hinton 2016; PyTorch's value)."""


class _OfVector(Compound):
    """A function of a whole vector, in its shape."""

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: self.args[0].shape)

    def _entries(self) -> list[Expr]:
        return list(self.operand.as_explicit())

    def _total(self) -> Expr:
        return Add(*(exp(entry) for entry in self._entries()))


class Softmax(_OfVector):
    """exp(v_i) divided by the sum of all exp(v_j)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return exp(self.operand[i, j]) / self._total()


class LogSoftmax(_OfVector):
    """The logarithm of the softmax."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return self.operand[i, j] - log(self._total())


class LogSumExp(_OfVector):
    """The logarithm of the sum of all exp(v_j), a scalar."""

    shape = property(lambda self: (S.One, S.One))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return log(self._total())


class LayerNorm(_OfVector):
    """(v - mean) / sqrt(variance + 1e-5)."""

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        mean, inverse = _mean_and_inverse_deviation(self._entries())
        return (self.operand[i, j] - mean) * inverse


class InverseDeviation(_OfVector):
    """1 / sqrt(variance + 1e-5) of the entries of a vector, a scalar."""

    shape = property(lambda self: (S.One, S.One))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        return _mean_and_inverse_deviation(self._entries())[1]


def _mean_and_inverse_deviation(entries: list[Expr]) -> tuple[Expr, Expr]:
    mean = Add(*entries) / len(entries)
    variance = Add(*((entry - mean) ** 2 for entry in entries)) / len(entries)
    return mean, 1 / sqrt(variance + Rational(EPSILON))


class Concatenation(Compound):
    """Vectors one after the other."""

    @property
    def shape(self) -> Shape:
        rows, columns = (Add(*sizes) for sizes in zip(*(a.shape for a in self.args), strict=True))
        # A scalar is a part of either.
        across = all(vector.rows == 1 for vector in self.args)
        return (S.One, columns) if across else (rows, S.One)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        entries = [entry for vector in self.args for entry in vector.as_explicit()]
        return entries[int(i + j)]


class Slice(Compound):
    """The entries start, ..., stop - 1 of a vector; ``args`` are the vector, start and stop."""

    operand = property(lambda self: self.args[0])

    @property
    def shape(self) -> Shape:
        operand, start, stop = self.args
        return (S.One, stop - start) if operand.rows == 1 else (stop - start, S.One)

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        start = self.args[1]
        return self.operand[i, j + start] if self.operand.rows == 1 else self.operand[i + start, j]


class Padding(Compound):
    """A vector from entry ``args[1]`` on, in one of zeros of the shape ``args[2:]``.

    A vector of one entry does not tell by itself whether it is in a row or in a column.
    """

    operand = property(lambda self: self.args[0])
    shape = property(lambda self: (self.args[2], self.args[3]))

    def _entry(self, i: Expr, j: Expr, **_: Any) -> Expr:
        entries = list(self.operand.as_explicit())
        place = int(i + j - self.args[1])
        return entries[place] if 0 <= place < len(entries) else S.Zero


def mean(operand: MatrixExpr) -> MatrixExpr:
    """The mean of all entries, a scalar."""
    rows, columns = operand.shape
    return quotient(sum_of_entries(operand), size(rows * columns))


class VectorFunction(Operation):
    """A function of a whole vector, called by its name in the language."""

    gathers = True

    def build(self, operand: MatrixExpr) -> MatrixExpr:
        if not is_vector(operand.shape):
            raise ShapeError(f"{self.syntax} is of a vector")
        return self.node(operand)

    def layout(self, node: Any, show: Show) -> box.Layout:
        return box.Call(self.syntax, show(node.operand, box.SUM))


class SoftmaxOperation(VectorFunction):
    """Softmax: dy/dv = diag(y) - y^T y."""

    node = Softmax
    syntax = "softmax"

    def vjp(self, node: Softmax, cotangent: MatrixExpr) -> Pairs:
        inner = sum_of_entries(hadamard(cotangent, node))
        centred = add(cotangent, scale(-1, broadcast(inner, node.shape)))
        return [(node.operand, hadamard(centred, node))]

    def value(self, node: Softmax, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        powers = apply("exp", operands[0], 0)
        return powers / powers.sum()


class LogSoftmaxOperation(VectorFunction):
    """The logarithm of the softmax: d/dv = I - 1^T softmax(v)."""

    node = LogSoftmax
    syntax = "log_softmax"

    def vjp(self, node: LogSoftmax, cotangent: MatrixExpr) -> Pairs:
        total = broadcast(sum_of_entries(cotangent), node.shape)
        taken = scale(-1, hadamard(total, Softmax(node.operand)))
        return [(node.operand, add(cotangent, taken))]

    def value(self, node: LogSoftmax, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        total = apply("exp", operands[0], 0).sum(keepdims=True).reshape(1, 1)
        return operands[0] - apply("log", total, 0)


class LogSumExpOperation(VectorFunction):
    """The logarithm of the sum of exponentials: its derivative is the softmax."""

    node = LogSumExp
    syntax = "logsumexp"

    def vjp(self, node: LogSumExp, cotangent: MatrixExpr) -> Pairs:
        softmax = Softmax(node.operand)
        return [(node.operand, hadamard(broadcast(cotangent, softmax.shape), softmax))]

    def value(self, node: LogSumExp, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return apply("log", apply("exp", operands[0], 0).sum(keepdims=True).reshape(1, 1), 0)


class LayerNormOperation(VectorFunction):
    """Layer normalisation, without gain and bias (Ba, Kiros and Hinton 2016)."""

    node = LayerNorm
    syntax = "layer_norm"

    def vjp(self, node: LayerNorm, cotangent: MatrixExpr) -> Pairs:
        def spread(scalar: MatrixExpr) -> MatrixExpr:
            return broadcast(scalar, node.shape)

        along = hadamard(spread(mean(hadamard(cotangent, node))), node)
        centred = add(cotangent, scale(-1, spread(mean(cotangent))), scale(-1, along))
        return [(node.operand, hadamard(spread(InverseDeviation(node.operand)), centred))]

    def value(self, node: LayerNorm, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        centred = operands[0] - operands[0].sum() / operands[0].size
        return centred * _inverse_deviation(operands[0], apply)


class InverseDeviationOperation(VectorFunction):
    """What layer normalisation multiplies with; it occurs in its derivative."""

    node = InverseDeviation
    syntax = "inverse_deviation"

    def value(self, node: InverseDeviation, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return _inverse_deviation(operands[0], apply)


def _inverse_deviation(vector: Any, apply: Apply) -> Any:
    centred = vector - vector.sum() / vector.size
    variance = (centred**2).sum(keepdims=True).reshape(1, 1) / vector.size
    return 1 / apply("sqrt", variance + float(EPSILON), 0)


class Joining(Operation):
    """Vectors one after the other."""

    node = Concatenation
    gathers = True
    syntax = "concat"

    def build(self, *vectors: MatrixExpr, of_columns: bool = False) -> MatrixExpr:
        """``of_columns`` says that what is made of scalars alone is a column, not a row."""
        if not all(is_vector(vector.shape) for vector in vectors):
            raise ShapeError("concat is of vectors")
        columns = any(vector.cols == 1 and vector.rows != 1 for vector in vectors)
        rows = any(vector.rows == 1 and vector.cols != 1 for vector in vectors)
        if rows and columns:
            raise ShapeError("concat is of rows alone or of columns alone")
        joined = vectors[0] if len(vectors) == 1 else Concatenation(*vectors)
        return transpose(joined) if of_columns and not (rows or columns) else joined

    def transposed(self, node: Concatenation, arguments: Sequence[Any]) -> MatrixExpr:
        joined = Concatenation(*arguments)
        return joined if joined.shape == node.shape[::-1] else transpose(joined)

    def vjp(self, node: Concatenation, cotangent: MatrixExpr) -> Pairs:
        pairs = []
        start: Expr = S.Zero
        for vector in node.args:
            stop = start + vector.rows * vector.cols
            pairs.append((vector, sliced(cotangent, start, stop)))
            start = stop
        return pairs

    def layout(self, node: Concatenation, show: Show) -> box.Layout:
        return box.Row(tuple(show(vector, box.SUM) for vector in node.args))

    def value(self, node: Concatenation, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        return np.concatenate(operands, axis=1 if node.rows == 1 else 0)


def length(vector: MatrixExpr) -> Expr:
    """The number of entries of a vector."""
    return vector.cols if vector.rows == 1 else vector.rows


def sliced(vector: MatrixExpr, start: Expr, stop: Expr) -> MatrixExpr:
    """The entries start, ..., stop - 1 of a vector; all of them are the vector."""
    coefficient, rest = split_coefficient(vector)
    if start == 0 and stop == length(vector):
        return vector
    if isinstance(rest, OneMatrix | ZeroMatrix):
        count = stop - start
        shape = (1, count) if vector.rows == 1 else (count, 1)
        return scale(coefficient, rest.func(*shape))
    return scale(coefficient, Slice(rest, start, stop))


class Slicing(Operation):
    """A slice of a vector."""

    node = Slice
    gathers = True
    syntax = "[:]"

    def build(self, vector: MatrixExpr, start: Expr, stop: Expr) -> MatrixExpr:
        whole = length(vector)
        if not is_vector(vector.shape):
            raise ShapeError("a slice is of a vector")
        if not (start.is_nonnegative and (stop - start).is_positive):
            raise ShapeError("a slice must begin at 0 or later and hold an entry")
        if not (whole - stop).is_nonnegative:
            raise ShapeError(f"a slice must end within the vector, which has {whole} entries")
        return sliced(vector, start, stop)

    def rebuild(self, node: Slice, arguments: Sequence[Any]) -> MatrixExpr:
        return sliced(*arguments)

    def vjp(self, node: Slice, cotangent: MatrixExpr) -> Pairs:
        operand, start, _ = node.args
        return [(operand, padded(cotangent, start, *operand.shape))]

    def jacobian(self, node: Slice, position: int, reached: MatrixExpr) -> MatrixExpr:
        operand, start, stop = node.args
        return product(reached, Selection(length(operand), start, stop))

    def layout(self, node: Slice, show: Show) -> box.Layout:
        operand, start, stop = node.args
        return box.Part(show(operand, box.ATOM), show(start, box.SUM), show(stop, box.SUM))

    def value(self, node: Slice, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        vector, start, stop = operands
        span = slice(int(start), int(stop))
        return vector[:, span] if node.operand.rows == 1 else vector[span]


def padded(vector: MatrixExpr, start: Expr, rows: Expr, columns: Expr) -> MatrixExpr:
    """A vector from an entry on in a vector of zeros."""
    coefficient, rest = split_coefficient(vector)
    if length(vector) == rows * columns:
        return vector
    if isinstance(rest, ZeroMatrix):
        return ZeroMatrix(rows, columns)
    return scale(coefficient, Padding(rest, start, rows, columns))


class PaddingOperation(Operation):
    """What a slice hands back: zeros around the slice's cotangent."""

    node = Padding
    gathers = True

    def rebuild(self, node: Padding, arguments: Sequence[Any]) -> MatrixExpr:
        return padded(*arguments)

    def transposed(self, node: Padding, arguments: Sequence[Any]) -> MatrixExpr:
        operand, start, rows, columns = arguments
        return padded(operand, start, columns, rows)

    def vjp(self, node: Padding, cotangent: MatrixExpr) -> Pairs:
        operand, start, *_ = node.args
        return [(operand, sliced(cotangent, start, start + length(operand)))]

    def jacobian(self, node: Padding, position: int, reached: MatrixExpr) -> MatrixExpr:
        operand, start, *_ = node.args
        selection = Selection(length(node), start, start + length(operand))
        return product(reached, transpose(selection))

    def layout(self, node: Padding, show: Show) -> box.Layout:
        operand, start, *_ = node.args
        after = length(node) - start - length(operand)
        zeros = box.Constant("zeros")
        shown = [show(operand, box.SUM)]
        if start != 0:
            shown.insert(0, zeros)
        if after != 0:
            shown.append(zeros)
        return box.Row(tuple(shown))

    def value(self, node: Padding, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        vector, start, rows, columns = operands
        after = int(rows * columns) - int(start) - vector.size
        span = (int(start), after)
        return np.pad(vector, ((0, 0), span) if node.rows == 1 else (span, (0, 0)))


NAMED_ARGUMENT = Softmax | LogSoftmax | LogSumExp | LayerNorm
"""The functions of a vector whose argument has a name of its own in a model."""
