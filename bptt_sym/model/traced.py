"""Values of a traced cell: what Python computes with them is a tree of the equation language."""

from __future__ import annotations

import ast
from collections.abc import Callable
from math import isfinite
from numbers import Integral, Rational, Real
from typing import Any, NoReturn

from bptt_sym.errors import InputError
from bptt_sym.limits import EQUATION_DEPTH, EQUATION_LENGTH
from bptt_sym.quoting import shortened


class TracedTime:
    """The time step: x[t] is a value at it, s[t-1] that of the step before."""

    def __init__(self, name: str = "t", shift: int = 0) -> None:
        self.name, self.shift = name, shift

    def __add__(self, steps: object) -> TracedTime:
        if not isinstance(steps, Integral) or isinstance(steps, bool):
            raise InputError(
                f"a time step is {self.name}, {self.name}-1 and so on: a whole number is added "
                "or subtracted"
            )
        return TracedTime(self.name, self.shift + int(steps))

    __radd__ = __add__

    def __sub__(self, steps: object) -> TracedTime:
        return self + (-steps if isinstance(steps, Integral) else steps)

    def tree(self) -> ast.expr:
        name = ast.Name(self.name)
        if not self.shift:
            return name
        sign = ast.Add() if self.shift > 0 else ast.Sub()
        return ast.BinOp(name, sign, ast.Constant(abs(self.shift)))


def _binary(operation: type[ast.operator]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The method of an operator, and that for a value on its right."""

    def of(self: Traced, other: object) -> Traced:
        left, right = self, traced(other)
        return Traced(ast.BinOp(left.tree, operation(), right.tree), left, right)

    def behind(self: Traced, other: object) -> Traced:
        return of(traced(other), self)

    return of, behind


def _relation(sign: type[ast.cmpop]) -> Callable[..., Any]:
    def of(self: Traced, other: object) -> Traced:
        right = traced(other)
        return Traced(ast.Compare(self.tree, [sign()], [right.tree]), self, right)

    return of


def _unknown(self: Traced, *_: object) -> NoReturn:
    raise InputError(
        "a traced value has no number, truth value or length: a cell says what is computed, and "
        "chooses by where(...)"
    )


class Traced:
    """A value of a traced cell, as the tree of what computes it, made of those of its ``parts``.

    Raises InputError where that is more than an equation holds, and for what is no operation of
    the equation language.
    """

    tree: ast.expr
    length: int
    depth: int

    def __init__(self, tree: ast.expr, *parts: Traced) -> None:
        self.tree = tree
        # A tree may have a part many times: it is counted before it is written out.
        self.length = 1 + sum(part.length for part in parts)
        self.depth = 1 + max((part.depth for part in parts), default=0)
        EQUATION_LENGTH.check(self.length)
        EQUATION_DEPTH.check(self.depth)

    __add__, __radd__ = _binary(ast.Add)
    __sub__, __rsub__ = _binary(ast.Sub)
    __mul__, __rmul__ = _binary(ast.Mult)
    __truediv__, __rtruediv__ = _binary(ast.Div)
    __matmul__, __rmatmul__ = _binary(ast.MatMult)
    __pow__, __rpow__ = _binary(ast.Pow)
    __ge__, __gt__ = _relation(ast.GtE), _relation(ast.Gt)
    __le__, __lt__ = _relation(ast.LtE), _relation(ast.Lt)
    __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _unknown
    # An array of numbers beside a value leaves the operation to the value, which refuses it.
    __array_ufunc__ = None

    def __neg__(self) -> Traced:
        return Traced(ast.UnaryOp(ast.USub(), self.tree), self)

    @property
    def T(self) -> Traced:  # noqa: N802 - as it is called in an equation
        """The transpose."""
        return Traced(ast.Attribute(self.tree, "T"), self)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise InputError(
            f"a traced value has '.T' and no '.{shortened(name)}'; an operation is called by name, "
            "as sum(...)"
        )

    def __getitem__(self, key: object) -> Traced:
        if isinstance(key, TracedTime):
            return Traced(ast.Subscript(self.tree, key.tree()), self)
        if isinstance(key, slice):
            ends = [None if end is None else traced(end) for end in (key.start, key.stop, key.step)]
            trees = [None if end is None else end.tree for end in ends]
            parts = [end for end in ends if end is not None]
            return Traced(ast.Subscript(self.tree, ast.Slice(*trees)), self, *parts)
        index = traced(key)
        return Traced(ast.Subscript(self.tree, index.tree), self, index)

    def __call__(self, *arguments: object, **keywords: object) -> Traced:
        given = [traced(argument) for argument in arguments]
        named = {name: traced(value) for name, value in keywords.items()}
        keys = [ast.keyword(name, value.tree) for name, value in named.items()]
        tree = ast.Call(self.tree, [value.tree for value in given], keys)
        return Traced(tree, self, *given, *named.values())


def traced(value: object) -> Traced:
    """A value, or a number, as one. Raises InputError for anything else."""
    match value:
        case Traced():
            return value
        case Integral() if not isinstance(value, bool):
            return _signed(value < 0, ast.Constant(abs(int(value))))
        case Rational() if not isinstance(value, bool):
            return traced(int(value.numerator)) / int(value.denominator)
        case Real() if not isinstance(value, bool) and isfinite(value):
            return _signed(value < 0, ast.Constant(abs(float(value))))
    kind = "the time step alone" if isinstance(value, TracedTime) else shortened(repr(value))
    raise InputError(f"an equation has finite numbers and what is made in its cell, not {kind}")


def _signed(negative: bool, number: ast.expr) -> Traced:
    return Traced(ast.UnaryOp(ast.USub(), number) if negative else number)
