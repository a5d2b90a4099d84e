"""The equation language: text to matrix expressions, through Python's syntax tree.

An equation is written as one writes NumPy: ``phi(x[t] @ W_x + s[t-1] @ W_s)``. The text is parsed,
never run: each node of the tree is looked up in a closed list and everything else is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TypeAlias

from sympy import Rational, S

from bptt_sym.algebra.expressions import TIME, MatrixExpr, Parameter, Variable, scale
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.algebra.operations import (
    Addition,
    ElementwiseProduct,
    EntrySum,
    FunctionApplication,
    MatrixProduct,
    Power,
    ShapeError,
    Transposition,
    shape_text,
)
from bptt_sym.errors import InputError, Place, listed

LONGEST_EQUATION = 10_000
DEEPEST_NESTING = 100
MOST_DIGITS = 15

Operand: TypeAlias = "MatrixExpr | Rational"


@dataclass(frozen=True)
class Scope:
    """What an equation may read.

    ``current`` are the variables known at step t, ``previous`` those that exist at step t-1, and
    ``later`` explains the names that the step defines further down.
    """

    parameters: Mapping[str, Parameter]
    current: Mapping[str, Variable]
    previous: Mapping[str, Variable]
    functions: frozenset[str]
    later: Callable[[str], str | None]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.parameters, *self.current, *self.previous)))


def parse(text: str, scope: Scope, place: Callable[[int], Place]) -> MatrixExpr:
    """The expression of an equation's right side.

    ``place`` gives the place in the file of a column of the text. Raises InputError for anything
    that is not in the language, with the place of the offending part.
    """
    if len(text) > LONGEST_EQUATION:
        raise InputError(f"an equation has at most {LONGEST_EQUATION} characters", place(0))
    if not text.strip():
        raise InputError("an equation is empty", place(0))
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
    result = _Parser(text, scope, place).operand(tree.body)
    if not isinstance(result, MatrixExpr):
        raise InputError("an equation must read a variable, not only numbers", place(0))
    return result


def _moved(place: Callable[[int], Place], indent: int, column: int) -> Place:
    return place(indent + column)


_ONE_LINE = {ord(character): " " for character in "\n\r\t\f\v"}


def shortened(text: str, length: int = 60) -> str:
    """A text as it may stand in a one-line message."""
    line = ascii(text)[1:-1]
    return line if len(line) <= length else line[: length - 3] + "..."


def _check_depth(tree: ast.AST, place: Callable[[int], Place]) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST_NESTING):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise InputError(f"an equation nested more than {DEEPEST_NESTING} deep", place(0))


class _Parser:
    def __init__(self, text: str, scope: Scope, place: Callable[[int], Place]) -> None:
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
                return self.parameter(node)
            case ast.Subscript(value=ast.Name() as base):
                return self.variable(node, base)
            case ast.Attribute(attr="T"):
                return Transposition().build(self.matrix(node.value, ".T"))
            case ast.Call(func=ast.Name() as function):
                return self.call(node, function)
            case _:
                raise self.refused(node)

    def binary(self, node: ast.BinOp) -> Operand:
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
                case ast.Div():
                    return self.quotient(node, left, right)
                case ast.MatMult() if isinstance(left, MatrixExpr) and isinstance(
                    right, MatrixExpr
                ):
                    return MatrixProduct().build(left, right)
                case ast.MatMult():
                    raise self.error(node, "operator '@' joins matrices; a number is taken by '*'")
                case ast.Pow():
                    return self.raised(node, left, right)
                case _:
                    raise self.refused(node)
        except ShapeError as problem:
            raise self.misfit(node, left, right, str(problem)) from None

    def quotient(self, node: ast.BinOp, left: Operand, right: Operand) -> Operand:
        if isinstance(right, MatrixExpr):
            raise self.error(node, "operator '/' divides by a number only")
        if right == 0:
            raise self.error(node, "division by zero")
        return scale(1 / right, left) if isinstance(left, MatrixExpr) else left / right

    def raised(self, node: ast.BinOp, base: Operand, exponent: Operand) -> Operand:
        if not isinstance(base, MatrixExpr) or isinstance(exponent, MatrixExpr):
            raise self.error(node, "operator '**' raises a vector to a whole number")
        return Power().build(base, exponent)

    def number(self, node: ast.Constant) -> Rational:
        digits = self.source(node)
        if len(digits) > MOST_DIGITS or "e" in digits.lower() or "_" in digits:
            raise self.error(node, f"a number is written plainly, in at most {MOST_DIGITS} digits")
        if isinstance(node.value, int):
            return S(node.value)
        exact = Fraction(digits)
        return Rational(exact.numerator, exact.denominator)

    def parameter(self, node: ast.Name) -> Parameter:
        name = node.id
        if name in self.scope.parameters:
            return self.scope.parameters[name]
        if name in self.scope.functions | FUNCTIONS.keys():
            raise self.error(node, f"the function '{name}' needs an argument: {name}(...)")
        if name in self.scope.names or self.scope.later(name):
            raise self.error(node, f"'{name}' needs a time step: {name}[t] or {name}[t-1]")
        raise self.undeclared(node, name)

    def variable(self, node: ast.Subscript, base: ast.Name) -> Variable:
        name = base.id
        if name in self.scope.parameters:
            raise self.error(node, f"the parameter '{name}' has no time step; write {name}")
        lag = self.lag(node)
        known = self.scope.current if lag == 0 else self.scope.previous
        if name in known:
            return known[name].at(TIME - lag)
        reason = self.scope.later(name)
        if lag and reason:
            reason = f"{name}[t-1] needs an initial value: declare '{name}' under [states]"
        elif name in self.scope.current:
            reason = f"'{name}' is given at [t] only"
        if reason:
            raise self.error(node, reason)
        raise self.undeclared(node, name)

    def lag(self, node: ast.Subscript) -> int:
        match node.slice:
            case ast.Name(id="t"):
                return 0
            case ast.BinOp(left=ast.Name(id="t"), op=ast.Sub(), right=ast.Constant(value=1)):
                return 1
            case ast.BinOp(left=ast.Name(id="t"), op=ast.Add()):
                raise self.error(
                    node,
                    f"{shortened(self.source(node))} is a later time step; "
                    "an equation reads [t] and [t-1] only",
                )
            case _:
                raise self.error(
                    node, f"the time step of {shortened(self.source(node))} must be [t] or [t-1]"
                )

    def call(self, node: ast.Call, function: ast.Name) -> MatrixExpr:
        name = function.id
        known = self.scope.functions | FUNCTIONS.keys() | {EntrySum.syntax}
        if name not in known:
            raise self.error(
                node,
                f"unknown operation '{shortened(name)}'; known are {listed(sorted(known))}, and a "
                "function of your own is declared under [functions]",
            )
        if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
            raise self.error(node, f"'{name}' takes one argument")
        operand = self.matrix(node.args[0], name)
        if name == EntrySum.syntax:
            return EntrySum().build(operand)
        return FunctionApplication().build(name, operand)

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
            "(it has @ + - * / **, .T, sum and functions of one argument)",
        )

    def undeclared(self, node: ast.expr, name: str) -> InputError:
        return self.error(
            node, f"'{shortened(name)}' is not declared; declared are {listed(self.scope.names)}"
        )

    def misfit(self, node: ast.BinOp, left: Operand, right: Operand, rule: str) -> InputError:
        shown = " and ".join(
            f"{shortened(self.source(side))} is {shape_text(value.shape)}"
            if isinstance(value, MatrixExpr)
            else f"{shortened(self.source(side))} is a number"
            for side, value in ((node.left, left), (node.right, right))
        )
        return self.error(node, f"operator '{_SYMBOLS[type(node.op)]}': {shown}; {rule}")


_SYMBOLS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "@", ast.Pow: "**"}
