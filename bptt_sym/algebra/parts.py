"""Parts of vectors: joined, sliced, and padded with zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Expr, S

from bptt_sym.algebra import boxes
from bptt_sym.algebra.derivatives import Selection
from bptt_sym.algebra.expressions import (
    Compound,
    MatrixExpr,
    OneMatrix,
    Shape,
    ZeroMatrix,
    product,
    scale,
    split_coefficient,
    transpose,
)
from bptt_sym.algebra.operation import Apply, Operation, Pairs, ShapeError, Show, is_vector


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


class Joining(Operation):
    """Vectors one after the other."""

    node = Concatenation
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

    def box(self, node: Concatenation, show: Show) -> boxes.Box:
        return boxes.Row(tuple(show(vector, boxes.SUM) for vector in node.args))

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

    def box(self, node: Slice, show: Show) -> boxes.Box:
        operand, start, stop = node.args
        return boxes.Part(show(operand, boxes.ATOM), show(start, boxes.SUM), show(stop, boxes.SUM))

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


def put_together(terms: Sequence[MatrixExpr]) -> Sequence[MatrixExpr]:
    """The terms of a sum, vectors among zeros in one where they are beside each other.

    [u, 0] + [0, v] is [u, v]. The first of these has their place.
    """
    padded = [term for term in terms if isinstance(split_coefficient(term)[1], Padding)]
    joined = _in_one(padded) if len(padded) > 1 else None
    if joined is None:
        return terms
    first = terms.index(padded[0])
    return [*terms[:first], joined, *(term for term in terms[first:] if term not in padded)]


def _in_one(terms: Sequence[MatrixExpr]) -> MatrixExpr | None:
    """Vectors among zeros as one, zeros where none of them is, or None where two meet."""
    waiting = {}
    for term in terms:
        number, rest = split_coefficient(term)
        waiting[rest.args[1]] = scale(number, rest.operand)
    if len(waiting) < len(terms):
        return None
    parts, end, total = [], S.Zero, length(terms[0])
    while waiting:
        start = next((s for s in waiting if all((o - s).is_nonnegative for o in waiting)), None)
        if start is None or not (start - end).is_nonnegative:
            return None
        vector = waiting.pop(start)
        parts += [*_zeros(start - end, terms[0]), vector]
        end = start + length(vector)
    return Concatenation(*parts, *_zeros(total - end, terms[0]))


def _zeros(count: Expr, like: MatrixExpr) -> list[MatrixExpr]:
    if count == 0:
        return []
    return [ZeroMatrix(1, count) if like.rows == 1 else ZeroMatrix(count, 1)]


class PaddingOperation(Operation):
    """What a slice hands back: zeros around the slice's cotangent."""

    node = Padding

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

    def box(self, node: Padding, show: Show) -> boxes.Box:
        operand, start, *_ = node.args
        after = length(node) - start - length(operand)
        zeros = boxes.Constant("zeros")
        shown = [show(operand, boxes.SUM)]
        if start != 0:
            shown.insert(0, zeros)
        if after != 0:
            shown.append(zeros)
        return boxes.Row(tuple(shown))

    def value(self, node: Padding, np: Any, operands: Sequence[Any], apply: Apply) -> Any:
        vector, start, rows, columns = operands
        after = int(rows * columns) - int(start) - vector.size
        span = (int(start), after)
        return np.pad(vector, ((0, 0), span) if node.rows == 1 else (span, (0, 0)))
