"""Operands of the equation language: values of a kind, and the errors of those that do not fit."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr

from bptt_sym.algebra.expressions import MatrixExpr
from bptt_sym.algebra.operation import ShapeError
from bptt_sym.errors import InputError
from bptt_sym.model.equation_text import EquationText
from bptt_sym.model.numerals import read_size
from bptt_sym.model.scope import Scope
from bptt_sym.model.stacks import Stack, Value, shape_of
from bptt_sym.quoting import shortened


@dataclass(frozen=True)
class Operands:
    """Reads operands of a text; ``value`` is what any node of its tree stands for."""

    text: EquationText
    scope: Scope
    value: Callable[[ast.expr], Value]

    def variable(self, node: ast.expr, operator: str) -> MatrixExpr | Stack:
        value = self.value(node)
        if not isinstance(value, MatrixExpr | Stack):
            raise self.text.error(node, f"'{operator}' needs a variable, not a number")
        return value

    def matrix(self, node: ast.expr, operator: str) -> MatrixExpr:
        value = self.variable(node, operator)
        if isinstance(value, Stack):
            raise self.text.error(node, f"'{operator}' is of a quantity without heads")
        return value

    def misfit(
        self,
        node: ast.expr,
        operation: str,
        operands: list[tuple[ast.expr, Value]],
        rule: ShapeError,
        advice: str = "",
    ) -> InputError:
        shown = " and ".join(
            f"{shortened(self.text.source(side))} is {shape_of(value)}" for side, value in operands
        )
        where = f" (equation of '{self.scope.equation}')" if self.scope.equation else ""
        return self.text.error(node, f"{operation}: {shown}; {rule}{advice}{where}")

    def positive_size(self, node: ast.expr) -> Expr:
        size = self.size(node)
        if not size.is_positive:
            raise self.text.error(node, f"the size {size} is not positive")
        return size

    def size(self, node: ast.expr) -> Expr:
        return read_size(self.text, node, self.scope.dimensions)
