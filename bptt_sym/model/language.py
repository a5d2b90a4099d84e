"""The equation language: text to matrix expressions, through Python's syntax tree.

An equation is written as one writes NumPy: ``phi(x[t] @ W_x + s[t-1] @ W_s)``. The text is parsed,
never run: each node of the tree is looked up in a closed list and everything else is refused.
``docs/language.md`` describes the language.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import partial

from sympy import Add, Expr, Rational

from bptt_sym.algebra.arithmetic import Addition, Division, ElementwiseProduct, Power
from bptt_sym.algebra.expressions import (
    MatrixExpr,
    OneMatrix,
    Parameter,
    Variable,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.extent import Extent
from bptt_sym.algebra.matrix_products import MatrixProduct, Transposition
from bptt_sym.algebra.operation import ShapeError
from bptt_sym.errors import InputError
from bptt_sym.limits import OPERATIONS, SIZE_TERMS
from bptt_sym.model.advice import instead
from bptt_sym.model.equation_text import EquationText, Locate, parsed
from bptt_sym.model.indices import indexed, is_index
from bptt_sym.model.numerals import OUT_OF_RANGE, in_range, read_number, read_size
from bptt_sym.model.operands import Operands
from bptt_sym.model.scope import Lookup, Scope
from bptt_sym.model.stacks import (
    EXPONENT,
    Stack,
    Value,
    negative,
    stacked,
    with_heads,
    without_heads,
)
from bptt_sym.model.word_calls import WordCalls
from bptt_sym.quoting import shortened


def parse(text: str, scope: Scope, place: Locate) -> MatrixExpr | Stack:
    """The expression of an equation's right side, with its heads where it has some.

    ``place`` gives the place in the file of a column of the text. Raises InputError for anything
    that is not in the language, with the place of the offending part.
    """
    result = _operand(text, scope, place)
    if not isinstance(result, MatrixExpr | Stack):
        raise InputError("an equation must read a variable, not only numbers", place(0))
    return result


def parse_initial(text: str, scope: Scope, place: Locate) -> Value:
    """An expression in what the scope has, or a number."""
    return _operand(text, scope, place)


def parse_size(text: str, dimensions: Mapping[str, Expr], place: Locate) -> Expr:
    """A size such as n, 4*n or m + n. Raises InputError for what is no positive size."""
    size = read_size(*parsed(text, place), dimensions)
    if not size.is_positive:
        raise InputError(f"the size {shortened(text)} is not positive", place(0))
    return size


def _operand(text: str, scope: Scope, place: Locate) -> Value:
    equation, tree = parsed(text, place)
    return _Parser(equation, scope).operand(tree)


class _Parser:
    def __init__(self, text: EquationText, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.lookup = Lookup(text, scope)
        self.extent = Extent()
        self.operands = Operands(text, scope, self.operand)
        self.calls = WordCalls(self.operands, self.lookup)

    def operand(self, node: ast.expr) -> Value:
        """The value of a node of the closed list, within the limits."""
        value = self.value(node)
        matrix = without_heads(value)
        if isinstance(matrix, MatrixExpr):
            place = partial(self.text.place_of, node)
            OPERATIONS.check(self.extent.written(matrix), place)
            for size in matrix.shape:
                SIZE_TERMS.check(len(Add.make_args(size)), place)
        return value

    def value(self, node: ast.expr) -> Value:
        match node:
            case ast.BinOp():
                return self.binary(node)
            case ast.UnaryOp(op=ast.USub()):
                return negative(self.operand(node.operand))
            case ast.UnaryOp(op=ast.UAdd()):
                return self.operand(node.operand)
            case ast.Constant(value=bool()):
                raise self.text.refused(node)
            case ast.Constant(value=int() | float()):
                return read_number(self.text, node)
            case ast.Name():
                return self.by_head(self.lookup.name(node))
            case ast.Subscript(slice=index) if is_index(index):
                return indexed(self.operands, node)
            case ast.Subscript(value=ast.Name() as base):
                return self.by_head(self.lookup.variable(node, base))
            case ast.Attribute(attr="T"):
                value = self.operand(node.value)
                if isinstance(value, Stack):
                    return value.turned
                return Transposition().build(self.operands.matrix(node.value, ".T"))
            case ast.Call(func=ast.Name() as function):
                return self.calls.value(node, function)
            case _:
                raise self.text.refused(node)

    def by_head(self, symbol: MatrixExpr) -> Value:
        """What a name stands for, with its heads where it has some."""
        named = isinstance(symbol, Parameter | Variable)
        return with_heads(symbol, self.scope.heads.get(symbol.name) if named else None)

    def binary(self, node: ast.BinOp) -> Value:
        """The value of an operator; numbers that it makes stay within the range of numbers."""
        value = self.combined(node)
        matrix = without_heads(value)
        number = split_coefficient(matrix)[0] if isinstance(matrix, MatrixExpr) else matrix
        if not in_range(number):
            raise self.text.error(node, OUT_OF_RANGE)
        return value

    def combined(self, node: ast.BinOp) -> Value:
        left, right = self.operand(node.left), self.operand(node.right)
        numbers = not isinstance(left, MatrixExpr) and not isinstance(right, MatrixExpr)
        try:
            stack = stacked(_SYMBOLS.get(type(node.op), ""), left, right)
            if stack is not None:
                return stack
            assert not isinstance(left, Stack) and not isinstance(right, Stack)
            match node.op:
                case ast.Add():
                    return left + right if numbers else Addition().build(left, right)
                case ast.Sub() if numbers:
                    return left - right
                case ast.Sub():
                    return Addition().build(left, negative(right))
                case ast.Mult():
                    return left * right if numbers else ElementwiseProduct().build(left, right)
                case ast.Div() if right == 0:
                    raise self.text.error(node, "division by zero")
                case ast.Div():
                    return left / right if numbers else Division().build(left, right)
                case ast.MatMult() if isinstance(left, MatrixExpr) and isinstance(
                    right, MatrixExpr
                ):
                    return MatrixProduct().build(left, right)
                case ast.MatMult():
                    raise self.text.error(
                        node, "operator '@' joins matrices; a number is taken by '*'"
                    )
                case ast.Pow() if isinstance(left, MatrixExpr) and not isinstance(
                    right, MatrixExpr
                ):
                    return Power().build(left, right)
                case ast.Pow() if numbers:
                    return self.power_of_number(node, left, right)
                case ast.Pow():
                    raise self.text.error(node, f"operator '**': {EXPONENT}")
                case _:
                    raise self.text.refused(node)
        except ShapeError as problem:
            symbol = f"operator '{_SYMBOLS[type(node.op)]}'"
            pairs = [(node.left, left), (node.right, right)]
            raise self.operands.misfit(
                node, symbol, pairs, problem, instead(self.text, node, left, right)
            ) from None

    def power_of_number(self, node: ast.BinOp, base: Rational, exponent: Rational) -> Value:
        """A number where it is a fraction; a root of one stays as it is written."""
        if (base == 0 and exponent < 0) or (base < 0 and not exponent.is_Integer):
            raise self.text.error(node, f"{shortened(self.text.source(node))} is no number")
        built = Power().build(scale(base, OneMatrix(1, 1)), exponent)
        value = base**exponent
        return value if isinstance(value, Rational) else built


_SYMBOLS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
}
