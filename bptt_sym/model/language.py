"""The equation language: text to matrix expressions, through Python's syntax tree.

An equation is written as one writes NumPy: ``phi(x[t] @ W_x + s[t-1] @ W_s)``. The text is parsed,
never run: each node of the tree is looked up in a closed list and everything else is refused.
``docs/language.md`` describes the language.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import partial

from sympy import Add, Expr, S

from bptt_sym.algebra.arithmetic import Addition, Division, ElementwiseProduct, Power
from bptt_sym.algebra.entrywise import FunctionApplication, Sign
from bptt_sym.algebra.expressions import MatrixExpr, scale, split_coefficient
from bptt_sym.algebra.extent import Extent
from bptt_sym.algebra.matrix_products import MatrixProduct, Transposition
from bptt_sym.algebra.operation import ShapeError, shape_text
from bptt_sym.algebra.parts import Slicing
from bptt_sym.errors import InputError, closest, listed
from bptt_sym.limits import ARGUMENTS, OPERATIONS, SIZE_TERMS
from bptt_sym.model.advice import instead
from bptt_sym.model.equation_text import EquationText, Locate, parsed
from bptt_sym.model.numerals import OUT_OF_RANGE, in_range, read_number, read_size
from bptt_sym.model.scope import Lookup, Scope
from bptt_sym.model.words import CALLS, Operand, choose
from bptt_sym.quoting import shortened


def parse(text: str, scope: Scope, place: Locate) -> MatrixExpr:
    """The expression of an equation's right side.

    ``place`` gives the place in the file of a column of the text. Raises InputError for anything
    that is not in the language, with the place of the offending part.
    """
    result = _operand(text, scope, place)
    if not isinstance(result, MatrixExpr):
        raise InputError("an equation must read a variable, not only numbers", place(0))
    return result


def parse_initial(text: str, scope: Scope, place: Locate) -> Operand:
    """An expression in what the scope has, or a number."""
    return _operand(text, scope, place)


def parse_size(text: str, dimensions: Mapping[str, Expr], place: Locate) -> Expr:
    """A size such as n, 4*n or m + n. Raises InputError for what is no positive size."""
    size = read_size(*parsed(text, place), dimensions)
    if not size.is_positive:
        raise InputError(f"the size {shortened(text)} is not positive", place(0))
    return size


def _operand(text: str, scope: Scope, place: Locate) -> Operand:
    equation, tree = parsed(text, place)
    return _Parser(equation, scope).operand(tree)


class _Parser:
    def __init__(self, text: EquationText, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.lookup = Lookup(text, scope)
        self.extent = Extent()

    def operand(self, node: ast.expr) -> Operand:
        """The value of a node of the closed list, within the limits."""
        value = self.value(node)
        if isinstance(value, MatrixExpr):
            place = partial(self.text.place_of, node)
            OPERATIONS.check(self.extent.written(value), place)
            for size in value.shape:
                SIZE_TERMS.check(len(Add.make_args(size)), place)
        return value

    def value(self, node: ast.expr) -> Operand:
        match node:
            case ast.BinOp():
                return self.binary(node)
            case ast.UnaryOp(op=ast.USub()):
                value = self.operand(node.operand)
                return scale(-1, value) if isinstance(value, MatrixExpr) else -value
            case ast.UnaryOp(op=ast.UAdd()):
                return self.operand(node.operand)
            case ast.Constant(value=bool()):
                raise self.text.refused(node)
            case ast.Constant(value=int() | float()):
                return read_number(self.text, node)
            case ast.Name():
                return self.lookup.name(node)
            case ast.Subscript(slice=ast.Slice() as span):
                return self.slice(node, span)
            case ast.Subscript(value=ast.Name() as base):
                return self.lookup.variable(node, base)
            case ast.Attribute(attr="T"):
                return Transposition().build(self.matrix(node.value, ".T"))
            case ast.Call(func=ast.Name() as function):
                return self.call(node, function)
            case _:
                raise self.text.refused(node)

    def binary(self, node: ast.BinOp) -> Operand:
        """The value of an operator; numbers that it makes stay within the range of numbers."""
        value = self.combined(node)
        number = split_coefficient(value)[0] if isinstance(value, MatrixExpr) else value
        if not in_range(number):
            raise self.text.error(node, OUT_OF_RANGE)
        return value

    def combined(self, node: ast.BinOp) -> Operand:
        left, right = self.operand(node.left), self.operand(node.right)
        numbers = not isinstance(left, MatrixExpr) and not isinstance(right, MatrixExpr)
        try:
            match node.op:
                case ast.Add():
                    return left + right if numbers else Addition().build(left, right)
                case ast.Sub() if numbers:
                    return left - right
                case ast.Sub():
                    negative = scale(-1, right) if isinstance(right, MatrixExpr) else -right
                    return Addition().build(left, negative)
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
                case ast.Pow():
                    raise self.text.error(node, "operator '**' raises a variable to a number")
                case _:
                    raise self.text.refused(node)
        except ShapeError as problem:
            symbol = f"operator '{_SYMBOLS[type(node.op)]}'"
            pairs = [(node.left, left), (node.right, right)]
            raise self.misfit(
                node, symbol, pairs, problem, instead(self.text, node, left, right)
            ) from None

    def slice(self, node: ast.Subscript, span: ast.Slice) -> MatrixExpr:
        vector = self.matrix(node.value, "[:]")
        if span.step is not None:
            raise self.text.error(node, "a slice has no step")
        start = self.size(span.lower) if span.lower else S.Zero
        try:
            stop = self.size(span.upper) if span.upper else vector.rows * vector.cols
            return Slicing().build(vector, start, stop)
        except ShapeError as problem:
            raise self.misfit(node, "'[:]'", [(node.value, vector)], problem) from None

    def size(self, node: ast.expr) -> Expr:
        return read_size(self.text, node, self.scope.dimensions)

    def call(self, node: ast.Call, function: ast.Name) -> MatrixExpr:
        name = function.id
        if any(isinstance(argument, ast.Starred) for argument in node.args) or node.keywords:
            raise self.text.error(node, f"'{shortened(name)}' takes its arguments by position")
        if name in self.lookup.functions and (len(node.args) == 1 or name not in CALLS):
            self.check_count(node, name, 1, 1)
            return FunctionApplication().build(name, self.matrix(node.args[0], name))
        if name == "eye":
            self.check_count(node, name, 1, 1)
            size = self.size(node.args[0])
            if not size.is_positive:
                raise self.text.error(node, f"the size {size} is not positive")
            return CALLS[name].build(size)
        if name == "where":
            self.check_count(node, name, 3, 3)
            return self.choice(node)
        if name not in CALLS:
            known = sorted({*self.lookup.functions, *CALLS, "where"})
            raise self.text.error(
                node,
                f"unknown operation '{shortened(name)}'{closest(name, known)}; known are "
                f"{listed(known)}, and a function of your own is declared under [functions]",
            )
        called = CALLS[name]
        self.check_count(node, name, called.fewest, called.most)
        operands = [
            self.operand(argument) if called.numbers else self.matrix(argument, name)
            for argument in node.args
        ]
        build = called.build
        if name == "concat":
            build = partial(build, of_columns=self.scope.of_columns)
        return self.built(node, name, node.args, operands, lambda: build(*operands))

    def choice(self, node: ast.Call) -> MatrixExpr:
        condition, *branches = node.args
        match condition:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _RELATIONS:
                nodes = [left, right, *branches]
                sides = [self.operand(side) for side in nodes]
                sign = _RELATIONS[type(op)]
                return self.built(node, "where", nodes, sides, lambda: choose(sign, *sides))
            case _:
                raise self.text.error(
                    node, "the first argument of 'where' compares: where(a >= b, c, d)"
                )

    def built(
        self,
        node: ast.Call,
        name: str,
        nodes: list[ast.expr],
        operands: list[Operand],
        build: Callable[[], MatrixExpr],
    ) -> MatrixExpr:
        if not any(isinstance(operand, MatrixExpr) for operand in operands):
            raise self.text.error(node, f"'{name}' needs a variable, not only numbers")
        try:
            return build()
        except ShapeError as problem:
            pairs = list(zip(nodes, operands, strict=True))
            raise self.misfit(node, f"'{name}'", pairs, problem) from None

    def check_count(self, node: ast.Call, name: str, fewest: int, most: int) -> None:
        ARGUMENTS.check(len(node.args), partial(self.text.place_of, node))
        if not fewest <= len(node.args) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} or more"
            plural = "" if wanted == "1" else "s"
            counted = "one" if wanted == "1" else wanted
            raise self.text.error(node, f"'{shortened(name)}' takes {counted} argument{plural}")

    def matrix(self, node: ast.expr, operator: str) -> MatrixExpr:
        value = self.operand(node)
        if not isinstance(value, MatrixExpr):
            raise self.text.error(node, f"'{operator}' needs a variable, not a number")
        return value

    def misfit(
        self,
        node: ast.expr,
        operation: str,
        operands: list[tuple[ast.expr, Operand]],
        rule: ShapeError,
        advice: str = "",
    ) -> InputError:
        shown = " and ".join(
            f"{shortened(self.text.source(side))} is {shape_text(value.shape)}"
            if isinstance(value, MatrixExpr)
            else f"{shortened(self.text.source(side))} is a number"
            for side, value in operands
        )
        where = f" (equation of '{self.scope.equation}')" if self.scope.equation else ""
        return self.text.error(node, f"{operation}: {shown}; {rule}{advice}{where}")


_SYMBOLS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
}
_RELATIONS: dict[type[ast.cmpop], Sign] = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<"}
