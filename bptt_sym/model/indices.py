"""Entries, rows and slices in the equation language: v[0], v[n:2*n], U[0], U[i, j], U[0:n, :]."""

from __future__ import annotations

import ast
from typing import NamedTuple

from sympy import Expr, S, expand

from bptt_sym.algebra.derivatives import as_row, from_row
from bptt_sym.algebra.expressions import MatrixExpr, transpose
from bptt_sym.algebra.operation import ShapeError, is_vector
from bptt_sym.algebra.parts import Slicing, sliced
from bptt_sym.model.operands import Operands


class Places(NamedTuple):
    """The places start, ..., stop - 1 along an axis; without ``stop`` up to its end."""

    start: Expr
    stop: Expr | None


def is_index(node: ast.expr) -> bool:
    """Whether what stands in brackets counts entries: a number, a slice, or two of them."""
    match node:
        case ast.Tuple(elts=parts):
            return len(parts) == 2 and all(map(is_index, parts))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return isinstance(operand, ast.Constant)
        case ast.Constant(value=int()) | ast.Slice():
            return True
    return False


def indexed(operands: Operands, node: ast.Subscript) -> MatrixExpr:
    """The part of a vector or matrix that brackets tell, counted as NumPy does from 0 on."""
    matrix = operands.matrix(node.value, "[:]")
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    try:
        if len(parts) == 1 and is_vector(matrix.shape):
            along = matrix.cols if matrix.rows == 1 else matrix.rows
            return _part(matrix, _span(operands, parts[0], along))
        for axis, part in enumerate(parts):
            span = _span(operands, part, matrix.shape[axis])
            matrix = _rows(matrix, span) if axis == 0 else transpose(_rows(transpose(matrix), span))
    except ShapeError as problem:
        shown = [(node.value, matrix)]
        raise operands.misfit(node, "'[:]'", shown, problem) from None
    return matrix


def _span(operands: Operands, node: ast.expr, size: Expr) -> Places:
    match node:
        case ast.Slice(step=None, lower=lower, upper=upper):
            return Places(
                operands.size(lower) if lower else S.Zero, operands.size(upper) if upper else None
            )
        case ast.Slice():
            raise operands.text.error(node, "a slice has no step")
        case ast.UnaryOp(operand=operand):
            place = size - operands.size(operand)
        case _:
            place = operands.size(node)
    return Places(place, place + 1)


def _part(vector: MatrixExpr, span: Places) -> MatrixExpr:
    stop = vector.rows * vector.cols if span.stop is None else span.stop
    return Slicing().build(vector, span.start, stop)


def _rows(matrix: MatrixExpr, span: Places) -> MatrixExpr:
    """Rows of a matrix: a part of its entries, counted row after row."""
    rows, columns = matrix.shape
    stop = rows if span.stop is None else span.stop
    if (span.start, stop) == (0, rows):
        return matrix
    if not (span.start.is_nonnegative and (stop - span.start).is_positive):
        raise ShapeError("a slice must begin at 0 or later and hold an entry")
    if not (rows - stop).is_nonnegative:
        raise ShapeError(f"a slice must end within the matrix, which has {rows} along this axis")
    entries = sliced(as_row(matrix), expand(span.start * columns), expand(stop * columns))
    return from_row(entries, (stop - span.start, columns))
