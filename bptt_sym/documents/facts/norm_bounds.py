"""Bounds on the spectral norm of a step's matrix: sums of products of norms and of slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import DiagMatrix, HadamardProduct, Transpose
from sympy.matrices.expressions.hadamard import HadamardPower

from bptt_sym.algebra import boxes
from bptt_sym.algebra.boxes import Box
from bptt_sym.algebra.evaluate import Functions, evaluate
from bptt_sym.algebra.expressions import (
    Broadcast,
    Expr,
    MatrixExpr,
    Parameter,
    Variable,
    hadamard,
    is_one,
    power,
    product,
    split_coefficient,
)
from bptt_sym.algebra.functions import Elementwise
from bptt_sym.documents.facts.diagonal_terms import DiagonalTerms, Rest
from bptt_sym.documents.facts.ranges import Ranges
from bptt_sym.model.model import Model


@dataclass(frozen=True)
class Slope:
    """The largest absolute value of the derivative of a function that the model names."""

    function: str


@dataclass(frozen=True)
class NormOf:
    """The spectral norm of a matrix of parameters; of a number, its absolute value."""

    matrix: MatrixExpr


Factor = Slope | NormOf
Product = tuple[Factor, ...]


@dataclass(frozen=True)
class NormBound:
    """A sum of products of factors, each with a number in front.

    ``slopes`` are the values of the slopes that are known.
    """

    terms: Mapping[Product, float]
    ranges: Ranges

    @property
    def functions(self) -> list[str]:
        """The functions whose slopes stand in it."""
        factors = (factor for term in self.terms for factor in term)
        return list(dict.fromkeys(f.function for f in factors if isinstance(f, Slope)))

    @cached_property
    def slopes(self) -> dict[str, float | None]:
        """The slopes that stand in it, as numbers where they are known."""
        return {name: self.ranges.slope(name) for name in self.functions}

    @property
    def number(self) -> float:
        """The part of it that is no less at any parameters."""
        return self.terms.get((), 0.0)

    @property
    def is_known(self) -> bool:
        """Whether it is a number, once the parameters are."""
        return all(slope is not None for slope in self.slopes.values())

    def value(self, values: Mapping[Expr, Any], functions: Functions) -> float:
        """The bound in numbers, where the parameters have ``values``."""
        import numpy as np

        def of(factor: Factor) -> float:
            if isinstance(factor, Slope):
                slope = self.slopes[factor.function]
                assert slope is not None
                return slope
            matrix = np.atleast_2d(evaluate(factor.matrix, values, functions))
            return float(np.linalg.norm(matrix, 2))

        return float(sum(c * math.prod(map(of, term)) for term, c in self.terms.items()))

    def box(self, show: Callable[[Expr], Box], letters: Mapping[str, Box]) -> Box:
        """How it is printed; ``letters`` stand for slopes."""
        entries = tuple((1, self._term(term, c, show, letters)) for term, c in self.terms.items())
        return entries[0][1] if len(entries) == 1 else boxes.Terms(entries)

    def _term(
        self,
        term: Product,
        coefficient: float,
        show: Callable[[Expr], Box],
        letters: Mapping[str, Box],
    ) -> Box:
        factors: list[Box] = []
        if coefficient != 1 or not term:
            factors.append(number_box(coefficient))
        for factor in sorted(term, key=lambda entry: not isinstance(entry, Slope)):
            if isinstance(factor, Slope):
                factors.append(letters[factor.function])
            else:
                sign = "abs" if factor.matrix.shape == (1, 1) else "norm"
                factors.append(boxes.Call(sign, show(factor.matrix)))
        return factors[0] if len(factors) == 1 else boxes.Factors(tuple(factors))


def number_box(number: float) -> Box:
    """A number as a fraction of small numbers where it is one, else rounded up to four digits."""
    for under in range(1, 17):
        over = number * under
        if over == round(over):
            return boxes.Number(round(over), under)
    return boxes.Number(0, 1, f"{math.ceil(number * 10**4) / 10**4:g}")


def norm_bound(terms: DiagonalTerms, model: Model, ranges: Ranges) -> NormBound | None:
    """A bound on the spectral norm of a matrix, at any data; None where none is known."""
    found: dict[Product, float] = {}
    for rest, v in terms.items():
        bound = _of_term(v, rest, ranges)
        if bound is None:
            return None
        coefficient, factors = bound
        found[factors] = found.get(factors, 0.0) + coefficient
    if not found:
        return None
    return NormBound(dict(sorted(found.items(), key=lambda entry: len(entry[0]))), ranges)


Bounded = tuple[float, Product]


def _of_term(v: MatrixExpr, rest: Rest, ranges: Ranges) -> Bounded | None:
    """A bound on diag(v) M: that of v by those of the factors of M, parameters side by side."""
    coefficient = 1.0
    factors: list[Factor] = []
    run: list[MatrixExpr] = []
    for part in (DiagMatrix(v), *rest):
        if isinstance(part, DiagMatrix):
            known = _of_entries(part.args[0], ranges)
            if known is None:
                return None
            if run and not is_one(part.args[0]):
                factors.append(_norm(run))
                run = []
            coefficient *= known[0]
            factors += known[1]
        elif part.has(Variable):
            return None
        else:
            run.append(part)
    if run and not any(entry.has(Parameter) for entry in run):
        return None
    if run:
        factors.append(_norm(run))
    return coefficient, tuple(factors)


def _norm(run: list[MatrixExpr]) -> NormOf:
    matrix = product(*run)
    _, bare = split_coefficient(matrix)
    # A transpose has the same norm.
    return NormOf(bare.arg if isinstance(bare, Transpose) else matrix)


def _of_entries(v: MatrixExpr, ranges: Ranges) -> Bounded | None:
    """A bound on the absolute values of the entries of a vector."""
    number, bare = split_coefficient(v)
    size = abs(float(number))
    factors = bare.args if isinstance(bare, HadamardProduct) else (bare,)
    fixed = [f for f in factors if not f.has(Variable) and ranges.of(f).largest == math.inf]
    others = [f for f in factors if f not in fixed]
    found: list[Factor] = []
    for factor in list(others):
        slope = isinstance(factor, Elementwise) and factor.order == 1
        if slope and factor.function in ranges.model.functions:
            found.append(Slope(factor.function))
            others.remove(factor)
    if others:
        largest = ranges.of(hadamard(*others)).largest
        if largest == math.inf:
            return None
        size *= largest
    scalars = [scalar for f in fixed if (scalar := _scalar(f)) is not None]
    found += map(NormOf, scalars)
    rest = [f for f in fixed if _scalar(f) is None]
    if rest:
        found.append(NormOf(DiagMatrix(hadamard(*rest))))
    return size, tuple(found)


def _scalar(entries: MatrixExpr) -> MatrixExpr | None:
    """The number that each of the entries is, if they are one."""
    if entries.shape == (1, 1):
        return entries
    if isinstance(entries, Broadcast):
        scalar: MatrixExpr = entries.operand
        return scalar
    if isinstance(entries, HadamardPower) and isinstance(entries.base, Broadcast):
        return power(entries.base.operand, entries.exp)
    return None
