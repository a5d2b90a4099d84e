"""The equation language: text to matrix expressions, through Python's syntax tree.

An equation is written as one writes NumPy: ``phi(x[t] @ W_x + s[t-1] @ W_s)``. The text is parsed,
never run: each node of the tree is looked up in a closed list and everything else is refused.
``docs/language.md`` describes the language.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TypeAlias

from sympy import Expr, Integer, Rational, S, expand

from bptt_sym.algebra.arithmetic import Addition, Division, ElementwiseProduct, Power
from bptt_sym.algebra.entrywise import FunctionApplication, Sign
from bptt_sym.algebra.expressions import (
    TIME,
    MatrixExpr,
    Parameter,
    Variable,
    scale,
    split_coefficient,
)
from bptt_sym.algebra.functions import WORDS
from bptt_sym.algebra.matrix_products import MatrixProduct, Transposition
from bptt_sym.algebra.operation import ShapeError, shape_text
from bptt_sym.algebra.parts import Slicing
from bptt_sym.errors import InputError, Place, listed
from bptt_sym.model.words import CALLS, Operand, choose

LONGEST_EQUATION = 10_000
DEEPEST_NESTING = 100
MOST_DIGITS = 15
SMALLEST, LARGEST = Rational(1, 10**30), Integer(10**30)
SMALLEST_TEXT, LARGEST_TEXT = "1e-30", "1e30"
LARGEST_LAG = 100
LARGEST_SIZE = 10**9

Locate: TypeAlias = "Callable[[int], Place]"


@dataclass(frozen=True)
class Scope:
    """What an equation may read.

    ``current`` are the variables known at step t, ``earlier`` those that may be read at [t-1] and
    before, ``following`` those that are read at [t+1], and ``later`` explains the names that the
    step defines further down. ``argument`` is the variable of a formula, where it is one, and
    ``equation`` the name of what the expression defines. ``computed`` are the names that have
    equations. In a model ``of_columns`` a vector that scalars make up is a column.
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    current: Mapping[str, Variable] = field(default_factory=dict)
    earlier: Mapping[str, Variable] = field(default_factory=dict)
    following: Mapping[str, Variable] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    dimensions: Mapping[str, Expr] = field(default_factory=dict)
    later: Callable[[str], str | None] = lambda name: None
    argument: Variable | None = None
    equation: str = ""
    computed: frozenset[str] = frozenset()
    of_columns: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        argument = (self.argument.name,) if self.argument else ()
        variables = (*self.current, *self.earlier, *self.following)
        return tuple(dict.fromkeys((*argument, *self.parameters, *variables)))


def parse(text: str, scope: Scope, place: Locate) -> MatrixExpr:
    """The expression of an equation's right side.

    ``place`` gives the place in the file of a column of the text. Raises InputError for anything
    that is not in the language, with the place of the offending part.
    """
    parser, tree = _parsed(text, scope, place)
    result = parser.operand(tree)
    if not isinstance(result, MatrixExpr):
        raise InputError("an equation must read a variable, not only numbers", place(0))
    return result


def parse_initial(text: str, scope: Scope, place: Locate) -> Operand:
    """An expression in what the scope has, or a number."""
    parser, tree = _parsed(text, scope, place)
    return parser.operand(tree)


def parse_size(text: str, dimensions: Mapping[str, Expr], place: Locate) -> Expr:
    """A size such as n, 4*n or m + n. Raises InputError for what is no positive size."""
    parser, tree = _parsed(text, Scope(dimensions=dimensions), place)
    size = expand(parser.size(tree))
    if not size.is_positive:
        raise InputError(f"the size {shortened(text)} is not positive", place(0))
    return size


def _parsed(text: str, scope: Scope, place: Locate) -> tuple[_Parser, ast.expr]:
    if len(text) > LONGEST_EQUATION:
        raise InputError(f"an equation has at most {LONGEST_EQUATION} characters", place(0))
    if not text.strip():
        raise InputError("an equation is empty", place(0))
    foreign = next((k for k, character in enumerate(text) if not character.isascii()), None)
    if foreign is not None:
        # Python would read a look-alike as the letter that it looks like.
        raise InputError(f"an equation is ASCII: {text[foreign]!a} is not", place(foreign))
    # On one line, the parser's columns are offsets into the text.
    text = text.translate(_ONE_LINE).rstrip()
    indent = len(text) - len(text.lstrip())
    text, place = text[indent:], partial(_moved, place, indent)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        column = min(max((error.offset or 1) - 1, 0), len(text))
        message = f"not an equation: {shortened(error.msg)}: {shortened(text)}"
        raise InputError(message, place(column)) from None
    except (RecursionError, MemoryError):
        raise InputError("an equation nested too deeply", place(0)) from None
    _check_depth(tree, place)
    return _Parser(text, scope, place), tree.body


def _moved(place: Locate, indent: int, column: int) -> Place:
    return place(indent + column)


_ONE_LINE = {ord(character): " " for character in "\n\r\t\f\v"}


def shortened(text: str, length: int = 60) -> str:
    """A text as it may stand in a one-line message."""
    line = ascii(text)[1:-1]
    return line if len(line) <= length else line[: length - 3] + "..."


def _check_depth(tree: ast.AST, place: Locate) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST_NESTING):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise InputError(f"an equation nested more than {DEEPEST_NESTING} deep", place(0))


class _Parser:
    def __init__(self, text: str, scope: Scope, place: Locate) -> None:
        self.text = text
        self.encoded = text.encode()
        self.scope = scope
        self.place = place

    def operand(self, node: ast.expr) -> Operand:
        """The value of a node of the closed list."""
        match node:
            case ast.BinOp():
                return self.binary(node)
            case ast.UnaryOp(op=ast.USub()):
                value = self.operand(node.operand)
                return scale(-1, value) if isinstance(value, MatrixExpr) else -value
            case ast.UnaryOp(op=ast.UAdd()):
                return self.operand(node.operand)
            case ast.Constant(value=bool()):
                raise self.refused(node)
            case ast.Constant(value=int() | float()):
                return self.number(node)
            case ast.Name():
                return self.name(node)
            case ast.Subscript(slice=ast.Slice() as span):
                return self.slice(node, span)
            case ast.Subscript(value=ast.Name() as base):
                return self.variable(node, base)
            case ast.Attribute(attr="T"):
                return Transposition().build(self.matrix(node.value, ".T"))
            case ast.Call(func=ast.Name() as function):
                return self.call(node, function)
            case _:
                raise self.refused(node)

    def binary(self, node: ast.BinOp) -> Operand:
        """The value of an operator; numbers that it makes stay within the range of numbers."""
        value = self.combined(node)
        number = split_coefficient(value)[0] if isinstance(value, MatrixExpr) else value
        if number != 0 and not SMALLEST <= abs(number) <= LARGEST:
            raise self.error(node, f"a number lies between {SMALLEST_TEXT} and {LARGEST_TEXT}")
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
                    raise self.error(node, "division by zero")
                case ast.Div():
                    return left / right if numbers else Division().build(left, right)
                case ast.MatMult() if isinstance(left, MatrixExpr) and isinstance(
                    right, MatrixExpr
                ):
                    return MatrixProduct().build(left, right)
                case ast.MatMult():
                    raise self.error(node, "operator '@' joins matrices; a number is taken by '*'")
                case ast.Pow() if isinstance(left, MatrixExpr) and not isinstance(
                    right, MatrixExpr
                ):
                    return Power().build(left, right)
                case ast.Pow():
                    raise self.error(node, "operator '**' raises a variable to a number")
                case _:
                    raise self.refused(node)
        except ShapeError as problem:
            symbol = f"operator '{_SYMBOLS[type(node.op)]}'"
            raise self.misfit(
                node, symbol, [(node.left, left), (node.right, right)], problem
            ) from None

    def number(self, node: ast.Constant) -> Rational:
        value = node.value
        assert isinstance(value, int | float)
        digits = self.source(node)
        if len(digits) > MOST_DIGITS or "_" in digits or not set(digits) <= set("0123456789.e-+"):
            raise self.error(node, f"a number is written plainly, in at most {MOST_DIGITS} digits")
        if isinstance(value, int):
            return S(value)
        exponent = re.fullmatch(r"[0-9.]+(?:e[+-]?([0-9]{1,2}))?", digits)
        if not exponent:
            raise self.error(node, f"a number lies between {SMALLEST_TEXT} and {LARGEST_TEXT}")
        exact = Fraction(digits)
        if exact != 0 and not SMALLEST <= exact <= LARGEST:
            raise self.error(node, f"a number lies between {SMALLEST_TEXT} and {LARGEST_TEXT}")
        return Rational(exact.numerator, exact.denominator)

    def name(self, node: ast.Name) -> MatrixExpr:
        name = node.id
        if name in self.scope.parameters:
            return self.scope.parameters[name]
        if self.scope.argument and name == self.scope.argument.name:
            return self.scope.argument
        if name in self.functions:
            raise self.error(node, f"the function '{name}' needs an argument: {name}(...)")
        if name in self.scope.names or self.scope.later(name):
            raise self.error(node, f"'{name}' needs a time step: {name}[t] or {name}[t-1]")
        raise self.undeclared(node, name)

    def variable(self, node: ast.Subscript, base: ast.Name) -> Variable:
        name = base.id
        if self.scope.argument and name == self.scope.argument.name:
            raise self.error(node, f"a formula has no time step; write {name}")
        if name in self.scope.parameters:
            raise self.error(node, f"the parameter '{name}' has no time step; write {name}")
        lag = self.lag(node)
        scope = self.scope
        known = scope.current if lag == 0 else scope.earlier if lag > 0 else scope.following
        if name in known:
            return known[name].at(TIME - lag)
        reason = scope.later(name)
        if lag < 0 and (reason or name in scope.names):
            reason = (
                f"{shortened(self.source(node))} is a later time step, which a state is read at "
                "only where it is declared with reverse = true"
            )
        elif name in scope.following:
            reason = f"'{name}' is scanned in reverse and read at [t] and [t+1]"
        elif lag and (reason or name in scope.current):
            reason = (
                f"{name}[t-{lag}] needs an initial value: declare '{name}' under [states]"
                if reason or name in scope.computed
                else f"'{name}' is given at [t] only"
            )
        if reason:
            raise self.error(node, reason)
        raise self.undeclared(node, name)

    def lag(self, node: ast.Subscript) -> int:
        match node.slice:
            case ast.Name(id="t"):
                return 0
            case ast.BinOp(
                left=ast.Name(id="t"),
                op=ast.Sub() | ast.Add(),
                right=ast.Constant(value=int(steps)),
            ) if not isinstance(steps, bool) and 1 <= steps <= LARGEST_LAG:
                return steps if isinstance(node.slice.op, ast.Sub) else -steps
            case _:
                shown = shortened(self.source(node))
                raise self.error(
                    node,
                    f"the time step of {shown} must be [t], or [t-1] and so on "
                    f"up to [t-{LARGEST_LAG}]",
                )

    def slice(self, node: ast.Subscript, span: ast.Slice) -> MatrixExpr:
        vector = self.matrix(node.value, "[:]")
        if span.step is not None:
            raise self.error(node, "a slice has no step")
        start = self.size(span.lower) if span.lower else S.Zero
        try:
            stop = self.size(span.upper) if span.upper else vector.rows * vector.cols
            return Slicing().build(vector, start, stop)
        except ShapeError as problem:
            raise self.misfit(node, "'[:]'", [(node.value, vector)], problem) from None

    def size(self, node: ast.expr) -> Expr:
        """A number of entries: sums, differences and products of dimensions and whole numbers."""
        match node:
            case ast.Constant(value=int(number)) if (
                not isinstance(number, bool) and 0 <= number <= LARGEST_SIZE
            ):
                return S(number)
            case ast.Name(id=name) if name in self.scope.dimensions:
                return self.scope.dimensions[name]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.size(left) + self.size(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return self.size(left) - self.size(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.size(left) * self.size(right)
            case _:
                raise self.error(
                    node,
                    f"not a size: {shortened(self.source(node))}; a size is made of "
                    f"{listed(self.scope.dimensions)}, whole numbers, +, - and *",
                )

    @property
    def functions(self) -> frozenset[str]:
        return self.scope.functions | set(WORDS)

    def call(self, node: ast.Call, function: ast.Name) -> MatrixExpr:
        name = function.id
        if any(isinstance(argument, ast.Starred) for argument in node.args) or node.keywords:
            raise self.error(node, f"'{shortened(name)}' takes its arguments by position")
        if name in self.functions:
            self.check_count(node, name, 1, 1)
            return FunctionApplication().build(name, self.matrix(node.args[0], name))
        if name == "eye":
            self.check_count(node, name, 1, 1)
            size = self.size(node.args[0])
            if not size.is_positive:
                raise self.error(node, f"the size {size} is not positive")
            return CALLS[name].build(size)
        if name == "where":
            self.check_count(node, name, 3, 3)
            return self.choice(node)
        if name not in CALLS:
            known = sorted({*self.functions, *CALLS, "where"})
            raise self.error(
                node,
                f"unknown operation '{shortened(name)}'; known are {listed(known)}, and a "
                "function of your own is declared under [functions]",
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
                raise self.error(
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
            raise self.error(node, f"'{name}' needs a variable, not only numbers")
        try:
            return build()
        except ShapeError as problem:
            pairs = list(zip(nodes, operands, strict=True))
            raise self.misfit(node, f"'{name}'", pairs, problem) from None

    def check_count(self, node: ast.Call, name: str, fewest: int, most: int) -> None:
        if not fewest <= len(node.args) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} or more"
            plural = "" if wanted == "1" else "s"
            counted = "one" if wanted == "1" else wanted
            raise self.error(node, f"'{shortened(name)}' takes {counted} argument{plural}")

    def matrix(self, node: ast.expr, operator: str) -> MatrixExpr:
        value = self.operand(node)
        if not isinstance(value, MatrixExpr):
            raise self.error(node, f"'{operator}' needs a variable, not a number")
        return value

    def source(self, node: ast.expr) -> str:
        return self.encoded[node.col_offset : node.end_col_offset].decode()

    def error(self, node: ast.expr, message: str) -> InputError:
        column = len(self.encoded[: node.col_offset].decode())
        return InputError(message, self.place(column))

    def refused(self, node: ast.expr) -> InputError:
        return self.error(
            node,
            f"not part of the equation language: {shortened(self.source(node))} "
            "(it has @ + - * / **, .T, slices and calls of functions by name)",
        )

    def undeclared(self, node: ast.expr, name: str) -> InputError:
        return self.error(
            node, f"'{shortened(name)}' is not declared; declared are {listed(self.scope.names)}"
        )

    def misfit(
        self,
        node: ast.expr,
        operation: str,
        operands: list[tuple[ast.expr, Operand]],
        rule: ShapeError,
    ) -> InputError:
        shown = " and ".join(
            f"{shortened(self.source(side))} is {shape_text(value.shape)}"
            if isinstance(value, MatrixExpr)
            else f"{shortened(self.source(side))} is a number"
            for side, value in operands
        )
        where = f" (equation of '{self.scope.equation}')" if self.scope.equation else ""
        return self.error(node, f"{operation}: {shown}; {rule}{where}")


_SYMBOLS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
}
_RELATIONS: dict[type[ast.cmpop], Sign] = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<"}
