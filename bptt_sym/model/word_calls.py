"""Calls of the equation language: functions, the words for operations, and choices."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import partial

from sympy import Rational, S

from bptt_sym.algebra.entrywise import FunctionApplication, Sign
from bptt_sym.algebra.expressions import MatrixExpr, OneMatrix, ZeroMatrix, scale
from bptt_sym.algebra.functions import FUNCTIONS
from bptt_sym.algebra.operation import ShapeError
from bptt_sym.errors import closest, listed
from bptt_sym.limits import ARGUMENTS
from bptt_sym.model.axis_argument import read_axis
from bptt_sym.model.operands import Operands
from bptt_sym.model.scope import Lookup
from bptt_sym.model.stacks import Stack, Value, word_of
from bptt_sym.model.words import CALLS, Word, choose
from bptt_sym.quoting import shortened

_RELATIONS: dict[type[ast.cmpop], Sign] = {ast.GtE: ">=", ast.Gt: ">", ast.LtE: "<=", ast.Lt: "<"}


class WordCalls:
    """Reads calls of a text."""

    def __init__(self, operands: Operands, lookup: Lookup) -> None:
        self.operands, self.lookup = operands, lookup
        self.text = operands.text

    def value(self, node: ast.Call, function: ast.Name) -> MatrixExpr | Stack:
        name = function.id
        along = read_axis(self.text, node, takes_one=name in CALLS and CALLS[name].axis)
        if name in self.lookup.functions and (len(node.args) == 1 or name not in CALLS):
            self.check_count(node, name, 1, 1)
            called = Word(partial(FunctionApplication().build, name), entrywise=True)
            operand = self.operands.value(node.args[0])
            if not isinstance(operand, Stack | MatrixExpr):
                return called.build(self.number(node, name, operand))
            return self.built(node, name, node.args, [operand], called)
        if name in ("ones", "zeros"):
            self.check_count(node, name, 1, 2)
            return self.filled(node, ZeroMatrix if name == "zeros" else OneMatrix)
        if name == "eye":
            self.check_count(node, name, 1, 1)
            return CALLS[name].build(self.operands.positive_size(node.args[0]))
        if name == "where":
            self.check_count(node, name, 3, 3)
            return self.choice(node)
        if name not in CALLS:
            known = sorted({*self.lookup.functions, *CALLS, "ones", "where", "zeros"})
            raise self.text.error(
                node,
                f"unknown operation '{shortened(name)}'{closest(name, known)}; known are "
                f"{listed(known)}, and a function of your own is declared under [functions]",
            )
        called = CALLS[name]
        self.check_count(node, name, called.fewest, called.most)
        read = self.operands
        if name == "reshape":
            first, *others = node.args
            sizes = tuple(map(read.positive_size, others))
            reshaped = Word(lambda operand: called.build(operand, *sizes))
            return self.built(node, name, [first], [read.variable(first, name)], reshaped)
        operands = [read.value(a) if called.numbers else read.variable(a, name) for a in node.args]
        if name == "concat":
            build = partial(called.build, of_columns=read.scope.of_columns)
            called = replace(called, build=build)
        if along is not None:
            build = partial(called.build, axis=along)
            called = replace(called, build=build, over_all=False)
        return self.built(node, name, node.args, operands, called)

    def number(self, node: ast.Call, function: str, number: Rational) -> MatrixExpr:
        """A number as the argument of a function that has a value there."""
        known = FUNCTIONS.get(function)
        value = known.scalar(number) if known else number
        if not (value.is_real and value.is_finite):
            raise self.text.error(node, f"{shortened(self.text.source(node))} is no number")
        return scale(number, OneMatrix(1, 1))

    def filled(self, node: ast.Call, matrix: type[MatrixExpr]) -> MatrixExpr:
        """A vector or a matrix of ones or zeros."""
        sizes = [self.operands.positive_size(argument) for argument in node.args]
        if len(sizes) == 2:
            return matrix(*sizes)
        return (
            matrix(sizes[0], S.One) if self.operands.scope.of_columns else matrix(S.One, sizes[0])
        )

    def choice(self, node: ast.Call) -> MatrixExpr | Stack:
        condition, *branches = node.args
        match condition:
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _RELATIONS:
                nodes = [left, right, *branches]
                sides = [self.operands.value(side) for side in nodes]
                called = Word(partial(choose, _RELATIONS[type(op)]), entrywise=True)
                return self.built(node, "where", nodes, sides, called)
            case _:
                raise self.text.error(
                    node, "the first argument of 'where' compares: where(a >= b, c, d)"
                )

    def built(
        self,
        node: ast.Call,
        name: str,
        nodes: list[ast.expr],
        operands: list[Value],
        called: Word,
    ) -> MatrixExpr | Stack:
        if not any(isinstance(operand, MatrixExpr | Stack) for operand in operands):
            raise self.text.error(node, f"'{name}' needs a variable, not only numbers")
        try:
            return word_of(called, operands)
        except ShapeError as problem:
            pairs = list(zip(nodes, operands, strict=True))
            raise self.operands.misfit(node, f"'{name}'", pairs, problem) from None

    def check_count(self, node: ast.Call, name: str, fewest: int, most: int) -> None:
        ARGUMENTS.check(len(node.args), partial(self.text.place_of, node))
        if not fewest <= len(node.args) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} or {most}"
            wanted = f"{fewest} or more" if most > fewest + 1 else wanted
            plural = "" if wanted == "1" else "s"
            counted = "one" if wanted == "1" else wanted
            raise self.text.error(node, f"'{shortened(name)}' takes {counted} argument{plural}")
